"""State order in NumPy, as the page beside this file proves it: linear in the tokens, exact."""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design import Design
from spikeloom.golden import position

Array = NDArray[np.int64]


def window_sums(v: Array, half: int) -> Array:
    """Return for every token the sum of the values at most ``half`` tokens away."""
    tokens = len(v)
    sums = np.zeros_like(v)
    total = v[:half].sum(axis=0)
    for i in range(tokens):
        if i + half < tokens:
            total = total + v[i + half]
        if i - half - 1 >= 0:
            total = total - v[i - half - 1]
        sums[i] = total
    return sums


def drive(design: Design, q: Array, k: Array, v: Array, t: int) -> Array:
    """Return the drive of one head at step ``t``, from its spikes of shape (N, d)."""
    codes = position.channels(design, t)
    q, k = (np.concatenate([position.permute(design, x), codes], axis=1) for x in (q, k))
    channels = q.shape[1]
    how = design.similarities[0]
    beta, kappa, gamma = how.ones, how.zeros, how.each * channels

    state = np.zeros((channels, v.shape[1]), np.int64)
    total = np.zeros(v.shape[1], np.int64)
    for key, value in zip(k, v, strict=True):
        total += value
        for channel in np.flatnonzero(key):
            state[channel] += value
    start = kappa * (channels * total - state.sum(axis=0)) + gamma * total
    state = (beta + kappa) * state - kappa * total

    answer = np.tile(start, (len(q), 1))
    for i, query in enumerate(q):
        for channel in np.flatnonzero(query):
            answer[i] += state[channel]
    for half in position.windows(design):
        answer += window_sums(v, half) << design.score_fraction
    return answer
