"""Output side of a state-space layer: the gate that integrates and fires, and the beats."""

from typing import Final

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.state_space.fixed import width
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import delays
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.state_space.plan import StateSpacePlan

__all__ = ["StateSpaceGate"]


class StateSpaceGate(Component):
    """Make a spike of each sum, and beats of the spikes; or beats of the sums, with output ``y``.

    A membrane grows by y; at the threshold it fires and loses the threshold. The membranes lie in
    memory and count as zero in the first token. One beat (with output ``y`` one number) waits in a
    register while the next is made.

    Latency: a channel is done ``plan.wait + 3`` cycles after the end of its row.

    Parameters
    ----------
    plan : StateSpacePlan
        Geometry of the layer.

    Members
    -------
    acc : In(signed)
        Sum of a row, with the half that rounds it.
    channel : In(range(dim))
        Channel of the row that ends.
    ends : In(1)
        High for one cycle at the end of a row.
    fresh, final : In(1)
        High in the first and in the last token of an inference.
    ready : Out(1)
        High while a row may start.
    o : Out(stream)
        Beats; ``last`` marks the end of an inference.
    """

    def __init__(self, plan: StateSpacePlan):
        self.plan: Final = plan
        design = plan.design
        super().__init__(
            {
                "acc": In(signed(width(*plan.spans.product))),
                "channel": In(range(design.dim)),
                "ends": In(1),
                "fresh": In(1),
                "final": In(1),
                "ready": Out(1),
                "o": Out(beat_stream(design.beat)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, plan = self.plan.design, self.plan
        channel = Signal.like(self.channel, reset_less=True)
        with m.If(self.ends):
            m.d.sync += channel.eq(self.channel)
        flags = delays(m, self.ends, plan.wait + 2, "done")
        last = Signal()
        m.d.comb += last.eq((channel == design.dim - 1) & self.final)
        y = Signal(signed(width(*plan.spans.y)))
        m.d.comb += y.eq(self.acc >> plan.fixed.drop)
        if design.output == "y":
            size = -(-len(y) // design.beat)
            made = Signal(signed(size * design.beat), reset_less=True)
            with m.If(flags[plan.wait]):
                m.d.sync += made.eq(y)
            self._send(m, made, flags[plan.wait + 2], last, size)
        else:
            fires = self._fire(m, y, channel, flags)
            word, complete = self._collect(m, fires, channel, flags[plan.wait + 2])
            self._send(m, word, complete, last, 1)
        return m

    def _fire(self, m: Module, y: Signal, channel: Signal, flags: list[Value]) -> Signal:
        """Integrate and fire; the answer is there with the last of the flags."""
        plan, shape = self.plan, self.plan.memory("v")
        store = add_memory(m, shape)
        v = Signal(signed(shape.width), reset_less=True)
        u = Signal(signed(width(*plan.spans.u)), reset_less=True)
        threshold = plan.fixed.threshold
        rest = Signal(signed(width(plan.spans.u[0] - threshold, plan.spans.u[1])), reset_less=True)
        m.d.sync += v.eq(store.r_data.as_signed())
        with m.If(self.fresh):
            m.d.sync += v.eq(0)
        with m.If(flags[plan.wait]):
            m.d.sync += u.eq(v + y)
        fires = Signal()
        m.d.sync += rest.eq(u - threshold)
        m.d.comb += [
            fires.eq(~rest[-1]),
            store.r_en.eq(1),
            store.r_addr.eq(channel),
            store.w_addr.eq(channel),
            store.w_data.eq(Mux(fires, rest, u)),
            store.w_en.eq(flags[plan.wait + 2]),
        ]
        return fires

    def _collect(
        self, m: Module, fires: Signal, channel: Signal, done: Value
    ) -> tuple[Signal, Signal]:
        """Put the spikes of a beat together."""
        beat = self.plan.design.beat
        word = Signal(beat, reset_less=True)
        complete = Signal()
        place = channel[: ceil_log2(beat)]
        m.d.comb += complete.eq(
            done & ((place == beat - 1) | (channel == self.plan.design.dim - 1) if beat > 1 else 1)
        )
        for n in range(beat):
            with m.If(done & (place == n if beat > 1 else 1)):
                m.d.sync += word[n].eq(fires)
                if n == 0:
                    m.d.sync += word[1:].eq(0)
        return word, complete

    def _send(self, m: Module, word: Signal, complete: Value, last: Signal, size: int) -> None:
        """Send a word of some beats, while the next one waits."""
        waits, full = Signal(), Signal()
        held, ending, ended = (
            Signal(size * self.plan.design.beat, name="held", reset_less=True),
            Signal(reset_less=True),
            Signal(reset_less=True),
        )
        part = Signal(range(size))
        last_part = part == size - 1
        with m.If(complete):
            m.d.sync += [waits.eq(1), ending.eq(last)]
        with m.Elif(~full):
            m.d.sync += waits.eq(0)
        with m.If(~full):
            m.d.sync += [full.eq(waits), held.eq(word), ended.eq(ending)]
        with m.Elif(self.o.ready):
            m.d.sync += [held.eq(held >> self.plan.design.beat), full.eq(~last_part)]
            if size > 1:
                m.d.sync += part.eq(Mux(last_part, 0, part + 1))
        m.d.comb += [
            self.ready.eq(~full),
            self.o.valid.eq(full),
            self.o.payload.data.eq(held),
            self.o.payload.last.eq(ended & last_part),
        ]
