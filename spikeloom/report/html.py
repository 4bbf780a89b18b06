"""A report as one HTML file that needs nothing else: no script, no font, no network."""

from collections.abc import Sequence
from html import escape

from spikeloom.report.model import Budgets, Report
from spikeloom.report.tables import (
    Row,
    Table,
    budget_problems,
    cycle_problems,
    number,
    overview,
    tables,
)

__all__ = ["render_html"]

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --soft: #5c6675; --line: #dde2e9;
  --page: #f6f7f9; --card: #fff; --bar: #3867d6; --rail: #e6eaf1; --good: #1c7c48; --bad: #c0392b; }
@media (prefers-color-scheme: dark) { :root { --ink: #e4e8ef; --soft: #97a1b1; --line: #313947;
  --page: #14181f; --card: #1c222c; --bar: #6d94f5; --rail: #2c3442; --good: #5bc88b;
  --bad: #ef7b6f; } }
* { box-sizing: border-box }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 70rem; background: var(--page);
  color: var(--ink); font: 15px/1.5 system-ui, sans-serif }
h1 { margin: 0; font-size: 1.7rem } h2 { margin: 0 0 .6rem; font-size: 1.05rem }
header p, .note, footer { margin: .3rem 0 0; color: var(--soft); font-size: .87rem }
section { margin-top: 1.2rem; padding: 1.1rem 1.3rem; background: var(--card);
  border: 1px solid var(--line); border-radius: 10px; overflow-x: auto }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(11rem, 1fr)); gap: .8rem;
  margin-top: 1.2rem }
.tile { padding: .9rem 1.1rem; background: var(--card); border: 1px solid var(--line);
  border-radius: 10px }
.tile b { display: block; font-size: 1.5rem; line-height: 1.25; font-variant-numeric: tabular-nums }
.tile span { color: var(--soft); font-size: .85rem }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums }
th, td { padding: .3rem .7rem .3rem 0; text-align: right; border-bottom: 1px solid var(--line);
  vertical-align: top } tr:last-child td { border-bottom: 0 }
th { color: var(--soft); font-weight: 500; font-size: .85rem; white-space: nowrap }
.t { text-align: left } td.t:first-child { white-space: pre }
.meter { display: block; width: 9rem; height: .6rem; margin-top: .45rem; border-radius: 5px;
  background: var(--rail); overflow: hidden }
.meter i { display: block; height: 100%; background: var(--bar); border-radius: 5px }
.full i { background: var(--bad) }
.good td:first-child { box-shadow: inset 3px 0 var(--good); padding-left: .7rem }
.bad td:first-child { box-shadow: inset 3px 0 var(--bad); padding-left: .7rem }
.problem { border-color: var(--bad); color: var(--bad); font-weight: 600 }
ul { margin: 0; padding-left: 1.2rem }
pre { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; font: 12.5px/1.6 monospace }
"""


def render_html(
    reports: Sequence[Report], against: Sequence[Report] = (), budget: Budgets | None = None
) -> str:
    """Write one report in full, or one line a design for several, as a whole HTML document."""
    if len(reports) != 1:
        return _page("Designs", _draw(overview(reports, against, budget)))
    (report,) = reports
    before = next((old for old in against if old.name == report.name), None)
    made = tables(report, before or next(iter(against), None), budget)
    problems = cycle_problems(report) + budget_problems(report, budget)
    subtitle = escape(f"{report.device}, target {report.clock_mhz:g} MHz")
    parts = [
        f"<header><h1>{escape(report.name)}</h1><p>{subtitle}</p></header>",
        _tiles(report),
    ]
    parts += [f'<section class="problem">{escape(problem)}</section>' for problem in problems]
    parts += [_draw(table, "Summary" if table is made[0] else "") for table in made]
    if report.warnings:
        items = "".join(f"<li>{escape(warning)}</li>" for warning in report.warnings)
        parts.append(f"<section><h2>Warnings</h2><ul>{items}</ul></section>")
    commands = escape("\n".join(report.commands))
    parts.append(f"<section><h2>Commands</h2><pre>{commands}</pre></section>")
    parts.append(f"<footer>{escape(report.made_by)}</footer>")
    return _page(report.name, "\n".join(parts))


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n{body}\n"
        "</body></html>\n"
    )


def _tiles(report: Report) -> str:
    """Show the numbers that are asked for first."""
    cells = report.area.logic_cells
    worst = report.fmax_worst_mhz
    shown = [
        (f"{cells.used:,}", f"logic cells of {cells.available:,}"),
        ("-" if worst is None else f"{worst:.1f} MHz", f"worst of {len(report.seeds)} seeds"),
    ]
    for value, unit, what, digits in (
        (report.cycles_per_step, "", "compute cycles a time step", 0),
        (report.latency_us, " us", f"latency at {report.clock_mhz:g} MHz", 1),
        (report.inferences_per_s, "", "inferences a second", 0),
    ):
        if value is not None:
            shown.append((number(value, digits) + unit, what))
    tiles = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(what)}</span></div>'
        for value, what in shown
    )
    return f'<div class="tiles">{tiles}</div>'


def _draw(table: Table, title: str = "") -> str:
    bars = any(row.share is not None for row in table.rows)
    parts = [f"<section><h2>{escape(title or table.title)}</h2><table>"]
    if any(table.columns):
        heads = "".join(
            f"<th{_text(column, table)}>{escape(head)}</th>"
            for column, head in enumerate(table.columns)
        )
        parts.append(f"<tr>{heads}{'<th></th>' if bars else ''}</tr>")
    parts += [_row(row, table, bars=bars) for row in table.rows]
    note = f'<p class="note">{escape(table.note)}</p>' if table.note else ""
    return "\n".join([*parts, f"</table>{note}</section>"])


def _row(row: Row, table: Table, *, bars: bool) -> str:
    cells = "".join(
        f"<td{_text(column, table)}>{escape(cell)}</td>" for column, cell in enumerate(row.cells)
    )
    if bars:
        share = min(1.0, row.share or 0.0)
        full = " full" if share > 0.9 else ""
        meter = f'<span class="meter{full}"><i style="width:{100 * share:.1f}%"></i></span>'
        cells += f"<td>{meter}</td>"
    return f'<tr class="{row.flag}">{cells}</tr>'


def _text(column: int, table: Table) -> str:
    return ' class="t"' if table.is_text(column) else ""
