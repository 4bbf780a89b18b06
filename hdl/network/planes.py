"""Weights as bits."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["planes_of"]


def planes_of(weight: NDArray[np.int64], bits: int) -> NDArray[np.uint8]:
    """Return the bits of weights in two's complement, low first, (bits, ...); 1 as 2 bits.

    >>> planes_of(np.array([-1, 0, 1]), 2).tolist()
    [[1, 0, 1], [1, 0, 0]]
    """
    places = np.arange(max(bits, 2)).reshape(-1, *[1] * weight.ndim)
    return (weight >> places & 1).astype(np.uint8)
