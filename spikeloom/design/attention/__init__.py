"""Attention layers: their keys, the rules between these, and what they cost."""

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.attention.folding import Folding

__all__ = ["AttentionDesign", "Folding"]
