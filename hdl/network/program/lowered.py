"""A network as layers of the engine, and what they take: bits of numbers, words of a program."""

from functools import cached_property

from spikeloom.hdl.network.geometry import Geometry
from spikeloom.hdl.network.program.assemble import Program, Run, assemble, layout_of, runs
from spikeloom.hdl.network.program.layers import Layer, lower
from spikeloom.hdl.network.program.widths import Widths, widths
from spikeloom.hdl.network.program.words import Sections

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
    def runs(self) -> tuple[Run, ...]:
        """Passes of these layers, as they stand behind the headers of the program."""
        return tuple(runs(self, self.layers))

    @cached_property
    def widths(self) -> Widths:
        """Bits of sums, biases, thresholds and membranes."""
        return widths(self.design, self.layers, self.runs)

    @cached_property
    def sections(self) -> Sections:
        """Words of a program: as wide as there are lanes, so that few cycles read them."""
        bits = self.widths.bias + self.widths.threshold
        layout = layout_of(self.runs, self.depth)
        return Sections(self.lanes, layout, self.planes * self.lanes, bits)

    @cached_property
    def program(self) -> Program:
        """What the engine does, as words of its memory."""
        return self.assembled(self.runs)

    def assembled(self, given: tuple[Run, ...]) -> Program:
        """Write a program for the hardware of this network."""
        bits = (self.widths.bias, self.widths.threshold)
        return assemble(given, self.sections, planes=self.planes, bits=bits)
