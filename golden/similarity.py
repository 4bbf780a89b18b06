"""Similarity of binary queries and keys, as an integer score.

Ref: Spikformer (and); arXiv 2501.16745 equation 9 (xnor); alpha-XNOR, CVPR 2025 (alpha-xnor);
arXiv 2505.10352 (hamming).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.popcount import pack_words, popcount

__all__ = ["Similarity", "scores"]


@dataclass(frozen=True)
class Similarity:
    """What a pair of bits is worth.

    Parameters
    ----------
    kind : str
        ``"and"``: p; ``"xnor"``: m; ``"alpha-xnor"``: 2**fraction * p + kappa * z; ``"hamming"``:
        2m - c, where p counts the pairs (1, 1), z the pairs (0, 0), m = p + z, of c channels.
    kappa : int
        Worth of a pair of zeros in alpha-xnor, in units of 2**-fraction.
    fraction : int
        Fraction bits of an alpha-xnor score; 0 for the others.
    """

    kind: str
    kappa: int = 0
    fraction: int = 0

    def __post_init__(self) -> None:
        """Refuse an unknown kind."""
        if self.kind not in ("and", "xnor", "alpha-xnor", "hamming"):
            raise ValueError(
                f"Kind must be 'and', 'xnor', 'alpha-xnor' or 'hamming', not {self.kind!r}"
            )

    @classmethod
    def from_design(cls, design: AttentionDesign, head: int = 0) -> "Similarity":
        """Take the similarity of a head of a design."""
        return cls(design.similarity, design.kappas[head], design.score_fraction)

    def bounds(self, channels: int) -> tuple[int, int]:
        """Return the least and the greatest score of ``channels`` channels; both are reached."""
        if self.kind == "hamming":
            return -channels, channels
        if self.kind == "alpha-xnor":
            return 0, channels * max(self.kappa, 1 << self.fraction)
        return 0, channels


def scores(
    q: NDArray[np.uint8], k: NDArray[np.uint8], similarity: AttentionDesign | Similarity
) -> NDArray[np.int64]:
    """Compare every row of ``q`` (n, c) with every row of ``k`` (m, c): integers of shape (n, m).

    >>> q = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]], np.uint8)
    >>> k = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]], np.uint8)
    >>> scores(q, k, Similarity("alpha-xnor", kappa=3, fraction=3)).tolist()
    [[11, 14, 19], [6, 9, 3], [19, 0, 16]]
    """
    how = (
        Similarity.from_design(similarity)
        if isinstance(similarity, AttentionDesign)
        else similarity
    )
    channels = q.shape[-1]
    if q.ndim != 2 or k.ndim != 2 or k.shape[-1] != channels:
        raise ValueError(
            f"Queries and keys must be of shapes (n, c) and (m, c), not {q.shape!r} and {k.shape!r}"
        )
    q_words, k_words = pack_words(q), pack_words(k)
    both = np.zeros((len(q), len(k)), dtype=np.int64)
    for word in range(q_words.shape[1]):
        both += popcount(q_words[:, None, word] & k_words[None, :, word])
    if how.kind == "and":
        return both
    neither: NDArray[np.int64] = both + channels
    neither -= q.sum(axis=1, dtype=np.int64)[:, None]
    neither -= k.sum(axis=1, dtype=np.int64)
    if how.kind == "alpha-xnor":
        both <<= how.fraction
        neither *= how.kappa
    both += neither
    if how.kind == "hamming":
        both *= 2
        both -= channels
    return both
