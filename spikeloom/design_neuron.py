"""What a design of any kind says about its neuron."""

from fractions import Fraction
from typing import Protocol

__all__ = ["NeuronDesign"]


class NeuronDesign(Protocol):
    """A layer with a neuron, whatever drives it."""

    @property
    def steps(self) -> int:
        """Time steps T, between which the membrane is kept."""

    @property
    def neuron(self) -> str:
        """``"lif"``, ``"if"`` or ``"none"``."""

    @property
    def tau(self) -> int:
        """Time constant of the leaky neuron, a power of two."""

    @property
    def reset(self) -> str:
        """``"hard"`` or ``"soft"``."""

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """Factors on the drive before the neuron: one a head."""

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """Thresholds in units of the integer drive, before they are put on a grid: one a head."""

    @property
    def model_fields_set(self) -> set[str]:
        """Keys that the design file names."""
