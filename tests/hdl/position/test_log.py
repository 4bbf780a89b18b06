import itertools
import math

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position.log import bias_matrix
from spikeloom.hdl.position.pair import PairBias
from spikeloom.sim.rows import run


def make(tokens, **log):
    return Design.from_dict(
        {
            "tokens": tokens,
            "dim": 8,
            "heads": 2,
            "steps": 1,
            "similarity": "xnor",
            "position": "log",
            "log": log,
        }
    )


def all_pairs(dut, tokens):
    pairs = itertools.product(range(tokens), repeat=2)
    flat = run(dut, [{"i": i, "j": j} for i, j in pairs], latency=dut.latency)
    return np.reshape(flat, (tokens, tokens))


@pytest.mark.parametrize("form", ["logic", "rom"])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4, 5, 12, 32, 33])
def test_paper_every_pair(tokens, form):
    design = make(tokens, form=form)
    assert (all_pairs(PairBias(design), tokens) == bias_matrix(design)).all()


@pytest.mark.parametrize("form", ["logic", "rom"])
@pytest.mark.parametrize("length", [1, 2, 3, 7, 20, 168, 5000])
def test_paper_of_another_length(length, form):
    design = make(20, form=form, length=length)
    assert (all_pairs(PairBias(design), 20) == bias_matrix(design)).all()


@pytest.mark.parametrize("form", ["logic", "rom"])
@pytest.mark.parametrize("tokens", [168, 129, 130, 196])
def test_paper_against_the_formula(tokens, form):
    """The oracle outside both: the paper's equation 12 with the logarithm of ``math``."""
    dut = PairBias(make(tokens, form=form))
    rng = np.random.default_rng(tokens)
    pairs = [(0, j) for j in range(tokens)] + [(i, 0) for i in range(tokens)]
    pairs += [(int(i), int(j)) for i, j in rng.integers(0, tokens, (400, 2))]
    got = run(dut, [{"i": i, "j": j} for i, j in pairs], latency=dut.latency)
    for (i, j), bias in zip(pairs, got, strict=True):
        assert bias == math.ceil(math.log2((tokens - 1) / (abs(i - j) + 1))) + 0, (i, j)


@pytest.mark.parametrize("rom_style", ["block", "logic"])
@pytest.mark.parametrize(("tokens", "length"), [(1, 1), (2, 2), (3, 8), (12, 12), (10, 24)])
def test_code_every_pair(tokens, length, rom_style):
    design = make(tokens, definition="code", length=length)
    dut = PairBias(design, rom_style=rom_style)
    assert dut.latency == 1
    assert (all_pairs(dut, tokens) == bias_matrix(design)).all()


def test_published_row_of_the_code():
    dut = PairBias(make(12, definition="code"))
    assert all_pairs(dut, 12)[0].tolist() == [4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0]


def test_highest_is_reached():
    for tokens in (1, 3, 12, 168):
        dut = PairBias(make(tokens))
        assert run(dut, [{"i": 0, "j": 0}], latency=dut.latency) == [bias_matrix(dut.design).max()]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rom_style": "both"}, r'ROM style must be "block" or "logic", not \'both\''),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        PairBias(make(4), **options)


def test_refuses_another_position():
    design = make(4).model_copy(update={"position": ("gray",)})
    with pytest.raises(ValueError, match=r"^Positions must add one bias, not \('gray',\)$"):
        PairBias(design)
