"""Trained linear layers as integers: batch norm and scales folded into weights and thresholds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["Folded", "fold"]


@dataclass(frozen=True)
class Folded:
    """A linear layer and its thresholds in integers.

    Parameters
    ----------
    weights : numpy.ndarray
        Integers of shape (D, C), for ``weights.file`` of a projection.
    bias : numpy.ndarray
        Integers of shape (D,), for ``bias.file``.
    thresholds : numpy.ndarray
        Integers of shape (D,), for ``thresholds.file``.
    scales : numpy.ndarray
        What an integer of each channel is worth.
    """

    weights: NDArray[np.int64]
    bias: NDArray[np.int64]
    thresholds: NDArray[np.int64]
    scales: NDArray[np.float64]


def fold(
    weight: ArrayLike,
    bias: ArrayLike | None = None,
    *,
    gamma: ArrayLike | None = None,
    beta: ArrayLike | None = None,
    mean: ArrayLike | None = None,
    var: ArrayLike | None = None,
    eps: float = 1e-5,
    threshold: float = 1.0,
    decay: float = 2,
    bits: int = 8,
) -> Folded:
    """Fold batch norm into a linear layer, and quantise it channel by channel.

    ``gamma (W x + b - mean) / sqrt(var + eps) + beta`` is W' x + b'. Each channel's scale s makes
    its largest weight the largest integer; W' and b' are rounded to multiples of s, half to even;
    and the neuron's threshold becomes ceil(decay * threshold / s), because spikes do not change
    when drive and threshold are scaled alike. What is lost is the rounding of weights, of biases,
    and of thresholds (up, by less than one unit), nothing else. Freeze the integers in files: at a
    tie they depend on the last bit of a float.

    Parameters
    ----------
    weight : array_like
        Real weights, (D, C).
    bias : array_like or None
        Real biases, (D,); by default zero.
    gamma, beta, mean, var : array_like or None
        Batch norm, each (D,): all of them or none.
    eps : float
        Batch norm's epsilon.
    threshold : float
        Firing threshold of the real neuron.
    decay : float
        tau for a leaky neuron whose input decays, else 1.
    bits : int
        Width of a weight, 2 to 8.

    >>> folded = fold([[.5, -.2, .125]], [.1], gamma=[.8], beta=[-.05], mean=[.2], var=[.64])
    >>> folded.weights.tolist(), folded.bias.tolist(), folded.thresholds.tolist()
    ([[127, -51, 32]], [-38], [509])
    """
    if not 2 <= bits <= 8:
        raise ValueError(f"Bits must be an integer from 2 to 8, not {bits!r}")
    real = np.asarray(weight, dtype=np.float64)
    if real.ndim != 2:
        raise ValueError(f"Weight must be of shape (D, C), not {real.shape!r}")
    count = len(real)
    offset = _vector("Bias", np.zeros(count) if bias is None else bias, count)
    norm = {"gamma": gamma, "beta": beta, "mean": mean, "var": var}
    missing = [name for name, given in norm.items() if given is None]
    if missing and len(missing) < len(norm):
        raise ValueError(f"Batch norm must be given whole, not without {', '.join(missing)}")
    if not missing:
        vectors = {name: _vector(name, given, count) for name, given in norm.items()}
        gain = vectors["gamma"] / np.sqrt(vectors["var"] + eps)
        real = real * gain[:, None]
        offset = vectors["beta"] + (offset - vectors["mean"]) * gain
    largest = np.abs(real).max(axis=1)
    # A channel without weights has no scale of its own: its bias sets one.
    largest = np.where(largest > 0, largest, np.maximum(np.abs(offset), 1.0))
    scales = largest / ((1 << bits - 1) - 1)
    # A quotient of floats can fall above the integer that it should be.
    quotients = decay * threshold / scales * (1 - 1e-12)
    return Folded(
        np.rint(real / scales[:, None]).astype(np.int64),
        np.rint(offset / scales).astype(np.int64),
        np.ceil(quotients).astype(np.int64),
        scales,
    )


def _vector(name: str, values: object, count: int) -> NDArray[np.float64]:
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (count,):
        raise ValueError(f"{name} must be of shape {(count,)!r}, not {array.shape!r}")
    return array
