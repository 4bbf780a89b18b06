"""Numbers of reports and their changes, in words."""

from spikeloom.report.model import Report

__all__ = ["change", "figures", "number", "trend"]


def number(value: float | None, digits: int = 0) -> str:
    """Write a number with thousands separated, or a dash for none."""
    return "-" if value is None else f"{value:,.{digits}f}"


def change(now: float | None, before: float | None, digits: int = 0) -> str:
    """Write a difference with its sign and per cent; an equals sign where there is none."""
    if now is None or before is None:
        return "-" if now is None else "new"
    difference = round(now - before, digits)
    if not difference:
        return "="
    percent = f" ({100 * difference / before:+.1f} %)" if before else ""
    return f"{difference:+,.{digits}f}{percent}"


# Of these numbers, more is better.
_MORE = ("fmax_mhz", "inferences_per_s")


def trend(key: str, now: float | None, before: float | None, digits: int = 0) -> str:
    """Say if a change of a number is ``better`` or ``worse``; empty for none.

    >>> trend("logic_cells", 400, 420), trend("fmax_mhz", 48.0, 50.0, 1), trend("pins", 4, None)
    ('better', 'worse', '')
    """
    if now is None or before is None or not (difference := round(now - before, digits)):
        return ""
    return "better" if (difference > 0) == (key in _MORE) else "worse"


def figures(report: Report | None) -> dict[str, float | None]:
    """Give the numbers of a report that are compared with another's; none for no report."""
    if report is None:
        return {}
    area, cells = report.area, report.netlist
    return {
        "logic_cells": area.logic_cells.used,
        "lut4": cells.lut4,
        "ff": cells.ff,
        "carry": cells.carry,
        "ebr": area.ebr.used,
        "spram": area.spram.used,
        "dsp": area.dsp.used,
        "pins": area.pins.used,
        "fmax_mhz": report.fmax_worst_mhz,
        "cycles_per_step": report.cycles_per_step,
        "latency_us": report.latency_us,
        "inferences_per_s": report.inferences_per_s,
        **report.known.model_dump(),
    }
