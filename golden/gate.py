"""Binary gate: an attention map of ones and zeros.

Ref: SC-NeuroCore, tutorial 54, as its text describes it; its code has integer scores.
"""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign

__all__ = ["gated", "level"]


def level(design: AttentionDesign) -> int:
    """Return the least score that opens the gate, in units of 2**-f."""
    if design.gate is None:
        raise ValueError("Gate must be an integer, not None")
    return design.gate << design.score_fraction


def gated(scores: NDArray[np.int64], design: AttentionDesign) -> NDArray[np.int64]:
    """Return 1 where a score is at least the gate, else 0, in the shape of ``scores``.

    >>> shape = {"tokens": 2, "dim": 4, "heads": 1, "steps": 1}
    >>> design = AttentionDesign.from_dict(shape | {"gate": 2})
    >>> gated(np.array([[0, 1], [2, 3]]), design).tolist()
    [[0, 0], [1, 1]]
    """
    matrix: NDArray[np.int64] = (scores >= level(design)).astype(np.int64)
    return matrix
