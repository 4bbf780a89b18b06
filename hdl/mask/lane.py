"""One channel of a mask: counter, membrane and spike in one accumulator."""

from typing import Final

from amaranth.hdl import Module, Mux, Shape, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.mask.plan import MaskPlan
from spikeloom.hdl.neuron import NeuronAdd, NeuronFire, NeuronPreset

__all__ = ["MaskLane"]


class MaskLane(Component):
    """Add a spike to an accumulator, or make it the start of the next step.

    Combinational, latency 0. Soft reset, with tau 2 or without leak, has one adder: leak and reset
    add a constant, in a cycle in which there is no spike to add. Hard reset has a counter of few
    bits and :mod:`spikeloom.hdl.neuron.pieces` beside it, which are wires or little more,
    and so has a larger tau, where they are not. Checked against
    :meth:`spikeloom.golden.neuron.NeuronSpec.step`.

    Parameters
    ----------
    plan : MaskPlan
        The layer's geometry.

    Members
    -------
    acc : In(format.acc_shape)
        Accumulator before.
    spike : In(1)
        Whether to count; not looked at with ``settle``.
    settle : In(1)
        Whether the step ends.
    begin : In(1)
        With ``settle``: whether the next step is the first of a head.
    fires : Out(1)
        Whether the accumulator before is that of a neuron that fires.
    next : Out(format.acc_shape)
        Accumulator after.
    """

    def __init__(self, plan: MaskPlan):
        self.plan: Final = plan
        shape = plan.format.acc_shape
        super().__init__(
            {
                "acc": In(shape),
                "spike": In(1),
                "settle": In(1),
                "begin": In(1),
                "fires": Out(1),
                "next": Out(shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fmt, spec = self.plan.format, self.plan.spec
        if fmt.hard or not fmt.stores_start:
            self._side_by_side(m)
            return m

        fires = ~self.acc[-1]
        change = (fmt.offset << spec.shift) - fmt.offset + spec.rise
        after = change - spec.subtracted
        addend = Signal(range(after, (1 << spec.fraction) + 1))
        total = Signal(Shape(len(self.acc) + max(1, spec.shift), signed=True))
        m.d.comb += [
            self.fires.eq(fires),
            addend.eq(Mux(self.settle, Mux(fires, after, change), self.spike << spec.fraction)),
            total.eq(self.acc + addend),
            self.next.eq(
                Mux(
                    self.settle & self.begin,
                    fmt.offset,
                    Mux(self.settle, total >> spec.shift, total),
                )
            ),
        ]
        return m

    def _side_by_side(self, m: Module) -> None:
        """Build counting, and leak and reset, apart from each other."""
        plan = self.plan
        m.submodules.add = add = NeuronAdd(plan.format)
        m.submodules.fire = fire = NeuronFire(plan.format)
        m.submodules.preset = preset = NeuronPreset(plan.format)
        m.d.comb += [
            add.acc.eq(self.acc),
            add.score.eq(1),
            add.en.eq(self.spike),
            fire.acc.eq(self.acc),
            self.fires.eq(fire.spike),
            preset.membrane.eq(fire.membrane),
            preset.first.eq(self.begin),
            self.next.eq(Mux(self.settle, preset.acc, add.o)),
        ]
