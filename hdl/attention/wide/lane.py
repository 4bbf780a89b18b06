"""Sums of the wide state engine: counts of pairs, and saturating additions."""

from collections.abc import Sequence
from typing import Final

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component

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
        if not isinstance(bits, int) or bits < 1:
            raise TypeError(f"Bits must be a positive integer, not {bits!r}")
        self.bits: Final = bits
        super().__init__({"addend": In(bits + 1), "load": In(1), "acc": Out(bits + 1)})

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        carry: Value = Const(0, 1)
        totals = []
        for bit in range(self.bits + 1):
            top = bit == self.bits
            total = Signal(name=f"total{bit}")
            m.submodules[f"sum{bit}"] = Instance(
                "SB_LUT4",
                p_LUT_INIT=Const(_LOAD_STICKY if top else _LOAD_SUM, 16),
                i_I0=self.load,
                i_I1=self.addend[bit],
                i_I2=self.acc[bit],
                i_I3=carry,
                o_O=total,
            )
            if not top:
                following = Signal(name=f"carry{bit + 1}")
                m.submodules[f"carry{bit}"] = Instance(
                    "SB_CARRY",
                    i_I0=self.addend[bit],
                    i_I1=self.acc[bit],
                    i_CI=carry,
                    o_CO=following,
                )
                carry = following
            totals.append(total)
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
        if not isinstance(bits, int) or bits < 1:
            raise TypeError(f"Bits must be a positive integer, not {bits!r}")
        self.bits: Final = bits
        super().__init__({"a": In(bits + 1), "b": In(bits + 1), "fresh": In(1), "o": Out(bits + 1)})

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        carry: Value = Const(0, 1)
        for bit in range(self.bits + 1):
            top = bit == self.bits
            m.submodules[f"sum{bit}"] = Instance(
                "SB_LUT4",
                p_LUT_INIT=Const(_STICKY if top else _SUM, 16),
                i_I0=self.fresh if top else Const(0, 1),
                i_I1=self.a[bit],
                i_I2=self.b[bit],
                i_I3=carry,
                o_O=self.o[bit],
            )
            if not top:
                following = Signal(name=f"carry{bit + 1}")
                m.submodules[f"carry{bit}"] = Instance(
                    "SB_CARRY",
                    i_I0=self.a[bit],
                    i_I1=self.b[bit],
                    i_CI=carry,
                    o_CO=following,
                )
                carry = following
        return m


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
