"""A process of its own that reads a NIR file: damaged ones can bring HDF5's library down.

Run as ``python -m spikeloom.importing.nir.reader FILE``; writes the graph as NPZ to standard
output, with the groups of a name joined by ``/``. Exit code 2: the file is refused, and standard
output says why.
"""

import io
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from spikeloom.errors import words
from spikeloom.files import FormatError
from spikeloom.importing.containers.tensor import MOST, most

__all__ = ["main", "read"]

_DEEPEST = 8
_MOST_ENTRIES = 10_000


def main(path: Path) -> int:
    """Read a file and write what it holds; return the exit code."""
    try:
        arrays = read(path)
    except FormatError as error:
        print(error)
        return 2
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **arrays)
    sys.stdout.buffer.write(file.getvalue())
    return 0


def read(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of a graph; strings are arrays of no dimension.

    Raises
    ------
    FormatError
        The file is damaged, holds no graph or too much, or leads to other files.
    """
    try:
        with h5py.File(path, "r") as opened:
            if not isinstance(opened.get("node", getlink=True), h5py.HardLink):
                raise FormatError("node: missing: must be a graph of NIR")
            found = _Reader()
            found.group(opened["node"], "node", 0)
            return found.arrays
    except FormatError:
        raise
    # HDF5 tells damage by many kinds of errors.
    except Exception as error:
        raise FormatError(f"must be a graph of NIR (HDF5): {words(error)}") from None


class _Reader:
    def __init__(self) -> None:
        self.arrays: dict[str, NDArray[Any]] = {}
        self._bytes, self._entries = MOST, _MOST_ENTRIES

    def group(self, group: Any, at: str, depth: int) -> None:
        for name in group:
            path = f"{at}/{name}"
            self._entries -= 1
            if depth > _DEEPEST or self._entries < 0:
                allowed = f"must be at most {_MOST_ENTRIES} entries, {_DEEPEST} groups deep"
                raise FormatError(f"{path[:200]}: {allowed}")
            if not isinstance(group.get(name, getlink=True), h5py.HardLink):
                raise FormatError(f"{path}: must not be a link")
            entry = group[name]
            if isinstance(entry, h5py.Group):
                self.group(entry, path, depth + 1)
            else:
                self.arrays[path] = self._array(entry, path)

    def _array(self, data: Any, path: str) -> NDArray[Any]:
        if data.is_virtual or data.external:
            raise FormatError(f"{path}: must be in the file itself")
        self._bytes -= data.size * max(data.dtype.itemsize, 1)
        if self._bytes < 0:
            raise FormatError(f"{path}: arrays must be of at most {most()}")
        value = np.asarray(data[()])
        if value.dtype.kind in "OS":
            texts = [text.decode("utf-8") for text in value.ravel().tolist()]
            return np.array(texts, dtype=np.str_).reshape(value.shape)
        if value.dtype.kind not in "fiub":
            raise FormatError(f"{path}: {value.dtype}: must be numbers or text")
        if value.dtype.kind == "f" and not np.isfinite(value).all():
            place = tuple(np.argwhere(~np.isfinite(value))[0].tolist())
            raise FormatError(f"{path}: {value[place]} at {place}: must be a finite number")
        return value


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
