"""Geometry of a mask attention."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Const, Mux, Value

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.mask import is_or, mask_ranges
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges
from spikeloom.hdl.neuron import NeuronFormat

__all__ = ["MaskPlan", "within"]


@dataclass(frozen=True)
class MaskPlan:
    """What follows from the design file of a mask attention by counting.

    Parameters
    ----------
    design : MaskDesign
        The layer.
    """

    design: MaskDesign

    @property
    def beat(self) -> int:
        """Bits a beat, B."""
        return self.design.beat

    @property
    def lanes(self) -> int:
        """Channels a beat: its bits, or the channels of a head where these are fewer."""
        return min(self.beat, self.design.head_dim)

    @property
    def beats(self) -> int:
        """Beats a token of one head."""
        return self.design.beats_per_token

    @property
    def tail(self) -> int:
        """Channels of the last beat of a token."""
        return self.design.head_dim - (self.beats - 1) * self.beat

    @property
    def runs(self) -> int:
        """Heads times steps."""
        return self.design.heads * self.design.steps

    @cached_property
    def spec(self) -> NeuronSpec:
        """Integer neuron."""
        return NeuronSpec.from_design(self.design)

    @cached_property
    def ranges(self) -> Ranges:
        """Ranges of a spike, a sum and a membrane."""
        return mask_ranges(self.design)

    @cached_property
    def stateless(self) -> bool:
        """Whether the neuron is an OR."""
        return is_or(self.spec, self.design.most, self.design.steps)

    @property
    def remembers(self) -> bool:
        """Whether a membrane other than zero passes from step to step."""
        return not self.stateless and self.design.steps > 1 and self.ranges.membrane != (0, 0)

    @property
    def format(self) -> NeuronFormat:
        """Layout of accumulator and membrane: saturating for a spike a cycle, where it may be."""
        saturating = False if self.design.attention == "qk-token" else None
        return NeuronFormat(self.spec, self.ranges, saturating)


def within(plan: MaskPlan, end: Value) -> Value:
    """Mark the lanes of a beat that are channels, when ``end`` tells of a token's last beat."""
    every, some = (1 << plan.lanes) - 1, (1 << plan.tail) - 1
    if every == some:
        return Const(every, plan.lanes)
    return Mux(end, Const(some, plan.lanes), Const(every, plan.lanes))
