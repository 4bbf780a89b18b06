"""Design files: how one is read."""

from pathlib import Path

from spikeloom.design.base import Design
from spikeloom.design.read import read_toml

__all__ = ["load_design"]


def load_design(path: Path | str) -> Design:
    """Read and validate a design file.

    Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
    """
    path = Path(path)
    return Design.from_dict(read_toml(path), folder=path.parent, file=str(path))
