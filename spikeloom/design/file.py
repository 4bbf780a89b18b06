"""Design files: how one is read."""

from pathlib import Path

from spikeloom.design.base import Design

__all__ = ["load_design"]


def load_design(path: Path | str) -> Design:
    """Read and validate a design file of any kind; see :meth:`Design.from_file` for one of them.

    Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
    """
    return Design.from_file(path)
