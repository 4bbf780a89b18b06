"""A published model and its integers on the same samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.network.formula import Trace, trace
from spikeloom.importing.forward import Passed, forward
from spikeloom.importing.imported import Part
from spikeloom.importing.model import PublishedModel
from spikeloom.importing.report import Difference, Metric

__all__ = ["Sample", "differences", "draw", "metric_of", "real_pass", "whole_pass"]

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
        if part.unit is not None:
            given = given * part.unit
    return tuple(found)


def differences(
    parts: Sequence[Part], real: Sequence[Sample], whole: Sequence[tuple[Trace, ...]]
) -> tuple[Difference, ...]:
    """Count the spikes that differ, layer by layer, over all samples."""
    found = []
    for n, part in enumerate(parts):
        prefix = f"{part.name}." if len(parts) > 1 else ""
        for name, first in whole[0][n].spikes.items():
            if first.dtype.kind == "i":
                continue
            pairs = [
                (one[n].spikes[name], other.passed[n].layers[name])
                for one, other in zip(whole, real, strict=True)
            ]
            differ = sum(int((a != b).sum()) for a, b in pairs)
            found.append(Difference(f"{prefix}{name}", differ, sum(a.size for a, _ in pairs)))
    return tuple(found)


def numbers_of(part: Part, found: Trace) -> _Array:
    """Return the numbers of a read-out as the published model has them."""
    last = list(found.spikes.values())[-1]
    steps, tokens = last.shape[:2]
    numbers: _Array = found.logits * (part.scale / (steps * tokens))
    return numbers


def metric_of(
    labels: _Array,
    parts: Sequence[Part],
    real: Sequence[Sample],
    whole: Sequence[tuple[Trace, ...]],
) -> Metric:
    """Return how well labels are met: classes (samples,), or numbers (samples, outputs)."""
    floats = np.stack([sample.passed[-1].numbers for sample in real])
    integers = np.stack([numbers_of(parts[-1], found[-1]) for found in whole])
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        hits = [float((one.argmax(axis=1) == labels).mean()) for one in (floats, integers)]
        return Metric("accuracy", *hits)
    target = labels.reshape(len(labels), -1)
    around = ((target - target.mean(axis=0)) ** 2).sum()
    errors = [float(1 - ((one - target) ** 2).sum() / around) for one in (floats, integers)]
    return Metric("R2", *errors)


def spread_of(real: Sequence[Sample], stage: int) -> float:
    """Return the greatest magnitude that the host's part gives to a stage."""
    return max(float(np.abs(sample.inputs[stage]).max()) for sample in real)


def layers_of(real: Sequence[Sample], stage: int) -> list[Mapping[str, _Array]]:
    """Return what the layers of a stage gave for the samples."""
    return [sample.passed[stage].layers for sample in real]
