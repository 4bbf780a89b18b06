"""NIR files: read within bounds, from the file itself and from no other."""

import io
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.read import DesignError
from spikeloom.errors import words

__all__ = ["MAGIC", "is_graph", "nested", "read_tree", "requires"]

MAGIC: Final = b"\x89HDF\r\n\x1a\n"
"""How a file of NIR begins, as any of HDF5."""

_READER = "spikeloom.importing.nir.reader"
_LONGEST = 1 << 30
_SECONDS = 120


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
        NIR's package is not installed; the file is damaged, holds no graph, is larger than 1 GiB or
        leads to other files.
    """
    file = str(path)
    if not all(map(find_spec, ("nir", "h5py"))):
        raise requires(file)
    try:
        if path.stat().st_size > _LONGEST:
            raise DesignError("", "", f"must be of at most {_LONGEST >> 30} GiB", file)
        done = subprocess.run(
            [sys.executable, "-m", _READER, path],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=_SECONDS,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("", "", allowed, file) from None
    if done.returncode == 2:
        raise DesignError("", "", done.stdout.decode("utf-8", "replace"), file)
    if done.returncode:
        raise DesignError("", "", "must be a graph of NIR: HDF5 fails to read it", file)
    with np.load(io.BytesIO(done.stdout), allow_pickle=False) as arrays:
        return nested(arrays)


def nested(arrays: Mapping[str, NDArray[Any]]) -> dict[str, Any]:
    """Return what a reader found as dictionaries within dictionaries, and texts as strings."""
    tree: dict[str, Any] = {}
    for name, value in arrays.items():
        _, *groups, last = name.split("/")
        inner = tree
        for group in groups:
            inner = inner.setdefault(group, {})
        inner[last] = str(value) if value.dtype.kind == "U" and not value.ndim else value
    return tree
