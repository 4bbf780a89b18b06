"""Counts of beats: what every kind of layer's numbers take; :mod:`spikeloom.golden.layout` packs.

A token's channels come in groups of B, B being the bits of a beat. Spikes take one beat a group.
Integers from 0 to ``high`` take one beat a group for each of their bits, low bit first: bit planes.
Hardware adds such numbers bit by bit, and looks for what is not zero, as it does with spikes; and
spikes are the case ``high`` = 1.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_beats", "groups", "planes"]


def check_beats(beats: ArrayLike, count: int) -> NDArray[np.uint64]:
    """Return an array of ``count`` beats; :exc:`ValueError` unless it is one."""
    array = np.asarray(beats, dtype=np.uint64)
    if array.shape != (count,):
        raise ValueError(f"Beats must be of shape {(count,)!r}, not {array.shape!r}")
    return array


def groups(channels: int, beat: int) -> int:
    """Count the groups of channels that a token takes: ceil(channels / beat)."""
    return -(-channels // beat)


def planes(high: int) -> int:
    """Count the bit planes of integers from 0 to ``high``, at least 1.

    >>> [planes(high) for high in (1, 2, 3, 4, 15)]
    [1, 2, 2, 3, 4]
    """
    if high < 1:
        raise ValueError(f"High must be an integer of at least 1, not {high!r}")
    return high.bit_length()
