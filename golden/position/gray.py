"""Gray-PE: codes of the position, appended to queries and keys.

Ref: arXiv 2501.16745, equations 8, 10, 11 and appendix A (index l); its published code has t*L+l.
"""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.part import PositionModel

__all__ = ["GrayModel", "code_words", "codes", "gray_code"]


def gray_code(x: int) -> int:
    """Return the reflected binary code of ``x``, which must not be negative.

    >>> [format(gray_code(x), "03b") for x in range(8)]
    ['000', '001', '011', '010', '110', '111', '101', '100']
    """
    if x < 0:
        raise ValueError(f"Position must be an integer of at least 0, not {x!r}")
    return x ^ (x >> 1)


def code_words(design: AttentionDesign, t: int) -> list[int]:
    """Return the appended code of every token at step ``t``, as an integer.

    One-dimensional: the low bits of G(index), where the index is l or t*N + l. With a grid:
    the low bits of G(row) above the low bits of G(column). The code is cut, not the index: with
    too few bits codes repeat as in a mirror.
    """
    if "gray" not in design.position:
        return [0] * design.tokens
    bits = design.gray.code_bits(design)
    if design.gray.grid is None:
        start = t * design.tokens if design.gray.index == "t*L+l" else 0
        mask = (1 << bits[0]) - 1
        return [gray_code(start + token) & mask for token in range(design.tokens)]
    columns = design.gray.grid[1]
    words = []
    for token in range(design.tokens):
        row, column = divmod(token, columns)
        high = gray_code(row) & ((1 << bits[0]) - 1)
        words.append(high << bits[1] | gray_code(column) & ((1 << bits[1]) - 1))
    return words


def codes(design: AttentionDesign, t: int) -> NDArray[np.uint8]:
    """Return :func:`code_words` as bits of shape (N, bits); column c is bit c of the word.

    Columns are compared as channels of a query and a key, behind their own.
    """
    width = sum(design.gray.code_bits(design)) if "gray" in design.position else 0
    words = np.array(code_words(design, t), dtype=np.int64)
    bits: NDArray[np.uint8] = (words[:, None] >> np.arange(width) & 1).astype(np.uint8)
    return bits


class GrayModel(PositionModel):
    """Gray-PE: :func:`codes` are appended."""

    def channels(self, t: int) -> NDArray[np.uint8]:
        """Return the codes."""
        return codes(self._design, t)
