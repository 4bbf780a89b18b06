"""Causal and windowed attention: which keys a query sees.

Ref: DecisionSpikeFormer, CVPR 2025, whose code puts 0 in the place of the scores of later tokens,
and keeps those less than ``window_size`` away.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign

__all__ = ["visible"]


@lru_cache(maxsize=2)
def visible(design: AttentionDesign) -> NDArray[np.bool_]:
    """Return whether token i's query sees token j's key, of shape (N, N), read-only.

    Every step and head alike: with ``causal`` where j <= i, with a window where
    abs(i - j) < window. The score of a key that is not seen counts as 0, whatever similarity, bias
    and gate would make of it.

    >>> shape = {"tokens": 4, "dim": 2, "heads": 1, "steps": 1}
    >>> visible(AttentionDesign.from_dict(shape | {"causal": True, "window": 2})).astype(int)
    array([[1, 0, 0, 0],
           [1, 1, 0, 0],
           [0, 1, 1, 0],
           [0, 0, 1, 1]])
    """
    token = np.arange(design.tokens)
    away = token[:, None] - token
    seen: NDArray[np.bool_] = np.ones(away.shape, dtype=np.bool_)
    if design.causal:
        seen &= away >= 0
    if design.window is not None:
        seen &= abs(away) < design.window
    seen.flags.writeable = False
    return seen
