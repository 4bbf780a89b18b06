"""A lane of the state order from iCE40 cells: adder, load and saturation in a cell a bit."""

from collections.abc import Sequence
from typing import Final

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component, natural

__all__ = ["SaturatingLane", "add_chain", "saturating"]

# Truth tables, I0 the least significant input: a sum of I1, I2 and I3; a sticky bit that I0 cuts
# off from what it was (I2).
_SUM = sum(((n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_STICKY = sum(bool(n & 0b1010 or n & 0b101 == 0b100) << n for n in range(16))


class SaturatingLane(Component):
    """Accumulate in ``bits`` bits and a sticky one, on top of what was or of a start value.

    Two logic cells a bit, the sum and a choice in front of it. The sticky bit takes the last carry
    where a cell has it anyway, and chooses there as well. Equal to the portable form in
    :class:`~spikeloom.hdl.attention.state.engine.StateEngine`.

    Latency 1.

    Parameters
    ----------
    bits : int
        Bits below the sticky one.

    Members
    -------
    addend : In(bits + 1)
        What is added, its own sticky bit on top.
    start : In(bits)
        Start value.
    load : In(1)
        Add to the start value, not to the accumulator.
    acc : Out(bits + 1)
        Accumulator, the sticky bit on top.
    """

    def __init__(self, bits: int):
        self.bits: Final = natural("Bits", bits)
        super().__init__(
            {
                "addend": In(bits + 1),
                "start": In(bits),
                "load": In(1),
                "acc": Out(bits + 1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        before = Signal(self.bits)
        m.d.comb += before.eq(Mux(self.load, self.start, self.acc[:-1]))
        totals = [Signal(name=f"total{bit}") for bit in range(self.bits + 1)]
        kept = Cat(before, self.acc[-1])
        add_chain(m, self.addend, kept, totals, tables=(_SUM, _STICKY), free=(Const(0), self.load))
        m.d.sync += self.acc.eq(Cat(totals))
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
