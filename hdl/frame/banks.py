"""Banks that are filled and drained in turn."""

from typing import Final

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.component import Component

__all__ = ["BankRing", "add_ring"]


class BankRing(Component):
    """Say which bank is to be filled, which to be drained, and whether that can be done.

    Two counters, each with one bit more than a bank's number has: the banks are all full where
    they differ in that bit alone, and all empty where they are equal.

    Parameters
    ----------
    banks : int
        Banks, a power of two.

    Members
    -------
    fill, drain : In(1)
        The bank has been filled; drained.
    filling, draining : Out(range(banks))
        Bank to fill; to drain.
    free : Out(1)
        The bank to fill is empty.
    full : Out(1)
        The bank to drain is full.
    """

    def __init__(self, banks: int):
        if not isinstance(banks, int) or banks < 1 or banks & banks - 1:
            raise TypeError(f"Banks must be a power of two, not {banks!r}")
        self.banks: Final = banks
        super().__init__(
            {
                "fill": In(1),
                "drain": In(1),
                "filling": Out(range(banks)),
                "draining": Out(range(banks)),
                "free": Out(1),
                "full": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Count fillings and drainings."""
        m = Module()
        width = ceil_log2(self.banks) + 1
        filled, drained = Signal(width), Signal(width)
        next_filled, next_drained = Signal(width), Signal(width)
        # A sender's path begins here: whether all are full is kept, not found out every cycle.
        blocked = Signal()
        m.d.comb += [
            next_filled.eq(filled + self.fill),
            next_drained.eq(drained + self.drain),
            self.filling.eq(filled),
            self.draining.eq(drained),
            self.free.eq(~blocked),
            self.full.eq(filled != drained),
        ]
        m.d.sync += [
            filled.eq(next_filled),
            drained.eq(next_drained),
            blocked.eq((next_filled ^ next_drained) == self.banks),
        ]
        return m


def add_ring(m: Module, name: str, banks: int, filled: Value, drained: Value) -> BankRing:
    """Add a ring of banks to a module, and tell it when one has been filled and drained."""
    ring = BankRing(banks)
    m.submodules[name] = ring
    m.d.comb += [ring.fill.eq(filled), ring.drain.eq(drained)]
    return ring
