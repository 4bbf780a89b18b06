import math

import numpy as np
import pytest

from spikeloom.golden.position.cpg import code_words, codes

PUBLISHED = ["0101010101", "1001010101", "1001010101", "0001010101"]


def as_coded(positions, neurons, w_max, dtype):
    """SeqSNN's NeuronPE restated; returns the spikes and how close sine and cosine come to 0.8."""
    position = np.arange(positions, dtype=dtype)[:, None]
    rate = dtype(-math.log(w_max) / neurons)
    even = np.exp(np.arange(0, neurons, 2).astype(dtype) * rate)
    odd = np.exp(np.arange(0, neurons - 1, 2).astype(dtype) * rate)
    table = np.zeros((positions, neurons), dtype=dtype)
    table[:, 0::2] = np.sin(position * even) - dtype(0.8)
    table[:, 1::2] = np.cos(position * odd) - dtype(0.8)
    margins = [float(np.abs(table[:, part::2]).min(initial=1)) for part in (0, 1)]
    return (table >= 0).astype(np.uint8), margins


def test_published_rows():
    rows = ["".join(map(str, row)) for row in codes(4, 10).tolist()]
    assert rows == PUBLISHED


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("neurons", "w_max"),
    [(1, 1000), (2, 1000), (9, 10_000), (10, 1000), (10, 10_000), (20, 10_000), (40, 10_000)],
)
def test_all_rows_of_the_published_linear_layer(neurons, w_max, dtype):
    """5,000 rows each, in both floats: none comes close enough to 0.8 to be in doubt."""
    table, margins = as_coded(5000, neurons, w_max, dtype)
    assert (codes(5000, neurons, w_max) == table).all()
    assert min(margins) > 1e-6


def test_margin_of_the_published_setting():
    margins = as_coded(5000, 10, 10_000, np.float64)[1]
    assert margins == pytest.approx([6.93e-5, 9.57e-6], rel=0.01)


@pytest.mark.parametrize(
    ("neurons", "w_max", "row", "neuron", "spike"),
    [
        (40, 1000, 2287, 6, 0),
        (20, 1000, 2622, 2, 1),
        (256, 1000, 1842, 26, 1),
        (10, 1000, 8465, 6, 1),
    ],
)
def test_rows_where_float32_and_float64_differ(neurons, w_max, row, neuron, spike):
    """The published code's spikes, from PyTorch 2.13; float64 has the other ones."""
    wave = math.sin(row * math.exp(-neuron * math.log(w_max) / neurons))
    found = codes(row + 1, neurons, w_max)[row, neuron]
    assert found == spike
    assert spike != (wave >= 0.8)


@pytest.mark.parametrize(
    ("neurons", "w_max"),
    [(9, 1000), (10, 10_000), (10, 1000), (20, 1000), (40, 10_000), (40, 1000), (256, 1000)],
)
def test_pytorch(neurons, w_max):
    """All 50,000 rows of NeuronPE, but for exponentials that PyTorch has one unit off."""
    torch = pytest.importorskip("torch", reason="torch is an extra")
    even = torch.arange(0, neurons, 2).float()
    rates = torch.exp(even * (-math.log(w_max) / neurons))
    angles = torch.arange(50_000, dtype=torch.float)[:, None] * rates
    table = np.zeros((50_000, neurons), dtype=np.uint8)
    table[:, 0::2] = (torch.sin(angles) - 0.8 >= 0).numpy()
    table[:, 1::2] = (torch.cos(angles[:, : neurons // 2]) - 0.8 >= 0).numpy()
    different = codes(50_000, neurons, w_max) != table
    powers = (even.double() * float(np.float32(-math.log(w_max) / neurons))).float()
    rounded = torch.exp(powers.double()).float()
    assert (abs(rounded - rates) <= 1.2e-7 * rounded).all()
    same = (rounded == rates).repeat_interleave(2)[:neurons].numpy()
    assert not different[:, same].any()
    assert same.mean() > 0.8


@pytest.mark.parametrize("neurons", [1, 2, 3, 5, 7, 10, 11, 40, 64, 127])
def test_scalar_formula(neurons):
    """Every spike from the math library, one at a time: 1,000 and more for each width above 2."""
    table = codes(400, neurons)
    for p in range(400):
        for c in range(neurons):
            w = 10_000 ** (-2 * (c // 2) / neurons)
            wave = math.cos(p * w) if c % 2 else math.sin(p * w)
            if abs(wave - 0.8) > 1e-9:
                assert table[p, c] == (wave >= 0.8), (p, c)


@pytest.mark.parametrize(
    ("neurons", "rows", "distinct"), [(10, 168, 31), (10, 672, 74), (20, 168, 93), (40, 168, 149)]
)
def test_codes_are_not_distinct(neurons, rows, distinct):
    assert len(np.unique(codes(rows, neurons), axis=0)) == distinct


def test_silent_positions():
    assert int((codes(672, 10, 1000).sum(axis=1) == 0).sum()) == 37


def test_a_longer_table_begins_with_the_shorter():
    assert (codes(900, 11)[:100] == codes(100, 11)).all()


@pytest.mark.parametrize("neurons", [1, 9, 70])
def test_words_are_the_rows(neurons):
    table = codes(50, neurons)
    for word, row in zip(code_words(50, neurons), table, strict=True):
        assert [word >> c & 1 for c in range(neurons)] == row.tolist()
        assert word < 1 << neurons


def test_the_table_cannot_be_written():
    with pytest.raises(ValueError, match="read-only"):
        codes(5, 2)[0, 0] = 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 10), r"Positions must be an integer from 1 to 50000, not 0"),
        ((50_001, 10), r"Positions must be an integer from 1 to 50000, not 50001"),
        ((5, 0), r"Neurons must be a positive integer, not 0"),
        ((5, 2, 1), r"Greatest w must be an integer of at least 2, not 1"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        codes(*arguments)


@pytest.mark.parametrize("arguments", [(1, 1, 2), (1, 1024), (50_000, 1)])
def test_takes_the_ends_of_what_is_allowed(arguments):
    table = codes(*arguments)
    assert table.shape == arguments[:2]
    # Position 0: every sine is 0, every cosine 1.
    assert table[0].tolist() == [0, 1] * (arguments[1] // 2) + [0] * (arguments[1] % 2)
