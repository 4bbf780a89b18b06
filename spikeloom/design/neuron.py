"""What a design of any kind says about its neuron: its keys, and what is doubtful about them."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.read import DesignError
from spikeloom.design.ties import tie_warnings
from spikeloom.design.values import Decay, Number, Section, Tau

__all__ = [
    "FIRING",
    "LEAK",
    "FiringKeys",
    "NeuronKeys",
    "ScaledNeuronKeys",
    "grid",
    "leak_warnings",
    "neuron_warnings",
    "soft_warnings",
    "unused",
]

LEAK = ("tau", "decay", "decay_input")
"""Keys of a leak."""

FIRING = ("threshold", "fires", "reset")
"""Keys of firing."""


class FiringKeys(Section):
    """Keys of neurons but their threshold; a kind adds ``neuron``, its own way."""

    if TYPE_CHECKING:
        steps: int

    neuron: str
    tau: Tau = Field(
        default=Fraction(2),
        description="Time constant of the leaky neuron, exactly: V keeps 1 - 1/tau of itself in a "
        "step. Powers of two cost least.",
        json_schema_extra={"default": 2},
    )
    decay: Decay = Field(
        default=None,
        description="Instead of tau and decay_input, what V keeps: it becomes decay V + X.",
    )
    fires: Literal["at", "above"] = Field(
        default="at", description="Whether a neuron fires at its threshold, or above it only."
    )
    decay_input: bool = Field(
        default=True, description="SpikingJelly's switch: the input decays with the membrane."
    )
    reset: Literal["hard", "soft"] = Field(
        default="hard", description="After a spike: to zero, or less the threshold."
    )

    @model_validator(mode="after")
    def _check_decay(self) -> Self:
        for key in ("tau", "decay_input"):
            if self.decay is not None and key in self.model_fields_set:
                written = {"tau": str(self.tau), "decay_input": str(self.decay_input).lower()}[key]
                raise DesignError(key, written, "must not stand beside decay, which replaces it")
        return self

    @property
    def leak(self) -> Fraction:
        """What a membrane is multiplied by in a step: 1 without a leak."""
        if self.neuron != "lif":
            return Fraction(1)
        return 1 - 1 / self.tau if self.decay is None else self.decay

    @property
    def lift(self) -> Fraction:
        """What the threshold is multiplied by for a membrane in units of the drive."""
        decays = self.neuron == "lif" and self.decay_input and self.decay is None
        return self.tau if decays else Fraction(1)

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """Factors on the drive before the neuron: one a head, or one."""
        raise NotImplementedError

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """Thresholds in units of the integer drive, before they are put on a grid, likewise."""
        raise NotImplementedError


class NeuronKeys(FiringKeys):
    """Keys of a layer that ends in neurons of a threshold; a kind adds ``scale``, its own way."""

    threshold: Number = Field(default=Fraction(1, 2), description="Firing threshold.")


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


def neuron_warnings(design: FiringKeys, *, ties: bool = True) -> Iterator[str]:
    """Yield what is doubtful about a neuron, and keys that have no effect on it.

    ``ties``: whether scales and thresholds go in pairs, and drives can be told that meet one.
    """
    yield from unused(design, {"lif": (), "if": LEAK}.get(design.neuron, (*LEAK, *FIRING, "scale")))
    if design.neuron == "none":
        return
    yield from soft_warnings(design)
    if ties:
        yield from tie_warnings(design.scales, design.thresholds_exact, grid(design))
    yield from leak_warnings(design)


def unused(design: FiringKeys, keys: Iterable[str]) -> Iterator[str]:
    """Yield the keys that a design names, and its neuron has no use for."""
    for key in keys:
        if key in design.model_fields_set:
            yield f"{key}: has no effect with neuron {design.neuron}"


def soft_warnings(design: FiringKeys) -> Iterator[str]:
    """Yield where a soft reset cannot be exact."""
    rough = [real for real in design.thresholds_exact if real.denominator & real.denominator - 1]
    if design.reset == "soft" and rough:
        yield (
            f"reset: soft, with a threshold of {float(rough[0]):g} in units of the "
            "drive, which no binary fraction holds: the threshold is rounded up and spikes may "
            "differ from the real-valued neuron"
        )


def grid(design: FiringKeys) -> int:
    """Return what membranes are fractions of, in all steps of a run."""
    return int(design.leak.denominator ** (design.steps - 1))


def leak_warnings(design: FiringKeys) -> Iterator[str]:
    """Yield what a leak costs, and where a threshold is met by what no float holds.

    A membrane with a fraction that the next step divides again never becomes whole again: keep and
    divisor have no common factor. So floats meet a threshold exactly, where exact numbers do,
    unless the threshold itself has such a fraction.
    """
    leak = design.leak
    if leak == 1 or design.steps == 1:
        return
    key = "decay" if "decay" in design.model_fields_set else "tau"
    value = leak if key == "decay" else 1 / (1 - leak)
    bits = grid(design).bit_length() - 1
    binary = leak.denominator & leak.denominator - 1 == 0
    if leak.numerator > 1:
        more = "" if binary else " or more"
        yield f"{key}: {value} takes {bits} fraction bits{more} in the membrane to be exact"
    for real in design.thresholds_exact:
        below = real.denominator
        if below & below - 1 and grid(design) % below == 0:
            yield (
                f"{key}: {value} can bring a membrane to the threshold of {real} in units of the "
                "drive, which no float holds: code that rounds it may fall on either side"
            )
            return
