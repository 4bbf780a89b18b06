"""Attention on small integers: drive, thresholds of its neurons, ranges.

Ref: BICLab Spike-Driven-Transformer-V3, ``MS_Attention_RepConv_qkv_id`` and ``MultiSpike``
(``torch.round`` in Model_Base, ``floor(x + 0.5)`` in Model_Large).
"""

from fractions import Fraction
from functools import lru_cache
from math import isqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, membrane_range

__all__ = ["attention", "drive", "inputs", "least", "multispike", "neuron", "ranges", "thresholds"]


def least(target: Fraction, gain_squared: Fraction, *, strictly: bool = False) -> int:
    """Return the least integer X with X g >= target (or > target), for g given as its square.

    Exact for an irrational g too: both sides are compared squared.

    >>> least(Fraction(7, 2), Fraction(1, 4096)), least(Fraction(1), Fraction(1, 32))
    (224, 6)
    """
    square = target * target / gain_squared
    root = isqrt(square.numerator // square.denominator)
    while root * root < square or (strictly and root * root == square):
        root += 1
    return root


@lru_cache(maxsize=64)
def thresholds(design: IntegerDesign) -> tuple[int, ...]:
    """Return the least drive for every output 1 .. levels of the neuron multispike.

    An output is m when the scaled drive rounds to m, so from m - 1/2 on. At exactly m - 1/2
    half-up goes up, and half-even goes to the even one of both.

    >>> keys = {"tokens": 1, "dim": 1, "heads": 1, "steps": 1, "neuron": "multispike"}
    >>> design = IntegerDesign.from_dict({**keys, "scale": "1/8", "divisor": 4})
    >>> thresholds(design)
    (257, 768, 1281, 1792)
    """
    down = design.rounding == "half-even"
    return tuple(
        least(Fraction(2 * m - 1, 2), design.gain_squared, strictly=down and m % 2 == 1)
        for m in range(1, design.levels + 1)
    )


def multispike(x: ArrayLike, levels: tuple[int, ...]) -> NDArray[np.uint8]:
    """Count the thresholds that a drive reaches.

    >>> multispike([-5, 256, 257, 1791, 9999], (257, 768, 1281, 1792)).tolist()
    [0, 0, 1, 3, 4]
    """
    return np.searchsorted(np.array(levels), np.asarray(x), side="right").astype(np.uint8)


@lru_cache(maxsize=64)
def neuron(design: IntegerDesign) -> NeuronSpec | None:
    """Return the integer neuron for ``lif`` and ``if``, None for others.

    A threshold that a root makes irrational is rounded up to the finest fraction that a membrane
    can have, which changes no spike: none meets it, so that a neuron at it and above it are one.
    """
    if design.neuron not in ("lif", "if"):
        return None
    real = design.threshold_exact
    fires = design.fires
    if real is None:
        grid = max(2, design.leak.denominator) ** (design.steps - 1)
        real = Fraction(least(design.threshold * design.lift * grid, design.gain_squared), grid)
        fires = "at"
    return NeuronSpec.make(
        "lif" if design.neuron == "lif" else "if",
        leak=design.leak,
        steps=design.steps,
        reset=design.reset,
        threshold=real,
        fires=fires,
    )


@lru_cache(maxsize=64)
def ranges(design: IntegerDesign) -> Ranges:
    """Return the range of every number; both ends of scores and drives are reached.

    Values without sign may be clipped where the neuron keeps nothing above its (highest)
    threshold: hard reset, and multispike.
    """
    score = design.head_dim * design.q_max * design.k_max
    low, high = (design.tokens * score * end for end in design.v_range)
    spec = neuron(design)
    if spec is not None:
        saturate = spec.saturate if low == 0 else None
        membrane = membrane_range(spec, (low, high), design.steps)
        return Ranges((0, score), (low, high), membrane, saturate)
    top = thresholds(design)[-1] if design.neuron == "multispike" and low == 0 else None
    return Ranges((0, score), (low, high), (0, 0), top)


def inputs(design: IntegerDesign) -> tuple[ArraySpec, ArraySpec, ArraySpec]:
    """Describe q, k and v."""
    shape = (design.steps, design.tokens)
    return (
        ArraySpec("q", "(T, N, D)", (*shape, design.dim), 0, design.q_max),
        ArraySpec("k", "(T, N, D)", (*shape, design.dim), 0, design.k_max),
        ArraySpec("v", "(T, N, Dv)", (*shape, design.values), *design.v_range),
    )


def drive(design: IntegerDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike) -> NDArray[np.int64]:
    """Return the integers (q k^T) v of every head, (T, N, Dv), before the scale."""
    given = zip(inputs(design), (q, k, v), strict=True)
    q, k, v = (spec.check(array).astype(np.int64) for spec, array in given)
    total = np.zeros(v.shape, dtype=np.int64)
    width, values = design.head_dim, design.value_head_dim
    for head in range(design.heads):
        of = slice(head * width, (head + 1) * width)
        to = slice(head * values, (head + 1) * values)
        total[..., to] = (q[..., of] @ k[..., of].swapaxes(1, 2)) @ v[..., to]
    return total


def attention(
    design: IntegerDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike
) -> NDArray[np.uint8] | NDArray[np.int64]:
    """Return what the layer computes for q, k (T, N, D) and v (T, N, Dv).

    Returns
    -------
    array
        Spikes (lif, if) or integer spikes 0 .. levels (multispike), uint8; the drive without a
        neuron. (T, N, Dv).
    """
    x = drive(design, q, k, v)
    if design.neuron == "none":
        return x
    spec = neuron(design)
    return multispike(x, thresholds(design)) if spec is None else spec.run(x)
