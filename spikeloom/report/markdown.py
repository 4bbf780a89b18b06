"""A report as GitHub Markdown, for the summary of a CI run."""

from collections.abc import Sequence

from spikeloom.report.model import Budgets, Report
from spikeloom.report.tables import Row, Table, budget_problems, cycle_problems, overview, tables

__all__ = ["render_markdown"]

# What a reader of a summary wants to see without unfolding.
_OPEN = 2


def render_markdown(
    reports: Sequence[Report], against: Sequence[Report] = (), budget: Budgets | None = None
) -> str:
    """Write one report in full, the details folded away; or one line a design for several.

    Problems (a budget exceeded, cycles that differ from the formula) stand on top.
    """
    if len(reports) != 1:
        return _draw(overview(reports, against, budget), "##")
    (report,) = reports
    before = next((old for old in against if old.name == report.name), None)
    made = tables(report, before or next(iter(against), None), budget)
    problems = cycle_problems(report) + budget_problems(report, budget)
    parts = [f"## {_escape(report.name)}\n"]
    parts += ["".join(f"> **{_escape(problem)}**\n>\n" for problem in problems)] if problems else []
    parts += [_draw(table, "" if table is made[0] else "###") for table in made[:_OPEN]]
    if report.warnings:
        parts.append("### Warnings\n\n" + "".join(f"- {_escape(w)}\n" for w in report.warnings))
    details = "\n".join(_draw(table, "###") for table in made[_OPEN:])
    commands = "\n".join(report.commands)
    parts.append(
        "<details><summary>Clock by seed, cycles, area by module, tools, commands</summary>\n\n"
        f"{details}\n### Commands\n\n```sh\n{commands}\n```\n\n</details>\n"
    )
    return "\n".join(parts)


def _draw(table: Table, heading: str) -> str:
    head = f"{heading} {_escape(table.title)}\n\n" if heading else ""
    alignment = ("---" if table.is_text(column) else "---:" for column in range(len(table.columns)))
    lines = [table.columns, tuple(alignment), *(_cells(row) for row in table.rows)]
    body = "".join(f"| {' | '.join(cells)} |\n" for cells in lines)
    return f"{head}{body}" + (f"\n{_escape(table.note)}\n" if table.note else "")


def _cells(row: Row) -> tuple[str, ...]:
    mark = {"bad": " :x:", "good": " :white_check_mark:"}.get(row.flag, "")
    first, *others = (_escape(cell) for cell in row.cells)
    indent = "&nbsp;" * 2 * (len(row.cells[0]) - len(row.cells[0].lstrip()))
    return (f"{indent}{first.lstrip()}{mark}", *others)


def _escape(text: str) -> str:
    """Keep text from being read as markup; GitHub shows what stands behind a backslash as it is."""
    for mark in "\\`*_[]<>|#":
        text = text.replace(mark, f"\\{mark}")
    return text
