"""Bits in beats, and small integers as bit planes: how numbers of every kind of layer travel.

A token's channels come in groups of B, B being the bits of a beat. Channel c is bit c % B of group
c // B; bits beyond the last channel are zero. Spikes take one beat a group. Integers from 0 to
``high`` take one beat a group for each of their bits, low bit first: bit planes. Hardware adds such
numbers bit by bit, and looks for what is not zero, as it does with spikes; and spikes are the case
``high`` = 1.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["check_beats", "from_beats", "from_planes", "groups", "planes", "to_beats", "to_planes"]


def to_beats(bit_rows: NDArray[np.uint8], beat: int) -> NDArray[np.uint64]:
    """Pack (..., n) bits into (..., ceil(n/beat)) beats."""
    lack = -bit_rows.shape[-1] % beat
    padded = np.concatenate(
        [bit_rows, np.zeros((*bit_rows.shape[:-1], lack), np.uint8)], axis=-1
    ).reshape(*bit_rows.shape[:-1], -1, beat)
    weights = np.uint64(1) << np.arange(beat, dtype=np.uint64)
    beats: NDArray[np.uint64] = (padded.astype(np.uint64) * weights).sum(-1, dtype=np.uint64)
    return beats


def from_beats(beats: NDArray[np.uint64], beat: int, width: int) -> NDArray[np.uint8]:
    """Unpack (..., ceil(width/beat)) beats into (..., width) bits."""
    parts = beats[..., None] >> np.arange(beat, dtype=np.uint64) & np.uint64(1)
    flat: NDArray[np.uint8] = parts.astype(np.uint8).reshape(*beats.shape[:-1], -1)[..., :width]
    return flat


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


def to_planes(values: NDArray, high: int, beat: int) -> NDArray[np.uint64]:
    """Pack (..., channels) integers from 0 to ``high`` into (..., groups, planes) beats.

    Three channels in beats of two bits: the low bits of channels 0 and 1, their high bits, and
    both of channel 2.

    >>> to_planes(np.array([1, 2, 3]), 3, 2).tolist()
    [[1, 2], [1, 1]]
    """
    bits = values.astype(np.int64)[..., None, :] >> np.arange(planes(high))[:, None] & 1
    return to_beats(bits.astype(np.uint8), beat).swapaxes(-1, -2)


def from_planes(beats: NDArray[np.uint64], high: int, beat: int, channels: int) -> NDArray:
    """Unpack (..., groups, planes) beats into (..., channels) integers: undo :func:`to_planes`."""
    bits = from_beats(beats.swapaxes(-1, -2), beat, channels).astype(np.int64)
    values: NDArray = (bits << np.arange(planes(high))[:, None]).sum(axis=-2)
    return values.astype(np.uint8 if high < 256 else np.int32)
