"""Attention on small integers."""

from spikeloom.hdl.integer.layer import IntegerLayer

__all__ = ["IntegerLayer"]
