import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position.gray import code_words
from spikeloom.hdl.position.gray import GrayCode, TokenCode
from spikeloom.sim.rows import evaluate, run

PUBLISHED = [0b000, 0b001, 0b011, 0b010, 0b110, 0b111, 0b101, 0b100]


def make(**options):
    return Design.from_dict(
        {
            "tokens": 12,
            "dim": 8,
            "heads": 2,
            "steps": 3,
            "similarity": "xnor",
            "position": "gray",
            **options,
        }
    )


def test_published_codes():
    assert evaluate(GrayCode(8, 3), [{"index": n} for n in range(8)]) == PUBLISHED


@pytest.mark.parametrize("count", [1, 2, 5, 16, 168])
@pytest.mark.parametrize("bits", [1, 2, 3, 5, 10])
def test_codes_are_cut_or_filled_up(count, bits):
    dut = GrayCode(count, bits)
    got = evaluate(dut, [{"index": n} for n in range(count)])
    assert got == [(n ^ n >> 1) % (1 << bits) for n in range(count)]


DESIGNS = [
    {},
    {"gray": {"bits": 2}},
    {"gray": {"bits": 10}},
    {"gray": {"index": "t*L+l"}},
    {"gray": {"index": "t*L+l", "bits": 3}},
    {"gray": {"index": "t*L+l"}, "tokens": 16},
    {"gray": {"index": "t*L+l"}, "steps": 1},
    {"gray": {"grid": [3, 4]}},
    {"gray": {"grid": [4, 3]}},
    {"gray": {"grid": [1, 12], "bits": [1, 2]}},
    {"gray": {"grid": [12, 1], "bits": [3, 2]}},
    {"gray": {"grid": [14, 14]}, "tokens": 196},
    {"tokens": 1},
]


@pytest.mark.parametrize("form", ["logic", "rom"])
@pytest.mark.parametrize("options", DESIGNS, ids=str)
def test_tokens_of_two_heads(options, form):
    """Each step asks for tokens up and down and ends with done; two heads, so steps come again."""
    design = make(**{**options, "gray": {**options.get("gray", {}), "form": form}})
    dut = TokenCode(design)
    rows, expected = [], []
    for step in [*range(design.steps)] * 2:
        order = [*range(design.tokens), *reversed(range(design.tokens))]
        rows += [{"token": n, "done": 0} for n in order]
        rows[-1]["done"] = 1
        words = code_words(design, step)
        expected += [words[n] for n in order]
    assert run(dut, rows, latency=dut.latency) == expected


@pytest.mark.parametrize("options", DESIGNS, ids=str)
def test_rom_in_any_order(options):
    """Every table, in block memory, asked for tokens as they are drawn."""
    design = make(**{**options, "gray": {**options.get("gray", {}), "form": "rom"}})
    dut, rng = TokenCode(design), np.random.default_rng(0)
    rows, expected = [], []
    for step in [*range(design.steps)] * 2:
        order = rng.integers(0, design.tokens, 3 * design.tokens).tolist()
        rows += [{"token": n, "done": 0} for n in order]
        rows[-1]["done"] = 1
        expected += [code_words(design, step)[n] for n in order]
    assert run(dut, rows, latency=dut.latency) == expected


@pytest.mark.parametrize(
    ("make_one", "message"),
    [
        (lambda: GrayCode(0, 3), r"Count must be a positive integer, not 0"),
        (lambda: GrayCode(8, 0), r"Bits must be a positive integer, not 0"),
        (lambda: TokenCode(make(position="log")), r"Position must contain gray, not \('log',\)"),
        (lambda: TokenCode(make(position="none")), r"Position must contain gray, not \(\)"),
    ],
)
def test_refuses(make_one, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        make_one()
