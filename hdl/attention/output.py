"""What the lanes of a pass write into a word of the output memory."""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Shape, Signal, Value

from spikeloom.hdl.attention.plan import Plan

__all__ = ["drive_word", "spike_word"]


def spike_word(m: Module, plan: Plan, turn: Value, spikes: Value) -> Value:
    """Return a word with the spikes of a pass in every part.

    Channels beyond the head's last one are cleared, whatever the padding of v held.
    """
    beyond = plan.passes * plan.lanes - plan.design.head_dim
    masked = Signal(plan.lanes, name="masked")
    m.d.comb += masked.eq(spikes)
    if beyond:
        with m.If(turn == plan.passes - 1):
            m.d.comb += masked[plan.lanes - beyond :].eq(0)
    return masked.replicate(plan.out.shared)


def drive_word(m: Module, plan: Plan, drives: Sequence[Value]) -> Value:
    """Return the word that the drives of a pass fill, each extended to whole beats."""
    whole = Shape(plan.out.field, signed=plan.drive_shape.signed)
    words = []
    for lane, drive in enumerate(drives):
        extended = Signal(whole, name=f"drive{lane}")
        m.d.comb += extended.eq(drive)
        words.append(extended.as_unsigned())
    return Cat(words)
