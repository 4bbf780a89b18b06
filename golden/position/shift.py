"""Cyclic-shift RoPE: groups of channels of queries and keys are rotated by the position.

Ref: bigbases/Bit_Shift_RoPE, ``spikformer_bitshiftRoPE.py``.
"""

import math
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.part import PositionModel

__all__ = ["ShiftModel", "amounts", "rotate", "schedule"]


def amounts(tokens: int, groups: int, base: Fraction | int, rounding: str) -> NDArray[np.int64]:
    """Return round(n * base**(-g / max(1, groups - 1))) of shape (groups, tokens), not reduced.

    Parameters
    ----------
    tokens, groups : int
        Positions n and groups g, each at least 1.
    base : Fraction or int
        The base, from 2^-20 to 2^20.
    rounding : str
        ``"float32"``: base, power, product and rounding in float32, as PyTorch's CPU kernels give
        them.
        ``"half-even"``: the real number, ties to even, decided in integers.

    >>> amounts(8, 4, 64, "half-even")[1].tolist()
    [0, 0, 0, 1, 1, 1, 2, 2]
    """
    table = np.zeros((groups, tokens), dtype=np.int64)
    for group in range(groups):
        if rounding == "float32":
            table[group] = _float32(tokens, group, groups, base)
        elif rounding == "half-even":
            table[group] = _half_even(tokens, group, groups, base)
        else:
            raise ValueError(f"Rounding must be 'float32' or 'half-even', not {rounding!r}")
    return table


def _float32(tokens: int, group: int, groups: int, base: Fraction | int) -> NDArray[np.int64]:
    exponent = np.float32(group) / np.float32(max(1, groups - 1))
    # A float64 power rounded once is the correctly rounded float32 power on every machine, which
    # NumPy's own float32 power, a matter of the processor, need not be.
    frequency = np.float32(math.pow(np.float32(float(base)), -float(exponent)))
    product = np.arange(tokens).astype(np.float32) * frequency
    rounded: NDArray[np.int64] = np.rint(product).astype(np.int64)
    return rounded


def _half_even(tokens: int, group: int, groups: int, base: Fraction | int) -> list[int]:
    root = max(1, groups - 1)
    row = []
    for n in range(tokens):
        guess = n * math.pow(base, -group / root)
        nearest = math.floor(guess + 0.5)
        # Far more than the error of the guess, and far less than a half.
        near = 1e-12 * (1 + guess)
        if abs(guess + 0.5 - nearest) < near:
            nearest = _round_exactly(n, group, root, base, nearest)
        elif nearest + 1 - (guess + 0.5) < near:
            nearest = _round_exactly(n, group, root, base, nearest + 1)
        row.append(nearest)
    return row


def _round_exactly(n: int, group: int, root: int, base: Fraction | int, upper: int) -> int:
    """Round n / base**(group/root), known to lie near the middle of ``upper - 1`` and ``upper``."""
    if upper == 0:
        return 0
    middle = (2 * upper - 1) ** root * base**group
    value = (2 * n) ** root
    if value == middle:
        return upper - upper % 2
    return upper if value > middle else upper - 1


def schedule(design: AttentionDesign) -> NDArray[np.int64]:
    """Return the amounts of shape (groups, N), each in 0 .. group_dim - 1."""
    if design.shift.values is not None:
        table = np.array(design.shift.values, dtype=np.int64)
    elif design.shift.grid is not None:
        table = _grid_amounts(design, *design.shift.grid)
    else:
        shift = design.shift
        table = amounts(design.tokens, shift.groups, shift.base, shift.rounding)
    return table % design.shift.group_dim(design)


def _grid_amounts(design: AttentionDesign, rows: int, columns: int) -> NDArray[np.int64]:
    """Return the amounts of a picture: the row's for half of the groups, then the column's."""
    shift = design.shift
    row, column = (
        amounts(side, shift.groups // 2, shift.base, shift.rounding) for side in (rows, columns)
    )
    return np.concatenate([row.repeat(columns, axis=1), np.tile(column, rows)])


def rotate(x: NDArray[np.uint8], amounts: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Rotate each group of every token's channels; content moves to higher channels.

    Parameters
    ----------
    x : array
        Bits of shape (..., N, d).
    amounts : array
        Integers of shape (G, N), where G divides d.

    >>> rotate(np.array([[1, 0, 0, 0]], np.uint8), np.array([[1], [0]])).tolist()
    [[0, 1, 0, 0]]
    """
    groups = amounts.shape[0]
    if x.shape[-1] % groups or x.shape[-2] != amounts.shape[1]:
        raise ValueError(
            f"Amounts must be of shape (G, N), where G divides d, not {amounts.shape!r} "
            f"beside {x.shape!r}"
        )
    width = x.shape[-1] // groups
    channel = np.arange(width)
    source = (channel - amounts.T[:, :, None]) % width + width * np.arange(groups)[:, None]
    index = np.broadcast_to(source.reshape(x.shape[-2:]), x.shape)
    return np.take_along_axis(x, index, axis=-1)


class ShiftModel(PositionModel):
    """Cyclic-shift RoPE: groups of channels are rotated by :func:`schedule`."""

    def permute(self, x: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Rotate the groups of every token."""
        return rotate(x, schedule(self._design))
