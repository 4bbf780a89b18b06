"""What ends a command: a wrong request, or the answer no; and how faults are worded."""

import difflib
import errno
import resource
from collections.abc import Iterable

__all__ = ["NoError", "RequestError", "nearest", "words"]


class RequestError(Exception):
    """What was asked for is wrong: exit code 2. One line: file, key, value, what is allowed."""


class NoError(Exception):
    """The request was right and the answer is no: exit code 1. One line."""


def nearest(found: object, known: Iterable[str]) -> str:
    """Ask if what was found is a slip for something known: what to add to a message, or nothing.

    >>> nearest("xor", ["and", "xnor"]), nearest("or", ["table"])
    ("; did you mean 'xnor'?", '')
    """
    close = difflib.get_close_matches(found, known, 1, 0.7) if isinstance(found, str) else []
    return f"; did you mean {close[0]!r}?" if close else ""


def words(error: BaseException) -> str:
    """Say on one line, in words, why a file could not be had."""
    text = getattr(error, "strerror", None) or str(error)
    said = " ".join(str(text).split()) or type(error).__name__
    number = getattr(error, "errno", None)
    if number == errno.EMFILE:
        said += f": ulimit -n allows {resource.getrlimit(resource.RLIMIT_NOFILE)[0]}"
    if number == errno.EFBIG:
        said += f": ulimit -f allows {resource.getrlimit(resource.RLIMIT_FSIZE)[0]} bytes"
    return said
