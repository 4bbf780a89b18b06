"""What a terminal can show."""

import os
from typing import TextIO

__all__ = ["has_colour", "is_terminal"]


def is_terminal(stream: TextIO | None) -> bool:
    """Whether a stream is a terminal whose lines can be written anew."""
    return stream is not None and stream.isatty() and os.environ.get("TERM") != "dumb"


def has_colour(stream: TextIO | None) -> bool:
    """Whether to write in colour: on terminals, unless ``NO_COLOR`` is set to something."""
    return is_terminal(stream) and not os.environ.get("NO_COLOR")
