"""What ``torch.save`` wrote before PyTorch 1.6: pickles, then the storages one after the other."""

from typing import IO, Any, Final

import numpy as np
from numpy.typing import NDArray

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
from spikeloom.importing.containers.unpickle import LONGEST, Storage, end, unpickle

__all__ = ["MAGIC", "read_legacy"]

MAGIC: Final = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
"""How the file begins: PyTorch's number for it, as a pickle."""


class _Storage(Settled):
    def __init__(self, file: IO[bytes], kind: str, count: int, *, big: bool):
        self.type, self.count, self.place = kind, count, -1
        self._file, self._big = file, big

    @property
    def size(self) -> int:
        """Bytes."""
        return self.count * np.dtype(TYPES[self.type]).itemsize

    def view(self, offset: int, shape: tuple[int, ...], strides: tuple[int, ...]) -> NDArray[Any]:
        if self.place < 0:
            raise FormatError("is in a storage that the file does not have")
        if self.size > MOST:
            raise FormatError(f"its storage must be of at most {most()}")
        self._file.seek(self.place)
        values = decode(read_bytes(self._file, self.size), self.type, big=self._big)
        return view(values, offset, shape, strides)


def read_legacy(file: IO[bytes]) -> Contents:
    """Read the pickles of a file and find its storages, without reading these.

    The file must stay open while tensors are read.

    Raises
    ------
    FormatError
        It is damaged or cut short, or names code.
    """
    file.seek(0)
    data = file.read(2 * LONGEST)
    found: dict[str, _Storage] = {}
    # Behind the magic number comes that of the protocol.
    at = end(data, len(MAGIC))
    start, at = at, end(data, at)
    system = unpickle(data[start:at], _no_storage)
    big = isinstance(system, dict) and system.get("little_endian") is False

    def storage(kind: str, key: str, count: int, *views: object) -> Storage:
        if views and views[0] is not None:
            raise FormatError(f"storage {key}: must not be a part of another")
        made = found.setdefault(key, _Storage(file, kind, count, big=big))
        if (made.type, made.count) != (kind, count):
            raise FormatError(f"storage {key}: must be of one type and length")
        return made

    start, at = at, end(data, at)
    tree = unpickle(data[start:at], storage)
    start, at = at, end(data, at)
    keys = unpickle(data[start:at], _no_storage)
    if not isinstance(keys, list) or sorted(map(str, keys)) != sorted(found):
        raise FormatError("must list the storages that its tensors are in")
    for key in keys:
        file.seek(at)
        count = int.from_bytes(file.read(8), "big" if big else "little")
        if count != found[key].count:
            raise FormatError(f"storage {key}: must hold {found[key].count} numbers, not {count}")
        found[key].place = at + 8
        at += 8 + found[key].size
    if file.seek(0, 2) < at:
        raise FormatError(f"is cut short: {at} bytes are announced and {file.tell()} are there")
    return Contents("PyTorch (before 1.6)", tree)


def _no_storage(*_: object) -> Storage:
    raise FormatError("names a storage where there can be none")
