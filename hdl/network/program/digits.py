"""Weights as digits: what one pass counts of each, and how few passes are enough.

A pass counts ``planes`` bits of a weight, each added or taken away for all weights alike. So it
takes digits of 2**planes values in a row, one of them zero, and a weight is a number of such
digits, the highest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import count, product

import numpy as np
from numpy.typing import NDArray

__all__ = ["Digits", "few", "zeros_of"]

_Signs = tuple[int, ...]


@dataclass(frozen=True)
class Digits:
    """How weights of a range are written.

    Parameters
    ----------
    base : int
        The lowest digit counts 2**base.
    number : int
        Digits.
    top : tuple of int
        Sign of each bit of the highest digit, low bit first.
    rest : int
        Sign of all bits of the others.
    """

    base: int
    number: int
    top: _Signs
    rest: int

    @property
    def planes(self) -> int:
        """Bits of a digit."""
        return len(self.top)

    def place(self, digit: int) -> int:
        """Return what bit 0 of a digit counts, as a power of two; digit 0 is the highest."""
        return self.base + (self.number - 1 - digit) * self.planes

    def signs(self, digit: int) -> _Signs:
        """Return the signs of the bits of a digit."""
        return self.top if digit == 0 else (self.rest,) * self.planes

    @property
    def ends(self) -> tuple[int, int]:
        """The least and the greatest weight.

        >>> Digits(1, 2, (1, -1), 1).ends
        (-16, 14)
        """
        step = 1 << (self.number - 1) * self.planes
        low = sum(min(sign, 0) << k for k, sign in enumerate(self.top)) * step
        high = sum(max(sign, 0) << k for k, sign in enumerate(self.top)) * step
        rest = self.rest * (step - 1)
        return low + min(rest, 0) << self.base, high + max(rest, 0) << self.base

    def split(self, weight: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Return the bits of weights: (digits, planes, ...), the highest digit first.

        >>> Digits(0, 2, (1, -1), 1).split(np.array([-8, 5]))[:, :, 1].tolist()
        [[1, 0], [1, 0]]
        """
        step = 1 << (self.number - 1) * self.planes
        value = weight >> self.base
        rest = self.rest * value & step - 1
        top = (value - self.rest * rest) // step
        found = [self._bits(top, self.top)]
        for digit in range(1, self.number):
            part = rest >> (self.number - 1 - digit) * self.planes
            found.append(np.stack([part >> k & 1 for k in range(self.planes)]))
        return np.stack(found).astype(np.uint8)

    @staticmethod
    def _bits(value: NDArray[np.int64], signs: _Signs) -> NDArray[np.int64]:
        """Write digits with these signs."""
        found, left = [], value
        for sign in signs:
            bit = left & 1
            found.append(bit)
            left = left - sign * bit >> 1
        return np.stack(found)


@lru_cache(maxsize=1 << 14)
def few(low: int, high: int, zeros: int, planes: int) -> Digits | None:
    """Return the fewest digits for weights from ``low`` to ``high``; None if all are zero.

    All of them are multiples of 2**``zeros``. Two's complement comes first, and a base at which
    weights that have no such multiples meet.

    >>> few(-7, 7, 0, 2) == Digits(0, 2, (1, -1), 1)
    True
    >>> few(0, 14, 0, 2).top, few(-28, 28, 2, 2).number
    ((1, 1), 2)
    """
    if low == high == 0:
        return None
    for number in count(1):
        for base, top, rest in product(_bases(zeros, planes), _tops(planes), (1, -1)):
            found = Digits(base, number, top, rest)
            least, most = found.ends
            if least <= low and high <= most:
                return found
    raise AssertionError


def _bases(zeros: int, planes: int) -> Iterator[int]:
    """Give the places that the lowest digit may have, the best first."""
    yield zeros - zeros % planes
    if zeros % planes:
        yield zeros


def _tops(planes: int) -> tuple[_Signs, ...]:
    """Give the signs that a highest digit may have, two's complement first."""
    return ((-1,), (1,)) if planes == 1 else ((1, -1), (1, 1), (-1, 1), (-1, -1))


def zeros_of(weight: NDArray[np.int64], axis: int) -> NDArray[np.int64]:
    """Count the low bits that are zero in all weights along an axis; 0 where all are zero.

    >>> zeros_of(np.array([[4, 8], [0, 0]]), axis=1).tolist()
    [2, 0]
    """
    joined = np.bitwise_or.reduce(weight, axis=axis)
    lowest = joined & -joined
    return np.where(lowest == 0, 0, np.log2(np.maximum(lowest, 1))).astype(np.int64)
