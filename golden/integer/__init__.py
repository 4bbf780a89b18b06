"""Attention on small integers: formula and model."""

from spikeloom.golden.integer.formula import attention, drive
from spikeloom.golden.integer.model import IntegerModel

__all__ = ["IntegerModel", "attention", "drive"]
