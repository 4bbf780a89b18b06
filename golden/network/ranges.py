"""Ranges of the numbers of a network, from its weights."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign

__all__ = ["encoder_range", "readout_range", "stream_ranges", "sum_range"]

_Ends = tuple[NDArray[np.int64], NDArray[np.int64]]


def sum_range(weight: NDArray[np.int64], levels: int = 1) -> tuple[int, int]:
    """Return the least and the greatest sum of weights (outputs, inputs) times 0 to ``levels``."""
    low = np.minimum(weight, 0).sum(axis=1).min()
    high = np.maximum(weight, 0).sum(axis=1).max()
    return int(low) * levels, int(high) * levels


def _encoder(design: NetworkDesign) -> _Ends:
    """Return the range of W x and the position together, without the bias, of each channel."""
    encoder, weight = design.encoder, design.weights["encoder.weight"]
    ends = np.stack([weight * end for end in encoder.bounds])
    low, high = ends.min(axis=0).sum(axis=1), ends.max(axis=0).sum(axis=1)
    if encoder.position == "absolute":
        table = design.weights["encoder.position"] << encoder.position_shift
        low, high = low + table.min(axis=0), high + table.max(axis=0)
    return low, high


@lru_cache(maxsize=16)
def encoder_range(design: NetworkDesign) -> tuple[int, int]:
    """Return the range of W x and the position together, without the bias."""
    low, high = _encoder(design)
    return int(low.min()), int(high.max())


@lru_cache(maxsize=16)
def stream_ranges(design: NetworkDesign) -> tuple[_Ends, ...]:
    """Return the range of x, or of the membranes, in front of each block and behind the last.

    Of every channel, (D,). Between both joins of a block x is within the range behind it.
    """
    nothing = np.zeros(design.dim, dtype=np.int64)
    if not design.membrane:
        return tuple((nothing, nothing + levels) for levels in design.levels)
    encoder, weights = design.encoder, design.weights
    low, high = (nothing + (end << encoder.fraction) for end in encoder.bounds)
    if encoder.kind == "linear":
        bias = weights["encoder.bias"]
        low, high = ((end << encoder.fraction) + bias for end in _encoder(design))
    found = [(low, high)]
    for n in range(design.depth):
        for name in ("project", "contract"):
            weight, bias = weights[f"blocks.{n}.{name}.weight"], weights[f"blocks.{n}.{name}.bias"]
            low = low + (np.minimum(weight, 0).sum(axis=1) << design.fraction) + bias
            high = high + (np.maximum(weight, 0).sum(axis=1) << design.fraction) + bias
            if f"blocks.{n}.{name}.position" in weights:
                table = weights[f"blocks.{n}.{name}.position"]
                low, high = low + table.min(axis=(0, 1)), high + table.max(axis=(0, 1))
        found.append((low, high))
    return tuple(found)


@lru_cache(maxsize=16)
def readout_range(design: NetworkDesign) -> tuple[int, int]:
    """Return the range of the numbers, for any number of tokens."""
    readout, weight, bias = (
        design.readout,
        design.weights["readout.weight"],
        design.weights["readout.bias"],
    )
    summed = design.membrane and readout.neurons == "sum"
    tokens = 1 if summed else design.tokens
    low, high = stream_ranges(design)[-1]
    if design.membrane and readout.neurons != "none":
        low, high = np.zeros_like(low), np.ones_like(high)
    # A token that is not there adds nothing.
    ends = np.stack([weight * np.minimum(low, 0), weight * np.maximum(high, 0)])
    share = tokens // readout.groups * (1 if readout.steps == "last" else design.steps)
    low = share * ends.min(axis=0).sum(axis=(0, 2))
    high = share * ends.max(axis=0).sum(axis=(0, 2))
    biases = [bias, tokens * bias]
    low, high = low + np.min(biases, axis=0), high + np.max(biases, axis=0)
    return int(low.min()), int(high.max())
