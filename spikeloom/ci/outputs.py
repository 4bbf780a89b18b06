"""What a CI service shows of builds: a summary, a comment, figures to follow, badges."""

from collections.abc import Sequence
from typing import Any

from spikeloom.ci.builds import Build
from spikeloom.report.markdown import render_markdown
from spikeloom.report.model import Report

__all__ = ["badge", "badges", "bigger", "comment", "marker", "overview", "smaller", "summary"]

# GitHub refuses summaries of more than 1 MiB, and comments of more than 65,536 characters.
_SUMMARY = 900_000
_COMMENT = 60_000


def overview(title: str, builds: Sequence[Build], against: Sequence[Report]) -> str:
    """Write the verdict, what went wrong, and a line a design; one alone in full."""
    reports = [build.report for build in builds if build.report is not None]
    text = f"# {title}\n\n{_verdict(builds)}.\n"
    wrong = [build for build in builds if build.state in ("missed", "failed")]
    if wrong:
        text += "\n" + "".join(f"- {_plain(line)}\n" for build in wrong for line in build.problems)
    if len(reports) == 1:
        text += f"\n{render_markdown(reports, against_of(reports[0], against))}"
    elif reports:
        text += f"\n{render_markdown(reports, against)}"
    large = [build for build in builds if build.state == "too large"]
    if large:
        text += "\n## Too large for their device\n\n"
        text += "".join(f"- {_plain(line)}\n" for build in large for line in build.problems)
    return text


def summary(title: str, builds: Sequence[Build], against: Sequence[Report]) -> str:
    """Write the summary of a run: a line a design, what went wrong, and each report folded away."""
    text = overview(title, builds, against)
    for build in builds:
        if build.report is None or len(builds) == 1:
            continue
        whole = render_markdown([build.report], against_of(build.report, against))
        folded = f"\n<details><summary>{build.name}</summary>\n\n{whole}\n</details>\n"
        if len(text.encode()) + len(folded.encode()) > _SUMMARY:
            return f"{text}\nMore reports than a summary may hold: see the files of the builds.\n"
        text += folded
    return text


def comment(title: str, builds: Sequence[Build], against: Sequence[Report]) -> str:
    """Write a comment: :func:`marker`, by which it is found again, and a line a design."""
    text = f"{marker(title)}\n{overview(title, builds, against)}"
    if len(text) <= _COMMENT:
        return text
    cut = text[:_COMMENT].rpartition("\n")[0]
    return f"{cut}\n\nMore designs than a comment may hold: see the summary of the run.\n"


def marker(title: str) -> str:
    """Return the line that a comment begins with and that nobody sees."""
    return f"<!-- spikeloom ci: {title.replace('--', '- -')} -->"


def against_of(report: Report, against: Sequence[Report]) -> list[Report]:
    """Return the report that one is compared with, if there is one."""
    return [other for other in against if other.name == report.name]


def _plain(line: str) -> str:
    return "`" + line.replace("`", "'") + "`"


def _verdict(builds: Sequence[Build]) -> str:
    count = {state: sum(build.state == state for build in builds) for state in _WORDS}
    told = [f"{count[state]} {words}" for state, words in _WORDS.items() if count[state]]
    return f"{len(builds)} design{'s' * (len(builds) != 1)}: {', '.join(told)}"


_WORDS = {
    "kept": "within budget",
    "missed": "with problems",
    "failed": "not built",
    "too large": "too large",
}


def smaller(builds: Sequence[Build]) -> list[dict[str, Any]]:
    """List figures that are better when smaller, as github-action-benchmark reads them."""
    found = []
    for report in _reports(builds):
        cycles = report.cycles_per_step
        found += _figures(
            report,
            ("logic cells", "LC", report.area.logic_cells.used),
            ("EBR", "blocks", report.area.ebr.used),
            ("cycles a step", "cycles", cycles),
        )
    return found


def bigger(builds: Sequence[Build]) -> list[dict[str, Any]]:
    """List figures that are better when bigger."""
    found = []
    for report in _reports(builds):
        found += _figures(report, ("clock of the worst seed", "MHz", report.fmax_worst_mhz))
    return found


def _reports(builds: Sequence[Build]) -> list[Report]:
    return [build.report for build in builds if build.report is not None]


def _figures(report: Report, *rows: tuple[str, str, float | None]) -> list[dict[str, Any]]:
    return [
        {"name": f"{report.name}: {name}", "unit": unit, "value": value}
        for name, unit, value in rows
        if value is not None
    ]


def badge(title: str, builds: Sequence[Build]) -> dict[str, Any]:
    """Make a badge of all designs, as an endpoint of shields.io."""
    bad = any(build.state in ("missed", "failed") for build in builds)
    if len(builds) == 1:
        return {**_badge(builds[0]), "label": title}
    return _shield(title, _verdict(builds).partition(": ")[2], bad)


def badges(builds: Sequence[Build]) -> dict[str, dict[str, Any]]:
    """Make a badge of each design, by name."""
    return {build.name: _badge(build) for build in builds}


def _badge(build: Build) -> dict[str, Any]:
    report = build.report
    if report is None:
        return _shield(build.name, _WORDS[build.state], build.state == "failed")
    message = f"{report.area.logic_cells.used:,} LC"
    if report.fmax_worst_mhz is not None:
        message += f", {report.fmax_worst_mhz:.1f} MHz"
    return _shield(build.name, message, build.state == "missed")


def _shield(label: str, message: str, bad: bool) -> dict[str, Any]:
    color = "red" if bad else "brightgreen"
    return {"schemaVersion": 1, "label": label, "message": message, "color": color}
