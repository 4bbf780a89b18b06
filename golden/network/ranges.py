"""Ranges of the numbers of a network, from its weights."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign

__all__ = ["encoder_range", "readout_range", "sum_range"]


def sum_range(weight: NDArray[np.int64]) -> tuple[int, int]:
    """Return the least and the greatest sum of weights (outputs, inputs) that spikes select."""
    low = np.minimum(weight, 0).sum(axis=1).min()
    high = np.maximum(weight, 0).sum(axis=1).max()
    return int(low), int(high)


@lru_cache(maxsize=16)
def encoder_range(design: NetworkDesign) -> tuple[int, int]:
    """Return the range of W x and the position together, without the bias."""
    encoder, weight = design.encoder, design.weights["encoder.weight"]
    least = -(1 << encoder.bits - 1) if encoder.signed else 0
    most = least + (1 << encoder.bits) - 1
    ends = np.stack([weight * least, weight * most])
    low, high = ends.min(axis=0).sum(axis=1), ends.max(axis=0).sum(axis=1)
    if encoder.position == "absolute":
        table = design.weights["encoder.position"] << encoder.position_shift
        low, high = low + table.min(axis=0), high + table.max(axis=0)
    return int(low.min()), int(high.max())


@lru_cache(maxsize=16)
def readout_range(design: NetworkDesign) -> tuple[int, int]:
    """Return the range of the numbers, for any number of tokens."""
    weight, bias = design.weights["readout.weight"], design.weights["readout.bias"]
    share = design.tokens // design.readout.groups * design.steps
    low = share * np.minimum(weight, 0).sum(axis=(0, 2))
    high = share * np.maximum(weight, 0).sum(axis=(0, 2))
    ends = [bias, design.tokens * bias]
    low, high = low + np.min(ends, axis=0), high + np.max(ends, axis=0)
    return int(low.min()), int(high.max())
