import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position.table import bias_matrix
from spikeloom.hdl.position.pair import PairBias
from spikeloom.sim.rows import run


def make(tokens, index, values, heads=2):
    return Design.from_dict(
        {
            "tokens": tokens,
            "dim": 4 * heads,
            "heads": heads,
            "steps": 1,
            "similarity": "xnor",
            "position": "table",
            "table": {"index": index, "values": values},
        }
    )


def entries(tokens, index):
    return 2 * tokens - 1 if index == "difference" else 1 << (tokens - 1).bit_length()


def random_table(rng, heads, tokens, index, low=-128, high=127):
    return rng.integers(low, high + 1, (heads, entries(tokens, index))).tolist()


def check(design, rom_style="block"):
    dut = PairBias(design, rom_style=rom_style)
    triples = list(itertools.product(range(design.heads), *[range(design.tokens)] * 2))
    rows = [{"head": h, "i": i, "j": j} for h, i, j in triples]
    got = run(dut, rows, latency=dut.latency)
    shape = (design.heads, design.tokens, design.tokens)
    expected = np.stack([bias_matrix(design, head) for head in range(design.heads)])
    assert (np.reshape(got, shape) == expected).all()


@pytest.mark.parametrize("rom_style", ["block", "logic"])
@pytest.mark.parametrize("index", ["difference", "xor"])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 7, 12])
def test_every_pair_and_head(tokens, index, rom_style):
    rng = np.random.default_rng(tokens)
    check(make(tokens, index, random_table(rng, 3, tokens, index), heads=3), rom_style)


@pytest.mark.parametrize("index", ["difference", "xor"])
def test_one_table_for_all_heads(index):
    rng = np.random.default_rng(7)
    values = random_table(rng, 1, 9, index)[0]
    check(make(9, index, values, heads=4))


@pytest.mark.parametrize(("low", "high"), [(0, 5), (-5, -1), (0, 0), (-128, -128)])
def test_extreme_entries(low, high):
    rng = np.random.default_rng(1)
    check(make(5, "difference", random_table(rng, 2, 5, "difference", low, high)))


def test_difference_of_a_named_entry():
    """Entry (i - j) + (tokens - 1), written out."""
    values = [-3, -2, -1, 0, 10, 20, 30]
    dut = PairBias(make(4, "difference", values))
    rows = [{"head": 0, "i": i, "j": j} for i, j in [(0, 3), (3, 0), (2, 1), (1, 2)]]
    assert run(dut, rows, latency=dut.latency) == [-3, 30, 10, -1]


def test_refuses():
    design = make(4, "xor", [1, 2, 3, 4])
    with pytest.raises(ValueError, match=r'^ROM style must be "block" or "logic", not 3$'):
        PairBias(design, rom_style=3)
    other = design.model_copy(update={"position": ()})
    with pytest.raises(ValueError, match=r"^Positions must add one bias, not \(\)$"):
        PairBias(other)
