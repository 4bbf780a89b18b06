"""Plans of pair counters: which blocks and chains, in which order."""

from typing import Literal

__all__ = ["Preference", "plan"]

Preference = Literal["cells", "clock"]

_CELLS = {
    16: "P3B0*4 P3B3 P0B4@1 +p2221e",
}


def plan(width: int, *, kind: str, stages: int, prefer: Preference) -> str:
    """Return the plan."""
    return _CELLS[width] + " |" * stages
