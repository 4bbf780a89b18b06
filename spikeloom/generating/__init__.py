"""Generated files: the Verilog of a layer, its description, and a kit to integrate it with."""

from spikeloom.generating.description import describe
from spikeloom.generating.files import generate

__all__ = ["describe", "generate"]
