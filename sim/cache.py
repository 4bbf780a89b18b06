"""Keep what is costly to build, by the content that it was built from."""

import hashlib
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from spikeloom.boards.tools import ToolError
from spikeloom.errors import words
from spikeloom.files import fresh_folder, sync_tree

__all__ = ["CacheError", "cache_folder", "cached"]

_VARIABLE = "SPIKELOOM_CACHE"
# What an entry holds, by the digest of each file; written last.
_LIST = "entry.json"


class CacheError(ToolError):
    """The cache cannot be made or written. One line, which names the folder and the variable."""


def cache_folder() -> Path:
    """Folder for everything cached: ``$SPIKELOOM_CACHE``, or the user's cache folder (XDG)."""
    own = os.environ.get(_VARIABLE)
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spikeloom"


def cached(kind: str, key: tuple[str, ...], build: Callable[[Path], None]) -> Path:
    """Folder that ``build`` filled for ``key``, now or in an earlier run.

    What an earlier run left is looked through before it is given: a file that is missing or was
    damaged since has the whole folder built again.

    Parameters
    ----------
    kind : str
        Name of the folder's parent, so that a reader of the cache knows what is what.
    key : tuple of str
        Everything that the content depends on, versions of tools included.
    build : callable
        Fills the empty folder that it is given. If it raises, nothing is kept.

    Returns
    -------
    Path
        The folder. Two processes that build at once both get a complete one.

    Raises
    ------
    CacheError
        There is no room for it, or no right to write it.
    """
    digest = hashlib.sha256()
    for part in key:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    folder = cache_folder() / kind / digest.hexdigest()[:32]
    if _is_sound(folder):
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with fresh_folder(folder.parent, ".") as fresh:
            build(fresh)
            (fresh / _LIST).write_text(json.dumps(_digests(fresh), indent=0), encoding="utf-8")
            sync_tree(fresh)
            _put(fresh, folder)
    except OSError as error:
        raise CacheError(
            f"{_VARIABLE}: {cache_folder()}: must be a folder for the cache that can be made and "
            f"written: {words(error)}"
        ) from error
    return folder


def _put(fresh: Path, folder: Path) -> None:
    """Rename an entry to its place, unless another process has put the same there."""
    try:
        fresh.rename(folder)
    except OSError:
        if _is_sound(folder):
            return
        # What is not sound goes: a folder that is not complete, or a file in its place.
        if folder.is_dir() and not folder.is_symlink():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
        fresh.rename(folder)


def _is_sound(folder: Path) -> bool:
    try:
        text = (folder / _LIST).read_text(encoding="utf-8")
        return bool(json.loads(text) == _digests(folder))
    except (OSError, ValueError):
        return False


def _digests(folder: Path) -> dict[str, str]:
    """Digest of every file, links as what they point to; without the list itself."""
    found = {}
    for parent, _, names in os.walk(folder):
        for name in sorted(names):
            path = Path(parent, name)
            if path.is_symlink():
                found[str(path.relative_to(folder))] = os.readlink(path)
            elif path != folder / _LIST:
                with path.open("rb") as file:
                    found[str(path.relative_to(folder))] = hashlib.file_digest(
                        file, "sha256"
                    ).hexdigest()
    return found
