"""Reading of design files: text to dictionaries, numbers, table files, and one-line errors."""

import math
import re
import tomllib
from fractions import Fraction
from pathlib import Path

import numpy as np

from spikeloom.arrays import read_array
from spikeloom.errors import RequestError, words
from spikeloom.files import FormatError, read_text

__all__ = ["DesignError", "load_integers", "read_number", "read_toml", "show"]

_NUMBER = re.compile(r"\s*(-?\d{1,18}(?:\.\d{1,18})?)\s*(?:/\s*(\d{1,18})\s*)?")
_TOML_PLACE = re.compile(r"\s*\(at (.*)\)$")
# Weights of the largest layer that a design file can say, with room for those of CPG-PE.
_MOST_INTEGERS = 1 << 25


class DesignError(RequestError, ValueError):
    """A design that is refused; its text is one line, ``file: key: value: what is allowed``.

    Parameters
    ----------
    key : str
        Where the fault lies, as ``section.key``; empty when the file as a whole is at fault.
    value : str
        The refused value as it is to be printed; empty when there is none.
    allowed : str
        What is allowed, or why the value is refused.
    file : str
        The design file; empty for a design that came from a dictionary.
    """

    def __init__(self, key: str, value: str, allowed: str, file: str = ""):
        self.key = key
        self.value = value
        self.allowed = allowed
        self.file = file
        line = ": ".join(part for part in (file, key, value, allowed) if part)
        super().__init__(" ".join(line.split()))


def show(value: object) -> str:
    """Write any value on one short line, whatever it is.

    >>> show("a" * 100)[-5:]
    'aa...'
    """
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"
    try:
        text = repr(value)
    except (ValueError, RecursionError):
        text = f"a value of type {type(value).__name__}"
    text = " ".join(text.split())
    return text if len(text) <= 60 else text[:57] + "..."


def read_number(value: object) -> Fraction:
    """Read a real number exactly: an integer, a float as the decimal it prints as, or ``"a/b"``.

    Raises :exc:`ValueError` for anything else, and for NaN.

    >>> read_number(0.1), read_number("3/8"), read_number(2)
    (Fraction(1, 10), Fraction(3, 8), Fraction(2, 1))
    """
    if isinstance(value, bool):
        raise ValueError("is a boolean")
    if isinstance(value, (int, Fraction)):
        return Fraction(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("is not finite")
        return Fraction(repr(float(value)))
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)):
        below = int(match[2] or "1")
        if below == 0:
            raise ValueError("divides by zero")
        return Fraction(match[1]) / below
    raise ValueError("is not a number")


def read_toml(path: Path) -> dict[str, object]:
    """Read a TOML file; :exc:`DesignError` names the line of a syntax error."""
    file = str(path)
    try:
        text = read_text(path)
    except FormatError as error:
        raise DesignError("", "", str(error), file) from None
    except (OSError, ValueError) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError("", "", allowed, file) from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        reason = str(error).splitlines()[0]
        place = _TOML_PLACE.search(reason)
        where = place[1] if place else ""
        reason = _TOML_PLACE.sub("", reason)
        raise DesignError(where, "", f"must be valid TOML ({reason})", file) from None
    except (ValueError, RecursionError, OverflowError):
        raise DesignError("", "", "must be TOML with smaller numbers, less nested", file) from None


def load_integers(key: str, name: object, folder: Path) -> list[list[int]]:
    """Read rows of 32-bit integers from the NumPy file ``name``, relative to ``folder``.

    One row is an array of one dimension; dimensions of 1 behind the second, which the weights of
    a convolution of one place have, count for nothing.
    """
    if not isinstance(name, str) or not name.endswith(".npy") or "\0" in name:
        raise DesignError(key, show(name), "must be the name of a .npy file")
    try:
        array = read_array(folder / name, entries=_MOST_INTEGERS)
        shape = array.shape
        while len(shape) > 2 and shape[-1] == 1:
            shape = shape[:-1]
        if not 1 <= len(shape) <= 2 or not array.size:
            raise FormatError(
                f"must hold one or two dimensions of at least one integer, not shape {array.shape}"
            )
        rows = np.atleast_2d(array.reshape(shape))
        wrong = np.argwhere((rows <= -(1 << 31)) | (rows >= 1 << 31))
        if len(wrong):
            place = tuple(wrong[0].tolist())
            raise FormatError(f"must hold 32-bit integers, not {rows[place]} at {place}")
    except FormatError as error:
        raise DesignError(key, show(name), str(error)) from None
    except (OSError, ValueError) as error:
        allowed = f"must be a file that can be read ({words(error)})"
        raise DesignError(key, show(name), allowed) from None
    values: list[list[int]] = rows.tolist()
    return values
