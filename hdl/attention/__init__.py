"""Attention layers, in score order, in state order, and with several spikes a cycle."""

from spikeloom.hdl.attention.layer import AttentionLayer

__all__ = ["AttentionLayer"]
