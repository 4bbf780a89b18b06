import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.kinds import model
from spikeloom.golden.residual import residual

# Fang et al., table 1, and the truth tables of the words: (x, z) in the order 00, 01, 10, 11.
TRUTH = {"add": [0, 1, 1, 2], "xor": [0, 1, 1, 0], "or": [0, 1, 1, 1], "iand": [0, 0, 1, 0]}


@pytest.mark.parametrize("mode", TRUTH)
def test_truth_table(mode):
    assert residual(mode, [0, 0, 1, 1], [0, 1, 0, 1]).tolist() == TRUTH[mode]


def in_floats(mode, x, z):
    """The formulas as code in floating point has them."""
    x, z = x.astype(np.float64), z.astype(np.float64)
    return {"add": x + z, "xor": (x - z) ** 2, "or": x + z - x * z, "iand": x * (1.0 - z)}[mode]


@pytest.mark.parametrize("mode", TRUTH)
def test_equals_floats(mode):
    rng = np.random.default_rng(0)
    high = 6 if mode == "add" else 1
    for _ in range(1000):
        x, z = (rng.integers(0, high, (2, 3, 5), endpoint=True) for _ in range(2))
        assert (residual(mode, x, z) == in_floats(mode, x, z)).all()


@pytest.mark.parametrize(
    ("levels", "branch", "beats"), [(1, 1, (2, 2)), (5, 1, (4, 3)), (3, 3, (4, 3))]
)
def test_model(levels, branch, beats):
    keys = {"kind": "residual", "tokens": 3, "dim": 11, "steps": 2, "levels": levels}
    golden = model(Design.from_dict({**keys, "branch_levels": branch}))
    rng = np.random.default_rng(0)
    x, z = (rng.integers(0, high, (2, 3, 11), endpoint=True) for high in (levels, branch))
    assert (golden.answer({"x": x, "z": z}) == x + z).all()
    assert golden.output.high == levels + branch
    groups = 2 * 3 * 2
    assert (golden.beats_in, golden.beats_out) == (groups * beats[0], groups * beats[1])
    assert golden.pack({"x": x, "z": z}).shape == (golden.beats_in,)


def test_beats_take_turns():
    """Two channels of 3 and 1 in beats of two bits: x0 z0 x1."""
    keys = {"kind": "residual", "tokens": 1, "dim": 2, "steps": 1, "levels": 3}
    golden = model(Design.from_dict({**keys, "target": {"beat": 2}}))
    beats = golden.pack({"x": np.array([[[1, 2]]]), "z": np.array([[[1, 0]]])})
    assert beats.tolist() == [0b01, 0b01, 0b10]
    assert golden.unpack([0b00, 0b11, 0b00]).tolist() == [[[2, 2]]]
    assert golden.describe()["beats"]["in"]["planes"] == ["x0", "z0", "x1"]


def test_refuses():
    with pytest.raises(ValueError, match=r"^x must hold 0 or 1 with mode xor, not 0 to 2$"):
        residual("xor", [2], [1])
    with pytest.raises(ValueError, match=r"^z must hold integers of at least 0 with mode add"):
        residual("add", [2], [-1])
    with pytest.raises(ValueError, match=r"^Mode must be add, xor, or or iand, not 'and'$"):
        residual("and", [1], [1])
