"""Rows of real weights as integers of few bits, each with its own scale."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["WIDTHS", "largest", "narrowest", "on_grid", "quantize", "quantize_whole"]

WIDTHS: Final = (1, 2, 3, 4, 8)
"""Bits of a weight: 1 is -1 and 1, 2 is -1, 0 and 1, others are two's complement, symmetric."""

_Reals = NDArray[np.float64]
_Integers = NDArray[np.int64]

# Parts of the greatest magnitude that are tried as the greatest integer: small weights gain what
# the large ones lose. With 8 bits there is little to gain.
_PARTS: Final = {
    1: np.ones(1),
    2: np.linspace(0.2, 1.6, 57),
    3: np.linspace(0.4, 1.0, 31),
    4: np.linspace(0.4, 1.0, 31),
    8: np.linspace(0.7, 1.0, 7),
}


def largest(bits: int) -> int:
    """Return the greatest integer of a width.

    >>> [largest(bits) for bits in WIDTHS]
    [1, 1, 3, 7, 127]
    """
    return 1 if bits <= 2 else (1 << bits - 1) - 1


def narrowest(integers: _Integers) -> int:
    """Return the fewest bits that hold integers.

    >>> narrowest(np.array([1, 0])), narrowest(np.array([5, -7]))
    (2, 4)
    """
    most = int(np.abs(integers).max(initial=0))
    least = 1 if (integers != 0).all() else 2
    return next(bits for bits in WIDTHS if bits >= least and most <= largest(bits))


def quantize(
    weight: NDArray[np.float32] | _Reals, bits: int, moment: _Reals | None = None
) -> tuple[_Integers, _Reals]:
    """Return integers (rows, inputs) and positive scales (rows,) whose product is near to a matrix.

    A row that has the integers already, times a power of two, or times one number where bits are 1
    or 2, is taken as it is. Of every other row the scale is the one of those tried whose error has
    the least square; with ``moment`` it is the error of the drives.

    Parameters
    ----------
    weight : numpy.ndarray
        Real weights, (rows, inputs).
    bits : int
        One of :data:`WIDTHS`; :exc:`ValueError` else.
    moment : numpy.ndarray or None
        Mean of x x^T over the inputs x of the layer, (inputs, inputs).

    >>> integers, scale = quantize(np.array([[0.5, -0.25, 0.0], [0.3, -0.3, 0.3]]), 2)
    >>> integers.tolist(), scale.tolist()
    ([[1, -1, 0], [1, -1, 1]], [0.375, 0.3])
    """
    if bits not in WIDTHS:
        raise ValueError(f"Bits must be one of {', '.join(map(str, WIDTHS))}, not {bits!r}")
    real = np.asarray(weight, dtype=np.float64)
    integers, scale = _search(real, bits, moment)
    for row, weights in enumerate(real):
        if (exact := on_grid(weights, bits)) is not None:
            integers[row], scale[row] = exact
    return integers, scale


def quantize_whole(weight: NDArray[np.float32] | _Reals, bits: int) -> tuple[_Integers, float]:
    """Return integers of a matrix, and the one scale that they share."""
    real = np.asarray(weight, dtype=np.float64)
    integers, scale = quantize(real.reshape(1, -1), bits)
    return integers.reshape(real.shape), float(scale[0])


def on_grid(row: _Reals, bits: int) -> tuple[_Integers, float] | None:
    """Return the integers and the scale that a row is the exact product of, if it is.

    >>> on_grid(np.array([0.75, -0.25]), 3)
    (array([ 3, -1]), 0.25)
    >>> on_grid(np.array([0.75, -0.25]), 2)
    """
    size = np.abs(row[row != 0])
    if not size.size or (bits == 1 and size.size < row.size):
        return None
    if bits <= 2:
        scale = float(size[0])
        return (np.sign(row).astype(np.int64), scale) if (size == scale).all() else None
    mantissa, exponent = np.frexp(size)
    whole = (mantissa * 2.0**53).astype(np.int64)
    twos = np.log2((whole & -whole).astype(np.float64)).astype(np.int64)
    step = float(np.ldexp(1.0, int((exponent - 53 + twos).min())))
    if size.max() / step > largest(bits):
        return None
    return np.rint(row / step).astype(np.int64), step


def _search(real: _Reals, bits: int, moment: _Reals | None) -> tuple[_Integers, _Reals]:
    """Try scales, and keep of each row the integers that explain most of it."""
    most = largest(bits)
    top = np.abs(real).max(axis=1)
    seen = real if moment is None else real @ moment
    # A row of zeros has no scale of its own.
    best = np.zeros(len(real))
    integers, scale = np.zeros(real.shape, dtype=np.int64), np.ones(len(real))
    if bits == 1:
        integers = np.where(real < 0, -1, 1)
    for part in _PARTS[bits]:
        step = np.where(top > 0, top, 1.0) * part / most
        tried = np.where(real < 0, -1.0, 1.0) if bits == 1 else np.rint(real / step[:, None])
        tried = tried.clip(-most, most)
        along = (seen * tried).sum(axis=1)
        own = (tried * (tried if moment is None else tried @ moment)).sum(axis=1)
        fit = np.where(own > 0, along / np.where(own > 0, own, 1.0), 0.0)
        gain = along * fit
        better = (fit > 0) & (gain > best)
        best, scale = np.where(better, gain, best), np.where(better, fit, scale)
        integers[better] = tried[better].astype(np.int64)
    return integers, scale
