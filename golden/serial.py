"""Beats as they go through fewer pins: word by word, the low one first."""

import numpy as np
from numpy.typing import NDArray

__all__ = ["join", "split"]


def split(beats: NDArray[np.uint64], beat: int, link: int) -> NDArray[np.uint64]:
    """Take beats apart: (..., n) beats to (..., n * beat / link) words.

    >>> split(np.array([0x21, 0x43], np.uint64), beat=8, link=4).tolist()
    [1, 2, 3, 4]
    """
    places = np.arange(0, beat, link, dtype=np.uint64)
    words = beats[..., None] >> places & np.uint64((1 << link) - 1)
    return words.reshape(*beats.shape[:-1], -1)


def join(words: NDArray[np.uint64], beat: int, link: int) -> NDArray[np.uint64]:
    """Put words together again: the inverse of :func:`split`."""
    places = np.arange(0, beat, link, dtype=np.uint64)
    parts = words.reshape(*words.shape[:-1], -1, len(places))
    beats: NDArray[np.uint64] = (parts << places).sum(axis=-1, dtype=np.uint64)
    return beats
