"""State-space layers."""

from spikeloom.hdl.state_space.layer import StateSpaceLayer

__all__ = ["StateSpaceLayer"]
