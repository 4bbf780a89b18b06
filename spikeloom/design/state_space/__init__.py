"""State-space layers: their keys, matrices and formats."""

from spikeloom.design.state_space.design import StateSpaceDesign

__all__ = ["StateSpaceDesign"]
