"""NPZ archives of float arrays."""

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.arrays import Archive
from spikeloom.files import FormatError
from spikeloom.importing.containers.tensor import TYPES, Contents, Tensor

__all__ = ["read_npz"]


def read_npz(archive: Archive) -> Contents:
    """Read types and shapes of all arrays. The archive must stay open while arrays are read.

    Raises
    ------
    FormatError
        It holds something else than arrays of numbers.
    """
    return Contents("NPZ", {name: _tensor(archive, name) for name in archive.names})


def _tensor(archive: Archive, name: str) -> Tensor:
    try:
        shape, dtype = archive.header(name)
    except FormatError as error:
        raise FormatError(f"{name}: {error}") from None
    kind = dtype.name
    if kind not in TYPES:
        raise FormatError(f"{name}: {kind}: must be an array of {', '.join(TYPES)}")

    def read() -> NDArray[Any]:
        array = archive.array(name)
        if kind in ("float16", "float32"):
            return array.astype(np.float32)
        if kind == "bool":
            return array
        return array.astype(np.float64 if kind == "float64" else np.int64)

    return Tensor(shape, kind, prod(shape) * dtype.itemsize, read)
