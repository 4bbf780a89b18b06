"""Cycles of state order with several spikes a cycle: predicted from the spikes alone."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position import channels, permute
from spikeloom.hdl.attention.wide.plan import WidePlan

__all__ = ["wide_cycles"]


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
    queries, keys = (permute(design, _heads(design, np.asarray(x, np.uint8))) for x in (q, k))
    made, used = [], [0]
    for head in range(design.heads):
        for step in range(design.steps):
            q_rows, k_rows = queries[step, head], keys[step, head]
            if design.code_bits:
                empty = np.zeros((plan.tokens, plan.beats * plan.beat - plan.head_dim), np.uint8)
                code = channels(design, step)
                q_rows, k_rows = (
                    np.concatenate([x, empty, code], axis=1) for x in (q_rows, k_rows)
                )
            made += [_slots(plan, k_rows.T)] * plan.passes
            used += [_slots(plan, q_rows)] * plan.passes
    slots = np.maximum([*made, 0], used)
    return int(slots.sum()) + len(slots) * (4 + plan.tail)


def _heads(design: AttentionDesign, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
    shape = (design.steps, design.tokens, design.heads, design.head_dim)
    return x.reshape(shape).swapaxes(1, 2)


def _slots(plan: WidePlan, rows: NDArray[np.uint8]) -> int:
    """Count the slots of the rows of a unit, each (bits,)."""
    words = np.pad(rows, ((0, 0), (0, -rows.shape[1] % plan.span)))
    ports = words.reshape(-1, plan.reach, plan.ports).sum(axis=1, dtype=np.int64)
    return int(np.maximum(ports.max(axis=1), 1).sum())
