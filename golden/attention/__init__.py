"""The attention layer: formula, model and order of beats."""

from spikeloom.golden.attention.formula import attention, drive
from spikeloom.golden.attention.model import AttentionModel

__all__ = ["AttentionModel", "attention", "drive"]
