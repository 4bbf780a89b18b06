"""Similarity of binary queries and keys, as an integer score.

Ref: Spikformer (and); arXiv 2501.16745 equation 9 (xnor); alpha-XNOR, CVPR 2025 (alpha-xnor);
arXiv 2505.10352 (hamming). Their numbers are in :mod:`spikeloom.design.similarity`.
"""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.similarity import Similarity
from spikeloom.golden.popcount import pack_words, popcount

__all__ = ["Similarity", "scores"]


def scores(
    q: NDArray[np.uint8], k: NDArray[np.uint8], similarity: AttentionDesign | Similarity
) -> NDArray[np.int64]:
    """Compare every row of ``q`` (n, c) with every row of ``k`` (m, c): integers of shape (n, m).

    A score is ``ones * p + zeros * z + each * c``, where p counts the pairs (1, 1), z the pairs
    (0, 0), of c channels. Of a design, the numbers are those of its first head.

    >>> q = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]], np.uint8)
    >>> k = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]], np.uint8)
    >>> scores(q, k, Similarity(8, 3, fraction=3)).tolist()
    [[11, 14, 19], [6, 9, 3], [19, 0, 16]]
    """
    how = similarity.similarities[0] if isinstance(similarity, AttentionDesign) else similarity
    channels = q.shape[-1]
    if q.ndim != 2 or k.ndim != 2 or k.shape[-1] != channels:
        raise ValueError(
            f"Queries and keys must be of shapes (n, c) and (m, c), not {q.shape!r} and {k.shape!r}"
        )
    q_words, k_words = pack_words(q), pack_words(k)
    both = np.zeros((len(q), len(k)), dtype=np.int64)
    for word in range(q_words.shape[1]):
        both += popcount(q_words[:, None, word] & k_words[None, :, word])
    # A pair of zeros is in neither word: z = c - |q| - |k| + p.
    both *= how.ones + how.zeros
    both += how.each * channels
    if how.zeros:
        both += how.zeros * (channels - q.sum(axis=1, dtype=np.int64))[:, None]
        both -= how.zeros * k.sum(axis=1, dtype=np.int64)
    return both
