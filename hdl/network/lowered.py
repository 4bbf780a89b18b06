"""A network as layers of the engine, and what they take: bits of numbers, and words of a pass."""

from functools import cached_property

from spikeloom.hdl.network.geometry import Geometry
from spikeloom.hdl.network.layers import Layer, lower
from spikeloom.hdl.network.widths import Widths, widths
from spikeloom.hdl.network.words import Sections

__all__ = ["Lowered"]


class Lowered(Geometry):
    """What the engine computes.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    """

    @cached_property
    def layers(self) -> tuple[Layer | None, ...]:
        """Layers in the order in which they are computed; None is the attention layer."""
        return lower(self)

    @cached_property
    def widths(self) -> Widths:
        """Bits of sums, biases, thresholds and membranes."""
        return widths(self.design, self.layers, self.planes)

    @cached_property
    def sections(self) -> Sections:
        """Words of a pass: as wide as there are lanes, so that few cycles read them."""
        bits = self.widths.bias + self.widths.threshold
        return Sections(self.lanes, self.planes * self.lanes, bits)
