"""Reading of pin constraints: the lines of a PCF file that say where ports go."""

from pathlib import Path

from spikeloom.design.read import DesignError, show
from spikeloom.errors import words
from spikeloom.files import FormatError, read_text

__all__ = ["read_pcf", "read_pins"]

# Options of set_io that take a value.
_VALUED = ("-pullup", "-pullup_resistor")


def read_pcf(key: str, path: Path, name: str = "") -> tuple[str, ...]:
    """Read a PCF file; ``name`` is what messages call it.

    See :func:`read_pins` for what is given and refused.
    """
    name = name or str(path)
    try:
        text = read_text(path)
    except FormatError as error:
        raise DesignError(key, show(name), str(error)) from None
    except (OSError, ValueError) as error:
        reason = f"must be a file that can be read ({words(error)})"
        raise DesignError(key, show(name), reason) from None
    return read_pins(key, text.splitlines(), f"{name}: line ")


def read_pins(key: str, lines: object, place: str = "line ") -> tuple[str, ...]:
    """Give the lines ``set_io [options] PORT PAD`` of constraints, without comments.

    Whether ports and pads exist is for :func:`spikeloom.boards.pins.check_pins` to say.

    Raises
    ------
    DesignError
        A line is something else. Clocks are asked for by ``target.clock_mhz``.

    >>> read_pins("pins", ["# clock", "set_io  -nowarn clk 35 # 12 MHz"])
    ('set_io -nowarn clk 35',)
    """
    allowed = "must be set_io [-nowarn] [-pullup yes|no] [-pullup_resistor R] PORT PAD"
    if not isinstance(lines, (list, tuple)):
        raise DesignError(key, show(lines), "must be the name of a .pcf file, or a list of lines")
    found = []
    for number, line in enumerate(lines, 1):
        if not isinstance(line, str):
            raise DesignError(key, show(line), allowed)
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        rest = parts[1:]
        while rest and rest[0].startswith("-"):
            taken = 2 if rest[0] in _VALUED else 1
            known = rest[0] in ("-nowarn", *_VALUED)
            rest = rest[taken:] if known else []
        if parts[0] != "set_io" or len(rest) != 2:
            raise DesignError(key, f"{place}{number}: {show(line)}", allowed)
        found.append(" ".join(parts))
    return tuple(found)
