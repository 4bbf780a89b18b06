"""Projections: an integer linear layer and its neurons, with CPG-PE at its input."""

from fractions import Fraction
from typing import Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.neuron import ScaledNeuronKeys, neuron_warnings
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import SequenceKeys
from spikeloom.design.values import FromFile, Number, Rows, Section
from spikeloom.design.words import Words

__all__ = ["Bias", "Cpg", "ProjectionDesign", "Thresholds", "Weights"]

_CPG_ROWS = 50_000
_CPG_LINEAR_ROWS = 5_000


class Cpg(Section):
    """Spikes of a table of positions, by t*L+l, stand beside the input or add to it."""

    mode: Literal["none", "concat", "add"] = Field(
        default="none",
        description="concat: as further inputs behind the others; add: to the inputs, one neuron "
        "for each.",
    )
    table: Literal["cpg-pe", "sinusoid"] = Field(
        default="cpg-pe",
        description="cpg-pe: pattern generators of NeurIPS 2024; sinusoid: those of SC-NeuroCore.",
    )
    neurons: int | None = Field(
        default=None, ge=1, le=1024, description="Neurons (concat). Default: 10."
    )
    w_max: int = Field(
        default=10_000, ge=2, le=10**9, description="Longest period over the shortest."
    )


class Weights(FromFile):
    """Weights of the projection."""

    bits: int = Field(
        default=8, ge=2, le=8, description="Width of a weight; weights are signed integers."
    )
    file: str | None = Field(default=None, description="NumPy file of integers, dim x inputs.")
    values: Rows = Field(default=None, description="One list of integers an output channel.")


class Bias(FromFile):
    """Bias of each output channel, in units of the weights."""

    file: str | None = Field(default=None, description="NumPy file of dim integers.")
    values: Rows = Field(default=None, description="One integer an output channel.")


class Thresholds(FromFile):
    """Integer threshold of each output channel, instead of threshold and scale.

    In units of the drive: tau theta / s for a threshold theta and a scale of s, and theta / s where
    the input does not decay.
    """

    file: str | None = Field(default=None, description="NumPy file of dim positive integers.")
    values: Rows = Field(default=None, description="One positive integer an output channel.")


