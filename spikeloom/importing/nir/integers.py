"""Layers of a graph in integers: weights, biases and thresholds of a projection."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, lcm
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from spikeloom.importing.nir.graph import Layer
from spikeloom.importing.rows import largest, quantize

__all__ = ["Integers", "forward", "leak", "whole"]

# Terms of the quotient that a membrane is multiplied by, as design files take them.
_MOST_TERM = 1000


@dataclass(frozen=True)
class Integers:
    """A layer that a projection computes: neurons fire at, or above, thresholds of the drive.

    Parameters
    ----------
    weight : numpy.ndarray
        (outputs, inputs), int64.
    bias : numpy.ndarray
        (outputs,), int64.
    threshold : numpy.ndarray or None
        (outputs,), int64; None without neurons.
    fires : str
        ``"at"`` or ``"above"``.
    unit : tuple of Fraction
        What 1 of the drive of each output is worth in the graph.
    exact : bool
        Whether nothing was rounded, so that no spike differs for any input of spikes.
    """

    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    threshold: NDArray[np.int64] | None
    fires: Literal["at", "above"]
    unit: tuple[Fraction, ...]
    exact: bool


def leak(keep: Fraction) -> Fraction:
    """Return what is left of a membrane, as near as a design file can say it."""
    return keep.limit_denominator(_MOST_TERM)


def whole(layer: Layer, bits: int, steps: int, *, at: bool = False) -> Integers:
    """Return a layer in integers.

    Rows whose weights are integers of as many bits, times one number, keep them; others are
    quantized. Bias and threshold are divided by that number. Where the row can be multiplied by an
    integer that makes them integers too, it is, and nothing of them is rounded.

    Parameters
    ----------
    layer : Layer
        The layer.
    bits : int
        Bits of a weight.
    steps : int
        T, the time steps.
    at : bool
        Whether neurons fire at their threshold, and not only above it.
    """
    integers, scales = quantize(layer.weight, bits)
    same = bool((integers * scales[:, None] == layer.weight).all())
    rows = [
        _Row.of(layer, n, Fraction(float(scale)), steps, at=at) for n, scale in enumerate(scales)
    ]
    room = [largest(bits) // int(np.abs(row).max(initial=1)) for row in integers]
    # Weights of a row without any can be multiplied by anything.
    room = [_ENOUGH if not row.any() else most for row, most in zip(integers, room, strict=True)]
    for fires in ("at", "above"):
        times = [row.times(fires) for row in rows]
        if all(a <= b for a, b in zip(times, room, strict=True)):
            leaks = layer.neurons is None or leak(layer.neurons.keep) == layer.neurons.keep
            return _integers(integers, rows, times, fires, exact=same and leaks)
    return _integers(integers, rows, room, "at", exact=False)


# Times that a row of zeros is multiplied by, at most.
_ENOUGH = 1 << 16


@dataclass(frozen=True)
class _Row:
    """Bias and threshold of an output, in units of its weights.

    ``at`` is the least membrane that fires, ``above`` the greatest that does not: in T steps
    membranes are multiples of a fraction.
    """

    unit: Fraction
    bias: Fraction
    at: Fraction | None
    above: Fraction | None

    @classmethod
    def of(cls, layer: Layer, n: int, unit: Fraction, steps: int, *, at: bool) -> "_Row":
        neurons = layer.neurons
        if neurons is None:
            return cls(unit, layer.bias[n] / unit, None, None)
        gain = neurons.gain[n]
        bias = (layer.bias[n] + neurons.rest[n] / gain) / unit
        grid = bias.denominator * leak(neurons.keep).denominator ** (steps - 1)
        threshold = neurons.threshold[n] / gain / unit * grid
        most = ceil(threshold) - 1 if at else floor(threshold)
        return cls(unit, bias, Fraction(most + 1, grid), Fraction(most, grid))

    def times(self, fires: str) -> int:
        """Return the least integer that makes integers of bias and threshold."""
        threshold = self.at if fires == "at" else self.above
        return lcm(self.bias.denominator, 1 if threshold is None else threshold.denominator)


def _integers(
    integers: NDArray[np.int64],
    rows: Sequence[_Row],
    times: Sequence[int],
    fires: str,
    *,
    exact: bool,
) -> Integers:
    """Multiply rows, and round what is no integer even so: thresholds up."""
    each = list(zip(rows, times, strict=True))
    bias = np.array([round(row.bias * n) for row, n in each], dtype=np.int64)
    threshold = None
    if rows[0].above is not None:
        reals = [((row.at if fires == "at" else row.above) or 0) * n for row, n in each]
        threshold = np.array([max(1, ceil(real)) for real in reals], dtype=np.int64)
    return Integers(
        weight=integers * np.array(times, dtype=np.int64)[:, None],
        bias=bias,
        threshold=threshold,
        fires="at" if fires == "at" else "above",
        unit=tuple(row.unit / n for row, n in each),
        exact=exact,
    )


def forward(layer: Layer, x: NDArray[Any], *, at: bool = False) -> NDArray[np.float64]:
    """Return what a layer gives in real numbers, (T, ..., outputs), for x (T, ..., inputs).

    Euler's steps: ``v = keep v + gain X + rest``; spikes where v is above the threshold, or
    ``at`` it, which bring it to 0.
    """
    drive = x.astype(np.float64) @ layer.weight.T + _floats(layer.bias)
    neurons = layer.neurons
    if neurons is None:
        return drive
    given = drive * _floats(neurons.gain) + _floats(neurons.rest)
    v = np.zeros(drive.shape[1:])
    spikes = np.zeros_like(drive)
    for t in range(len(x)):
        v = float(neurons.keep) * v + given[t]
        threshold = _floats(neurons.threshold)
        spikes[t] = v >= threshold if at else v > threshold
        v = np.where(spikes[t] > 0, 0.0, v)
    return spikes


def _floats(values: Sequence[Fraction]) -> NDArray[np.float64]:
    return np.array([float(value) for value in values])
