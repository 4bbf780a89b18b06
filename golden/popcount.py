"""Counts of set bits, and of equal bits, in words."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["and_popcount", "pack_words", "popcount", "xnor_popcount"]

_FIVES = np.uint64(0x5555555555555555)
_THREES = np.uint64(0x3333333333333333)
_NIBBLES = np.uint64(0x0F0F0F0F0F0F0F0F)
_ONES = np.uint64(0x0101010101010101)


def popcount(words: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Count the set bits of every 64-bit word.

    >>> popcount(np.array([0, 1, 0b1011, 2**64 - 1], dtype=np.uint64)).tolist()
    [0, 1, 3, 64]
    """
    x = np.asarray(words, dtype=np.uint64)
    x = x - ((x >> np.uint64(1)) & _FIVES)
    x = (x & _THREES) + ((x >> np.uint64(2)) & _THREES)
    x = (x + (x >> np.uint64(4))) & _NIBBLES
    return ((x * _ONES) >> np.uint64(56)).astype(np.int64)


def pack_words(bits: ArrayLike) -> NDArray[np.uint64]:
    """Pack the last axis of a 0/1 array into 64-bit words, channel ``c`` at bit ``c % 64``.

    >>> pack_words([[1, 0, 1]]).tolist()
    [[5]]
    """
    array = np.asarray(bits, dtype=np.uint8)
    octets = np.packbits(array, axis=-1, bitorder="little")
    lack = -octets.shape[-1] % 8
    octets = np.concatenate([octets, np.zeros((*octets.shape[:-1], lack), np.uint8)], axis=-1)
    words: NDArray[np.uint64] = np.ascontiguousarray(octets).view("<u8").astype(np.uint64)
    return words


def and_popcount(a: int, b: int) -> int:
    """Count the positions where both words hold a one.

    >>> and_popcount(0b1010, 0b1100)
    1
    """
    return (a & b).bit_count()


def xnor_popcount(a: int, b: int, *, width: int) -> int:
    """Count the positions, of ``width``, where two words are equal.

    >>> xnor_popcount(0b1010, 0b1100, width=4)
    2
    """
    if (a | b) >> width:
        raise ValueError(f"Words must fit {width} bits, not {max(a, b)!r}")
    return width - (a ^ b).bit_count()
