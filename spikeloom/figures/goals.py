"""The goals that were set for the engines, and what of them is reached."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, log2

from spikeloom.figures.model import Result, Results
from spikeloom.report.compare import number

__all__ = ["GOALS", "Goal", "Limit", "Verdict", "closest", "judge"]

_TINY: Mapping[str, int | str] = {
    "tokens": 32, "dim": 64, "heads": 4, "similarity": "and", "position": "none", "neuron": "lif"
}  # fmt: skip


@dataclass(frozen=True)
class Limit:
    """A bound on one figure, named as :meth:`Result.figure` names it.

    A ``firm`` one is a condition: points that break it are not shown while others keep it.
    """

    figure: str
    bound: float
    at_least: bool = False
    firm: bool = False

    def excess(self, result: Result) -> float:
        """How far a point is from the bound, as a factor: at most 1 where it is kept."""
        value = result.figure(self.figure)
        if value is None:
            return inf
        if self.figure == "fmax_mhz":
            # The goals are measured clocks themselves, given as whole MHz.
            value = round(value)
        above, below = (self.bound, value) if self.at_least else (value, self.bound)
        if above <= below:
            return above / below if below else 1.0
        return above / below if below else inf

    def words(self, value: float | None) -> str:
        """Write a value of this figure with its unit."""
        kind, _, rate = self.figure.partition(" ")
        if kind == "product":
            shown = None if value is None else value / 1e6
            return f"{number(shown, 2)} million LC x cycles at {rate} %"
        unit = {"logic_cells": "LC", "dsp": "DSP", "fmax_mhz": "MHz"}.get(kind, kind)
        text = number(value, 1 if kind == "fmax_mhz" and isinstance(value, float) else 0)
        return f"{text} {unit}" + (f" at {rate} %" if rate else "")


@dataclass(frozen=True)
class Goal:
    """Limits that one point should keep all at once.

    Parameters
    ----------
    title : str
        What is asked of.
    settings : mapping
        Settings that a point must have to count.
    limits : tuple of Limit
        The first is what the best of several points is chosen by.
    shown : tuple of str
        Figures to show beside those with a limit.
    """

    title: str
    settings: Mapping[str, int | str]
    limits: tuple[Limit, ...]
    shown: tuple[str, ...] = ()


@dataclass(frozen=True)
class Verdict:
    """What became of a goal; ``reached`` is None as long as nothing was measured."""

    title: str
    asked: str
    measured: str
    point: str
    reached: bool | None


def _unit(title: str, width: int, cells: int, mhz: float, stages: int | None = None) -> Goal:
    limits = (Limit("logic_cells", cells), *([Limit("fmax_mhz", mhz, True)] if mhz else []))
    settings: dict[str, int | str] = {"width": width, "kind": "xnor"}
    if stages is not None:
        settings["latency"] = stages
    return Goal(f"XNOR-popcount, D = {width}, {title}", settings, limits, ("fmax_mhz",))


GOALS = (
    *(
        _unit("fewest cells, one stage", *goal, 0, 1)
        for goal in ((16, 28), (32, 58), (64, 119), (128, 243))
    ),
    *(
        _unit("2 D - 1 cells, one stage", *goal, 1)
        for goal in ((16, 31, 54), (32, 63, 43), (64, 127, 37), (128, 255, 31))
    ),
    _unit("pipelined", 64, 128, 68),
    _unit("pipelined, fast", 64, 152, 101),
    Goal(
        "tiny-32x64 and LIF, smallest",
        _TINY,
        (
            Limit("logic_cells", 200),
            Limit("cycles 100", 8500),
            Limit("cycles 20", 3000),
            Limit("dsp", 0),
        ),
        ("fmax_mhz",),
    ),
    Goal(
        "tiny-32x64 and LIF, fastest under 1,000 LC",
        _TINY,
        (
            Limit("cycles 100", 600),
            Limit("cycles 20", 250),
            Limit("logic_cells", 999, firm=True),
            Limit("fmax_mhz", 48, at_least=True, firm=True),
            Limit("dsp", 0, firm=True),
        ),
    ),
    Goal(
        "tiny-32x64 and LIF, best LC x cycles",
        _TINY,
        (Limit("product 100", 0.5e6), Limit("product 20", 0.2e6)),
        ("logic_cells", "fmax_mhz", "dsp"),
    ),
)  # fmt: skip


def judge(results: Results) -> list[Verdict]:
    """Judge every goal by what was measured."""
    verdicts = [_judge(goal, results) for goal in GOALS]
    verdicts += [_cost_of(kind, results) for kind in ("xnor", "alpha-xnor")]
    return [*verdicts, *_growth(results)]


def closest(goal: Goal, results: Results) -> str:
    """Name the best point that reaches a goal, or else the one that comes closest to it."""
    best, chosen = (True, True, inf), ""
    for name, result in results.points.items():
        # Growth has shapes of its own; a workload is a layer that is listed twice.
        if result.family not in ("units", "layers"):
            continue
        if any(result.settings.get(key) != value for key, value in goal.settings.items()):
            continue
        excess = max(limit.excess(result) for limit in goal.limits)
        if excess == inf:
            continue
        broken = any(limit.firm and limit.excess(result) > 1 for limit in goal.limits)
        first = result.figure(goal.limits[0].figure) or 0.0
        rank = (broken, excess > 1, excess if excess > 1 else first)
        if rank < best:
            best, chosen = rank, name
    return chosen


def _judge(goal: Goal, results: Results) -> Verdict:
    asked = ", ".join(
        f"{'at least ' if limit.at_least else ''}{limit.words(limit.bound)}"
        for limit in goal.limits
    )
    name = closest(goal, results)
    if not name:
        return Verdict(goal.title, asked, "", "", None)
    result = results.points[name]
    shown = [*goal.limits, *(Limit(figure, 0) for figure in goal.shown)]
    figures = {limit.figure: limit.words(result.figure(limit.figure)) for limit in shown}
    reached = all(limit.excess(result) <= 1 for limit in goal.limits)
    return Verdict(goal.title, asked, ", ".join(figures.values()), name, reached)


def _cost_of(similarity: str, results: Results) -> Verdict:
    """Compare the cycles of a similarity with those of ``and``, wherever both were measured."""
    title, asked = f"{similarity} against and, same lanes", "at most 1.05 x the cycles"
    layers = results.of("layers").items()
    keys = ("tokens", "dim", "heads", "steps", "position", "order", "rows", "lanes", "beat")

    def folding(result: Result) -> tuple[int | str, ...]:
        return (*(result.settings[key] for key in keys), result.settings.get("spikes", 1))

    base = {folding(r): r for _, r in layers if r.settings["similarity"] == "and"}
    ratios = []
    for name, result in layers:
        other = base.get(folding(result))
        if result.settings["similarity"] != similarity or other is None:
            continue
        for rate in set(result.counts) & set(other.counts) - {"recorded"}:
            own, reference = result.per_step(rate), other.per_step(rate)
            if own and reference:
                ratios.append((own / reference, f"{name} at {rate} %", result.settings["order"]))
    # In score order the cycles are the same by construction; the goal is about state order.
    ratios = [ratio for ratio in ratios if ratio[2] == "state"]
    if not ratios:
        return Verdict(title, asked, "", "", None)
    worst, where, _ = max(ratios)
    text = f"at most {worst:.3f} x, over {len(ratios)} pairs"
    return Verdict(title, asked, text, where, worst <= 1.05)


def _growth(results: Results) -> list[Verdict]:
    """Judge how cycles and cells of state order grow with the number of tokens."""
    verdicts = []
    points = [r for r in results.of("growth").values() if r.settings["order"] == "state"]
    for similarity in dict.fromkeys(str(point.settings["similarity"]) for point in points):
        series = sorted(
            (int(p.settings["tokens"]), p) for p in points if p.settings["similarity"] == similarity
        )  # fmt: skip
        verdicts += _series(similarity, series)
    return verdicts


def _series(similarity: str, points: list[tuple[int, Result]]) -> list[Verdict]:
    title = f"growth with N, {similarity}, N = {points[0][0]} to {points[-1][0]}"
    spreads: dict[str, float] = {}
    for rate in ("100", "20"):
        each = [cycles / count for count, p in points if (cycles := p.per_step(rate)) is not None]
        if len(each) == len(points) > 1:
            spreads[rate] = max(each) / min(each) - 1
    verdicts = []
    if spreads:
        text = ", ".join(f"{100 * s:.1f} % at {rate} %" for rate, s in spreads.items())
        verdicts.append(
            Verdict(
                f"{title}: cycles",
                "cycles / N the same within 5 %",
                f"spread of cycles / N: {text}",
                "",
                max(spreads.values()) <= 0.05,
            )
        )
    cells = [(count, p.cells.logic_cells) for count, p in points if p.cells is not None]
    if len(cells) > 1:
        (few, least), (many, most) = cells[0], cells[-1]
        reached = all(c / least <= log2(n) / log2(few) for n, c in cells)
        ratio = f"{least} LC to {most} LC: x {most / least:.2f}"
        text = f"{ratio}, log N grows x {log2(many) / log2(few):.2f}"
        verdicts.append(Verdict(f"{title}: cells", "at most with log N", text, "", reached))
    return verdicts
