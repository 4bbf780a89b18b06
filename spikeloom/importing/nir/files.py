"""NIR files: read within bounds, from the file itself and from no other."""

from pathlib import Path
from typing import Any, Final

import numpy as np

from spikeloom.design.read import DesignError, show
from spikeloom.files import words
from spikeloom.importing.containers.tensor import MOST, most

__all__ = ["MAGIC", "is_graph", "read_tree", "requires"]

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
"""How a file of NIR begins, as any of HDF5."""

_DEEPEST = 8
_MOST_ENTRIES = 10_000
_LONGEST = 1 << 32


def is_graph(path: Path) -> bool:
    """Say if a file begins as one of NIR does; one that cannot be read does not."""
    try:
        with path.open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC
    except OSError:
        return False


def requires(file: str) -> DesignError:
    """Return the refusal where NIR's package is not installed."""
    return DesignError("", "", "needs NIR's package: pip install spikeloom[import]", file)


def read_tree(path: Path) -> dict[str, Any]:
    """Return the graph of a file as nested dictionaries of arrays and strings.

    Raises
    ------
    DesignError
        NIR's package is not installed; the file is damaged, holds no graph or more than
        :data:`~spikeloom.importing.containers.tensor.MOST` bytes, or leads to other files.
    """
    file = str(path)
    try:
        import h5py
    except ImportError:
        raise requires(file) from None
    try:
        if path.stat().st_size > _LONGEST:
            raise DesignError("", "", f"must be of at most {_LONGEST >> 30} GiB", file)
        with h5py.File(path, "r") as opened:
            if not isinstance(opened.get("node", getlink=True), h5py.HardLink):
                raise DesignError("node", "", "missing: must be a graph of NIR", file)
            return _Reader(h5py, file).group(opened["node"], "", 0)
    except DesignError:
        raise
    # HDF5 tells damage by many kinds of errors.
    except Exception as error:
        raise DesignError("", "", f"must be a graph of NIR (HDF5): {words(error)}", file) from None


class _Reader:
    def __init__(self, h5py: Any, file: str):
        self._h5py, self._file = h5py, file
        self._bytes, self._entries = MOST, _MOST_ENTRIES

    def group(self, group: Any, at: str, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name in group:
            path = f"{at}.{name}" if at else name
            self._entries -= 1
            if depth > _DEEPEST or self._entries < 0:
                allowed = f"must be at most {_MOST_ENTRIES} entries, {_DEEPEST} groups deep"
                raise DesignError(show(path), "", allowed, self._file)
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                raise DesignError(show(path), "", "must not be a link", self._file)
            entry = group[name]
            if isinstance(entry, self._h5py.Group):
                found[name] = self.group(entry, path, depth + 1)
            else:
                found[name] = self._value(entry, path)
        return found

    def _value(self, data: Any, path: str) -> object:
        if data.is_virtual or data.external:
            raise DesignError(show(path), "", "must be in the file itself", self._file)
        self._bytes -= data.size * max(data.dtype.itemsize, 1)
        if self._bytes < 0:
            raise DesignError(show(path), "", f"arrays must be of at most {most()}", self._file)
        value = data[()]
        if isinstance(value, bytes):
            return value.decode("utf-8")
        if isinstance(value, np.ndarray) and value.dtype.kind == "f":
            wrong = np.argwhere(~np.isfinite(value))
            if len(wrong):
                place = tuple(wrong[0].tolist())
                found = f"{value[place]} at {place}"
                raise DesignError(show(path), found, "must be a finite number", self._file)
        return value
