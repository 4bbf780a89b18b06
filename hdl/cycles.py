"""Cycles that the state order takes: a function of the spikes, predicted without simulating."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..design import Design
from ..golden.gray import codes
from ..golden.shift import rotate, schedule
from .state_plan import StatePlan

__all__ = ["state_cycles"]


def state_cycles(design: Design, q: ArrayLike, k: ArrayLike) -> NDArray[np.int64]:
    """Predict the cycles in which the engine works, for every step and head.

    Every pass of a run (a head and step) takes two cycles to begin and to end, three between rows
    of k and of q, and for each row its spikes and what comes before them: a row of k that starts
    from the sum of all values one slot; a query one for its membranes, one for what all queries
    have in common, and for Log-PE one and two for each moving window, except the first query. A row
    without any slot takes one, and so does a query without a spike whose membranes lie in
    single-ported memory.

    Parameters
    ----------
    design : Design
        The layer, with ``folding.order`` "state".
    q, k : array_like
        Spikes of shape (T, N, D).

    Returns
    -------
    numpy.ndarray
        Compute cycles, of shape (T, H).
    """
    plan = StatePlan(design)
    queries, keys = (_heads(design, np.asarray(x, dtype=np.uint8)) for x in (q, k))
    if "shift" in design.positions:
        amounts = schedule(design)
        queries, keys = rotate(queries, amounts), rotate(keys, amounts)
    runs = [
        plan.passes * _pass(plan, step, queries[step, head], keys[step, head])
        for step in range(design.steps)
        for head in range(design.heads)
    ]
    return np.array(runs, dtype=np.int64).reshape(design.steps, design.heads)


def _heads(design: Design, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = (design.steps, design.tokens, design.heads, design.head_dim)
    return x.reshape(shape).swapaxes(1, 2)


def _pass(plan: StatePlan, step: int, q: NDArray[np.uint8], k: NDArray[np.uint8]) -> int:
    """Count the cycles of one pass from the rows as they lie in memory, (tokens, places)."""
    if plan.design.code_bits:
        empty = np.zeros((plan.tokens, plan.beats * plan.beat - plan.head_dim), dtype=np.uint8)
        code = codes(plan.design, step)
        q, k = (np.concatenate([x, empty, code], axis=1) for x in (q, k))
    starts = plan.starts and (plan.neuron.offset != 0 or step > 0)
    opening = np.full(plan.tokens, int(starts) + int(plan.based))
    opening[1:] += 2 * len(plan.windows) + bool(plan.windows)
    cycles = 2 + _rows(plan, k.T, np.full(plan.places, int(plan.based))) + 3
    cycles += _rows(plan, q, opening, paced=plan.paced and starts and not plan.based) + 2
    return cycles + (plan.tokens + 3 if plan.based else 0)


def _rows(
    plan: StatePlan, rows: NDArray[np.uint8], opening: NDArray[np.int64], *, paced: bool = False
) -> int:
    spikes = rows.sum(axis=1, dtype=np.int64)
    slots = np.maximum(spikes, (opening == 0) | paced) + opening
    tail = rows.shape[1] - (-(-rows.shape[1] // plan.chunk) - 1) * plan.chunk
    # The last chunk of all is kept even without a spike.
    kept = rows[-1].any() and not rows[-1, -tail:].any()
    return int(slots.sum()) + int(kept)
