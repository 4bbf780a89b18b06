import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloom.design import Design, load_design
from spikeloom.design.projection import ProjectionDesign
from spikeloom.design.read import DesignError
from spikeloom.design.residual import ResidualDesign

BASE = {
    "kind": "projection",
    "tokens": 4,
    "inputs": 2,
    "dim": 3,
    "steps": 2,
    "weights": {"values": [[1, 2], [3, 4], [5, 6]]},
}
RESIDUAL = {"kind": "residual", "tokens": 4, "dim": 3, "steps": 2}


def make(**keys):
    return Design.from_dict(BASE | keys)


def test_defaults():
    design = make()
    assert (design.levels, design.neuron, design.tau, design.reset) == (1, "lif", 2, "hard")
    assert (design.threshold_exact, design.channels_at_once, design.fan_in) == (2, 8, 2)
    assert design.biases == (0, 0, 0)
    assert design.channel_thresholds is None
    assert design.cpg_neurons == 0
    assert make(target={"beat": 4}).channels_at_once == 4
    assert design.warnings == ()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"weights": {}}, "weights: missing: needs weights.file or weights.values"),
        (
            {"weights": {"values": [[1, 2], [3, 4]]}},
            "weights.values: 2 x 2 integers: must hold dim x inputs (3 x 2) integers",
        ),
        (
            {"cpg": {"mode": "concat"}},
            (
                "weights.values: 3 x 2 integers: must hold dim x inputs + cpg.neurons (3 x 12) "
                "integers"
            ),
        ),
        (
            {"weights": {"values": [[1, 2], [3, 4], [5, 8]], "bits": 4}},
            "weights.values: 8: must be an integer from -8 to 7 (weights.bits = 4)",
        ),
        (
            {"weights": {"values": [[1, 2], [3, 4], [5, 8]], "bits": 9}},
            "weights.bits: 9: must be an integer from 2 to 8",
        ),
        ({"bias": {"values": [1, 2]}}, "bias.values: 1 x 2 integers: must hold dim (3) integers"),
        ({"thresholds": {"values": [1, 2, 0]}}, "thresholds: 0: must be positive integers"),
        (
            {"thresholds": {"values": [1, 2, 3]}, "scale": 2},
            "scale: '2': must not stand beside thresholds, which replace it",
        ),
        (
            {"thresholds": {"values": [1, 2, 3]}, "neuron": "none"},
            "thresholds: have a meaning with neuron lif and if only",
        ),
        (
            {"cpg": {"neurons": 4}},
            "cpg.neurons: 4: has a meaning with cpg.mode concat or add only",
        ),
        (
            {"cpg": {"mode": "add", "table": "sinusoid", "w_max": 100}},
            "cpg.w_max: 100: has a meaning with cpg.table cpg-pe only",
        ),
        (
            {"cpg": {"mode": "add", "neurons": 4}},
            "cpg.neurons: 4: must be inputs (2) with cpg.mode add, or be left out",
        ),
        (
            {"cpg": {"mode": "add"}, "tokens": 4096, "steps": 64},
            (
                "tokens: 262144 positions (steps x tokens): must be at most 50000 with cpg, the "
                "rows of the published table"
            ),
        ),
        ({"lanes": 16}, "lanes: 16: must be a divisor of the beat (8)"),
        ({"lanes": 3}, "lanes: 3: must be a divisor of the beat (8)"),
        ({"lanes": 65}, "lanes: 65: must be an integer from 1 to 64"),
        ({"levels": 16}, "levels: 16: must be an integer from 1 to 15"),
        ({"levels": 0}, "levels: 0: must be an integer from 1 to 15"),
    ],
)
def test_refuses(keys, line):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == line


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (
            {"mode": "xor", "levels": 2},
            (
                "levels: 2: must be 1 with mode xor: the exclusive or of numbers is no sum, and no "
                "published model has it"
            ),
        ),
        (
            {"mode": "iand", "branch_levels": 3},
            "branch_levels: 3: must be 1 with mode iand: not z has a meaning for spikes only",
        ),
        (
            {"mode": "and"},
            "mode: 'and': must be one of add, xor, or, iand; did you mean 'iand'?",
        ),
        ({"levels": 256}, "levels: 256: must be an integer from 1 to 255"),
    ],
)
def test_residual_refuses(keys, line):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(RESIDUAL | keys)
    assert str(caught.value) == line


def test_warnings():
    assert make(neuron="none", threshold=2).warnings == (
        "threshold: has no effect with neuron none",
    )
    assert make(tau=4).warnings == ("tau: 4 takes 2 fraction bits in the membrane to be exact",)
    assert make(reset="soft", scale="1/3", threshold="1/7").warnings[0].startswith("reset: soft, ")
    assert make(cpg={"mode": "add"}, tokens=3000).warnings == (
        (
            "cpg: 6000 positions (steps x tokens) are more than the 5000 rows of the published "
            "CPGLinear; NeuronPE has them"
        ),
    )


def test_files(tmp_path):
    np.save(tmp_path / "w.npy", np.array([[1, 2], [3, 4], [5, 6]], dtype=np.int8))
    np.save(tmp_path / "b.npy", np.array([-1, 0, 300], dtype=np.int16))
    text = 'kind = "projection"\ntokens = 4\ninputs = 2\ndim = 3\nsteps = 2\n'
    text += '[weights]\nfile = "w.npy"\n[bias]\nfile = "b.npy"\n'
    (tmp_path / "d.toml").write_text(text)
    design = load_design(tmp_path / "d.toml")
    assert design.weight_rows == ((1, 2), (3, 4), (5, 6))
    assert design.biases == (-1, 0, 300)
    np.save(tmp_path / "b.npy", np.zeros((3, 2), dtype=int))
    with pytest.raises(DesignError, match=r"d.toml: bias.file: 3 x 2 integers: must hold dim \(3"):
        load_design(tmp_path / "d.toml")


SECTIONS = ("weights", "bias", "thresholds", "cpg", "target", "budget")
KEYS = sorted(
    {*ProjectionDesign.model_fields, *ResidualDesign.model_fields}.union(
        *(ProjectionDesign.model_fields[name].annotation.model_fields for name in SECTIONS)
    )
)
scalars = (
    st.sampled_from(["none", "add", "concat", "x.npy", "3/8", "1/0", "lif", "iand", "up5k-sg48"])
    | st.integers(-3, 70)
    | st.sampled_from([10**30, -(10**30)])
    | st.floats()
    | st.booleans()
    | st.none()
)
values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(KEYS) | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=8,
)


@given(st.sampled_from([BASE, RESIDUAL]), st.sampled_from(KEYS), values)
def test_any_value_of_any_key_is_taken_or_refused_in_one_line(base, key, value):
    changes = [{key: value}, *({section: {key: value}} for section in SECTIONS)]
    for change in changes:
        line = "taken"
        try:
            Design.from_dict(base | change)
        except DesignError as error:
            line = str(error)
        assert line.isprintable()
