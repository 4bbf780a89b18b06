"""Cycles that the state order takes: a function of the spikes, predicted without simulating."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position import channels, permute
from spikeloom.hdl.attention.state.plan import StatePlan

__all__ = ["state_cycles"]


def state_cycles(design: AttentionDesign, q: ArrayLike, k: ArrayLike) -> NDArray[np.int64]:
    """Predict the cycles in which the engine works, for every step and head.

    Every pass of a run (a head and step) takes two cycles to begin and to end, three between rows
    of k and of q, and for each row its spikes, but at least one. A query whose membranes lie in
    single-ported memory takes at least two before the next, except in the first step. A bias takes
    one for each token, and at least two a query and two for each moving window, except for the
    first query.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state".
    q, k : array_like
        Spikes of shape (T, N, D), or of fewer tokens where those are all that there are.

    Returns
    -------
    numpy.ndarray
        Compute cycles, of shape (T, H).
    """
    plan = StatePlan(design)
    queries, keys = (permute(design, _heads(design, np.asarray(x, np.uint8))) for x in (q, k))
    runs = [
        plan.passes * _pass(plan, step, queries[step, head], keys[step, head])
        for step in range(design.steps)
        for head in range(design.heads)
    ]
    return np.array(runs, dtype=np.int64).reshape(design.steps, design.heads)


def _heads(design: AttentionDesign, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = (design.steps, -1, design.heads, design.head_dim)
    return x.reshape(shape).swapaxes(1, 2)


def _pass(plan: StatePlan, step: int, q: NDArray[np.uint8], k: NDArray[np.uint8]) -> int:
    """Count the cycles of one pass from the rows as they lie in memory, (tokens, places)."""
    if plan.design.code_bits:
        # In a token of q the code begins a beat of its own.
        empty = np.zeros((plan.tokens, plan.beats * plan.beat - plan.head_dim), dtype=np.uint8)
        code = channels(plan.design, step)
        q, k = np.concatenate([q, empty, code], axis=1), np.concatenate([k, code], axis=1)
    least = np.ones(len(q), dtype=np.int64)
    if plan.paced and step > 0:
        least[:-1] = 2
    if plan.windows:
        least[1:] = 2 * len(plan.windows) + 2
    cycles = 2 + _rows(plan, k.T, np.ones(plan.width, dtype=np.int64)) + 3
    return cycles + _rows(plan, q, least) + 2 + plan.tokens * plan.windowed


def _rows(plan: StatePlan, rows: NDArray[np.uint8], least: NDArray[np.int64]) -> int:
    spikes = rows.sum(axis=1, dtype=np.int64)
    tail = rows.shape[1] - (-(-rows.shape[1] // plan.chunk) - 1) * plan.chunk
    # The last chunk of all is kept even without a spike.
    spikes[-1] += bool(rows[-1].any() and not rows[-1, -tail:].any())
    return int(np.maximum(spikes, least).sum())
