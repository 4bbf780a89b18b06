"""Files: read within bounds, written whole or not at all, with faults told in one line."""

import contextlib
import fcntl
import io
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from spikeloom.errors import RequestError, words

__all__ = [
    "LONGEST",
    "Bounded",
    "FormatError",
    "InputError",
    "check_writable",
    "fresh_folder",
    "read_text",
    "replacing",
    "scratch",
    "share",
    "sync_tree",
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
