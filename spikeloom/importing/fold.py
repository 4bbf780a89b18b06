"""Batch normalisation, scales and thresholds folded to integers, in exact rational numbers."""

from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.importing.model import Norm
from spikeloom.importing.rows import quantize

__all__ = ["BLOCK", "ENCODER", "Folded", "Limits", "fold", "root_floor"]


@dataclass(frozen=True)
class Limits:
    """Magnitudes that biases and thresholds must stay below."""

    bias: int
    threshold: int


BLOCK: Final = Limits(1 << 17, 1 << 18)
"""Of the linear layers of blocks."""

ENCODER: Final = Limits(1 << 23, 1 << 23)
"""Of the encoder."""


@dataclass(frozen=True)
class Folded:
    """Integers of a layer: fires at ``a >= threshold`` with ``a = w + (x W^T << F) + bias``.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, inputs), int64.
    bias, threshold : numpy.ndarray
        (outputs,), int64.
    unit : numpy.ndarray
        What 1 of bias and threshold is worth in the real drive, (outputs,), float64; negative
        where the row was negated.
    step : numpy.ndarray
        What 1 of bias is worth in W x, in front of the normalisation, (outputs,), float64; with the
        same sign.
    """

    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    threshold: NDArray[np.int64]
    unit: NDArray[np.float64]
    step: NDArray[np.float64]


def root_floor(p: Fraction, q: Fraction, r: Fraction) -> int:
    """Return floor(p + q sqrt(r)), exactly, for r >= 0.

    >>> root_floor(Fraction(1, 2), Fraction(-1), Fraction(2))
    -1
    >>> root_floor(Fraction(0), Fraction(3), Fraction(4))
    6
    """
    square = q * q * r
    # (a + s sqrt(m)) / d with integers; a and d are whole, so the root may be rounded first.
    a = p.numerator * square.denominator
    m = p.denominator**2 * square.numerator * square.denominator
    d = p.denominator * square.denominator
    root = isqrt(m)
    if q < 0:
        root = -root if root * root == m else -root - 1
    return (a + root) // d


def fold(
    weight: NDArray[np.float32],
    bias: NDArray[np.float32] | None = None,
    norm: Norm | None = None,
    *,
    threshold: float = 1.0,
    bits: int = 8,
    fraction: int = 4,
    limits: Limits = BLOCK,
    moment: NDArray[np.float64] | None = None,
) -> Folded:
    """Fold ``gain (W x + b - mean) / sqrt(var + eps) + offset`` and a LIF neuron of tau 2.

    The row of each channel becomes integers times a scale s (:func:`quantize`). Then drive and
    threshold are divided by ``s |gain| / sqrt(var + eps) 2**-F``, which changes no spike: the
    neuron adds up integers, and only the bias is rounded (to the nearest) and the threshold (up,
    which is exact where drives are integers). Both are floors of p + q sqrt(var + eps) with
    rational p and q, so no float decides them. A negative gain negates the row.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, inputs).
    bias : numpy.ndarray or None
        (outputs,).
    norm : Norm or None
        Batch normalisation behind them.
    threshold : float
        Real threshold of the neurons.
    bits : int
        Bits of a weight.
    fraction : int
        F, how finely bias and threshold are rounded.
    limits : Limits
        Where bias or threshold would reach them the scale is made greater, so that the weights of
        that row become smaller integers.
    moment : numpy.ndarray or None
        As for :func:`quantize`.

    Examples
    --------
    >>> norm = Norm(*np.array([[.8], [-.05], [.2], [.64]], dtype=np.float32))
    >>> folded = fold(np.float32([[.5, -.2, .125]]), np.float32([.1]), norm, fraction=0)
    >>> folded.weight.tolist(), folded.bias.tolist(), folded.threshold.tolist()
    ([[127, -51, 32]], [-38], [509])
    """
    integers, scales = quantize(weight, bits, moment)
    rows = [
        _row(Channel.of(norm, bias, row), Fraction(float(scales[row])), threshold, fraction, limits)
        for row in range(len(weight))
    ]
    for row, (scale, *_) in enumerate(rows):
        if scale != scales[row] and bits > 1:
            integers[row] = np.rint(np.float64(weight[row]) / float(scale)).astype(np.int64)
    sign = np.array([found[1] for found in rows])
    return Folded(
        weight=integers * sign[:, None],
        bias=np.array([found[2] for found in rows], dtype=np.int64),
        threshold=np.array([found[3] for found in rows], dtype=np.int64),
        unit=np.array([found[4] for found in rows]) * sign,
        step=np.array([float(found[0] / (1 << fraction)) for found in rows]) * sign,
    )


@dataclass(frozen=True)
class Channel:
    """The normalisation of one channel: ``gain (acc - mean) / sqrt(var) + offset``, exactly."""

    gain: Fraction
    offset: Fraction
    mean: Fraction
    var: Fraction

    @classmethod
    def of(cls, norm: Norm | None, bias: NDArray[np.float32] | None, row: int) -> "Channel":
        """Return that of a row, the bias in front of it taken into the mean."""
        own = Fraction(0) if bias is None else Fraction(float(bias[row]))
        if norm is None:
            return cls(Fraction(1), Fraction(0), -own, Fraction(1))
        gain, offset, mean, var = (
            Fraction(float(part[row])) for part in (norm.weight, norm.bias, norm.mean, norm.var)
        )
        return cls(gain, offset, mean - own, var + Fraction(norm.eps))


def _row(
    channel: Channel, scale: Fraction, threshold: float, fraction: int, limits: Limits
) -> tuple[Fraction, int, int, int, float]:
    """Return scale, sign, bias, threshold and unit of a row."""
    reach = 2 * Fraction(threshold)
    if channel.gain == 0:
        return _constant(channel, scale, reach, limits)
    sign = 1 if channel.gain > 0 else -1
    size = abs(channel.gain)
    ratio = channel.offset / size
    root = float(channel.var) ** 0.5
    shift = -sign * channel.mean
    # In units of the weights; a little more than the least, so that rounding keeps the limits.
    most = max(
        float(reach / size) * root / (limits.threshold - 2),
        abs(float(shift) + float(ratio) * root) / (limits.bias - 2),
    )
    scale = max(scale, Fraction(most * (1 + 1e-9)) * 2**fraction)
    unit = scale / 2**fraction
    half = Fraction(1, 2)
    return (
        scale,
        sign,
        root_floor(shift / unit + half, ratio / unit, channel.var),
        max(1, -root_floor(Fraction(0), -reach / size / unit, channel.var)),
        float(unit * size) / root,
    )


def _constant(
    channel: Channel, scale: Fraction, reach: Fraction, limits: Limits
) -> tuple[Fraction, int, int, int, float]:
    """Return the same of a channel that hears none of its inputs: their weights round to nothing.

    Weights of one bit cannot be 0; there the unit is the least that there may be.
    """
    unit = max(reach / (limits.threshold - 2), abs(channel.offset) / (limits.bias - 2))
    rounded = root_floor(channel.offset / unit + Fraction(1, 2), Fraction(0), Fraction(1))
    fires = -(-reach // unit)
    return scale * (1 << 160), 1, rounded, max(1, fires), float(unit)
