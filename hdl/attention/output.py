"""What the neurons of a pass write into a word of the output memory."""

from amaranth.hdl import Module, Signal, Value

from spikeloom.hdl.attention.plan import Plan

__all__ = ["spike_word"]


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
