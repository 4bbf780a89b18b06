"""Sums of the wide engine: against integers, exhaustive where they are narrow."""

import itertools
import random

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.neuron.lane import SaturatingLane, SaturatingSum, count, saturating
from spikeloom.sim.rows import evaluate, run

from ...cells import simulate_cells


@pytest.fixture(autouse=True)
def cells(monkeypatch):
    simulate_cells(monkeypatch)


def clipped(bits, a, b):
    """Add the low bits; the sticky bit is set by a carry and by either's own."""
    low = (1 << bits) - 1
    total = (a & low) + (b & low)
    return total & low | min(1, (a | b | total) >> bits) << bits


def pairs(bits):
    if bits <= 4:
        return list(itertools.product(range(2 << bits), repeat=2))
    draw = random.Random(bits)
    return [(draw.getrandbits(bits + 1), draw.getrandbits(bits + 1)) for _ in range(1000)]


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 9])
def test_sum_from_cells(bits):
    rows = [{"a": a, "b": b, "fresh": fresh} for a, b in pairs(bits) for fresh in (0, 1)]
    low = (1 << bits) - 1
    want = [clipped(bits, row["a"], row["b"] & low if row["fresh"] else row["b"]) for row in rows]
    assert evaluate(SaturatingSum(bits), rows) == want


class Portable(wiring.Component):
    def __init__(self, bits):
        super().__init__({"a": In(bits + 1), "b": In(bits + 1), "o": Out(bits + 1)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(saturating(self.a, self.b))
        return m


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 9])
def test_sum_by_synthesis(bits):
    rows = [{"a": a, "b": b} for a, b in pairs(bits)]
    assert evaluate(Portable(bits), rows) == [clipped(bits, **row) for row in rows]


@pytest.mark.parametrize("bits", [1, 2, 3, 10])
def test_a_lane_adds_or_loads(bits):
    rows = []
    for value, addend in pairs(bits):
        rows += [{"addend": value, "load": 1}, {"addend": addend, "load": 0}]
    draw = random.Random(bits)
    for _ in range(500):
        addend = draw.getrandbits(draw.choice([1, bits, bits + 1]))
        rows.append({"addend": addend, "load": int(draw.random() < 0.1)})
    answers, acc = run(SaturatingLane(bits, starts=False), rows, latency=1), 0
    for row, answer in zip(rows, answers, strict=True):
        acc = row["addend"] if row["load"] else clipped(bits, acc, row["addend"])
        assert answer == acc, row


class Counter(wiring.Component):
    def __init__(self, width):
        super().__init__({"i": In(width), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.o.eq(count(list(self.i)))
        return m


@pytest.mark.parametrize("width", range(1, 10))
def test_set_bits_are_counted(width):
    answers = evaluate(Counter(width), [{"i": n} for n in range(1 << width)])
    assert answers == [n.bit_count() for n in range(1 << width)]


@pytest.mark.parametrize("unit", [SaturatingLane, SaturatingSum])
@pytest.mark.parametrize("bits", [0, "8"])
def test_refuses(unit, bits):
    assert unit(5).bits == 5
    with pytest.raises(TypeError, match=rf"^Bits must be a positive integer, not {bits!r}$"):
        unit(bits)
