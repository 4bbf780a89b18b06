"""Whole networks: their layers, the integers that they were trained to, and how they are folded."""

from spikeloom.design.network.design import NetworkDesign

__all__ = ["NetworkDesign"]
