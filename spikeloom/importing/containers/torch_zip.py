"""What ``torch.save`` writes since PyTorch 1.6: a ZIP archive of a pickle and its storages."""

import zipfile
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.errors import words
from spikeloom.files import FormatError
from spikeloom.importing.containers.tensor import (
    MOST,
    TYPES,
    Contents,
    Settled,
    decode,
    most,
    read_bytes,
    view,
)
from spikeloom.importing.containers.unpickle import LONGEST, unpickle

__all__ = ["PICKLE", "read_torch"]

PICKLE: Final = "/data.pkl"
"""How the name of the pickle ends."""

# Storages may be read more than once where tensors that share them take turns.
_MOST_READ = 4 * MOST


class _Storages:
    """Numbers of an archive; those read last are kept, for the next tensor of the same storage."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str, *, big: bool):
        self._archive, self._prefix, self._big = archive, prefix, big
        self._left = _MOST_READ
        self._last: tuple[str, NDArray[Any]] | None = None

    def read(self, name: str, kind: str, count: int) -> NDArray[Any]:
        if self._last is not None and self._last[0] == name:
            return self._last[1]
        size = count * np.dtype(TYPES[kind]).itemsize
        self._left -= size
        if size > MOST or self._left < 0:
            raise FormatError(f"storage {name}: tensors must be of at most {most()} together")
        path = f"{self._prefix}/data/{name}"
        try:
            info = self._archive.getinfo(path)
        except KeyError:
            raise FormatError(f"storage {name} is missing in the archive") from None
        if info.file_size != size:
            raise FormatError(f"storage {name}: must be of {size} bytes, not {info.file_size}")
        self._last = None
        with self._archive.open(info) as file:
            data = read_bytes(file, size)
        values = decode(data, kind, big=self._big)
        self._last = (name, values)
        return values


class _Storage(Settled):
    def __init__(self, storages: _Storages, kind: str, name: str, count: int):
        self.type, self.count = kind, count
        self._storages, self._name = storages, name

    def view(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
        values = self._storages.read(self._name, self.type, self.count)
        return view(values, offset, shape, strides)


def read_torch(archive: zipfile.ZipFile, name: str) -> Contents:
    """Read the pickle of an archive, and no storage yet.

    Parameters
    ----------
    archive : ZipFile
        The archive; it must stay open while tensors are read.
    name : str
        Name of the pickle.

    Raises
    ------
    FormatError
        The pickle is damaged, too long, or names code.
    """
    prefix = name.removesuffix(PICKLE)
    order = _small(archive, f"{prefix}/byteorder") or b"little"
    storages = _Storages(archive, prefix, big=order == b"big")
    data = _small(archive, name) or b""

    def storage(kind: str, key: str, count: int, *_: object) -> _Storage:
        return _Storage(storages, kind, key, count)

    return Contents("PyTorch (ZIP)", unpickle(data, storage))


def _small(archive: zipfile.ZipFile, name: str) -> bytes | None:
    if name not in archive.namelist():
        return None
    try:
        with archive.open(name) as file:
            data = file.read(LONGEST + 1)
    except (OSError, FormatError):
        raise
    # Damage is found in whatever layer reads it: zipfile, zlib, struct.
    except Exception as error:
        raise FormatError(f"{name}: must be whole: {words(error)}") from None
    if len(data) > LONGEST:
        raise FormatError(f"{name}: must be of at most {LONGEST >> 20} MiB")
    return data
