"""Log-PE: a bias that falls with the distance of two tokens.

Ref: arXiv 2501.16745, equation 12 and appendix E (``paper``); ``create_symmetric_matrix`` of its
published code (``code``), which is another function.
"""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.part import PositionModel

__all__ = ["LogModel", "bias_matrix", "code_matrix", "paper_row", "windows"]


def windows(length: int) -> list[int]:
    """Return the half-widths w_r of the paper's formula, falling: R(d) = how many are >= d.

    ``ceil(log2((L-1)/(d+1))) = #{r >= 0 : (d+1) 2**r < L-1}`` needs no logarithm and no division.
    Where the formula is negative or not defined (L <= 2, d >= L) no r remains and R is 0.

    >>> windows(168)
    [165, 82, 40, 19, 9, 4, 1, 0]
    """
    if length < 1:
        raise ValueError(f"Length must be an integer of at least 1, not {length!r}")
    widths: list[int] = []
    while (width := -(-(length - 1) // (1 << len(widths))) - 2) >= 0:
        widths.append(width)
    return widths


def paper_row(tokens: int, length: int) -> list[int]:
    """Return the paper's bias for the distances 0 to ``tokens - 1``, with its constant ``length``.

    >>> paper_row(12, 12)
    [4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0]
    """
    widths = windows(length)
    return [sum(width >= distance for width in widths) for distance in range(tokens)]


def code_matrix(length: int) -> NDArray[np.int32]:
    """Return the matrix of the published code, of shape (length, length).

    The diagonal is ceil(log2(length)); right of it, row i falls in a straight line, from the
    diagonal less one to zero, rounded half to even; left of it the matrix is mirrored. The line is
    float32, computed as ``torch.linspace`` of PyTorch 2 does on a CPU: from the start in its first
    half, from the end in its second. (Older versions computed it in vectors whose length depended
    on the processor; where the line meets a tie, they differ.)

    >>> code_matrix(12)[0].tolist()
    [4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0]
    """
    if length < 1:
        raise ValueError(f"Length must be an integer of at least 1, not {length!r}")
    top = (length - 1).bit_length()
    matrix = np.zeros((length, length), dtype=np.int32)
    np.fill_diagonal(matrix, top)
    for row in range(length - 1):
        line = np.rint(_linspace(top - 1, length - row - 1)).astype(np.int32)
        matrix[row, row + 1 :] = line
        matrix[row + 1 :, row] = line
    return matrix


def _linspace(start: int, steps: int) -> NDArray[np.float32]:
    """Return ``torch.linspace(start, 0, steps)`` in float32."""
    if steps == 1:
        return np.array([start], dtype=np.float32)
    step = np.float32(-start) / np.float32(steps - 1)
    index = np.arange(steps)
    rising = np.float32(start) + step * index.astype(np.float32)
    falling = np.float32(0) - step * (steps - 1 - index).astype(np.float32)
    return np.where(index < steps // 2, rising, falling)


def bias_matrix(design: AttentionDesign) -> NDArray[np.int32]:
    """Return the bias of token i's query and token j's key, of shape (N, N), for every step."""
    tokens = design.tokens
    if design.log.definition == "code":
        return code_matrix(design.log.length_of(design))[:tokens, :tokens]
    row = np.array(paper_row(tokens, design.log.length_of(design)), dtype=np.int32)
    index = np.arange(tokens)
    matrix: NDArray[np.int32] = row[np.abs(index[:, None] - index)]
    return matrix


class LogModel(PositionModel):
    """Log-PE: :func:`bias_matrix` is added."""

    def bias(self, head: int) -> NDArray[np.int32]:
        """Return the bias, the same for all heads."""
        return bias_matrix(self._design)

    def windows(self) -> list[int]:
        """Return the half-widths of the paper's formula; the code's matrix is no sum of windows."""
        log = self._design.log
        return windows(log.length_of(self._design)) if log.definition == "paper" else []
