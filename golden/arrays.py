"""Arrays of integers that go into layers and come out of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ArraySpec", "fill", "inferences", "one_by_one"]


@dataclass(frozen=True)
class ArraySpec:
    """An array of integers that goes into a layer or comes out of it.

    Parameters
    ----------
    name : str
        Its name in NPZ files.
    axes : str
        Its axes in words, such as ``"(T, N, D)"``.
    shape : tuple of int
        Its shape for one inference.
    low, high : int
        Least and greatest value; 0 and 1 for spikes.
    beyond : str
        What a greater value asks for, in words that follow a refusal.
    default : int or None
        What every entry is where the array is left out; None where it must be given.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    low: int = 0
    high: int = 1
    beyond: str = ""
    default: int | None = None

    @property
    def dtype(self) -> type[np.generic]:
        """The smallest of uint8, int32 and int64 that holds every value."""
        if 0 <= self.low and self.high < 256:
            return np.uint8
        return np.int32 if -(1 << 31) <= self.low and self.high < 1 << 31 else np.int64

    def check(self, array: ArrayLike) -> NDArray[Any]:
        """Return an array in the type of this one; :exc:`ValueError` unless it is one."""
        found = np.asarray(array)
        if found.shape != self.shape:
            raise ValueError(f"{self.name} must be of shape {self.words()}, not {found.shape!r}")
        if found.dtype.kind not in "biu":
            raise ValueError(f"{self.name} must hold integers, not {found.dtype!s}")
        if found.size and not (self.low <= int(found.min()) and int(found.max()) <= self.high):
            raise ValueError(f"{self.name} must hold {self.allowed} only, not other values")
        return found.astype(self.dtype)

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return "0 or 1" if (self.low, self.high) == (0, 1) else f"{self.low} to {self.high}"

    def words(self, count: int | None = None) -> str:
        """Say its shape, for one inference or for ``count`` with an axis of them in front.

        >>> spec = ArraySpec("x", "(N, D)", (2, 3))
        >>> spec.words(), spec.words(4), ArraySpec("n", "()", ()).words(4)
        ('(N, D) = (2, 3)', '(inferences, N, D) = (4, 2, 3)', '(inferences,) = (4,)')
        """
        if count is not None:
            axes = f"(inferences, {self.axes[1:]}" if self.shape else "(inferences,)"
            return f"{axes} = {(count, *self.shape)!r}"
        return f"{self.axes} = {self.shape!r}" if self.shape else "()"


def inferences(specs: Sequence[ArraySpec], arrays: Mapping[str, NDArray[Any]]) -> int | None:
    """Count the inferences in arrays of which one has an axis of them in front; None without one.

    Arrays that are left out are passed over.
    """
    for spec in specs:
        if spec.name in arrays and arrays[spec.name].ndim > len(spec.shape):
            return len(arrays[spec.name])
    return None


def fill(specs: Sequence[ArraySpec], arrays: Mapping[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return the arrays of ``specs``, those that are left out made of their defaults.

    They get an axis of inferences in front where another array has one.

    >>> specs = ArraySpec("x", "(D)", (3,)), ArraySpec("n", "()", (), high=5, default=2)
    >>> fill(specs, {"x": np.zeros((4, 3), np.uint8)})["n"]
    array([2, 2, 2, 2], dtype=uint8)

    Raises
    ------
    KeyError
        An array without a default is left out.
    """
    count = inferences(specs, arrays)
    front = () if count is None else (count,)
    return {
        spec.name: arrays[spec.name]
        if spec.name in arrays or spec.default is None
        else np.full((*front, *spec.shape), spec.default, spec.dtype)
        for spec in specs
    }


def one_by_one(
    specs: Sequence[ArraySpec], arrays: Mapping[str, NDArray[Any]]
) -> list[dict[str, NDArray[Any]]]:
    """Take arrays of one or several inferences apart, those that are left out made by :func:`fill`.

    >>> specs = ArraySpec("x", "(D)", (3,)), ArraySpec("n", "()", (), high=5, default=2)
    >>> [sorted(one) for one in one_by_one(specs, {"x": np.zeros((2, 3), np.uint8)})]
    [['n', 'x'], ['n', 'x']]
    """
    given = fill(specs, arrays)
    batches = [given[spec.name].reshape(-1, *spec.shape) for spec in specs]
    names = [spec.name for spec in specs]
    return [dict(zip(names, one, strict=True)) for one in zip(*batches, strict=True)]
