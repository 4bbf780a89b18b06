"""Projections."""

from spikeloom.hdl.projection.layer import ProjectionLayer

__all__ = ["ProjectionLayer"]
