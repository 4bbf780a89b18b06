"""Order of the work in a state-space layer: decay, inputs, rows of C, token after token."""

from typing import Final

from amaranth.hdl import Const, Module, Signal
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import following
from spikeloom.hdl.state_space.plan import StateSpacePlan

__all__ = ["StateSpaceSequencer"]


class StateSpaceSequencer(Component):
    """Take the beats of a token and say, cycle by cycle, what is done with which state.

    A token has four phases: ``decay``, each state by itself; ``scan``, which looks at one input
    bit a cycle, and for a bit that is set a pass over all states; ``read``, a pass or one pass a
    bit for each channel; ``drain``, until the last channel is done.

    Latency: see :class:`~spikeloom.hdl.state_space.layer.StateSpaceLayer`.

    Parameters
    ----------
    plan : StateSpacePlan
        Geometry of the layer.

    Members
    -------
    i : In(stream)
        Beats. ``last`` is not looked at.
    ready : In(1)
        High while a row may start: there is room for what comes of it.
    busy : Out(1)
        High while it works.
    fall : Out(1)
        High in the phase ``decay``.
    fresh, final : Out(1)
        High in the first and in the last token of an inference.
    place : Out(range(plan.places))
        State.
    source : Out(range(dim * input_bits))
        Input bit: channel above bit.
    channel : Out(range(dim))
        Channel, that is row of C.
    valid, first, plane, sign, double, round : Out
        What the sum of products does with the coefficient of this place, see
        :class:`~spikeloom.hdl.state_space.sum.BitSum`.
    store : Out(1)
        A state that has decayed is written now.
    add : Out(1)
        The column of the input bit is added to this state.
    ends : Out(1)
        High in the last cycle of a row.
    """

    def __init__(self, plan: StateSpacePlan):
        self.plan: Final = plan
        design = plan.design
        super().__init__(
            {
                "i": In(beat_stream(design.beat)),
                "ready": In(1),
                "busy": Out(1),
                "fall": Out(1),
                "fresh": Out(1),
                "final": Out(1),
                "place": Out(range(plan.places)),
                "source": Out(range(design.dim * design.input_bits)),
                "channel": Out(range(design.dim)),
                "valid": Out(1),
                "first": Out(1),
                "plane": Out(4),
                "sign": Out(1),
                "double": Out(1),
                "round": Out(1),
                "store": Out(1),
                "add": Out(1),
                "ends": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, plan = self.plan.design, self.plan
        step = Signal(range(design.steps))
        fresh = Signal(init=1)
        tick = Signal(range(max(plan.decay, plan.tail)))
        pending = Signal(design.beat, reset_less=True)
        opened, closing = Signal(), Signal()
        last_place, last_state, ticked = Signal(), Signal(), Signal()
        last_channel, inside = Signal(), Signal()
        count = design.dim * design.input_bits
        last_source, beat_done = Signal(init=count == 1), Signal(init=design.beat == 1)
        offset = self.source[: ceil_log2(design.beat)]
        # Known a cycle ahead, which keeps the paths of the phases short.
        m.d.sync += [
            last_place.eq(self.place == plan.places - 2),
            last_state.eq(self.place == design.state - 1),
            last_channel.eq(self.channel == design.dim - 1),
        ]
        m.d.comb += [
            inside.eq(self.place < design.state),
            self.final.eq(step == design.steps - 1),
            self.fresh.eq(fresh),
        ]

        with m.FSM(name="phase"):
            with m.State("take"):
                m.d.comb += self.i.ready.eq(1)
                m.d.sync += [pending.eq(self.i.payload.data), self.plane.eq(plan.planes - 1)]
                with m.If(self.i.valid):
                    with m.If(self.source == 0):
                        m.next = "decay"
                    with m.Else():
                        m.next = "scan"
            with m.State("decay"):
                m.d.comb += [self.busy.eq(1), self.fall.eq(1)]
                self._fall(m, tick, ticked)
                m.d.sync += [tick.eq(tick + 1), ticked.eq(tick == plan.decay - 2)]
                with m.If(ticked):
                    m.d.comb += self.store.eq(1)
                    m.d.sync += [tick.eq(0), self.place.eq(self.place + 1)]
                    with m.If(last_state):
                        m.d.sync += self.place.eq(0)
                        m.next = "scan"
            with m.State("scan"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += self.plane.eq(design.c_bits - 1)
                with m.If(pending[0]):
                    m.d.sync += pending[0].eq(0)
                    m.next = "add"
                with m.Else():
                    m.d.sync += [
                        pending.eq(pending >> 1),
                        self.source.eq(following(self.source, count) if count > 1 else 0),
                    ]
                    if count > 1:
                        m.d.sync += last_source.eq(self.source == count - 2)
                    if design.beat > 1:
                        m.d.sync += beat_done.eq((offset == design.beat - 2) & ~last_source)
                    with m.If(last_source):
                        m.next = "read"
                    with m.Elif(beat_done):
                        m.next = "take"
            with m.State("add"):
                m.d.comb += [self.busy.eq(1), self.add.eq(inside)]
                m.d.sync += self.place.eq(self.place + 1)
                with m.If(last_place):
                    m.d.sync += self.place.eq(0)
                    m.next = "scan"
            with m.State("read"):
                # Room is looked for where a row starts, and not again before its end.
                with m.If(self.ready | opened):
                    m.d.comb += self.busy.eq(1)
                    m.d.sync += opened.eq(~self.ends)
                    self._read(m, last_place, inside, closing)
                with m.If(self.ends):
                    m.d.sync += self.channel.eq(self.channel + 1)
                    with m.If(last_channel):
                        m.d.sync += self.channel.eq(0)
                        m.next = "drain"
            with m.State("drain"):
                m.d.comb += self.busy.eq(1)
                m.d.sync += [tick.eq(tick + 1), ticked.eq(tick == plan.tail - 2)]
                with m.If(ticked):
                    m.d.sync += [
                        tick.eq(0),
                        step.eq(following(step, design.steps) if design.steps > 1 else 0),
                        fresh.eq(self.final),
                    ]
                    m.next = "take"
        return m

    def _fall(self, m: Module, tick: Signal, ticked: Signal) -> None:
        """Multiply one state by what A differs from one by."""
        planes = self.plan.planes
        if not planes:
            m.d.comb += [self.valid.eq(1), self.first.eq(1)]
            return
        m.d.comb += [
            self.valid.eq(tick < planes),
            self.first.eq(tick == 0),
            self.sign.eq(tick == 0),
            self.double.eq((tick != 0) & (tick < planes)),
            self.round.eq(tick == planes),
        ]
        m.d.sync += self.plane.eq(self.plane - 1)
        with m.If(ticked):
            m.d.sync += self.plane.eq(planes - 1)

    def _read(self, m: Module, last_place: Signal, inside: Signal, closing: Signal) -> None:
        """Multiply all states by a row of C."""
        starts = Signal()
        m.d.comb += starts.eq(self.place == 0)
        m.d.sync += self.place.eq(self.place + 1)
        with m.If(last_place):
            m.d.sync += self.place.eq(0)
        if not self.plan.serial:
            m.d.comb += [self.valid.eq(inside), self.first.eq(starts), self.ends.eq(last_place)]
            return
        top = Signal()
        m.d.comb += [
            top.eq(self.plane == self.plan.design.c_bits - 1),
            self.valid.eq(inside & ~closing),
            self.first.eq(starts & top & ~closing),
            self.sign.eq(top),
            self.double.eq(starts & ~top & ~closing),
            self.round.eq(closing),
            self.ends.eq(closing),
        ]
        with m.If(last_place):
            m.d.sync += [self.plane.eq(self.plane - 1), closing.eq(self.plane == 0)]
        with m.If(closing):
            m.d.sync += [
                closing.eq(0),
                self.place.eq(0),
                self.plane.eq(Const(self.plan.design.c_bits - 1, 4)),
            ]
