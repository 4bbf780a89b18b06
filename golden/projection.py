"""Projections: integer linear layers with their neurons, and CPG-PE at their input."""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.projection import ProjectionDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.packing import planes
from spikeloom.golden.position import sinusoid
from spikeloom.golden.position.cpg import codes
from spikeloom.golden.ranges import bits, membrane_range

__all__ = [
    "ProjectionModel",
    "ProjectionRanges",
    "coded",
    "drive",
    "neurons",
    "projection",
    "spans",
]

_AXES = "(T, N, C)"


def coded(design: ProjectionDesign, x: ArrayLike) -> NDArray[np.int64]:
    """Return what the weights see of ``x`` (T, N, C): with the spikes of position t*N + n."""
    values = np.asarray(x, dtype=np.int64)
    if design.cpg.mode == "none":
        return values
    count = design.cpg_neurons
    positions = design.steps * design.tokens
    if design.cpg.table == "sinusoid":
        table = sinusoid.spikes(positions, count)
    else:
        table = codes(positions, count, design.cpg.w_max)
    spikes = table.astype(np.int64).reshape(design.steps, design.tokens, count)
    if design.cpg.mode == "add":
        return values + spikes
    return np.concatenate([values, spikes], axis=-1)


def drive(design: ProjectionDesign, x: ArrayLike) -> NDArray[np.int64]:
    """Return W x + b of every token, (T, N, D), for integers ``x`` of shape (T, N, C)."""
    weights = np.array(design.weight_rows, dtype=np.int64)
    return coded(design, x) @ weights.T + np.array(design.biases, dtype=np.int64)


@lru_cache(maxsize=16)
def neurons(design: ProjectionDesign) -> tuple[NeuronSpec, ...]:
    """Return the integer neuron of each output channel; all but their thresholds are alike."""
    given = design.channel_thresholds
    if given is None:
        return (NeuronSpec.from_design(design),) * design.dim
    unit = NeuronSpec.from_design(design)
    return tuple(unit.at(Fraction(value), design.steps, unit.fraction) for value in given)


def projection(design: ProjectionDesign, x: ArrayLike) -> NDArray[Any]:
    """Return the spikes (uint8), or without a neuron the drive, of shape (T, N, D).

    Parameters
    ----------
    design : ProjectionDesign
        The projection.
    x : array_like
        Integers from 0 to ``levels``, of shape (T, N, C).
    """
    sums = drive(design, x)
    if design.neuron == "none":
        return sums
    return np.stack(
        [neuron.run(sums[..., channel]) for channel, neuron in enumerate(neurons(design))], axis=-1
    )


@dataclass(frozen=True)
class ProjectionRanges:
    """Least and greatest value of the numbers of each output channel.

    Parameters
    ----------
    drive : tuple of (int, int)
        W x + b.
    membrane : tuple of (int, int)
        Membrane between steps; (0, 0) without a neuron.
    """

    drive: tuple[tuple[int, int], ...]
    membrane: tuple[tuple[int, int], ...]

    @property
    def drives(self) -> tuple[int, int]:
        """Range of the drives of all channels."""
        return min(low for low, _ in self.drive), max(high for _, high in self.drive)

    @property
    def membranes(self) -> tuple[int, int]:
        """Range of the membranes of all channels."""
        return min(low for low, _ in self.membrane), max(high for _, high in self.membrane)


@lru_cache(maxsize=16)
def spans(design: ProjectionDesign) -> ProjectionRanges:
    """Return the ranges of a projection: of the drive both ends, as if CPG-PE spiked at will."""
    most = np.full(design.fan_in, design.levels, dtype=np.int64)
    if design.cpg.mode == "add":
        most += 1
    most[design.inputs :] = 1
    weights = np.array(design.weight_rows, dtype=np.int64)
    low = np.minimum(weights, 0) @ most + np.array(design.biases, dtype=np.int64)
    high = np.maximum(weights, 0) @ most + np.array(design.biases, dtype=np.int64)
    drives = tuple((int(a), int(b)) for a, b in zip(low, high, strict=True))
    if design.neuron == "none":
        return ProjectionRanges(drives, ((0, 0),) * design.dim)
    membranes = tuple(
        membrane_range(neuron, span, design.steps)
        for neuron, span in zip(neurons(design), drives, strict=True)
    )
    return ProjectionRanges(drives, membranes)


class ProjectionModel(Model[ProjectionDesign]):
    """Array x in, spikes or the drive out.

    In: token by token, bit planes as :mod:`spikeloom.golden.packing` has them. Out: token by token,
    spikes in groups of a beat; without a neuron, channel by channel, a two's complement number in
    whole beats, the low one first.

    Parameters
    ----------
    design : ProjectionDesign
        The projection.
    """

    @property
    def _tokens(self) -> int:
        return self._design.steps * self._design.tokens

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The array x."""
        design = self._design
        shape = (design.steps, design.tokens, design.inputs)
        return (ArraySpec("x", _AXES, shape, high=design.levels),)

    @property
    def output(self) -> ArraySpec:
        """Spikes, or without a neuron the drive."""
        design = self._design
        shape = (design.steps, design.tokens, design.dim)
        if design.neuron != "none":
            return ArraySpec("spikes", "(T, N, D)", shape)
        low, high = spans(design).drives
        # An answer file holds a drive as int32 even where it has no sign.
        return ArraySpec("drive", "(T, N, D)", shape, min(low, -1), high)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes or drive."""
        x = self.inputs[0].check(arrays["x"])
        return projection(self._design, x).astype(self.output.dtype)

    def _part(
        self, spec: ArraySpec, order: tuple[str, ...], width: int, signed: bool = False
    ) -> Part:
        axes = dict(zip(("step", "token", "channel"), spec.shape, strict=True))
        return Part(spec, axes, "channel", order, width, self._design.beat, signed=signed)

    @property
    def stream_in(self) -> Stream:
        """Bit planes of x, token by token."""
        part = self._part(self.inputs[0], ("beat", "bit"), planes(self._design.levels))
        return Stream(Loop(("step", "token"), (part,)))

    @property
    def stream_out(self) -> Stream:
        """Spikes, or numbers in whole beats, token by token."""
        if self._design.neuron != "none":
            part = self._part(self.output, ("beat",), 1)
        else:
            part = self._part(self.output, ("channel", "beat"), *bits(*spans(self._design).drives))
        return Stream(Loop(("step", "token"), (part,)))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design, spec = self._design, self.output
        spikes = "channel c at bit c % width of beat c // width"
        numbers = "channel by channel, two's complement, low beat first"
        return {
            "beats": self.describe_beats(
                "for each step: for each token: the sections of that token",
                {
                    "sections": [
                        {
                            "name": "x",
                            "beats": self.beats_in // self._tokens,
                            "order": "for each group of width channels: its bit planes, low bit "
                            "first; channel c at bit c % width of group c // width",
                            "planes": planes(design.levels),
                        }
                    ]
                },
                {
                    "sections": [
                        {
                            "name": spec.name,
                            "beats": self.beats_out // self._tokens,
                            "order": numbers if design.neuron == "none" else spikes,
                        }
                    ]
                },
            ),
            "numbers": {
                name: dict(
                    zip(("low", "high", "bits", "signed"), (*span, *bits(*span)), strict=True)
                )
                for name, span in (
                    ("drive", spans(design).drives),
                    ("membrane", spans(design).membranes),
                )
            },
        }
