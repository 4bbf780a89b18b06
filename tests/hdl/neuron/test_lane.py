"""A saturating lane from cells: against sums of integers, exhaustive where it is narrow."""

import itertools
import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from spikeloom.hdl.neuron.lane import SaturatingLane, saturating
from spikeloom.sim.rows import run

from ...cells import simulate_cells


def clipped(bits, acc, addend, start, load):
    """Add low bits; the sticky bit is set by a carry, by either's own, and kept but for a load."""
    low = (1 << bits) - 1
    before = start if load else acc
    total = (before & low) + (addend & low)
    sticky = total >> bits | addend >> bits | (0 if load else acc >> bits)
    return total & low | min(sticky, 1) << bits


def check(bits, rows):
    answers = run(SaturatingLane(bits), rows, latency=1)
    acc = 0
    for row, answer in zip(rows, answers, strict=True):
        acc = clipped(bits, acc, **row)
        assert answer == acc, row


@pytest.fixture(autouse=True)
def cells(monkeypatch):
    simulate_cells(monkeypatch)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_every_step_from_every_value(bits):
    """Each value is loaded, with and without its sticky bit, and each step taken from there."""
    low = range(1 << bits)
    rows = []
    steps = itertools.product(range(2 << bits), low, (0, 1))
    for (addend, start, load), value in itertools.product(steps, range(2 << bits)):
        rows.append({"addend": value & 1 << bits, "start": value % (1 << bits), "load": 1})
        rows.append({"addend": addend, "start": start, "load": load})
    check(bits, rows)


@pytest.mark.parametrize("bits", [4, 8, 13])
def test_long_sums(bits):
    draw = random.Random(bits)
    rows = [
        {
            "addend": draw.getrandbits(draw.choice([2, bits - 1, bits])) | (n % 97 == 0) << bits,
            "start": draw.getrandbits(bits),
            "load": int(draw.random() < 0.15),
        }
        for n in range(2000)
    ]
    check(bits, rows)


@pytest.mark.parametrize("bits", [0, -1, "8", 2.0])
def test_refuses(bits):
    with pytest.raises(TypeError, match=rf"^Bits must be a positive integer, not {bits!r}$"):
        SaturatingLane(bits)


@pytest.mark.parametrize("bits", [1, 3])
def test_portable_sums_of_all_numbers(bits):
    """What cells do, in an expression."""
    a, b, total = (Signal(bits + 1, name=name) for name in ("a", "b", "total"))
    m = Module()
    m.d.comb += total.eq(saturating(a, b))

    async def bench(ctx):
        for one, other in itertools.product(range(2 << bits), repeat=2):
            ctx.set(a, one)
            ctx.set(b, other)
            await ctx.delay(1e-6)
            assert ctx.get(total) == clipped(bits, one, other, 0, 0)

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
