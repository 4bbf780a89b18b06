from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloom.design import Design
from spikeloom.design.mask import MaskDesign
from spikeloom.design.read import DesignError
from spikeloom.golden.kinds import model
from spikeloom.golden.neuron import NeuronSpec

BASE = {"kind": "mask", "attention": "sdsa", "tokens": 12, "dim": 24, "heads": 2, "steps": 4}
FIELDS = tuple(MaskDesign.model_fields)


def test_what_follows_from_the_keys():
    design = Design.from_dict(BASE)
    assert isinstance(design, MaskDesign)
    assert (design.head_dim, design.most, design.beats_per_token) == (12, 12, 2)
    assert design.threshold_exact == 1
    assert design.name == design.module == "mask"
    assert design.warnings == ()
    token = Design.from_dict(BASE | {"attention": "qk-token", "dim": 96, "scale": "1/3"})
    assert (token.most, token.threshold_exact) == (48, 3)
    assert Design.from_dict(BASE | {"neuron": "if"}).threshold_exact == Fraction(1, 2)
    assert Design.from_dict(BASE | {"tau": 8, "decay_input": False}).threshold_exact == Fraction(
        1, 2
    )


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"attention": "qk"},
            "attention: 'qk': must be one of qk-token, qk-channel, sdsa",
        ),
        ({"dim": 25}, "dim: 25: must be a multiple of heads (2)"),
        ({"tokens": 0}, "tokens: 0: must be an integer from 1 to 4096"),
        ({"steps": 65}, "steps: 65: must be an integer from 1 to 64"),
        ({"neuron": "none"}, "neuron: 'none': must be one of lif, if"),
        ({"threshold": 0}, 'threshold: 0: must be a number from 1e-6 to 1e6, as 0.125 or "1/8"'),
        (
            {"similarity": "and"},
            f"similarity: 'and': unknown key: the keys here are {', '.join(FIELDS)}",
        ),
        (
            {"name": "module"},
            "name: 'module': must be another: it is a word of Verilog or SystemVerilog",
        ),
    ],
)
def test_refusals(keys, message):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(BASE | keys, file="d.toml")
    assert str(caught.value) == f"d.toml: {message}"


def test_attention_must_be_said():
    keys = {key: value for key, value in BASE.items() if key != "attention"}
    with pytest.raises(
        DesignError, match="^attention: missing: one of qk-token, qk-channel, sdsa$"
    ):
        Design.from_dict(keys)


@pytest.mark.parametrize(
    ("keys", "warning"),
    [
        ({"neuron": "if", "tau": 4}, "tau: has no effect with neuron if"),
        ({"tau": 4}, "tau: 4 takes 6 fraction bits in the membrane to be exact"),
    ],
)
def test_warnings(keys, warning):
    assert Design.from_dict(BASE | keys).warnings == (warning,)


def test_a_soft_threshold_that_no_binary_fraction_holds_carries_a_warning():
    (warning,) = Design.from_dict(BASE | {"reset": "soft", "threshold": "1/3"}).warnings
    assert warning.startswith("reset: soft, with a threshold of 0.666667 in units of the drive")


scalars = (
    st.sampled_from(["qk-token", "sdsa", "lif", "if", "hard", "soft", "1/3", "mask", "x"])
    | st.integers(-3, 70)
    | st.sampled_from([10**30, 1 << 14000])
    | st.floats()
    | st.booleans()
    | st.none()
)


values = scalars | st.lists(scalars, max_size=2)


@given(st.dictionaries(st.sampled_from(FIELDS), values, max_size=5))
def test_nothing_ends_in_a_traceback(keys):
    try:
        design = Design.from_dict(BASE | keys)
    except DesignError:
        return
    assert model(design).describe()
    assert NeuronSpec.from_design(design).threshold > 0
