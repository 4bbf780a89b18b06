"""Comparison with a constant: every value and bound of small widths, and the ends of a wide one."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.compare import at_least
from spikeloom.sim.rows import evaluate


class Bounds(wiring.Component):
    """A bit for each bound that a value reaches."""

    def __init__(self, width, bounds):
        self._bounds = list(bounds)
        super().__init__({"i": In(width), "o": Out(len(self._bounds))})

    def elaborate(self, platform):
        m = Module()
        for n, bound in enumerate(self._bounds):
            m.d.comb += self.o[n].eq(at_least(self.i, bound))
        return m


@pytest.mark.parametrize("width", range(1, 7))
def test_every_value_and_bound(width):
    bounds = range((1 << width) + 3)
    answers = evaluate(Bounds(width, bounds), [{"i": n} for n in range(1 << width)])
    assert answers == [sum((n >= b) << b for b in bounds) for n in range(1 << width)]


def test_wide_values():
    bounds = [0, 1, 1 << 19, (1 << 20) - 1, 1 << 20, 0b1010_1100_0011_0101_0000]
    values = sorted({max(0, b + d) % (1 << 20) for b in bounds for d in (-1, 0, 1)})
    answers = evaluate(Bounds(20, bounds), [{"i": n} for n in values])
    assert answers == [sum((n >= b) << k for k, b in enumerate(bounds)) for n in values]


def test_no_carry_chain():
    text = rtlil.convert(Bounds(8, range(258)))
    assert not {"$ge", "$gt", "$le", "$lt", "$sub", "$add"} & set(text.split())


def test_refuses():
    with pytest.raises(TypeError, match=r"^Bound must be a non-negative integer, not -1$"):
        at_least(Signal(3), -1)
    with pytest.raises(TypeError, match=r"^Value must be unsigned, not \(sig x\)$"):
        at_least(Signal(signed(3), name="x"), 1)
