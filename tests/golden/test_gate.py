import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention.formula import attention, drive, score_matrix
from spikeloom.golden.gate import gated, level
from spikeloom.golden.ranges import ranges

from .. import restated

BASE = {"tokens": 6, "dim": 16, "heads": 2, "steps": 3}
POSITIONS = [
    {},
    {"position": "gray"},
    {"position": "gray", "gray": {"grid": [2, 3]}},
    {"position": "log", "log": {"length": 12}},
    {"position": "shift", "shift": {"groups": 2, "base": 4, "rounding": "half-even"}},
    {"position": ["gray", "log"], "gray": {"index": "t*L+l"}},
]
SIMILARITIES = [
    {"similarity": "and"},
    {"similarity": "xnor"},
    {"similarity": "alpha-xnor", "alpha": "3/8"},
    {"similarity": "hamming"},
]


def drawn(rng, rate):
    shape = (BASE["steps"], BASE["tokens"], BASE["dim"])
    return tuple((rng.random(shape) < rate).astype(np.uint8) for _ in "qkv")


def middle(keys, q, k, v):
    """A gate that about half of the scores reach."""
    design = Design.from_dict(keys)
    found = [
        score_matrix(design, q[t, :, :8], k[t, :, :8], t=t, head=0) / 2**design.score_fraction
        for t in range(3)
    ]
    return round(float(np.median(found)))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", POSITIONS)
def test_layer_equals_its_restatement(similarity, position):
    """24 combinations of 45 cases each: 1,080 layers, bit for bit."""
    rng = np.random.default_rng(3)
    live = 0
    for n in range(45):
        q, k, v = drawn(rng, rng.choice([0.2, 0.4, 0.7]))
        keys = BASE | similarity | position
        keys |= [{}, {"reset": "soft"}, {"tau": 4}, {"neuron": "if", "reset": "soft"}][n % 4]
        gate = middle(keys, q, k, v) + int(rng.integers(-1, 2))
        try:
            design = Design.from_dict(keys | {"gate": gate, "scale": "1/3"})
        except DesignError:
            gate = 2
            design = Design.from_dict(keys | {"gate": gate, "scale": "1/3"})
        keys |= {"gate": gate, "scale": "1/3"}
        answer = attention(design, q, k, v)
        assert np.array_equal(answer, restated.spikes(keys, q, k, v))
        assert np.array_equal(drive(design, q, k, v), restated.attended(keys, q, k, v))
        live += 0 < answer.mean() < 1
    assert live > 30


def test_a_gate_of_one_is_an_or():
    rng = np.random.default_rng(5)
    q, k, v = drawn(rng, 0.25)
    design = Design.from_dict(BASE | {"gate": 1, "neuron": "none"})
    either = np.zeros((3, 6, 16), int)
    for t, head in np.ndindex(3, 2):
        part = slice(8 * head, 8 * head + 8)
        any_pair = (q[t, :, None, part] & k[t, None, :, part]).any(-1)
        either[t, :, part] = any_pair.astype(int) @ v[t, :, part]
    assert np.array_equal(attention(design, q, k, v), either)
    assert not np.array_equal(
        attention(Design.from_dict(BASE | {"neuron": "none"}), q, k, v), either
    )


@pytest.mark.parametrize("alpha_bits", [1, 3, 8])
def test_the_gate_counts_ones_whatever_the_fraction(alpha_bits):
    keys = BASE | {"similarity": "alpha-xnor", "alpha": 0.5, "alpha_bits": alpha_bits, "gate": 5}
    design = Design.from_dict(keys)
    assert level(design) == 5 << alpha_bits
    assert design.drive_fraction == 0
    assert ranges(design).score == (0, 1)
    assert ranges(design).before_gate == (0, 8 << alpha_bits)
    q, k, v = drawn(np.random.default_rng(6), 0.5)
    one = Design.from_dict(keys | {"alpha_bits": 1})
    assert np.array_equal(attention(design, q, k, v), attention(one, q, k, v))


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("gate", [2, 4, 8])
def test_ranges_hold_and_are_reached(similarity, position, gate):
    design = Design.from_dict(BASE | similarity | position | {"gate": gate, "neuron": "none"})
    found = ranges(design)
    rng = np.random.default_rng(7)
    ones, extremes = np.ones((3, 6, 16), np.uint8), set()
    for n in range(20):
        q, k, v = (ones,) * 3 if n == 0 else drawn(rng, rng.random())
        if n % 2:
            k = q if n % 4 == 1 else 1 - q
        x = drive(design, q, k, ones if n % 3 == 0 else v)
        assert found.drive[0] <= x.min()
        assert x.max() <= found.drive[1]
        extremes |= {x.min(), x.max()}
    assert found.drive[0] in extremes
    assert found.drive[1] in extremes


def test_gates_that_decide_nothing_exactly():
    """Loose bounds let a gate pass that no score, or every score, reaches."""
    keys = BASE | {"similarity": "and", "position": "log", "log": {"length": 33}, "neuron": "none"}
    never = Design.from_dict(keys | {"gate": 14})
    assert ranges(never).score == ranges(never).drive == (0, 0)
    always = Design.from_dict(keys | {"gate": 1})
    assert ranges(always).score == (1, 1)
    q, k, v = drawn(np.random.default_rng(8), 0.5)
    assert not attention(never, q, k, v).any()
    assert np.array_equal(attention(always, q, k, v)[0, 0, :], v[0].sum(0))


def test_refusals():
    with pytest.raises(ValueError, match=r"^Gate must be an integer, not None$"):
        level(Design.from_dict(BASE))
    assert gated(np.array([[3, 4]]), Design.from_dict(BASE | {"gate": 4})).tolist() == [[0, 1]]
