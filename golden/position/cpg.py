"""CPG-PE: spike trains of central pattern generators as codes of the absolute position.

Ref: C. Lv et al., Advancing Spiking Neural Networks for Sequential Modeling with Central Pattern
Generators, NeurIPS 2024 (arXiv 2405.14362), as coded in SeqSNN, ``NeuronPE`` and ``CPG``.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

__all__ = ["LONGEST", "THRESHOLD", "code_words", "codes"]

THRESHOLD = 0.8
"""A neuron spikes where its sine or cosine is at or above this."""

LONGEST = 50_000
"""Rows of the published table."""


@lru_cache(maxsize=16)
def codes(positions: int, neurons: int, w_max: float = 10_000) -> NDArray[np.uint8]:
    """Return the spikes of every position, of shape (positions, neurons), read-only.

    Row p belongs to position p = t*L + l of token l at step t: time comes first. With
    w_i = w_max ** (-2 i / neurons), neuron 2 i spikes where sin(p w_i) >= 0.8 and neuron 2 i + 1
    where cos(p w_i) >= 0.8. An odd number of neurons lacks the last cosine.

    Every product, exponential and wave is rounded to float32, as in the published code, whose
    positions are float32 too: behind the first thousands of rows that moves waves over the
    threshold and back. Each rounding here is to the nearest, and so the table is the same on every
    machine. Exponentials of PyTorch may be off by one unit in the last place, differently from one
    of its builds to the next.

    Parameters
    ----------
    positions : int
        Rows, T*L, from 1 to 50,000.
    neurons : int
        Neurons, at least 1.
    w_max : float
        Ratio of the longest period to the shortest, at least 2.

    >>> ["".join(map(str, row)) for row in codes(4, 10).tolist()]
    ['0101010101', '1001010101', '1001010101', '0001010101']
    """
    if not 1 <= positions <= LONGEST:
        raise ValueError(f"Positions must be an integer from 1 to {LONGEST}, not {positions!r}")
    if neurons < 1:
        raise ValueError(f"Neurons must be a positive integer, not {neurons!r}")
    if w_max < 2:
        raise ValueError(f"Greatest w must be an integer of at least 2, not {w_max!r}")
    table = np.zeros((positions, neurons), dtype=np.uint8)
    # float64 holds the product of two float32 numbers, so that each line below rounds once.
    rate = float(np.float32(-math.log(w_max) / neurons))
    for neuron in range(neurons):
        power = float(np.float32(neuron // 2 * 2 * rate))
        frequency = float(np.float32(math.exp(power)))
        angle = (np.arange(positions) * frequency).astype(np.float32).astype(np.float64)
        wave = np.cos(angle) if neuron % 2 else np.sin(angle)
        table[:, neuron] = wave.astype(np.float32) >= np.float32(THRESHOLD)
    table.flags.writeable = False
    return table


def code_words(positions: int, neurons: int, w_max: int = 10_000) -> list[int]:
    """Return the rows of :func:`codes` as integers; neuron c is bit c.

    >>> [bin(word) for word in code_words(3, 4)]
    ['0b1010', '0b1001', '0b1001']
    """
    weights = [1 << neuron for neuron in range(neurons)]
    return [
        sum(weight for weight, bit in zip(weights, row, strict=True) if bit)
        for row in codes(positions, neurons, w_max).tolist()
    ]
