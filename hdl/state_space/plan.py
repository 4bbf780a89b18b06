"""Geometry of a state-space layer: its numbers, the cycles of its phases, and its memories."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.utils import ceil_log2

from spikeloom.design.state_space.design import StateSpaceDesign
from spikeloom.design.state_space.fixed import Fixed, Spans, fixed, spans, width
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import LayerPlan

__all__ = ["StateSpacePlan"]

_LEAST_PLACES = 12


@dataclass(frozen=True)
class StateSpacePlan(LayerPlan):
    """Everything about a layer's structure that follows from its design file by counting.

    Parameters
    ----------
    design : StateSpaceDesign
        The layer.
    """

    design: StateSpaceDesign

    @property
    def fixed(self) -> Fixed:
        """Constants as integers."""
        return fixed(self.design)

    @property
    def spans(self) -> Spans:
        """How far each number goes."""
        return spans(self.design)

    @property
    def state_bits(self) -> int:
        """Bits of a state."""
        return width(*self.spans.h)

    @property
    def serial(self) -> bool:
        """Whether coefficients are taken a bit a cycle, highest first."""
        return self.design.multiplier != "dsp"

    @property
    def latency(self) -> int:
        """Cycles from a coefficient to the sum that holds its product, or its bit."""
        if self.serial:
            return 3
        return 5 if self.state_bits > 16 else 4

    @property
    def falls(self) -> list[int]:
        """What A h differs from h by, as a coefficient."""
        return [int(a) - (1 << self.design.a_fraction_bits) for a in self.fixed.a]

    @property
    def planes(self) -> int:
        """Bits of a coefficient of A, taken one a cycle; 0 for a multiplier that takes all."""
        return self.memory("a").width if self.serial else 0

    @property
    def places(self) -> int:
        """Cycles that a pass over the states takes; those beyond the states do nothing.

        Those at the end of a pass must not meet the next.
        """
        return max(self.design.state, _LEAST_PLACES)

    @property
    def decay(self) -> int:
        """Cycles that a state takes to decay, of which the last one writes it."""
        return self.planes + self.latency + 4

    @property
    def row(self) -> int:
        """Cycles that a row of C takes."""
        return self.places * self.design.c_bits + 1 if self.serial else self.places

    @property
    def wait(self) -> int:
        """Cycles from the end of a row until its sum is there."""
        return self.latency + 2

    @property
    def tail(self) -> int:
        """Cycles from the last coefficient of a row until its channel is done."""
        return self.wait + 3

    @cached_property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of states and membranes, and tables of the three matrices."""
        design = self.design
        depth, channels = 1 << ceil_log2(design.state), 1 << ceil_log2(design.dim)
        kept = [MemoryShape("h", self.state_bits, depth)]
        if design.output != "y":
            kept.append(MemoryShape("v", width(*self.spans.v), channels))
        return (
            *kept,
            MemoryShape("a", width(min(self.falls), 0), depth, rom=True),
            MemoryShape("b", design.b_bits, depth * channels, rom=True),
            MemoryShape("c", design.c_bits, depth * channels, rom=True),
        )
