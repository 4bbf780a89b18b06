"""A lane of the state order from iCE40 cells: adder, load and saturation in a cell a bit."""

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["SaturatingLane"]

# Truth tables, I0 the least significant input: a sum or, on load, the addend (I1); a sticky bit or,
# on load, the addend's.
_SUM = sum(((n >> 1 & 1) if n & 1 else (n >> 1 ^ n >> 2 ^ n >> 3) & 1) << n for n in range(16))
_STICKY = sum(((n >> 1 & 1) if n & 1 else n > 1) << n for n in range(16))


class SaturatingLane(wiring.Component):
    """Accumulate in ``bits`` bits and a sticky one, or start from an addend.

    One logic cell a bit: the cell's free input loads, and its carry goes on. The sticky bit takes
    the last carry where a cell has it anyway. Without these instances the same lane takes two
    cells more. Equal to the portable form in :class:`~spikeloom.hdl.state.StateEngine`.

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
    clear : In(1)
        Start from zero, whatever the addend.
    acc : Out(bits + 1)
        Accumulator, the sticky bit on top.
    """

    addend: Signal
    load: Signal
    clear: Signal
    acc: Signal

    def __init__(self, bits: int):
        if not isinstance(bits, int) or bits < 1:
            raise TypeError(f"Bits must be a positive integer, not {bits!r}")
        self._bits = bits
        super().__init__(
            {
                "addend": In(bits + 1),
                "load": In(1),
                "clear": In(1),
                "acc": Out(bits + 1),
            }
        )

    @property
    def bits(self) -> int:
        """Bits below the sticky one."""
        return self._bits

    def elaborate(self, platform: object) -> Module:
        """Chain the cells."""
        m = Module()
        carry: Value = Const(0, 1)
        totals = []
        for bit in range(self._bits + 1):
            top = bit == self._bits
            total = Signal(name=f"total{bit}")
            m.submodules[f"sum{bit}"] = Instance(
                "SB_LUT4",
                p_LUT_INIT=Const(_STICKY if top else _SUM, 16),
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
        with m.If(self.clear):
            m.d.sync += self.acc.eq(0)
        return m
