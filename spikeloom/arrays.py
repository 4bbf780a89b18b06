"""Files of arrays, read within bounds: what they hold is known before it is read."""

import contextlib
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from spikeloom.errors import words
from spikeloom.files import Bounded, FormatError

__all__ = ["Archive", "read_array"]


def read_array(path: Path, *, entries: int) -> NDArray[Any]:
    """Read a ``.npy`` file of integers, of at most ``entries``; the rest of a larger one is not.

    Raises
    ------
    FormatError
        It is no such file. The message says what it must be.
    OSError
        It cannot be read.
    """
    # A pointer of Git LFS is refused by its name.
    Bounded(path).close()
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except OSError:
        raise
    except Exception:
        # The header of a .npy file is Python text: a damaged one raises whatever its parser raises.
        raise FormatError("must be a NumPy .npy file without pickles") from None
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "iu":
        raise FormatError("must hold an array of integers")
    if array.size > entries:
        raise FormatError(f"must hold at most {entries} integers, not {array.size}")
    return np.array(array)


class Archive(contextlib.AbstractContextManager["Archive"]):
    """An NPZ file, whose arrays' shapes and types are known before any array is read.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FormatError
        It is no archive. The message says what it must be.
    OSError
        It cannot be read.
    """

    def __init__(self, path: Path):
        self._file = Bounded(path)
        try:
            if self._file.peek(len(npy.MAGIC_PREFIX)).startswith(npy.MAGIC_PREFIX):
                raise FormatError("must be an NPZ file (numpy.savez), not a single array")
            self._zip = zipfile.ZipFile(self._file)
        except (OSError, FormatError):
            self._file.close()
            raise
        # Damaged archives fail in whatever layer reads the damage: zipfile, zlib, struct.
        except Exception as error:
            self._file.close()
            raise FormatError(f"must be an NPZ file of numbers: {words(error)}") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._zip.close()
        self._file.close()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the arrays."""
        return tuple(name.removesuffix(".npy") for name in self._zip.namelist())

    def header(self, name: str) -> tuple[tuple[int, ...], np.dtype[Any]]:
        """Read shape and type of an array, and nothing more of it.

        Raises
        ------
        FormatError
            It is no array of numbers. The message says what it must be.
        """
        with self._member(name) as file:
            version = npy.read_magic(file)
            # Later versions only add names of fields that are no ASCII.
            read = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, dtype = read(file)
            if dtype.hasobject or dtype.names is not None:
                raise FormatError(f"it holds {dtype} and no numbers")
            return shape, dtype

    def array(self, name: str) -> NDArray[Any]:
        """Read an array.

        Raises
        ------
        FormatError
            It is damaged.
        """
        with self._member(name) as file:
            array: NDArray[Any] = npy.read_array(file, allow_pickle=False)
            return array

    @contextlib.contextmanager
    def _member(self, name: str) -> Iterator[Any]:
        stored = f"{name}.npy" if f"{name}.npy" in self._zip.namelist() else name
        try:
            with self._zip.open(stored) as file:
                yield file
        except OSError:
            raise
        except Exception as error:
            raise FormatError(f"must be an array of numbers: {words(error)}") from None
