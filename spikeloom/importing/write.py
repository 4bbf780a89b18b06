"""Files of an import: all of them or none, and never over those of another program."""

import contextlib
import io
import json
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.errors import words
from spikeloom.files import InputError, replacing
from spikeloom.owner import check_owner

__all__ = ["ABOUT", "npy", "npz", "write_files"]

ABOUT: Final = "import.json"
"""Name of the file that says where the others come from."""


def npy(array: NDArray[Any]) -> bytes:
    """Return an array as a ``.npy`` file."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()


def npz(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """Return arrays as an ``.npz`` file."""
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **dict(arrays))
    return file.getvalue()


def write_files(
    folder: Path, files: Mapping[str, bytes], about: Mapping[str, Any], source: str
) -> tuple[Path, ...]:
    """Write files, and :data:`ABOUT` with what is to be said about them, into a folder.

    The folder is made if it does not exist. Files of an earlier import of the same source are
    replaced, those of others are not.

    Parameters
    ----------
    folder : Path
        Where the files go.
    files : mapping
        Contents by name.
    about : mapping
        Plain data, written as JSON.
    source : str
        Name of the imported file, without its folder.

    Returns
    -------
    tuple of Path
        The files, :data:`ABOUT` last.

    Raises
    ------
    InputError
        The folder cannot be made or written, or has such files of another origin.
    """
    name = Path(ABOUT).stem
    check_owner(folder, name, source, building=False, more=list(files))
    head = {"name": name, "source": source, "made_by": f"spikeloom {version('spikeloom')}"}
    told = json.dumps({**head, **about}, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be made: {words(error)}") from error
    contents = {**files, ABOUT: told.encode()}
    paths = {file: folder / file for file in contents}
    with contextlib.ExitStack() as stack:
        # All are written before the first is put in its place; what is entered last goes first.
        for file in reversed(contents):
            stack.enter_context(replacing(paths[file])).write_bytes(contents[file])
    return tuple(paths.values())
