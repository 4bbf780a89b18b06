"""Load, judge, compare and show reports."""

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import quote

from pydantic import ValidationError

from spikeloom.errors import RequestError
from spikeloom.files import replacing
from spikeloom.report.markdown import render_markdown
from spikeloom.report.model import Budgets, Report
from spikeloom.report.runs import Check
from spikeloom.report.tables import budget_problems, cycle_problems
from spikeloom.report.text import render_text

__all__ = ["Report", "ReportError", "find", "load", "note", "problems", "show", "write"]

Style = Literal["text", "markdown", "html", "json"]


class ReportError(RequestError):
    """A report cannot be read. One line, file first; a wrong request, exit code 2."""


def load(path: Path | str) -> Report:
    """Read the report of a build directory, or a ``report.json`` itself.

    Raises
    ------
    ReportError
        There is none, or it is not valid.
    """
    path = Path(path)
    file = path / "report.json" if path.is_dir() else path
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        raise ReportError(f"{file}: must be a report that spikeloom build wrote") from None
    try:
        return Report.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        key = ".".join(map(str, first["loc"])) or "report"
        raise ReportError(f"{file}: {key}: {first['msg']}") from None


def find(path: Path | str) -> tuple[Report, ...]:
    """Read the report of a build directory, or of all build directories directly inside ``path``.

    Sorted by the designs' names.

    Raises
    ------
    ReportError
        There is none, or one is not valid.
    """
    return tuple(report for report, _ in _find(Path(path)))


def _find(path: Path) -> list[tuple[Report, Path]]:
    """Read reports as :func:`find` does, each with its file."""
    if path.is_file() or (path / "report.json").is_file():
        return [(load(path), path)]
    files = sorted(path.glob("*/report.json"))
    if not files:
        raise ReportError(f"{path}: must hold report.json, or directories that do")
    return sorted(((load(file), file) for file in files), key=lambda item: item[0].name)


def problems(report: Report, budget: object = None) -> list[str]:
    """Say what makes the answer no: cycles that differ from the formula, budgets exceeded.

    Parameters
    ----------
    report : Report
        Report to judge.
    budget : AttentionDesign, Budget or None
        Limits to judge by: anything with ``cells``, ``clock_mhz`` and ``cycles``, or a design
        that has such a ``budget``. By default the limits of the design at the time it was built.

    Returns
    -------
    list of str
        One line each, with the amount; empty if all is well.
    """
    return cycle_problems(report) + budget_problems(report, _budgets(budget))


def _budgets(budget: object) -> Budgets | None:
    if budget is None:
        return None
    limits = getattr(budget, "budget", budget)
    return Budgets.model_validate(limits, from_attributes=True)


def show(
    path: Path | str,
    *,
    against: Path | str | None = None,
    budget: object = None,
    style: Style = "text",
    full: bool = True,
    colour: bool = False,
) -> tuple[str, list[str]]:
    """Do what ``spikeloom report`` does: give the text to print and what is wrong.

    The command line prints the text on standard output and each problem as a line on standard
    error, and ends with 1 if there are any, else 0.

    Parameters
    ----------
    path : Path or str
        Build directory, or a directory of build directories: then one line a design.
    against : Path or str or None
        The same kind of place, to show changes against.
    budget : AttentionDesign, Budget or None
        As for :func:`problems`.
    style : {"text", "markdown", "html", "json"}
        For a terminal, a CI summary, a browser, or a program. The JSON is one object with the
        keys ``reports``, ``against`` and ``problems``. The page of a directory of build directories
        links to their pages, for a browser that finds it in that directory.
    full, colour : bool
        Of text: every table of one report, or ten lines; escapes for a terminal's colours.

    Raises
    ------
    ReportError
        A report cannot be read.
    """
    placed = _find(Path(path))
    reports = tuple(report for report, _ in placed)
    before = find(against) if against is not None else ()
    found = [problem for report in reports for problem in problems(report, budget)]
    if style == "json":
        return _to_json(reports, before, found), found
    limits = _budgets(budget)
    if style == "html":
        pages = ((report.name, file.with_name("report.html")) for report, file in placed)
        links = {
            name: f"{quote(page.parent.name)}/{page.name}" for name, page in pages if page.is_file()
        }
        title = Path(path).resolve().name
        # A terminal need not wait for what pictures take to import.
        from spikeloom.report.html import render_html

        return render_html(reports, before, limits, title=title, links=links), found
    if style == "markdown":
        return render_markdown(reports, before, limits), found
    if style != "text":
        allowed = "text, markdown, html, json"
        raise ValueError(f"Style must be one of {allowed}, not {style!r}")
    return render_text(reports, before, limits, full=full, colour=colour), found


def _to_json(reports: Sequence[Report], against: Sequence[Report], found: list[str]) -> str:
    made = {
        "reports": [report.model_dump(mode="json") for report in reports],
        "against": [report.model_dump(mode="json") for report in against],
        "problems": found,
    }
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def write(report: Report, directory: Path) -> None:
    """Write ``report.json``, ``report.md`` and ``report.html``."""
    for name, text in _renditions(report).items():
        (directory / name).write_text(text, encoding="utf-8")


def note(check: Check, directory: Path) -> Report:
    """Say in the report of a build what was compared, instead of what it says of that target.

    All three files are replaced, ``report.json`` last.

    Raises
    ------
    ReportError
        There is no report, or it is not valid.
    InputError
        The files cannot be written.
    """
    report = load(directory / "report.json")
    others = tuple(other for other in report.checks if other.target != check.target)
    report = report.model_copy(update={"checks": (*others, check)})
    with contextlib.ExitStack() as stack:
        for name, text in _renditions(report).items():
            fresh = stack.enter_context(replacing(directory / name))
            fresh.write_text(text, encoding="utf-8")
    return report


def _renditions(report: Report) -> dict[str, str]:
    """Give the texts of all files."""
    from spikeloom.report.html import render_html

    return {
        "report.json": json.dumps(report.model_dump(mode="json"), indent=2, sort_keys=True) + "\n",
        "report.md": render_markdown([report]),
        "report.html": render_html([report]),
    }
