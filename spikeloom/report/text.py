"""A report as plain text, for a terminal."""

from collections.abc import Sequence

from spikeloom.report.brief import brief
from spikeloom.report.model import Budgets, Report
from spikeloom.report.tables import Row, Table, overview, tables

__all__ = ["render_text"]

_BAR = 20
_WIDEST = 44
_COLOURS = {"good": "32", "bad": "31", "better": "32", "worse": "31"}


def render_text(
    reports: Sequence[Report],
    against: Sequence[Report] = (),
    budget: Budgets | None = None,
    *,
    full: bool = True,
    colour: bool = False,
) -> str:
    """Write every table of one report, or ten lines of it; of several reports one line a design.

    ASCII apart from names that designs choose; at most one table is wider than 120 columns, that
    of the paths. Ends with a newline. In colour, what is good or better is green, what is bad or
    worse red.
    """
    if len(reports) != 1:
        return "\n".join(_draw(overview(reports, against, budget), colour)) + "\n"
    (report,) = reports
    before = next((old for old in against if old.name == report.name), None)
    before = before or next(iter(against), None)
    if not full:
        title, _, *lines = _draw(brief(report, before, budget), colour)
        return "\n".join([title, *lines]) + "\n"
    parts = [_draw(table, colour) for table in tables(report, before, budget)]
    if report.warnings:
        parts.append(["Warnings", *(f"  {warning}" for warning in report.warnings)])
    parts.append(["Commands", *(f"  {command}" for command in report.commands)])
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def _draw(table: Table, colour: bool) -> list[str]:
    """Draw one table with aligned columns and, where rows have a share, bars."""
    rows = [tuple(map(_shorten, row.cells)) for row in table.rows]
    heads = [table.columns] if any(table.columns) else []
    widths = [max(map(len, column)) for column in zip(*heads, *rows, strict=True)]
    lines = [table.title, "-" * len(table.title)]

    def line(cells: Sequence[str]) -> str:
        aligned = (
            cell.ljust(width) if table.is_text(column) else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        return "  " + "  ".join(aligned)

    lines += [line(head).rstrip() for head in heads]
    for row, cells in zip(table.rows, rows, strict=True):
        text = line(cells)
        if colour:
            text = _paint(text.rstrip(), row)
        if row.share is not None:
            filled = min(_BAR, round(_BAR * row.share)) or (row.share > 0)
            text += "  [" + "#" * filled + "." * (_BAR - filled) + "]"
        lines.append(text.rstrip())
    return [*lines, *([f"  {table.note}"] if table.note else [])]


def _paint(text: str, row: Row) -> str:
    """Colour a line that is good or bad, or else the cells that are better or worse."""
    if code := _COLOURS.get(row.flag):
        return f"\x1b[{code}m{text}\x1b[0m"
    for column, trend in row.trends.items():
        if column < len(row.cells) and (code := _COLOURS.get(trend)):
            # Changes stand behind all else.
            before, found, after = text.rpartition(row.cells[column])
            text = f"{before}\x1b[{code}m{found}\x1b[0m{after}"
    return text


def _shorten(cell: str) -> str:
    """Cut the middle of a name that is too long to line up."""
    if len(cell) <= _WIDEST or " " in cell:
        return cell
    return f"{cell[: _WIDEST // 2 - 2]}...{cell[-(_WIDEST // 2 - 1) :]}"
