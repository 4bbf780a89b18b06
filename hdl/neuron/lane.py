"""Lanes and sums of state order: counts, saturating additions, and both from iCE40 cells."""

from collections.abc import Sequence
from typing import Final

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component, natural

__all__ = ["SaturatingLane", "SaturatingSum", "add_chain", "count", "saturating"]

# Truth tables, I0 the least significant input: a sum of I1, I2 and I3; a sticky bit that is set by
# I1, by the carry at I3, and by what it was, I2, unless I0 cuts that off.
_SUM = sum(((n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_STICKY = sum(bool(n & 0b1010 or n & 0b101 == 0b100) << n for n in range(16))
# The same, where I0 is a load: of the number or the sticky bit at I1, whatever the others are.
_LOAD_SUM = sum(((n >> 1 & 1) if n & 1 else (n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_LOAD_STICKY = sum(((n >> 1 & 1) if n & 1 else n > 1) << n for n in range(16))


class SaturatingLane(Component):
    """Accumulate in ``bits`` bits and a sticky one, or begin anew, in iCE40 cells.

    Begins with the addend alone, a logic cell a bit: the cell's free input loads, and its carry
    goes on. Or, with ``starts``, with the addend on top of a start value: two cells a bit, the sum
    and a choice in front of it. The sticky bit takes the last carry where a cell has it anyway, and
    chooses there as well. Equal to the portable form in
    :class:`~spikeloom.hdl.attention.state.engine.StateEngine`.

    Latency 1.

    Parameters
    ----------
    bits : int
        Bits below the sticky one.
    starts : bool
        Whether there is a start value.

    Members
    -------
    addend : In(bits + 1)
        What is added, its own sticky bit on top.
    start : In(bits)
        Start value; absent without ``starts``.
    load : In(1)
        Add to the start value, or to nothing, and not to the accumulator.
    acc : Out(bits + 1)
        Accumulator, the sticky bit on top.
    """

    def __init__(self, bits: int, *, starts: bool = True):
        self.bits: Final = natural("Bits", bits)
        self.starts: Final = starts
        start = {"start": In(bits)} if starts else {}
        super().__init__({"addend": In(bits + 1), **start, "load": In(1), "acc": Out(bits + 1)})

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        kept: Value = self.acc
        tables = _LOAD_SUM, _LOAD_STICKY
        free: tuple[Value, Value] = self.load, self.load
        if self.starts:
            before = Signal(self.bits)
            m.d.comb += before.eq(Mux(self.load, self.start, self.acc[:-1]))
            kept = Cat(before, self.acc[-1])
            tables, free = (_SUM, _STICKY), (Const(0), self.load)
        totals = [Signal(name=f"total{bit}") for bit in range(self.bits + 1)]
        add_chain(m, self.addend, kept, totals, tables=tables, free=free)
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


def add_chain(
    m: Module,
    a: Value,
    b: Value,
    totals: Sequence[Value],
    *,
    tables: tuple[int, int],
    free: tuple[Value, Value],
) -> None:
    """Add two numbers with a sticky bit on top, in a logic cell a bit.

    Parameters
    ----------
    m : Module
        Where the cells become submodules.
    a, b : Value
        Numbers.
    totals : sequence of Value
        What their sum drives, bit by bit.
    tables : tuple of int
        Truth tables of a cell below the sticky bit, and of the sticky bit's. The inputs, from the
        least significant up: the free one, a, b, the carry.
    free : tuple of Value
        The free input of either.
    """
    carry: Value = Const(0, 1)
    for bit, total in enumerate(totals):
        top = bit == len(totals) - 1
        m.submodules[f"sum{bit}"] = Instance(
            "SB_LUT4",
            p_LUT_INIT=Const(tables[top], 16),
            i_I0=free[top],
            i_I1=a[bit],
            i_I2=b[bit],
            i_I3=carry,
            o_O=total,
        )
        if not top:
            following = Signal(name=f"carry{bit + 1}")
            m.submodules[f"carry{bit}"] = Instance(
                "SB_CARRY", i_I0=a[bit], i_I1=b[bit], i_CI=carry, o_CO=following
            )
            carry = following


def saturating(a: Value, b: Value) -> Value:
    """Add two numbers of equal width whose top bit is sticky."""
    total = a[:-1] + b[:-1]
    return Cat(total[: len(a) - 1], a[-1] | b[-1] | total[len(a) - 1])


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
