"""What a design of any kind says about its neuron: its keys, and what is doubtful about them."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Literal, Protocol

from pydantic import Field

from spikeloom.design.ties import tie_warnings
from spikeloom.design.values import Number, Section

__all__ = ["NeuronDesign", "NeuronKeys", "ScaledNeuronKeys", "neuron_warnings"]


class NeuronKeys(Section):
    """Keys of a layer that ends in neurons; a kind adds ``neuron`` and ``scale``, its own way."""

    neuron: str
    tau: Literal[2, 4, 8, 16, 32, 64] = Field(
        default=2, description="Time constant of the leaky neuron, a power of two."
    )
    threshold: Number = Field(
        default=Fraction(1, 2), description="Firing threshold; a neuron at it fires."
    )
    decay_input: bool = Field(
        default=True, description="SpikingJelly's switch: the input decays with the membrane."
    )
    reset: Literal["hard", "soft"] = Field(
        default="hard", description="After a spike: to zero, or less the threshold."
    )

    @property
    def lift(self) -> Fraction:
        """What the threshold is multiplied by for a membrane in units of the drive."""
        return Fraction(self.tau if self.neuron == "lif" and self.decay_input else 1)


class ScaledNeuronKeys(NeuronKeys):
    """Keys of a layer whose neurons have one scale."""

    scale: Number = Field(default=Fraction(1), description="Factor on the drive.")

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """The scale of all neurons."""
        return (self.scale,)

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of the integer drive, before it is put on a grid."""
        return self.threshold / self.scale * self.lift

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of all neurons."""
        return (self.threshold_exact,)


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


def neuron_warnings(design: NeuronDesign) -> Iterator[str]:
    """Yield what is doubtful about a neuron, and keys that have no effect on it."""
    unused = {"lif": (), "if": ("tau", "decay_input")}.get(
        design.neuron, ("tau", "decay_input", "threshold", "scale", "reset")
    )
    for key in unused:
        if key in design.model_fields_set:
            yield f"{key}: has no effect with neuron {design.neuron}"
    if design.neuron == "none":
        return
    rough = [real for real in design.thresholds_exact if real.denominator & real.denominator - 1]
    if design.reset == "soft" and rough:
        yield (
            f"reset: soft, with a threshold of {float(rough[0]):g} in units of the "
            "drive, which no binary fraction holds: the threshold is rounded up and spikes may "
            "differ from the real-valued neuron"
        )
    bits = (design.tau.bit_length() - 1) * (design.steps - 1) if design.neuron == "lif" else 0
    yield from tie_warnings(design.scales, design.thresholds_exact, bits)
    if design.neuron == "lif" and design.tau > 2 and design.steps > 1:
        yield f"tau: {design.tau} takes {bits} fraction bits in the membrane to be exact"
