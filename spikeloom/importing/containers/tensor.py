"""Tensors in files: type, shape and place are known, the numbers are read when asked for."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.files import FormatError

__all__ = [
    "MOST",
    "TYPES",
    "Contents",
    "Settled",
    "Tensor",
    "check_place",
    "decode",
    "most",
    "read_bytes",
    "view",
]

MOST: Final = 1 << 29
"""Bytes of all tensors of a checkpoint together, at most: far more than any device here holds."""

TYPES: Final = {
    "float64": "f8",
    "float32": "f4",
    "float16": "f2",
    "bfloat16": "u2",
    "int64": "i8",
    "int32": "i4",
    "int16": "i2",
    "int8": "i1",
    "uint8": "u1",
    "bool": "u1",
}
"""NumPy's code of each type; that of bfloat16 and bool is of their bits."""

_PIECE = 1 << 20
_DIMENSIONS = 8


class Settled:
    """What a pickle must not change once it is made."""

    def __setstate__(self, state: object) -> None:
        raise FormatError("changes a tensor that it has made: must be a state dict")


@dataclass(frozen=True)
class Tensor(Settled):
    """A tensor of a file.

    Parameters
    ----------
    shape : tuple of int
        Its shape.
    type : str
        One of :data:`TYPES`.
    cost : int
        Bytes that are read for it, at most.
    read : callable
        Reads it; its numbers as :func:`decode` gives them. Raises :exc:`FormatError`.
    """

    shape: tuple[int, ...]
    type: str
    cost: int
    read: Callable[[], NDArray[Any]]


@dataclass(frozen=True)
class Contents:
    """What a file holds.

    Parameters
    ----------
    container : str
        What kind of file it is, in words.
    tree : object
        Dictionaries, lists, numbers, strings and :class:`Tensor`, as they were written.
    """

    container: str
    tree: object


def most() -> str:
    """Say :data:`MOST` in words."""
    return f"{MOST >> 20} MiB"


def decode(data: NDArray[np.uint8], kind: str, *, big: bool = False) -> NDArray[Any]:
    """Return the numbers of bytes: half-size floats as float32 and integers as int64, exactly.

    >>> decode(np.array([0x80, 0x3F, 0x40, 0xC0], np.uint8), "bfloat16")
    array([ 1., -3.], dtype=float32)
    """
    values: NDArray[Any] = data.view((">" if big else "<") + TYPES[kind])
    if kind == "bfloat16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    if kind == "bool":
        return values.astype(np.bool_)
    if kind in ("float32", "float16"):
        return values.astype(np.float32, copy=False)
    return values.astype(np.float64 if kind == "float64" else np.int64, copy=False)


def read_bytes(file: IO[bytes], size: int) -> NDArray[np.uint8]:
    """Read exactly ``size`` bytes, piece by piece; :exc:`FormatError` if there are fewer."""
    data = np.empty(size, np.uint8)
    for start in range(0, size, _PIECE):
        piece = file.read(min(_PIECE, size - start))
        if len(piece) < min(_PIECE, size - start):
            raise FormatError(f"is cut short: {size} bytes are announced and {start} are there")
        data[start : start + len(piece)] = np.frombuffer(piece, np.uint8)
    return data


def view(
    values: NDArray[Any], offset: int, shape: tuple[int, ...], strides: tuple[int, ...]
) -> NDArray[Any]:
    """Return a tensor that lies in a row of values, as an array of its own order.

    Strides are counted in values. :exc:`FormatError` if it reaches beyond the values.

    >>> view(np.arange(5), 1, (2, 2), (1, 3))
    Traceback (most recent call last):
    spikeloom.files.FormatError: reaches value 6 of 5: must lie within its storage
    """
    last = check_place(len(values), offset, shape, strides)
    if prod(shape) == 0:
        return np.zeros(shape, values.dtype)
    size = values.dtype.itemsize
    steps = tuple(stride * size for stride in strides)
    found = np.lib.stride_tricks.as_strided(values[offset : last + 1], shape, steps)
    return np.ascontiguousarray(found).reshape(shape)


def check_place(count: int, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> int:
    """Return the last value that a tensor takes of ``count``, once it lies within them."""
    if len(shape) > _DIMENSIONS or len(strides) != len(shape):
        raise FormatError(f"has {len(shape)} dimensions and {len(strides)} strides")
    if offset < 0 or min(shape, default=0) < 0 or min(strides, default=0) < 0:
        raise FormatError("has a negative offset, size or stride")
    last = offset + sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    if prod(shape) and last >= count:
        raise FormatError(f"reaches value {last + 1} of {count}: must lie within its storage")
    return last
