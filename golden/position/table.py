"""A learned signed bias a head, indexed by the difference or by the xor of two positions."""

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.part import PositionModel

__all__ = ["TableModel", "bias_matrix", "entries"]


def entries(design: AttentionDesign, head: int) -> list[int]:
    """Return the table of one head: 2N-1 entries (difference), or the next power of two (xor)."""
    values = design.table.values
    if values is None:
        raise ValueError(f"Design must have a table, not {design.name!r} without one")
    return list(values[head if len(values) > 1 else 0])


def bias_matrix(design: AttentionDesign, head: int) -> NDArray[np.int32]:
    """Return the bias of token i's query and token j's key, of shape (N, N), for every step."""
    row = np.array(entries(design, head), dtype=np.int32)
    index = np.arange(design.tokens)
    if design.table.index == "xor":
        matrix: NDArray[np.int32] = row[index[:, None] ^ index]
    else:
        matrix = row[index[:, None] - index + design.tokens - 1]
    return matrix


class TableModel(PositionModel):
    """A learned bias: :func:`bias_matrix` is added."""

    def bias(self, head: int) -> NDArray[np.int32]:
        """Return the bias of a head."""
        return bias_matrix(self._design, head)
