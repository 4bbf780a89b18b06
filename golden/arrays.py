"""Arrays of integers that go into layers and come out of them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["ArraySpec"]


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
            raise ValueError(
                f"{self.name} must be of shape {self.axes} = {self.shape!r}, not {found.shape!r}"
            )
        if found.dtype.kind not in "biu":
            raise ValueError(f"{self.name} must hold integers, not {found.dtype!s}")
        if found.size and not (self.low <= int(found.min()) and int(found.max()) <= self.high):
            raise ValueError(f"{self.name} must hold {self.allowed} only, not other values")
        return found.astype(self.dtype)

    @property
    def allowed(self) -> str:
        """The allowed values in words."""
        return "0 or 1" if (self.low, self.high) == (0, 1) else f"{self.low} to {self.high}"
