"""A lane of the state order from iCE40 cells: adder, load and saturation in a cell a bit."""

from typing import Final

from amaranth.hdl import Cat, Const, Instance, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component

__all__ = ["SaturatingLane"]

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
        if not isinstance(bits, int) or bits < 1:
            raise TypeError(f"Bits must be a positive integer, not {bits!r}")
        self.bits: Final = bits
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
        carry: Value = Const(0, 1)
        totals = []
        for bit in range(self.bits + 1):
            top = bit == self.bits
            total = Signal(name=f"total{bit}")
            m.submodules[f"sum{bit}"] = Instance(
                "SB_LUT4",
                p_LUT_INIT=Const(_STICKY if top else _SUM, 16),
                i_I0=self.load if top else Const(0),
                i_I1=self.addend[bit],
                i_I2=self.acc[bit] if top else before[bit],
                i_I3=carry,
                o_O=total,
            )
            if not top:
                following = Signal(name=f"carry{bit + 1}")
                m.submodules[f"carry{bit}"] = Instance(
                    "SB_CARRY",
                    i_I0=self.addend[bit],
                    i_I1=before[bit],
                    i_CI=carry,
                    o_CO=following,
                )
                carry = following
            totals.append(total)
        m.d.sync += self.acc.eq(Cat(totals))
        return m
