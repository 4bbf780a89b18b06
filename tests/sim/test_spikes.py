"""Inputs that a file may leave out."""

from types import SimpleNamespace

import numpy as np
import pytest

from spikeloom.files import InputError
from spikeloom.golden.arrays import ArraySpec
from spikeloom.sim import spikes
from spikeloom.sim.spikes import draw_spikes, read_spikes

X = ArraySpec("x", "(N, C)", (3, 2), -8, 7)
LENGTH = ArraySpec("length", "()", (), 1, 300, default=3)
GAIN = ArraySpec("gain", "(C)", (2,), -8, 7, default=-1)
OUTPUT = ArraySpec("logits", "(O)", (4,), -99, 99)
ONE = np.arange(-3, 3).reshape(3, 2)


@pytest.fixture(params=[(X, LENGTH, GAIN), (LENGTH, GAIN, X)], ids=["behind", "in front"])
def design(request, monkeypatch):
    golden = SimpleNamespace(inputs=request.param, output=OUTPUT)
    monkeypatch.setattr(spikes, "model", lambda design: golden)
    return SimpleNamespace()


@pytest.fixture
def written(tmp_path):
    def write(**arrays):
        np.savez(tmp_path / "in.npz", **arrays)
        return tmp_path / "in.npz"

    return write


def same(found, **wanted):
    assert {name: array.tolist() for name, array in found.items()} == wanted
    for spec in (X, LENGTH, GAIN):
        assert isinstance(found[spec.name], np.ndarray)
        assert found[spec.name].dtype == spec.dtype


def test_one_inference(design, written):
    same(read_spikes(written(x=ONE), design), x=ONE.tolist(), length=3, gain=[-1, -1])


def test_several_inferences(design, written):
    x = np.stack([ONE, ONE + 1])
    found = read_spikes(written(x=x, logits=np.ones((2, 4), int)), design)
    gain, logits = [[-1, -1]] * 2, [[1] * 4] * 2
    same(found, x=x.tolist(), length=[3, 3], gain=gain, logits=logits)


def test_what_is_given_is_taken(design, written):
    found = read_spikes(written(x=ONE[None], length=np.array([2]), gain=[[4, 5]]), design)
    same(found, x=[ONE.tolist()], length=[2], gain=[[4, 5]])
    same(read_spikes(written(x=ONE, length=2), design), x=ONE.tolist(), length=2, gain=[-1, -1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"length": 2}, "x: must be in the file, and is not; it holds length"),
        ({"x": ONE, "length": 0}, "length: 0: must be 1 to 300"),
        ({"x": ONE[None], "length": [301]}, r"length: 301 at \(0,\): must be 1 to 300"),
        ({"x": ONE, "length": 2.0}, r"length: must be of integers \(uint8\), not float64"),
    ],
)
def test_wrong_files(design, written, arrays, message):
    with pytest.raises(InputError, match=rf"in\.npz: {message}$"):
        read_spikes(written(**arrays), design)


def test_shapes_of_a_number(monkeypatch, written):
    golden = SimpleNamespace(inputs=(X, LENGTH), output=OUTPUT)
    monkeypatch.setattr(spikes, "model", lambda design: golden)
    for arrays, message in (
        ({"x": ONE, "length": [2]}, r"length: must be of shape \(\), not \(1,\)$"),
        ({"x": ONE[None], "length": 2}, r"shape \(inferences,\) = \(1,\), not \(\)$"),
        ({"x": ONE[None], "length": [2, 3]}, r"shape \(inferences,\) = \(1,\), not \(2,\)$"),
    ):
        with pytest.raises(InputError, match=message):
            read_spikes(written(**arrays), SimpleNamespace())


def test_drawn_inputs_have_their_defaults(design):
    found = draw_spikes(design, rate=1, seed=0)
    same(found, x=found["x"].tolist(), length=3, gain=[-1, -1])
    assert found["x"].all()
