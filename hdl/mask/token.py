"""The mask of Q-K token attention: one neuron, a token at a time."""

from amaranth.hdl import Module, Mux, Signal, Value

from spikeloom.design.mask import MaskDesign
from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.mask.plan import MaskPlan, within
from spikeloom.hdl.mask.words import BeatMask, MaskWords
from spikeloom.hdl.neuron import NeuronFire, NeuronPreset
from spikeloom.hdl.popcount.popcount import Popcount

__all__ = ["TokenMask"]


class TokenMask(BeatMask):
    """Watch the beats of q and k of a token in turn, and let k pass if the neuron of q fires.

    Where the neuron is an OR there is one register for the whole layer. Otherwise a popcount of a
    beat is added to the accumulator in every cycle, and the membranes of a head's tokens lie in
    :class:`~spikeloom.hdl.mask.words.MaskWords`.

    Latency 0: the mask of a beat of k is there with it. Checked against
    :func:`spikeloom.golden.mask.mask`.

    Parameters
    ----------
    design : MaskDesign
        The layer, with ``attention`` "qk-token".

    Members
    -------
    data, en, ready, passes, bits, last
        As :class:`~spikeloom.hdl.mask.words.BeatMask`; always ready.
    """

    def __init__(self, design: MaskDesign):
        if design.attention != "qk-token":
            raise ValueError(f"Attention must be 'qk-token', not {design.attention!r}")
        plan, words = MaskPlan(design), None
        if plan.remembers:
            words = MaskWords("membranes", plan.format.membrane_shape.width, design.tokens)
        super().__init__(plan, words)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, plan, words = self.design, self.plan, self.words
        beat = Signal(range(plan.beats))
        end = beat == plan.beats - 1
        spikes = Signal(plan.lanes)
        m.d.comb += [self.ready.eq(1), spikes.eq(self.data & within(plan, end))]

        digits = ((beat, plan.beats), (self.passes, 2))
        if words is None:
            fires: Value = self._fires(m, spikes, beat == 0)
            rest = Signal(range(plan.runs * design.tokens))
            m.d.comb += self.last.eq(
                odometer(m, self.en, *digits, (rest, plan.runs * design.tokens))
            )
        else:
            m.submodules.words = words
            token = odometer(m, self.en, *digits)
            step, head = Signal(range(design.steps)), Signal(range(design.heads))
            m.d.comb += [
                words.en.eq(token),
                self.last.eq(
                    odometer(m, token & words.last, (step, design.steps), (head, design.heads))
                ),
            ]
            fires = self._fires(m, spikes, beat == 0, step == 0)
        m.d.comb += self.bits.eq(Mux(fires, within(plan, end), 0))
        return m

    def _fires(self, m: Module, spikes: Value, start: Value, first: Value | None = None) -> Value:
        """Sum the spikes of a token's q; tell whether the neuron fires."""
        plan, words = self.plan, self.words
        counts = self.en & ~self.passes
        if plan.stateless:
            fired = Signal()
            with m.If(counts):
                m.d.sync += fired.eq((fired & ~start) | spikes.any())
            return fired

        m.submodules.popcount = popcount = Popcount(plan.lanes, stages=0)
        fmt = plan.format
        m.submodules.fire = fire = NeuronFire(fmt)
        begin: Value = Signal(fmt.acc_shape, init=fmt.offset)
        if words is not None:
            m.submodules.preset = preset = NeuronPreset(fmt)
            assert first is not None
            m.d.comb += [
                preset.membrane.eq(words.data),
                preset.first.eq(first),
                words.next.eq(fire.membrane),
            ]
            begin = preset.acc
        acc = Signal(fmt.acc_shape, reset_less=True)
        m.d.comb += [popcount.i.eq(spikes), fire.acc.eq(acc)]
        with m.If(counts):
            m.d.sync += acc.eq(Mux(start, begin, acc) + (popcount.o << plan.spec.fraction))
        return fire.spike
