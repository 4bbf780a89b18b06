"""Mask attentions."""

from spikeloom.hdl.mask.layer import MaskLayer

__all__ = ["MaskLayer"]
