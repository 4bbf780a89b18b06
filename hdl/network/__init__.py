"""Whole networks: one engine for all linear layers, with an attention layer beside it."""

from spikeloom.hdl.network.layer import NetworkLayer

__all__ = ["NetworkLayer"]
