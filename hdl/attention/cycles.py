"""Cycles that state order takes: a function of the spikes, predicted without simulating."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position import channels, permute
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.attention.wide.plan import WidePlan

__all__ = ["state_cycles", "wide_cycles"]


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
    runs = [plan.passes * _pass(plan, step, *rows) for step, *rows in _runs(plan, q, k)]
    by_head = np.array(runs, dtype=np.int64).reshape(design.heads, design.steps)
    return by_head.T


def wide_cycles(design: AttentionDesign, q: ArrayLike, k: ArrayLike) -> int:
    """Predict the cycles in which the engine works in one inference.

    A word of k or q takes as many slots as the port with the most spikes in it has, and at least
    one. A unit is one pass of a head and step. There is one stage more than units: stage n reads
    the rows of k of unit n and the rows of q of unit n - 1 at the same time, and takes the slots of
    the longer of both, four cycles, and ``tail`` of
    :class:`~spikeloom.hdl.attention.wide.plan.WidePlan`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.spikes`` above 1.
    q, k : array_like
        Spikes of shape (T, N, D).

    Returns
    -------
    int
        Compute cycles.
    """
    plan = WidePlan(design)
    made, used = [], [0]
    for _, queries, keys in _runs(plan, q, k):
        keys = np.pad(keys, ((0, 0), (0, plan.places - plan.design.channels)))
        made += [_slots(plan, keys.T)] * plan.passes
        used += [_slots(plan, queries)] * plan.passes
    slots = np.maximum([*made, 0], used)
    return int(slots.sum()) + len(slots) * (4 + plan.tail)


def _runs(
    plan: StatePlan, q: ArrayLike, k: ArrayLike
) -> Iterator[tuple[int, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Give the step of each run, head by head, with its tokens of q and k as they lie in memory."""
    design = plan.design
    shape = (design.steps, -1, design.heads, design.head_dim)
    queries, keys = (
        permute(design, np.asarray(x, np.uint8).reshape(shape).swapaxes(1, 2)) for x in (q, k)
    )
    for head in range(design.heads):
        for step in range(design.steps):
            q_rows, k_rows = queries[step, head], keys[step, head]
            if design.code_bits:
                # In a token of q the code begins a beat of its own.
                empty = np.zeros((len(q_rows), plan.places - plan.design.channels), dtype=np.uint8)
                code = channels(design, step)
                q_rows = np.concatenate([q_rows, empty, code], axis=1)
                k_rows = np.concatenate([k_rows, code], axis=1)
            yield step, q_rows, k_rows


def _pass(plan: StatePlan, step: int, q: NDArray[np.uint8], k: NDArray[np.uint8]) -> int:
    """Count the cycles of one pass from its tokens of q and k."""
    least = np.ones(len(q), dtype=np.int64)
    if plan.paced and step > 0:
        least[:-1] = 2
    if plan.windows:
        least[1:] = 2 * len(plan.windows) + 2
    cycles = 2 + _rows(plan, k.T, np.ones(plan.design.channels, dtype=np.int64)) + 3
    return cycles + _rows(plan, q, least) + 2 + plan.tokens * plan.windowed


def _rows(plan: StatePlan, rows: NDArray[np.uint8], least: NDArray[np.int64]) -> int:
    spikes = rows.sum(axis=1, dtype=np.int64)
    tail = rows.shape[1] - (-(-rows.shape[1] // plan.chunk) - 1) * plan.chunk
    # The last chunk of all is kept even without a spike.
    spikes[-1] += bool(rows[-1].any() and not rows[-1, -tail:].any())
    return int(np.maximum(spikes, least).sum())


def _slots(plan: WidePlan, rows: NDArray[np.uint8]) -> int:
    """Count the slots of the rows of a unit, each (bits,)."""
    words = np.pad(rows, ((0, 0), (0, -rows.shape[1] % plan.span)))
    ports = words.reshape(-1, plan.reach, plan.ports).sum(axis=1, dtype=np.int64)
    return int(np.maximum(ports.max(axis=1), 1).sum())
