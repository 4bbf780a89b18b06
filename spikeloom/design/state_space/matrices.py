"""The matrices of a state-space layer: read from a file, checked, and rounded to fixed point."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pydantic import Field, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema

from spikeloom.arrays import Archive
from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.files import FormatError

__all__ = ["Matrices", "MatricesKey", "to_fixed"]

_NAMES = ("A", "B", "C")
# Bytes of an array; the largest layer takes far fewer.
_LARGEST = 1 << 26


@dataclass(frozen=True)
class Matrices:
    """A of shape (S,), B of shape (S, D) and C of shape (D, S), as they were given.

    Parameters
    ----------
    file : str
        Name of the file; empty for matrices that came from a program.
    a : tuple
        The diagonal of A.
    b, c : tuple of tuple
        Rows of B and of C.
    """

    file: str
    a: tuple[int | float, ...]
    b: tuple[tuple[int | float, ...], ...]
    c: tuple[tuple[int | float, ...], ...]

    def real(self, name: str) -> NDArray[np.float64]:
        """Return one of them as floats, integers included."""
        return np.array(getattr(self, name), dtype=np.float64)

    def is_integer(self, name: str) -> bool:
        """Say if one of them holds integers, which are taken as they are."""
        return np.array(getattr(self, name)).dtype.kind in "iu"


def to_fixed(
    matrices: Matrices, name: str, fraction: int, low: int, high: int
) -> NDArray[np.int64]:
    """Round a matrix half up to units of ``2**-fraction``; integers are in these units already.

    Raises :exc:`DesignError` for an entry that is not from ``low`` to ``high`` then.
    """
    if matrices.is_integer(name):
        fixed = np.array(getattr(matrices, name), dtype=np.int64)
    else:
        fixed = np.floor(matrices.real(name) * 2.0**fraction + 0.5).astype(np.int64)
    wrong = np.argwhere((fixed < low) | (fixed > high))
    if len(wrong):
        index = tuple(wrong[0].tolist())
        entry = np.array(getattr(matrices, name))[index].item()
        place = ", ".join(map(str, index))
        allowed = f"must be from {low} to {high} in units of 2^-{fraction} ({name}_fraction)"
        raise DesignError("matrices", f"{name.upper()}[{place}] = {entry:g}", allowed)
    return fixed


def _read(value: object, info: ValidationInfo) -> Matrices:
    """Accept the name of an NPZ file, or from a program a mapping of arrays."""
    if isinstance(value, Matrices):
        return value
    if isinstance(value, Mapping):
        file, arrays = "", dict(value)
    else:
        file, arrays = str(value), _load(value, (info.context or {}).get("folder", Path()))
    missing = [name for name in _NAMES if name not in arrays]
    if missing:
        raise DesignError("matrices", show(file), f"must hold the arrays A, B, C: no {missing[0]}")
    a, b, c = (_check(name, arrays[name]) for name in _NAMES)
    return Matrices(file, tuple(a.tolist()), _rows(b), _rows(c))


def _rows(array: NDArray[Any]) -> tuple[tuple[int | float, ...], ...]:
    return tuple(tuple(row) for row in array.tolist())


def _load(name: object, folder: Path) -> dict[str, Any]:
    if not isinstance(name, str) or not name.endswith(".npz") or "\0" in name:
        raise DesignError("matrices", show(name), "must be the name of a .npz file")
    try:
        with Archive(folder / name) as archive:
            found = [array for array in _NAMES if array in archive.names]
            for array in found:
                shape, dtype = archive.header(array)
                if math.prod(shape) * dtype.itemsize > _LARGEST:
                    allowed = f"array {array} must be of at most {_LARGEST >> 20} MiB"
                    raise DesignError("matrices", show(name), allowed)
            return {array: archive.array(array) for array in found}
    except DesignError:
        raise
    except FormatError as error:
        raise DesignError("matrices", show(name), str(error)) from None
    except (OSError, ValueError) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("matrices", show(name), allowed) from None


def _check(name: str, array: ArrayLike) -> NDArray[Any]:
    """Check kind and dimensions; shapes are compared with the keys of the design later."""
    where = f"array {name}"
    try:
        found = np.asarray(array)
    except (ValueError, OverflowError):
        raise DesignError("matrices", where, "must be an array of numbers") from None
    if found.dtype.kind not in "iuf" or found.dtype.itemsize > 8:
        raise DesignError("matrices", where, f"must hold integers or floats, not {found.dtype}")
    axes = 1 if name == "A" else 2
    if found.ndim != axes or not found.size:
        allowed = f"must have {axes} dimension{'s' if axes > 1 else ''}, not shape {found.shape}"
        raise DesignError("matrices", where, allowed)
    if not np.isfinite(found).all() or (abs(found.astype(np.float64)) >= 1 << 31).any():
        raise DesignError("matrices", where, "must hold finite numbers below 2^31")
    return found


def _write(matrices: Matrices) -> object:
    if matrices.file:
        return matrices.file
    return {"A": list(matrices.a), "B": [*map(list, matrices.b)], "C": [*map(list, matrices.c)]}


MatricesKey = Annotated[
    Matrices,
    PlainValidator(_read),
    PlainSerializer(_write),
    WithJsonSchema({"type": "string"}),
    Field(description="NPZ file with A (state), B (state x dim) and C (dim x state)."),
]
"""The key ``matrices`` of a design file."""
