"""Files: read within bounds, written whole or not at all, with faults told in one line."""

import contextlib
import fcntl
import io
import os
import shutil
import tempfile
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from spikeloom.errors import RequestError, words

__all__ = [
    "LONGEST",
    "Archive",
    "Bounded",
    "FormatError",
    "InputError",
    "check_writable",
    "fresh_folder",
    "read_array",
    "read_text",
    "replacing",
    "scratch",
    "share",
    "sync_tree",
    "words",
]

LONGEST = 1 << 26
"""Bytes of a design file, or of a file that it names, at most."""

# Bytes that are read at a time.
_PIECE = 1 << 24

# Seconds within which a folder may not be locked yet.
_YOUNG = 60

_POINTER = b"version https://git-lfs"
_IS_POINTER = "is a pointer of Git LFS and not the file itself: git lfs pull fetches it"


class FormatError(ValueError):
    """A file is not what it must be; the message says what that is, and not which file."""


class InputError(RequestError):
    """A file from outside is wrong. The message is one line: file, key, value, what is allowed."""


def read_text(path: Path) -> str:
    """Read a text file of UTF-8, of at most :data:`LONGEST` bytes; a byte order mark is dropped.

    Raises
    ------
    FormatError
        It is longer, or no UTF-8. The message says what it must be.
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        # Its size need not be known: a device or a pipe has none.
        data = file.read(LONGEST + 1)
    if len(data) > LONGEST:
        raise FormatError(f"must be of at most {LONGEST >> 20} MiB")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FormatError(f"byte {error.start}: must be UTF-8 text") from None


class Bounded(io.BufferedReader):
    """A file that is read in pieces of at most 16 MiB, whatever its headers say.

    Parameters
    ----------
    path : Path
        The file.

    Raises
    ------
    FormatError
        More is asked for at a time; or, on opening, it is a pointer of Git LFS.
    OSError
        It cannot be read.
    """

    def __init__(self, path: Path):
        super().__init__(io.FileIO(path))
        if self.peek(len(_POINTER))[: len(_POINTER)] == _POINTER:
            self.close()
            raise FormatError(_IS_POINTER)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as many bytes, or as there are."""
        most = _PIECE + 1
        data = super().read(most if size is None or size < 0 else min(size, most))
        if len(data) > _PIECE:
            raise FormatError(f"is damaged, or has a directory of more than {_PIECE >> 20} MiB")
        return data


def read_array(path: Path, *, entries: int) -> NDArray[Any]:
    """Read a ``.npy`` file of integers, of at most ``entries``; the rest of a larger one is not.

    Raises
    ------
    FormatError
        It is no such file. The message says what it must be.
    OSError
        It cannot be read.
    """
    with path.open("rb") as file:
        if file.read(len(_POINTER)) == _POINTER:
            raise FormatError(_IS_POINTER)
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


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder of the system's for temporary files, gone after the block.

    Raises
    ------
    OSError
        It cannot be made, or has no room; names the folder.
    """
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield Path(folder)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from error


def check_writable(path: Path) -> None:
    """Find out early if ``path`` can be written.

    Raises
    ------
    InputError
        It is a folder, or its own folder does not exist or must not be written.
    """
    _vacate(path)
    _fresh_file(path).unlink()


def _vacate(path: Path) -> None:
    """Refuse what a file must not take the place of: a folder, a device, a pipe."""
    if path.exists() and not path.is_file():
        kind = "folder" if path.is_dir() else "device or pipe"
        raise InputError(f"{path}: must be a file that can be written, and is a {kind}")


def _fresh_file(path: Path) -> Path:
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise InputError(f"{path}: must be in a writable folder: {words(error)}") from error
    os.close(handle)
    return Path(name)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes ``path`` if the block ends well.

    If it does not, whatever was at ``path`` stays as it was.

    Raises
    ------
    InputError
        The folder does not exist or must not be written, or there was no room for the file.
    """
    _vacate(path)
    fresh = _fresh_file(path)
    try:
        try:
            yield fresh
            share(fresh)
            _sync(fresh)
            fresh.replace(path)
        except OSError as error:
            # Those of a write name no file; others are not about this one.
            if error.errno is None or error.filename not in (None, str(fresh)):
                raise
            raise InputError(
                f"{path}: must be a file that can be written: {words(error)}"
            ) from error
    finally:
        fresh.unlink(missing_ok=True)


def share(path: Path) -> None:
    """Make what ``tempfile`` keeps for its owner as readable as any other new file or folder."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod((0o777 if path.is_dir() else 0o666) & ~mask)


def _sync(path: Path) -> None:
    """Put a file or the names in a folder on disk: what the machine may lose is not there yet."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Put all that a folder holds on disk."""
    for parent, _, names in os.walk(folder, topdown=False):
        for name in names:
            if not os.path.islink(os.path.join(parent, name)):
                _sync(Path(parent, name))
        _sync(Path(parent))


@contextlib.contextmanager
def fresh_folder(parent: Path, prefix: str) -> Iterator[Path]:
    """Give a new folder in ``parent`` that is gone after the block, unless the block moved it.

    It is for its owner alone. Folders of the same prefix whose process was killed are removed.

    Raises
    ------
    OSError
        It cannot be made.
    """
    for left in parent.glob(f"{prefix}*.partial"):
        with contextlib.suppress(OSError):
            _remove_orphan(left)
    folder = Path(tempfile.mkdtemp(prefix=prefix, suffix=".partial", dir=parent))
    handle = os.open(folder, os.O_RDONLY)
    try:
        # Held as long as this process lives: see _remove_orphan. Some network folders have none.
        with contextlib.suppress(OSError):
            fcntl.flock(handle, fcntl.LOCK_EX)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(handle)


def _remove_orphan(folder: Path) -> None:
    if time.time() - folder.stat().st_mtime < _YOUNG:
        return
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(handle)