class ProjectionDesign(ScaledNeuronKeys, SequenceKeys, Design):
    """A projection: integers W x + b of every token, and neurons behind them.

    >>> ProjectionDesign.from_dict(
    ...     {"tokens": 2, "inputs": 3, "dim": 1, "steps": 4, "weights": {"values": [[1, 2]]}}
    ... )
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: weights.values: 1 x 2 integers: must hold dim x inputs (1 x \
3) integers
    """

    kind: Literal["projection"] = Field(
        default="projection", description="What the file describes."
    )
    inputs: int = Field(ge=1, le=4096, description="C, input channels, without those of CPG-PE.")
    dim: int = Field(ge=1, le=4096, description="D, output channels.")
    levels: int = Field(
        default=1, ge=1, le=15, description="Greatest input: 1 for spikes, more behind residuals."
    )
    neuron: Literal["lif", "if", "none"] = Field(
        default="lif", description="The neuron behind the projection; none gives integers."
    )
    threshold: Number = Field(default=Fraction(1), description="Firing threshold.")
    scale: Number = Field(
        default=Fraction(1), description="Factor on the drive before the neuron: what an integer "
        "of the weights is worth.",
    )  # fmt: skip
    lanes: int | None = Field(
        default=None,
        ge=1,
        le=64,
        description="Output channels in parallel, a divisor of the beat. Default: the beat, and "
        "8 at most.",
    )
    weights: Weights = Field(default=Weights(), description="The weights.")
    bias: Bias = Field(default=Bias(), description="The biases.")
    thresholds: Thresholds = Field(default=Thresholds(), description="Integer thresholds.")
    cpg: Cpg = Field(default=Cpg(), description="CPG-PE.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        _check_cpg(self)
        _check_weights(self)
        _check_vectors(self)
        if self.target.beat % self.channels_at_once:
            allowed = f"must be a divisor of the beat ({self.target.beat})"
            raise DesignError("lanes", show(self.lanes), allowed)
        return self

    @property
    def cpg_neurons(self) -> int:
        """Neurons of CPG-PE; 0 without it."""
        if self.cpg.mode == "none":
            return 0
        return self.inputs if self.cpg.mode == "add" else self.cpg.neurons or 10

    @property
    def fan_in(self) -> int:
        """Weights of an output channel: the inputs, and what CPG-PE puts beside them."""
        return self.inputs + (self.cpg_neurons if self.cpg.mode == "concat" else 0)

    @property
    def channels_at_once(self) -> int:
        """Output channels in parallel."""
        return min(8, self.target.beat) if self.lanes is None else self.lanes

    @property
    def weight_rows(self) -> tuple[tuple[int, ...], ...]:
        """Weights, one row an output channel."""
        return self.weights.values or ()

    @property
    def biases(self) -> tuple[int, ...]:
        """Bias of each output channel."""
        return self.bias.values[0] if self.bias.values else (0,) * self.dim

    @property
    def channel_thresholds(self) -> tuple[int, ...] | None:
        """Integer threshold of each output channel, where the design gives them."""
        return self.thresholds.values[0] if self.thresholds.values else None

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of all channels, or the integer grid of their own."""
        return (self.threshold_exact if self.channel_thresholds is None else Fraction(1),)

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        mode = self.cpg.mode
        beside = f" and {self.cpg_neurons} of CPG-PE" if mode == "concat" else ""
        added = ", CPG-PE added" if mode == "add" else ""
        inputs = f"{self.tokens} tokens, {self.inputs} inputs{beside}"
        weights = f"weights of {self.weights.bits} bits, neuron {self.neuron}"
        return (
            ("layer", f"{inputs} to {self.dim} outputs, {self.steps} time steps"),
            ("mechanisms", f"inputs 0 to {self.levels}{added}, {weights}"),
            ("folding", f"lanes {self.channels_at_once}"),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant."""
        return _warn(self)


def _check_cpg(design: ProjectionDesign) -> None:
    cpg = design.cpg
    if cpg.mode == "none":
        for key in ("table", "neurons", "w_max"):
            if key in cpg.model_fields_set:
                allowed = "has a meaning with cpg.mode concat or add only"
                raise DesignError(f"cpg.{key}", show(getattr(cpg, key)), allowed)
        return
    if cpg.table == "sinusoid" and "w_max" in cpg.model_fields_set:
        allowed = "has a meaning with cpg.table cpg-pe only"
        raise DesignError("cpg.w_max", show(cpg.w_max), allowed)
    if cpg.mode == "add" and cpg.neurons not in (None, design.inputs):
        allowed = f"must be inputs ({design.inputs}) with cpg.mode add, or be left out"
        raise DesignError("cpg.neurons", show(cpg.neurons), allowed)
    rows = design.steps * design.tokens
    if rows > _CPG_ROWS:
        allowed = f"must be at most {_CPG_ROWS} with cpg, the rows of the published table"
        raise DesignError("tokens", f"{rows} positions (steps x tokens)", allowed)


def _check_weights(design: ProjectionDesign) -> None:
    weights = design.weights
    if weights.values is None:
        raise DesignError("weights", "", "missing: needs weights.file or weights.values")
    key = "weights.values" if weights.file is None else "weights.file"
    widths = {len(row) for row in weights.values}
    if len(weights.values) != design.dim or widths != {design.fan_in}:
        name = "inputs + cpg.neurons" if design.fan_in > design.inputs else "inputs"
        allowed = f"must hold dim x {name} ({design.dim} x {design.fan_in}) integers"
        found = f"{len(weights.values)} x {min(widths)} integers"
        raise DesignError(key, found, allowed)
    low, high = -(1 << weights.bits - 1), (1 << weights.bits - 1) - 1
    for row in weights.values:
        for entry in (min(row), max(row)):
            if not low <= entry <= high:
                allowed = f"must be an integer from {low} to {high} (weights.bits = {weights.bits})"
                raise DesignError(key, show(entry), allowed)


def _check_vectors(design: ProjectionDesign) -> None:
    for name in ("bias", "thresholds"):
        section: Bias | Thresholds = getattr(design, name)
        rows = section.values
        if rows is None:
            if name in design.model_fields_set and section.model_fields_set:
                raise DesignError(name, "", f"missing: needs {name}.file or {name}.values")
            continue
        key = f"{name}.values" if section.file is None else f"{name}.file"
        if len(rows) != 1 or len(rows[0]) != design.dim:
            found = f"{len(rows)} x {len(rows[0])} integers"
            raise DesignError(key, found, f"must hold dim ({design.dim}) integers")
    given = design.channel_thresholds
    if given is None:
        return
    if min(given) < 1:
        raise DesignError("thresholds", show(min(given)), "must be positive integers")
    for key in ("threshold", "scale", "decay_input"):
        if key in design.model_fields_set:
            allowed = "must not stand beside thresholds, which replace it"
            raise DesignError(key, show(str(getattr(design, key))), allowed)
    if design.neuron == "none":
        raise DesignError("thresholds", "", "have a meaning with neuron lif and if only")


def _warn(design: ProjectionDesign) -> tuple[str, ...]:
    found = list(neuron_warnings(design))
    rows = design.steps * design.tokens
    published = design.cpg.mode != "none" and design.cpg.table == "cpg-pe"
    if published and rows > _CPG_LINEAR_ROWS:
        found.append(
            f"cpg: {rows} positions (steps x tokens) are more than the {_CPG_LINEAR_ROWS} rows of "
            "the published CPGLinear; NeuronPE has them"
        )
    return tuple(found)
