"""The integers of a trained network: read from a file, and told apart by their digest."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from spikeloom.arrays import Archive
from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.files import FormatError

__all__ = ["Weights", "WeightsKey", "digest"]

# Entries of all arrays together: far more than any device here holds.
_MOST = 1 << 26


def digest(arrays: Mapping[str, ArrayLike]) -> str:
    """Return what tells arrays of integers apart, whatever their types and their file.

    >>> digest({"a": [[1, 2]]}) == digest({"a": np.array([[1, 2]], np.int8)})
    True
    >>> digest({"a": [[1, 2]]}) == digest({"a": [1, 2]})
    False
    """
    state = hashlib.sha256()
    for name in sorted(arrays):
        array = np.asarray(arrays[name])
        state.update(f"{name} {array.shape}\n".encode())
        state.update(np.ascontiguousarray(array, dtype="<i8").tobytes())
    return f"sha256:{state.hexdigest()}"


class Weights(Mapping[str, NDArray[np.int64]]):
    """Arrays of integers by name; equal to others with the same digest.

    Parameters
    ----------
    file : str
        Name of their file; empty for arrays that came from a program.
    arrays : mapping
        The arrays.
    """

    def __init__(self, file: str, arrays: Mapping[str, ArrayLike]):
        self.file: Final = file
        self._arrays = {name: np.asarray(array).astype(np.int64) for name, array in arrays.items()}
        for array in self._arrays.values():
            array.flags.writeable = False
        self.digest: Final = digest(self._arrays)

    def __getitem__(self, name: str) -> NDArray[np.int64]:
        return self._arrays[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._arrays)

    def __len__(self) -> int:
        return len(self._arrays)

    def __hash__(self) -> int:
        return hash(self.digest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Weights) and self.digest == other.digest

    def __repr__(self) -> str:
        return f"Weights({self.file!r}, {self.digest[:15]}...)"


def _read(value: object, info: ValidationInfo) -> Weights:
    """Accept the name of an NPZ file, or from a program a mapping of arrays."""
    if isinstance(value, Weights):
        return value
    if isinstance(value, Mapping):
        return Weights("", {str(name): _integers(name, value[name]) for name in value})
    if not isinstance(value, str) or not value.endswith(".npz") or "\0" in value:
        raise DesignError("weights", show(value), "must be the name of a .npz file")
    return Weights(value, _load(value, (info.context or {}).get("folder", Path())))


def _load(name: str, folder: Path) -> dict[str, NDArray[Any]]:
    try:
        with Archive(folder / name) as archive:
            left = _MOST
            for array in archive.names:
                left -= math.prod(archive.header(array)[0])
            if left < 0:
                raise DesignError("weights", show(name), f"must hold at most {_MOST} integers")
            return {array: _integers(array, archive.array(array)) for array in archive.names}
    except DesignError:
        raise
    except FormatError as error:
        raise DesignError("weights", show(name), str(error)) from None
    except (OSError, ValueError) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("weights", show(name), allowed) from None


def _integers(name: object, array: ArrayLike) -> NDArray[Any]:
    try:
        found = np.asarray(array)
    except (ValueError, OverflowError):
        raise DesignError("weights", f"array {name}", "must be an array of integers") from None
    if found.dtype.kind not in "iu":
        kind = "NaN" if _has_nan(found) else str(found.dtype)
        raise DesignError("weights", f"array {name}", f"must hold integers, not {kind}")
    if found.size and not (-(1 << 31) <= int(found.min()) and int(found.max()) < 1 << 31):
        raise DesignError("weights", f"array {name}", "must hold 32-bit integers")
    return found


def _has_nan(array: NDArray[Any]) -> bool:
    return array.dtype.kind == "f" and bool(np.isnan(array).any())


def _write(weights: Weights) -> object:
    return weights.file or {name: array.tolist() for name, array in weights.items()}


WeightsKey = Annotated[
    Weights,
    PlainValidator(_read),
    PlainSerializer(_write),
    WithJsonSchema({"type": "string"}),
    Field(description="NPZ file with the integers of every layer."),
]
"""The key ``weights`` of a design file."""
