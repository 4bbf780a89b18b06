"""A report as one HTML file that needs nothing else: no script, no font, no network."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path

from spikeloom.report.compare import number
from spikeloom.report.model import Budgets, Report
from spikeloom.report.pictures.page import pictures
from spikeloom.report.pictures.palette import Palette
from spikeloom.report.tables import (
    Row,
    Table,
    budget_problems,
    cycle_problems,
    overview,
    tables,
)

__all__ = ["render_html"]

# Tables that are looked up rather than read.
_FOLDED = ("Worst path, step by step", "Paths at the pins", "Pins", "Options", "Tools")


def render_html(
    reports: Sequence[Report],
    against: Sequence[Report] = (),
    budget: Budgets | None = None,
    *,
    title: str = "Designs",
    links: Mapping[str, str] | None = None,
) -> str:
    """Write one report in full, or one line a design for several, as a whole HTML document.

    Parameters
    ----------
    reports : sequence of Report
        What to show.
    against : sequence of Report
        What to show changes against.
    budget : Budgets or None
        Limits to judge by, instead of those of the designs.
    title : str
        Heading for several designs.
    links : mapping or None
        For several designs, where the report of each is, by its name.
    """
    if len(reports) != 1:
        return _several(reports, against, budget, title, links or {})
    (report,) = reports
    before = next((old for old in against if old.name == report.name), None)
    made = tables(report, before or next(iter(against), None), budget)
    problems = cycle_problems(report) + budget_problems(report, budget)
    subtitle = escape(f"{report.device}, target {report.clock_mhz:g} MHz")
    palette = Palette(report.modules)
    parts = [
        f"<header><h1>{escape(report.name)}</h1><p>{subtitle}</p></header>",
        _tiles(report),
    ]
    parts += [f'<section class="problem">{escape(problem)}</section>' for problem in problems]
    parts.append(pictures(report, palette))
    parts += [
        _draw(table, "Summary" if table is made[0] else "", palette=palette)
        for table in made
        if table.title not in _FOLDED
    ]
    if report.warnings:
        items = "".join(f"<li>{escape(warning)}</li>" for warning in report.warnings)
        parts.append(f"<section><h2>Warnings</h2><ul>{items}</ul></section>")
    parts += [_fold(table.title, _table(table)) for table in made if table.title in _FOLDED]
    commands = escape("\n".join(report.commands))
    parts.append(_fold("Commands", f"<pre>{commands}</pre>"))
    parts.append(f"<footer>{escape(report.made_by)}</footer>")
    return _page(report.name, "\n".join(parts))


def _several(
    reports: Sequence[Report],
    against: Sequence[Report],
    budget: Budgets | None,
    title: str,
    links: Mapping[str, str],
) -> str:
    wrong = [
        problem
        for report in reports
        for problem in cycle_problems(report) + budget_problems(report, budget)
    ]
    kept = len(reports) - len({problem.partition(":")[0] for problem in wrong})
    words = f"{len(reports)} designs, {kept} of them within their budgets and cycles as predicted"
    head = f"<header><h1>{escape(title)}</h1><p>{escape(words)}</p></header>"
    parts = [f'<section class="problem">{escape(problem)}</section>' for problem in wrong]
    table = _draw(overview(reports, against, budget), links=links)
    return _page(title, "\n".join([head, *parts, table]))


def _page(title: str, body: str) -> str:
    style = Path(__file__).with_name("report.css").read_text(encoding="utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title>\n<style>\n{style}</style></head>\n<body>\n{body}\n"
        "</body></html>\n"
    )


def _tiles(report: Report) -> str:
    """Show the numbers that are asked for first, and whether they are those of a right answer."""
    cells = report.area.logic_cells
    worst = report.fmax_worst_mhz
    compared = {check.target for check in report.checks}
    equal = " = ".join([*(name for name in ("rtl", "netlist") if name in compared), "golden"])
    seeds = f"{len(report.seeds)} seed{'s' if len(report.seeds) > 1 else ''}"
    shown = [
        (f"{cells.used:,}", f"logic cells of {cells.available:,}, {cells.share:.1%}", ""),
        (
            "-" if worst is None else f"{worst:.1f} MHz",
            f"worst of {seeds}, target {report.clock_mhz:g}",
            "" if report.clock_met else "bad",
        ),
    ]
    # A clock that is out of reach is nothing to count seconds by.
    mhz = report.clock_mhz if worst is None else min(worst, report.clock_mhz)
    latency, rate = report.latency_us, report.inferences_per_s
    share = mhz / report.clock_mhz
    for value, unit, what, digits in (
        (report.cycles_per_step, "", "compute cycles a time step", 0),
        (latency and latency / share, " us", f"latency at {mhz:.4g} MHz", 1),
        (rate and rate * share, "", f"inferences a second at {mhz:.4g} MHz", 0),
    ):
        if value is not None:
            shown.append((number(value, digits) + unit, what, ""))
    answer = equal.replace("rtl", "RTL") if compared else "not simulated"
    shown.append((answer, report.correctness, "answer good" if compared else "answer"))
    tiles = "".join(
        f'<div class="tile {flag}"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
        for value, what, flag in shown
    )
    return f'<div class="tiles">{tiles}</div>'


def _fold(title: str, body: str) -> str:
    return f"<details><summary>{escape(title)}</summary>{body}</details>"


def _draw(
    table: Table,
    title: str = "",
    *,
    palette: Palette | None = None,
    links: Mapping[str, str] | None = None,
) -> str:
    body = _table(table, palette=palette, links=links)
    return f"<section><h2>{escape(title or table.title)}</h2>{body}</section>"


def _table(
    table: Table, *, palette: Palette | None = None, links: Mapping[str, str] | None = None
) -> str:
    bars = any(row.share is not None for row in table.rows)
    parts = ['<div class="scroll"><table>']
    if any(table.columns):
        heads = "".join(
            f"<th{_text(column, table)}>{escape(head)}</th>"
            for column, head in enumerate(table.columns)
        )
        parts.append(f"<tr>{heads}{'<th></th>' if bars else ''}</tr>")
    parts += [_row(row, table, bars, palette, links or {}) for row in table.rows]
    note = f'<p class="caption">{escape(table.note)}</p>' if table.note else ""
    return "\n".join([*parts, f"</table></div>{note}"])


def _row(
    row: Row, table: Table, bars: bool, palette: Palette | None, links: Mapping[str, str]
) -> str:
    colour = palette.colour(row.module) if palette and row.module is not None else ""
    cells = []
    for column, cell in enumerate(row.cells):
        words = escape(cell)
        if column == 0 and row.design and row.design in links:
            words = f'<a href="{escape(links[row.design])}">{words}</a>'
        if column == 0 and colour:
            name = cell.lstrip()
            indent = " " * (len(cell) - len(name))
            words = f'{indent}<i class="dot {colour}"></i>{escape(name)}'
        if row.trends.get(column):
            words = f'<span class="{row.trends[column]}">{words}</span>'
        cells.append(f"<td{_text(column, table)}>{words}</td>")
    if bars:
        share = row.share or 0.0
        full = " full" if share > 1 else ""
        width = f"{100 * min(1.0, share):.1f}%"
        meter = f'<i class="{colour}" style="width:{width}"></i>'
        cells.append(f'<td><span class="meter{full}">{meter}</span></td>')
    return f'<tr class="{row.flag}">{"".join(cells)}</tr>'


def _text(column: int, table: Table) -> str:
    return ' class="t"' if table.is_text(column) else ""
