"""Keep what is costly to build, by the content that it was built from."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

__all__ = ["cache_folder", "cached"]


def cache_folder() -> Path:
    """Folder for everything cached: ``$SPIKELOOM_CACHE``, or the user's cache folder (XDG)."""
    own = os.environ.get("SPIKELOOM_CACHE")
    if own:
        return Path(own)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "spikeloom"


def cached(kind: str, key: tuple[str, ...], build: Callable[[Path], None]) -> Path:
    """Folder that ``build`` filled for ``key``, now or in an earlier run.

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
    """
    digest = hashlib.sha256()
    for part in key:
        data = part.encode()
        digest.update(len(data).to_bytes(8, "little") + data)
    folder = cache_folder() / kind / digest.hexdigest()[:32]
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=".", dir=folder.parent))
    try:
        build(fresh)
        try:
            fresh.rename(folder)
        except OSError:
            # Another process was first; its content is the same.
            if not folder.is_dir():
                raise
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
