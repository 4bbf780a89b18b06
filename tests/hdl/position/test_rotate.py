import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position.shift import rotate, schedule
from spikeloom.hdl.position.rotate import CyclicShifter, GroupShifter, ShiftSchedule
from spikeloom.sim.rows import evaluate, run


def rolled(word, amount, width):
    """Rotate by string slicing: an oracle that shares nothing with golden or hardware."""
    text = format(word, f"0{width}b")
    amount %= width
    return int(text[amount:] + text[:amount], 2)


@pytest.mark.parametrize("width", [1, 2, 3, 4, 5, 6, 7, 8])
def test_every_word_and_amount(width):
    dut = CyclicShifter(width)
    amounts = range(1 << len(dut.amount))
    rows = list(itertools.product(range(1 << width), amounts))
    got = evaluate(dut, [{"i": word, "amount": amount} for word, amount in rows])
    assert got == [rolled(word, amount, width) for word, amount in rows]


@pytest.mark.parametrize("width", [12, 16, 24, 31, 64])
def test_random_words(width):
    rng = np.random.default_rng(width)
    rows = [(int(rng.integers(1 << 62)) & (1 << width) - 1, n % width) for n in range(200)]
    got = evaluate(CyclicShifter(width), [{"i": word, "amount": n} for word, n in rows])
    assert got == [rolled(word, n, width) for word, n in rows]


@pytest.mark.parametrize(("groups", "width"), [(1, 6), (4, 8), (3, 5), (4, 1), (2, 12)])
def test_groups_equal_golden(groups, width):
    rng = np.random.default_rng(width)
    tokens = 60
    x = rng.integers(0, 2, (tokens, groups * width), dtype=np.uint8)
    amounts = rng.integers(0, width, (groups, tokens))
    weights = [1 << channel for channel in range(groups * width)]
    rows = [
        {
            "i": sum(int(bit) * weight for bit, weight in zip(x[n], weights, strict=True)),
            "amounts": [int(amount) for amount in amounts[:, n]],
        }
        for n in range(tokens)
    ]
    got = evaluate(GroupShifter(groups, width), rows)
    expected = rotate(x, amounts)
    assert [[word >> channel & 1 for channel in range(groups * width)] for word in got] == (
        expected.tolist()
    )


def make(**options):
    return Design.from_dict(
        {
            "tokens": 12,
            "dim": 24,
            "heads": 2,
            "steps": 1,
            "similarity": "xnor",
            "position": "shift",
            **options,
        }
    )


@pytest.mark.parametrize("rom_style", ["block", "logic"])
@pytest.mark.parametrize(
    "options",
    [
        {"shift": {"groups": 4}},
        {"shift": {"groups": 3, "base": 10, "rounding": "half-even"}},
        {"shift": {"groups": 12}},
        {"shift": {"groups": 1}, "tokens": 1},
        {"shift": {"groups": 2, "values": [[5] * 12, list(range(12))]}},
    ],
    ids=str,
)
def test_schedule_equals_golden(options, rom_style):
    design = make(**options)
    dut = ShiftSchedule(design, rom_style=rom_style)
    words = run(dut, [{"token": n} for n in range(design.tokens)], latency=dut.latency)
    bits = max(0, (design.shift.group_dim(design) - 1).bit_length())
    got = [
        [word >> bits * g & (1 << bits) - 1 for word in words] for g in range(design.shift.groups)
    ]
    assert got == schedule(design).tolist()


def test_schedule_of_the_published_defaults():
    """Published rows for four groups of base 64: numbers that are not computed here."""
    design = make(tokens=12, dim=64, shift={"groups": 4})
    dut = ShiftSchedule(design)
    words = run(dut, [{"token": n} for n in range(12)], latency=1)
    assert [word & 7 for word in words] == [0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3]
    assert [word >> 3 & 7 for word in words] == [(n + 1) >> 2 for n in range(12)]


@pytest.mark.parametrize(
    ("make_one", "message"),
    [
        (lambda: CyclicShifter(0), r"Width must be a positive integer, not 0"),
        (lambda: CyclicShifter(2.5), r"Width must be a positive integer, not 2\.5"),
        (lambda: GroupShifter(0, 4), r"Groups must be a positive integer, not 0"),
        (lambda: GroupShifter(4, -1), r"Group width must be a positive integer, not -1"),
        (
            lambda: ShiftSchedule(make(position="log", similarity="xnor")),
            r"Position must contain shift, not \('log',\)",
        ),
        (
            lambda: ShiftSchedule(make(), rom_style="auto"),
            r'ROM style must be "block" or "logic", not \'auto\'',
        ),
    ],
)
def test_refuses(make_one, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        make_one()
