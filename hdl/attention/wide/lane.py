"""Sums of the wide state engine: counts of pairs, and saturating additions."""

from collections.abc import Sequence
from typing import Final

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.attention.state.lane import add_chain, saturating
from spikeloom.hdl.frame.component import Component, natural

__all__ = ["LoadingLane", "SaturatingSum", "count", "saturating"]

# Truth tables, I0 the least significant input: a sum; a sticky bit, I2 of which I0 takes away.
_SUM = sum(((n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_STICKY = sum((n >> 1 & 1 | n >> 3 & 1 | n >> 2 & ~n & 1) << n for n in range(16))
# The same, where I0 is a load: of the number or the sticky bit at I1, whatever the others are.
_LOAD_SUM = sum(((n >> 1 & 1) if n & 1 else (n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_LOAD_STICKY = sum(((n >> 1 & 1) if n & 1 else n > 1) << n for n in range(16))


class LoadingLane(Component):
    """Accumulate in ``bits`` bits and a sticky one, or start from an addend, in iCE40 cells.

    One logic cell a bit: the cell's free input loads, and its carry goes on. The sticky bit takes
    the last carry where a cell has it anyway.

    Latency 1.

    Parameters
    ----------
    bits : int
        Bits below the sticky one.

    Members
    -------
    addend : In(bits + 1)
        What is added or loaded, its own sticky bit on top.
    load : In(1)
        Load instead of adding.
    acc : Out(bits + 1)
        Accumulator, the sticky bit on top.
    """

    def __init__(self, bits: int):
        self.bits: Final = natural("Bits", bits)
        super().__init__({"addend": In(bits + 1), "load": In(1), "acc": Out(bits + 1)})

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        totals = [Signal(name=f"total{bit}") for bit in range(self.bits + 1)]
        tables, free = (_LOAD_SUM, _LOAD_STICKY), (self.load, self.load)
        add_chain(m, self.addend, self.acc, totals, tables=tables, free=free)
        m.d.sync += self.acc.eq(Cat(totals))
        return m


class SaturatingSum(Component):
    """Add two numbers of ``bits`` bits and a sticky one from iCE40 cells.

    One logic cell a bit: the sticky bit takes the last carry where a cell has it anyway. Equal to
    :func:`saturating`. Combinational, latency 0.

    Parameters
    ----------
    bits : int
        Bits below the sticky one.

    Members
    -------
    a, b : In(bits + 1)
        Numbers, the sticky bit on top.
    fresh : In(1)
        Do not look at the sticky bit of ``b``.
    o : Out(bits + 1)
        Sum.
    """

    def __init__(self, bits: int):
        self.bits: Final = natural("Bits", bits)
        super().__init__({"a": In(bits + 1), "b": In(bits + 1), "fresh": In(1), "o": Out(bits + 1)})

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        free = (Const(0, 1), self.fresh)
        add_chain(m, self.a, self.b, list(self.o), tables=(_SUM, _STICKY), free=free)
        return m


def count(bits: Sequence[Value]) -> Value:
    """Count set bits, by gates up to four: an adder would take a carry chain for each pair.

    Two bits take two look-up tables and four take three.
    """
    if len(bits) == 1:
        return bits[0]
    if len(bits) == 2:
        return Cat(bits[0] ^ bits[1], bits[0] & bits[1])
    half = len(bits) // 2
    low, high = count(bits[:half]), count(bits[half:])
    if len(bits) != 4:
        return low + high
    carry = low[0] & high[0]
    return Cat(low[0] ^ high[0], low[1] ^ high[1] ^ carry, low[1] & high[1])
