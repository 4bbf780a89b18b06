from fractions import Fraction

import pytest

from spikeloom.design import Design, DesignError
from spikeloom.design.integer import IntegerDesign, Root
from spikeloom.design.rate import RateDesign

BASE = {"tokens": 12, "dim": 24, "heads": 2, "steps": 4}


def make(**keys):
    return IntegerDesign.from_dict({**BASE, **keys})


@pytest.mark.parametrize(
    ("text", "factor", "under"),
    [
        ("1/sqrt(32)", 1, 32),
        ("2/sqrt(32)", 2, 32),
        (" 5 /sqrt( 3 )", 5, 3),
        ("1/sqrt(64)", Fraction(1, 8), 1),
        ("1/sqrt(1)", 1, 1),
        ("3/8", Fraction(3, 8), 1),
        (0.1, Fraction(1, 10), 1),
        (2, 2, 1),
    ],
)
def test_scale(text, factor, under):
    scale = make(scale=text).scale
    assert (scale.factor, scale.under) == (factor, under)
    assert scale.squared == Fraction(factor) ** 2 / under
    assert Root.read(str(scale)) == scale
    assert make(scale=str(scale)).scale == scale


@pytest.mark.parametrize(
    "scale",
    [
        0,
        -1,
        "1/sqrt(0)",
        "1/sqrt(-2)",
        "sqrt(2)",
        "1/sqrt(2)/3",
        "0.5/sqrt(3)",
        1e7,
        True,
        [1],
        "x",
    ],
)
def test_other_scales_are_refused(scale):
    allowed = "must be a number from 1e-6 to 1e6"
    with pytest.raises(DesignError, match=rf"^scale: .*: {allowed}"):
        make(scale=scale)


REFUSED = [
    ({"similarity": "hamming"}, "similarity: 'hamming': must be 'and': equal zeros are counted"),
    ({"similarity": "cosine"}, "similarity: 'cosine': must be one of and"),
    ({"dim": 25}, "dim: 25: must be a multiple of heads (2)"),
    ({"value_dim": 9}, "value_dim: 9: must be a multiple of heads (2)"),
    ({"q_max": 16}, "q_max: 16: must be an integer from 1 to 15"),
    ({"v_bits": 9}, "v_bits: 9: must be an integer from 2 to 8"),
    ({"v_max": 4, "v_bits": 4}, "v_max: 4: must not stand beside v_bits"),
    ({"rounding": "half-up"}, "rounding: 'half-up': has a meaning with neuron multispike only"),
    ({"neuron": "multispike", "rounding": "up"}, "rounding: 'up': must be one of half-even, half"),
    ({"reset": "soft", "scale": "1/sqrt(2)"}, "scale: '1/sqrt(2)': must be rational beside reset"),
    ({"target": {"beat": 2}}, "target.beat: 2: must be at least as wide as a value (3 bits)"),
    ({"folding": {"lanes": 3}}, "folding.lanes: 3: must be a power of two and at most"),
    ({"folding": {"lanes": 16}}, "folding.lanes: 16: must be a power of two and at most"),
    ({"folding": {"order": "state"}}, "folding.order: 'state': unknown key: the keys here are lan"),
    ({"position": "gray"}, "position: 'gray': unknown key"),
    ({"name": "wire"}, "name: 'wire': must be another: it is a word of Verilog or SystemVerilog"),
]


@pytest.mark.parametrize(("keys", "text"), REFUSED, ids=lambda value: str(value)[:40])
def test_refused(keys, text):
    with pytest.raises(DesignError) as caught:
        Design.from_dict({"kind": "integer-attention", **BASE, **keys})
    assert str(caught.value).startswith(text)


RATES_REFUSED = [
    ({"similarity": "xnor"}, "similarity: 'xnor': must be 'and': the published attention counts"),
    (
        {"threshold": "1/3"},
        "threshold: '1/3': must make threshold * steps * 2^rate_fraction an int",
    ),
    ({"folding": {"buffers": 2}}, "folding.buffers: 2: must be 1 or 'auto'"),
    ({"rate_bits": 9}, "target.beat: 8: must be at least as wide as a rate (9 bits)"),
    ({"target": {"beat": 4}}, "target.beat: 4: must be at least as wide as a rate (8 bits)"),
    ({"rate_bits": 4, "target": {"beat": 4}}, "target.beat: 4: must be at least as wide as a val"),
    ({"folding": {"lanes": 48}}, "folding.lanes: 48: must be a power of two and at most"),
    ({"neuron": "lif"}, "neuron: 'lif': unknown key"),
]


@pytest.mark.parametrize(("keys", "text"), RATES_REFUSED, ids=lambda value: str(value)[:40])
def test_rates_refused(keys, text):
    with pytest.raises(DesignError) as caught:
        Design.from_dict({"kind": "rate-attention", **BASE, **keys})
    assert str(caught.value).startswith(text)


def test_warnings():
    assert make().warnings == ()
    assert make(neuron="if", tau=4).warnings == ("tau: has no effect with neuron if",)
    assert make(neuron="none", scale=1).warnings == ("scale: has no effect with neuron none",)
    (warning,) = make(reset="soft", scale="1/3", threshold="1/7").warnings
    assert warning.startswith("reset: soft, with a threshold of 0.857143 in units of the drive")
    (warning,) = make(q_max=1, k_max=1, v_max=1).warnings
    assert warning.startswith("q_max: with values of 0 and 1")


def test_what_follows():
    design = make(value_dim=48, v_bits=5, q_max=9, k_max=3, neuron="multispike", levels=5)
    assert (design.head_dim, design.value_head_dim, design.lanes) == (12, 24, 24)
    assert (design.code_bits, design.value_bits, design.out_bits) == (4, 5, 3)
    assert design.v_range == (-16, 15)
    assert [design.per_beat(bits) for bits in (1, 2, 3, 4, 5, 8)] == [8, 4, 2, 2, 1, 1]
    assert make().v_range == (0, 4)


def test_rates_take_one_head_of_spikes():
    design = RateDesign.from_dict({**BASE, "heads": 2})
    inner = design.inner
    assert (inner.heads, inner.q_max, inner.k_max, inner.neuron) == (1, 1, 1, "none")
    assert design.threshold_exact == 4 * 32
