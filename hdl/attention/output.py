"""The word of the output memory: how the results of a pass lie in it."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Mux, Shape, Signal, Value
from amaranth.utils import ceil_log2

from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.counting import fit

__all__ = ["OutputWriter"]


class OutputWriter:
    """Address, data and enables of the output memory for one token and pass.

    Parameters
    ----------
    plan : Plan
        The layer's geometry.
    """

    def __init__(self, plan: Plan):
        self._plan = plan
        self._shared = 0 if plan.spec is None else ceil_log2(plan.passes_per_word)

    def address(self, turn: Value, token: Value, bank: Value) -> Value:
        """Word that holds a pass of a token."""
        return Cat(turn[self._shared :], fit(token, self._plan.tokens), bank)

    def enables(self, turn: Value, en: Value) -> Value:
        """Enable the part of the word that holds the pass."""
        return Mux(en, 1 << turn[: self._shared], 0)

    def spikes(self, m: Module, turn: Value, spikes: Value) -> Value:
        """Put the spikes of a pass into every part of the word."""
        plan = self._plan
        beyond = plan.passes * plan.lanes - plan.design.head_dim
        masked = Signal(plan.lanes, name="masked")
        m.d.comb += masked.eq(spikes)
        if beyond:
            # Channels beyond the head's last one are padding, whatever the padding of v held.
            with m.If(turn == plan.passes - 1):
                m.d.comb += masked[plan.lanes - beyond :].eq(0)
        return masked.replicate(plan.passes_per_word)

    def drives(self, m: Module, drives: Sequence[Value]) -> Value:
        """Extend every drive to whole beats."""
        plan = self._plan
        whole = Shape(plan.drive_beats * plan.beat, signed=plan.drive_shape.signed)
        words = []
        for lane, drive in enumerate(drives):
            extended = Signal(whole, name=f"drive{lane}")
            m.d.comb += extended.eq(drive)
            words.append(extended.as_unsigned())
        return Cat(words)
