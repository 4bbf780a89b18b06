"""Operations of the host's part against loops, and programs that are written down."""

import numpy as np
import pytest

from spikeloom.importing.host import Operation, Program, lif


def run(name, x, *weights, **numbers):
    keys = {f"w{n}": array for n, array in enumerate(weights)}
    step = Operation(name, "x", ("data",), tuple(keys), numbers)
    return Program((step,), keys).run(np.asarray(x))


@pytest.mark.parametrize("stride", [1, 2])
def test_conv(stride):
    rng = np.random.default_rng(0)
    x, weight = rng.integers(-4, 5, (2, 3, 6, 5)), rng.integers(-4, 5, (4, 3, 3, 1))
    bias = rng.integers(-4, 5, 4)
    found = run("conv", x, weight, bias, stride=stride, padding=[1, 0])
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (0, 0)))
    for b, o, i, j in np.ndindex(found.shape):
        window = padded[b, :, i * stride : i * stride + 3, j * stride : j * stride + 1]
        assert found[b, o, i, j] == (window * weight[o]).sum() + bias[o]
    assert found.shape[2:] == (-(-6 // stride), -(-5 // stride))


def test_pool():
    x = np.arange(2 * 25).reshape(1, 2, 5, 5) - 30
    found = run("pool", x)
    assert found.shape == (1, 2, 3, 3)
    assert found[0, 0, 0].tolist() == [-24, -22, -21]
    assert found[0, 1, 2].tolist() == [16, 18, 19]


def test_norm():
    x = np.arange(12.0).reshape(2, 3, 2)
    gain, offset, mean, var = np.float32([[2, -1, 0], [1, 2, 3], [0, 1, 2], [3, 1, 0]])
    found = run("norm", x, gain, offset, mean, var, eps=1.0)
    assert found[0].tolist() == pytest.approx(
        np.array([[1, 2], [2 - 1 / 2**0.5, 2 - 2 / 2**0.5], [3, 3]])
    )


def test_neurons_of_other_tau():
    drive = np.float32([[0.6], [0.6], [3.0], [0.0]])
    assert lif(drive, 1.0, 1.5).ravel().tolist() == [0, 0, 1, 0]
    assert lif(np.float32([[1.0], [2.0]]), 1.0).ravel().tolist() == [0, 1]


def test_tokens_and_grid():
    x = np.arange(24.0).reshape(1, 2, 3, 4)
    tokens = run("tokens", x)
    assert tokens.shape == (1, 12, 2)
    assert np.array_equal(run("grid", tokens, rows=3), x)


def test_saved():
    program = Program((Operation("repeat", "x", ("data",), (), {"steps": 3}),), {"w": np.ones(2)})
    again = Program.load(program.save())
    assert again.operations == program.operations
    assert again.run(np.ones((1, 2))).shape == (3, 1, 2)


@pytest.mark.parametrize("text", ["[[1]]", "nothing", '[["open", "x", [], [], {}]]'])
def test_refused(text):
    with pytest.raises(ValueError, match="Host file must hold"):
        Program.load({"program": np.array(text)})
