"""A report in ten lines."""

from collections.abc import Iterator

from spikeloom.report.compare import change, figures, number, trend
from spikeloom.report.model import Budgets, Report
from spikeloom.report.tables import Row, Table, budget_problems

__all__ = ["brief"]


def brief(report: Report, against: Report | None = None, budget: Budgets | None = None) -> Table:
    """Return the numbers that most readers want, one row each; nine at most."""
    now, then = figures(report), figures(against)

    def row(name: str, value: str, key: str = "", digits: int = 0, flag: str = "") -> Row:
        if not then or not key:
            return Row((name, value, ""), flag=flag)
        delta = change(now[key], then[key], digits)
        return Row((name, value, delta), flag=flag, trends={2: trend(key, now[key], then[key])})

    cells, clock = report.area.logic_cells, "good" if report.clock_met else "bad"
    used = f"{number(cells.used)} of {number(cells.available)} ({100 * cells.share:.1f} %)"
    rows = [
        row("logic cells", used, "logic_cells"),
        row("memories", _memories(report), "ebr"),
        row("clock", _clock(report), "fmax_mhz", 1, clock),
        *(row("worst path", text) for text in _path(report)),
        *(row("cycles", text, "compute_cycles") for text in _cycles(report)),
        *(row("speed", text, "latency_us", 1) for text in _speed(report)),
        row("answers", report.correctness, flag="good" if report.checks else ""),
        *(row("budget", text, flag=flag) for text, flag in _budget(report, budget)),
    ]
    if report.warnings:
        rows.append(row("warnings", f"{len(report.warnings)}: --full shows them"))
    columns = ("", "", "change") if then else ("", "")
    cut = [Row(r.cells[: len(columns)], flag=r.flag, trends=r.trends) for r in rows]
    return Table(f"{report.name} on {report.device}", columns, tuple(cut), left=2)


def _memories(report: Report) -> str:
    area = report.area
    kinds = {"EBR": area.ebr, "SPRAM": area.spram, "DSP": area.dsp}
    return ", ".join(
        f"{use.used} of {use.available} {name}"
        for name, use in kinds.items()
        if use.used or name == "EBR"
    )


def _clock(report: Report) -> str:
    worst, best = report.fmax_worst_mhz, report.fmax_best_mhz
    seeds = f"{len(report.seeds)} seed{'s' if len(report.seeds) > 1 else ''}"
    clocks = "none of" if worst is None else f"{worst:.1f} to {best:.1f} MHz over"
    verdict = "reached" if report.clock_met else "NOT reached"
    return f"{clocks} {seeds}; target {report.clock_mhz:g} MHz {verdict} by every seed"


def _path(report: Report) -> Iterator[str]:
    placed = [seed for seed in report.seeds if seed.fmax_mhz is not None]
    worst = min(placed, key=lambda seed: seed.fmax_mhz or 0.0, default=None)
    if worst is not None and (path := worst.worst) is not None:
        delays = f"{path.logic_ns:.1f} ns of logic, {path.routing_ns:.1f} ns of routing"
        yield f"{path.start} to {path.end}: {delays}"


def _cycles(report: Report) -> Iterator[str]:
    known = report.known
    if known.compute_cycles is None:
        return
    text = f"{number(known.compute_cycles)} in which an engine works"
    if known.cycles is not None:
        text += f", {number(known.cycles)} from first beat to last"
    yield text if report.measured else f"{text} (by formula)"


def _speed(report: Report) -> Iterator[str]:
    if report.latency_us is not None:
        text = f"{number(report.latency_us, 1)} us an inference"
        if report.inferences_per_s is not None:
            text += f", {number(report.inferences_per_s)} a second"
        yield f"{text}, at {report.clock_mhz:g} MHz"


def _budget(report: Report, budget: Budgets | None) -> Iterator[tuple[str, str]]:
    """Say that all limits are kept, or the first that is not."""
    limits = budget or report.budget
    named = [key for key, limit in limits.model_dump().items() if limit is not None]
    if not named:
        return
    wrong = budget_problems(report, budget)
    if not wrong:
        yield f"kept: {', '.join(named)}", "good"
        return
    more = f" (and {len(wrong) - 1} more)" if len(wrong) > 1 else ""
    yield wrong[0].removeprefix(f"{report.name}: budget.") + more, "bad"
