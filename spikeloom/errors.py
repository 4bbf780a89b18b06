"""What ends a command: a wrong request, or the answer no; and how faults are worded."""

import errno
import resource

__all__ = ["NoError", "RequestError", "words"]


class RequestError(Exception):
    """What was asked for is wrong: exit code 2. One line: file, key, value, what is allowed."""


class NoError(Exception):
    """The request was right and the answer is no: exit code 1. One line."""


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
