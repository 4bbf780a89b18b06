"""Progress of a command, on standard error."""

import sys

__all__ = ["say"]


def say(line: str) -> None:
    """Report progress."""
    print(line, file=sys.stderr, flush=True)
