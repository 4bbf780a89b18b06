"""The masks of Q-K channel attention and SDSA: a neuron a channel, a beat of channels at a time."""

from amaranth.hdl import Const, Module, Mux, Signal, Value

from spikeloom.design.mask import MaskDesign
from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.mask.lane import MaskLane
from spikeloom.hdl.mask.plan import MaskPlan, within
from spikeloom.hdl.mask.words import BeatMask, MaskWords

__all__ = ["ChannelMask"]


class ChannelMask(BeatMask):
    """Count the spikes of every channel over the tokens; then let the channels pass that fire.

    For qk-channel the beats of q are counted and those of k pass. For sdsa a beat of k is kept
    until its beat of v is there, the spikes of both are counted, and beats of q pass.

    The accumulators of a head's channels are visited in turn, ``beat`` channels at a time
    (:class:`~spikeloom.hdl.mask.words.MaskWords`). They are counters, membranes and mask in one:
    whether a channel fires is a bit of its accumulator, which the tokens that follow read, and
    at the last of these the accumulator becomes the start of the next step, or of the next head.
    Where the neuron is an OR, an accumulator is one bit, which the first token overwrites.

    Latency 0: the mask of a beat is there with it. With accumulators of more than a bit, one turn
    of them comes after a reset, and no beat is taken in it. Checked against
    :func:`spikeloom.golden.mask.mask`.

    Parameters
    ----------
    design : MaskDesign
        The layer, with ``attention`` "qk-channel" or "sdsa".

    Members
    -------
    data, en, ready, passes, bits, last
        As :class:`~spikeloom.hdl.mask.words.BeatMask`.
    """

    def __init__(self, design: MaskDesign):
        if design.attention not in ("qk-channel", "sdsa"):
            raise ValueError(f"Attention must be 'qk-channel' or 'sdsa', not {design.attention!r}")
        plan = MaskPlan(design)
        self._width = 1 if plan.stateless else plan.format.acc_shape.width
        self._ring = MaskWords("channels", plan.lanes * self._width, plan.beats)
        super().__init__(plan, self._ring)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, plan = self.design, self.plan
        m.submodules.words = words = self._ring
        clearing = Const(0) if plan.stateless else Signal(init=1, name="clearing")
        visit, spikes = Signal(), Signal(plan.lanes)
        if design.attention == "sdsa":
            # What is kept of the beat before is nothing but after one of k: a beat of v then counts
            # what both hold, and one of q counts nothing, with no gate for that.
            second, held = Signal(), Signal(plan.lanes)
            opens = ~(second | self.passes)
            with m.If(self.en):
                m.d.sync += [second.eq(opens), held.eq(Mux(opens, self.data, 0))]
            m.d.comb += [visit.eq(self.en & ~opens), spikes.eq(self.data & held)]
        else:
            m.d.comb += [visit.eq(self.en), spikes.eq(Mux(self.passes, 0, self.data))]

        token = Signal(range(design.tokens))
        step, head = Signal(range(design.steps)), Signal(range(design.heads))
        rest = Signal(range(plan.runs))
        digits = ((step, design.steps), (head, design.heads))
        m.d.comb += [
            self.ready.eq(~clearing),
            words.en.eq(visit | clearing),
            self.last.eq(
                odometer(
                    m,
                    visit & words.last,
                    (token, design.tokens),
                    (self.passes, 2),
                    *(((rest, plan.runs),) if plan.stateless else digits),
                )
            ),
        ]
        if plan.stateless:
            kept = Mux((token == 0) & ~self.passes, 0, words.data)
            fires: Value = words.data
            m.d.comb += words.next.eq(spikes | kept)
        else:
            with m.If(clearing & words.last):
                m.d.sync += clearing.eq(0)
            # A step ends with the last token that passes: known a visit before, and kept, because
            # every lane waits for it.
            settle, begin = Signal(init=1), Signal()
            if design.tokens > 1:
                upcoming = self.passes & (token == design.tokens - 2)
            else:
                upcoming = ~(self.passes | clearing)
            with m.If(words.en & words.last):
                m.d.sync += settle.eq(upcoming)
            m.d.comb += begin.eq(1)
            if plan.remembers:
                m.d.comb += begin.eq(clearing | (step == design.steps - 1))
            fires = self._neurons(m, spikes, settle, begin)
        m.d.comb += self.bits.eq(fires & within(plan, words.last))
        return m

    def _neurons(self, m: Module, spikes: Value, settle: Value, begin: Value) -> Value:
        """Add spikes, or make an accumulator the start of the next step or head."""
        plan, words, width = self.plan, self._ring, self._width
        fires = Signal(plan.lanes)
        for index in range(plan.lanes):
            part = slice(index * width, (index + 1) * width)
            m.submodules[f"lane{index}"] = lane = MaskLane(plan)
            m.d.comb += [
                lane.acc.eq(words.data[part]),
                lane.spike.eq(spikes[index]),
                lane.settle.eq(settle),
                lane.begin.eq(begin),
                fires[index].eq(lane.fires),
                words.next[part].eq(lane.next),
            ]
        return fires
