"""Float arrays under a network's own names as a network in integers, and the report on it."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.network.sections import DENSE
from spikeloom.design.read import DesignError
from spikeloom.golden.network.formula import trace
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.config import Config
from spikeloom.importing.fit import Fit
from spikeloom.importing.host import Program
from spikeloom.importing.imported import Imported, Options, Part
from spikeloom.importing.neutral.forward import forward, moments
from spikeloom.importing.neutral.source import Layer, Source
from spikeloom.importing.report import Difference, Metric, Report

__all__ = ["TITLE", "convert", "is_neutral"]

TITLE: Final = "the neutral form"

_Array = NDArray[Any]

_DRAWN = 4


def is_neutral(checkpoint: Checkpoint) -> bool:
    """Say if the first block's layers have the names of a network design."""
    return any(f"blocks.0.{name}.weight" in checkpoint.tensors for name in DENSE)


def convert(checkpoint: Checkpoint, config: Config, options: Options) -> Imported:
    """Return the network in integers, and the report on it.

    Raises
    ------
    DesignError
        There is no design file, it is wrong, or arrays are missing, too many or of other shapes.
    """
    source = Source(checkpoint, config, options)
    folded = dict(source.fold({}))
    weights, scale = _integers(source, folded)
    design = source.design(weights)
    data = _samples(design, options)
    real = [forward(design, source, folded, x) for x in data]
    if options.data is not None:
        folded = dict(source.fold(moments(design, real)))
        weights, scale = _integers(source, folded)
        design = source.design(weights)
    whole = [trace(design, x) for x in data]
    layers = [
        Difference(
            name,
            sum(int((a[name] != b.spikes[name]).sum()) for a, b in zip(real, whole, strict=True)),
            len(data) * array.size,
        )
        for name, array in whole[0].spikes.items()
    ]
    keys = {**source.keys, "weights": "weights.npz", "digest": design.weights.digest}
    part = Part(design.name, keys, weights, Program(()), scale=scale)
    metric = None
    if options.labels is not None:
        numbers = [np.stack([one["numbers"] for one in real]), np.stack([t.logits for t in whole])]
        numbers[1] = numbers[1] * scale / (design.steps * data.shape[-2])
        metric = _metric(options.labels, *numbers)
    report = Report(
        family=TITLE,
        samples=f"{len(data)} {'drawn' if options.data is None else 'given'} samples",
        differences=tuple(layers),
        fits=(Fit(part.name, design),),
        metric=metric,
        notes=tuple(source.notes),
        guesses=tuple(source.guesses),
    )
    return Imported((part,), tuple(source.fates()), report, tuple(source.guesses))


def _integers(source: Source, layers: Mapping[str, Layer]) -> tuple[dict[str, _Array], float]:
    """Return all arrays of the network, and what 1 of its numbers is worth."""
    weights = {
        f"{at}.{name}": array
        for at, one in layers.items()
        for name, array in vars(one.folded).items()
        if name in ("weight", "bias", "threshold")
    }
    if "encoder" in layers:
        weights |= source.position(layers["encoder"])
    read, scale = source.read_out()
    return {**weights, **read}, scale


def _samples(design: NetworkDesign, options: Options) -> _Array:
    """Return the integers that the network is compared on, (samples, N, C), or with steps."""
    encoder = design.encoder
    low, high = encoder.bounds
    steps = (design.steps,) if encoder.coding == "steps" else ()
    shape = (*steps, design.tokens, encoder.inputs)
    if options.data is None:
        drawn: _Array = np.random.default_rng(0).integers(
            low, high, (_DRAWN, *shape), endpoint=True
        )
        return drawn
    data = options.data
    right = data.shape[1:] == shape and data.dtype.kind in "iub"
    if not right or int(data.min()) < low or int(data.max()) > high:
        sides = ", ".join(map(str, shape))
        allowed = f"must be integers from {low} to {high} of shape (samples, {sides})"
        raise DesignError("data", f"{data.dtype} of shape {data.shape}", allowed)
    if options.labels is not None and len(options.labels) != len(data):
        allowed = f"must be one for each of the {len(data)} samples"
        raise DesignError("labels", f"{len(options.labels)} labels", allowed)
    return data.astype(np.int64)


def _metric(labels: _Array, real: _Array, whole: _Array) -> Metric:
    if labels.ndim == 1 and labels.dtype.kind in "iu":
        hits = [float((one.argmax(axis=1) == labels).mean()) for one in (real, whole)]
        return Metric("accuracy", *hits)
    target = labels.reshape(len(labels), -1)
    around = float(((target - target.mean(axis=0)) ** 2).sum()) or 1.0
    errors = [1 - float(((one - target) ** 2).sum()) / around for one in (real, whole)]
    return Metric("R2", *errors)
