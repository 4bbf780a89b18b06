"""Position encodings, as formulas, and what those of a layer do together."""

from spikeloom.golden.position.part import PositionModel, bias, channels, permute, windows

__all__ = ["PositionModel", "bias", "channels", "permute", "windows"]
