"""State-space layers: what they compute, in which formats, and how wide every number gets."""

from fractions import Fraction
from typing import Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.read import DesignError, show
from spikeloom.design.state_space.fixed import check_formats, fixed, h_fraction
from spikeloom.design.state_space.matrices import MatricesKey
from spikeloom.design.values import Number
from spikeloom.design.words import Words

__all__ = ["StateSpaceDesign"]


class StateSpaceDesign(Design):
    """A spiking state-space layer: a state that every token changes, and spikes of it.

    Immutable; made by ``load_design`` or :meth:`from_dict`. Every field is a key of the design
    file, see its JSON Schema for ranges. The properties are what follows from the fields; nothing
    else in Spikeloom derives them again.

    >>> layer = {"kind": "state-space", "steps": 4, "dim": 2, "state": 1}
    >>> matrices = {"A": [0.75], "B": [[0.5, -1.0]], "C": [[1.0], [0.25]]}
    >>> design = StateSpaceDesign.from_dict({**layer, "matrices": matrices})
    >>> design.a_fraction_bits, design.b_fraction_bits, design.h_fraction_bits
    (16, 6, 10)
    >>> StateSpaceDesign.from_dict({**layer, "state": 2, "matrices": matrices})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: matrices: A of shape (1,): must be of shape (state) = (2,)
    """

    kind: Literal["state-space"] = Field(
        default="state-space", description="What the file describes."
    )
    steps: int = Field(ge=1, le=4096, description="T, the tokens of a sequence, one a step.")
    dim: int = Field(ge=1, le=1024, description="D, the channels of input and output.")
    state: int = Field(default=64, ge=1, le=1024, description="S, the states.")
    matrices: MatricesKey
    input_bits: Literal[1, 2, 4, 8] = Field(
        default=1, description="Bits of an input: 1 for spikes, more for unsigned integers."
    )
    output: Literal["spikes", "y"] = Field(
        default="spikes", description="Spikes of the integrate-and-fire gate, or y before it."
    )
    threshold: Number = Field(
        default=Fraction(1), description="Firing threshold; a membrane at it fires and loses it."
    )
    a_fraction: int | None = Field(
        default=None,
        ge=1,
        le=24,
        description="Fraction bits of A. Default: as many as 15 bits hold of the greatest 1 - A.",
    )
    b_bits: int = Field(default=8, ge=2, le=16, description="Bits of an entry of B, with sign.")
    b_fraction: int | None = Field(
        default=None,
        ge=0,
        le=24,
        description="Fraction bits of B. Default: as many as its greatest entry leaves.",
    )
    c_bits: int = Field(default=8, ge=2, le=16, description="Bits of an entry of C, with sign.")
    c_fraction: int | None = Field(
        default=None,
        ge=0,
        le=24,
        description="Fraction bits of C. Default: as many as its greatest entry leaves.",
    )
    h_fraction: int | None = Field(
        default=None,
        ge=0,
        le=30,
        description="Fraction bits of the state. Default: those of B and 4 more, or as many as 31 "
        "bits leave.",
    )
    y_fraction: int = Field(
        default=8, ge=0, le=24, description="Fraction bits of y, the threshold and the membrane."
    )
    multiplier: Literal["dsp", "shift-add"] = Field(
        default="dsp", description="Hard multipliers, or a bit of a coefficient a cycle in cells."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        given = self.matrices
        for name, axes, shape in (
            ("a", "(state)", (self.state,)),
            ("b", "(state, dim)", (self.state, self.dim)),
            ("c", "(dim, state)", (self.dim, self.state)),
        ):
            found = given.real(name).shape
            if found != shape:
                value = f"{name.upper()} of shape {found}"
                raise DesignError("matrices", value, f"must be of shape {axes} = {shape}")
        if self.multiplier == "dsp" and not self.target.device.startswith("up5k"):
            allowed = f"must be 'shift-add': {self.target.device} has no multipliers"
            raise DesignError("multiplier", show(self.multiplier), allowed)
        if given.is_integer("a") and self.a_fraction is None:
            raise DesignError("a_fraction", "", "missing: A holds integers, in units of 2^-it")
        check_formats(self)
        return self

    @property
    def a_fraction_bits(self) -> int:
        """Fraction bits of A."""
        if self.a_fraction is not None:
            return self.a_fraction
        most = float((1 - self.matrices.real("a")).max())
        limit = (1 << 15) - 1
        return next((f for f in range(24, 1, -1) if most * 2.0**f <= limit), 1)

    @property
    def b_fraction_bits(self) -> int:
        """Fraction bits of B."""
        return self._fraction("b", self.b_fraction, self.b_bits)

    @property
    def c_fraction_bits(self) -> int:
        """Fraction bits of C."""
        return self._fraction("c", self.c_fraction, self.c_bits)

    @property
    def h_fraction_bits(self) -> int:
        """Fraction bits of the state."""
        if self.h_fraction is not None:
            return self.h_fraction
        return h_fraction(self)

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of y."""
        return self.threshold * (1 << self.y_fraction)

    @property
    def beats_in(self) -> int:
        """Beats of a token in."""
        return -(-self.dim * self.input_bits // self.beat)

    @property
    def infers_dsp(self) -> bool:
        """Say if synthesis is to make hard multipliers of products."""
        return self.multiplier == "dsp" and self.target.cells == "portable"

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        shape = f"{self.dim} dims, {self.state} states, {self.steps} tokens, one a time step"
        how = f"state-space, output {self.output}, multiplier {self.multiplier}"
        return ("layer", shape), ("mechanisms", how)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        found = []
        if self.output == "spikes" and self.threshold_exact.denominator != 1:
            found.append(
                f"threshold: {float(self.threshold):g} is rounded up to "
                f"{fixed(self).threshold}/2^{self.y_fraction} (y_fraction)"
            )
        if self.output == "y" and "threshold" in self.model_fields_set:
            found.append("threshold: has no effect with output y")
        return tuple(found)

    def _fraction(self, name: str, given: int | None, width: int) -> int:
        if given is not None:
            return given
        if self.matrices.is_integer(name):
            return 0
        most = float(abs(self.matrices.real(name)).max())
        limit = (1 << width - 1) - 1
        return next((f for f in range(24, 0, -1) if most * 2.0**f <= limit), 0)
