"""Positions as rates of independent sines, and as spikes drawn from these rates.

Ref: ``CPGPositionalEncoding`` of SC-NeuroCore 3.16. Despite its name nothing is coupled: each
channel has a frequency and a phase of its own, from a fixed seed. Not the CPG-PE of NeurIPS 2024.
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["quantized", "rates", "spikes"]

_SEED = 42
_SPIKE_SEED = 0


def rates(tokens: int, dim: int) -> NDArray[np.float64]:
    """Return the rates, of shape (tokens, dim).

    ::

        rate[t, i] = (sin(0.01 t f[i] + phi[i]) + 1) / 2

    with ``f`` the exponential of half a normal deviate and ``phi`` even in 0 .. 2 pi. The numbers
    of one ``dim`` say nothing of another's; more tokens only add rows.

    Raises :exc:`ValueError` for less than one token or channel.
    """
    for name, count in (("Tokens", tokens), ("Dim", dim)):
        if count < 1:
            raise ValueError(f"{name} must be an integer of at least 1, not {count!r}")
    draw = np.random.RandomState(_SEED)
    frequency = np.exp(0.5 * draw.randn(dim))
    phase = draw.uniform(0, 2 * np.pi, dim)
    # The order of the factors is the class's: another rounds otherwise.
    angle = np.arange(tokens)[:, None] * frequency * 0.01 + phase
    made: NDArray[np.float64] = (np.sin(angle) + 1.0) / 2.0
    return made


def quantized(tokens: int, dim: int, bits: int) -> NDArray[np.int64]:
    """Return the rates in units of 1 / (2**bits - 1), rounded half up: all of 0 .. 2**bits - 1."""
    if not 1 <= bits <= 16:
        raise ValueError(f"Bits must be an integer from 1 to 16, not {bits!r}")
    made: NDArray[np.int64] = np.floor(rates(tokens, dim) * ((1 << bits) - 1) + 0.5).astype(int)
    return made


def spikes(tokens: int, dim: int) -> NDArray[np.uint8]:
    """Return the spikes that the class draws from the rates when it is given no generator.

    Its generator starts from a fixed seed, so these are a table, and a shorter sequence is the
    beginning of a longer one.
    """
    draw = np.random.RandomState(_SPIKE_SEED)
    return (draw.random_sample((tokens, dim)) < rates(tokens, dim)).astype(np.uint8)
