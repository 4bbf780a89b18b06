"""A published model and its integers on the same samples."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.read import DesignError
from spikeloom.golden.network.formula import Trace, trace
from spikeloom.importing.forward import Passed, forward
from spikeloom.importing.imported import Part
from spikeloom.importing.model import PublishedModel
from spikeloom.importing.report import Difference, Metric

__all__ = ["Comparison", "Sample", "draw", "numbers_of", "real_pass", "whole_pass"]

_Array = NDArray[Any]

_DRAWN: Final = 2
"""Samples that are drawn where there are no data."""


@dataclass(frozen=True)
class Sample:
    """What all stages give for one sample in float: inputs and layers."""

    inputs: tuple[_Array, ...]
    passed: tuple[Passed, ...]


def draw(shape: Sequence[int]) -> _Array:
    """Return drawn samples: numbers of mean 0 and deviation 1, as data are normalised."""
    return np.random.default_rng(0).normal(size=(_DRAWN, *shape)).astype(np.float32)


def real_pass(model: PublishedModel, sample: _Array) -> Sample:
    """Return what every stage of a model gives for a sample, in float32."""
    inputs, passed = [], []
    given = sample
    for stage in model.stages:
        inputs.append(stage.host.run(given))
        passed.append(forward(stage, inputs[-1]))
        given = passed[-1].layers[f"blocks.{len(stage.blocks) - 1}.out"]
    return Sample(tuple(inputs), tuple(passed))


def whole_pass(
    parts: Sequence[Part], designs: Sequence[NetworkDesign], sample: _Array
) -> tuple[Trace, ...]:
    """Return what the golden networks give for a sample, one after the other."""
    found = []
    given = sample
    for part, design in zip(parts, designs, strict=True):
        x = np.rint(part.host.run(given)).astype(np.int64)
        found.append(trace(design, x))
        given = found[-1].spikes[f"blocks.{design.depth - 1}.out"]
    return tuple(found)


def numbers_of(part: Part, found: Trace) -> _Array:
    """Return the numbers of a read-out as the published model has them."""
    last = list(found.spikes.values())[-1]
    steps, tokens = last.shape[:2]
    if part.design["readout"].get("steps") == "last":
        steps = 1
    numbers: _Array = found.logits * (part.scale / (steps * tokens))
    return numbers


class Comparison:
    """Spikes that differ and numbers, gathered sample by sample: samples are not kept.

    Parameters
    ----------
    parts : sequence of Part
    """

    def __init__(self, parts: Sequence[Part]):
        self._parts = parts
        self._differ: dict[str, int] = {}
        self._places: dict[str, int] = {}
        self._numbers: list[tuple[_Array, _Array]] = []
        self.count = 0

    def add(self, real: Sample, whole: Sequence[Trace]) -> None:
        """Compare what a sample gives in float and in integers."""
        for n, part in enumerate(self._parts):
            prefix = f"{part.name}." if len(self._parts) > 1 else ""
            for name, spikes in whole[n].spikes.items():
                # Membranes in integers have units of their own.
                if spikes.dtype.kind == "i":
                    continue
                differ = int((spikes != real.passed[n].layers[name]).sum())
                key = f"{prefix}{name}"
                self._differ[key] = self._differ.get(key, 0) + differ
                self._places[key] = self._places.get(key, 0) + spikes.size
        self._numbers.append((real.passed[-1].numbers, numbers_of(self._parts[-1], whole[-1])))
        self.count += 1

    @property
    def differences(self) -> tuple[Difference, ...]:
        """The spikes that differ, layer by layer, over all samples."""
        return tuple(
            Difference(name, differ, self._places[name]) for name, differ in self._differ.items()
        )

    def metric(self, labels: _Array) -> Metric:
        """Return how well labels are met: classes (samples,), or numbers (samples, outputs).

        Raises :exc:`DesignError` for labels that are neither.
        """
        floats, integers = (np.stack(own) for own in zip(*self._numbers, strict=True))
        outputs = floats.shape[1]
        if labels.ndim == 1 and labels.dtype.kind in "iu":
            if not (0 <= labels.min() and labels.max() < outputs):
                found = f"{int(labels.min())} to {int(labels.max())}"
                raise DesignError("labels", found, f"must be classes from 0 to {outputs - 1}")
            hits = [float((one.argmax(axis=1) == labels).mean()) for one in (floats, integers)]
            return Metric("accuracy", *hits)
        target = labels.reshape(len(labels), -1)
        if target.shape[1] != outputs:
            allowed = f"must be one class, or {outputs} numbers, for each sample"
            raise DesignError("labels", f"{target.shape[1]} numbers for each sample", allowed)
        around = float(((target - target.mean(axis=0)) ** 2).sum()) or 1.0
        errors = [float(1 - ((one - target) ** 2).sum() / around) for one in (floats, integers)]
        return Metric("R2", *errors)
