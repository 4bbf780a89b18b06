"""The worst path of every seed: how much of it is logic, how much routing."""

from collections.abc import Iterator

import svg

from spikeloom.report.model import Report, Seed
from spikeloom.report.pictures.draw import both, line, picture, rect, text

__all__ = ["draw_clock"]

_ROW, _BAR = 30, 16
_LEFT, _RIGHT, _HEAD = 58, 72, 20


def draw_clock(report: Report) -> str:
    """Draw the path that limits each seed, cell by cell and wire by wire, and the target."""
    placed = [seed for seed in report.seeds if seed.worst is not None]
    target = 1e3 / report.clock_mhz
    longest = max([target, *(seed.worst.total_ns for seed in placed if seed.worst)])
    label = f"Worst path of {len(placed)} seeds against a period of {target:.2f} ns"

    def draw(width: float) -> str:
        scale = (width - _LEFT - _RIGHT) / longest
        height = _HEAD + _ROW * len(placed)
        return picture(width, height, label, _rows(report, placed, width, scale, target), "chart")

    return both(draw)


def _rows(
    report: Report, placed: list[Seed], width: float, scale: float, target: float
) -> Iterator[svg.Element]:
    limit = _LEFT + target * scale
    anchor = "end" if limit > width - 2 * _RIGHT else "middle"
    yield text(limit, 11, f"{report.clock_mhz:g} MHz = {target:.2f} ns", "note", anchor)
    for number, seed in enumerate(placed):
        top = _HEAD + number * _ROW
        mark = " *" if seed.seed == report.bitstream_seed else ""
        yield text(0, top + _BAR - 3, f"seed {seed.seed}{mark}", "name")
        end = float(_LEFT)
        for kind, delay, title in _steps(seed):
            yield rect(end, top, delay * scale - 0.6, _BAR, kind, title)
            end += delay * scale
        missed = seed.fmax_mhz is not None and seed.fmax_mhz < report.clock_mhz
        words = f"{seed.fmax_mhz:.1f} MHz"
        yield text(width, top + _BAR - 3, words, "number bad" if missed else "number", "end")
    yield line([(limit, _HEAD - 5), (limit, _HEAD + _ROW * len(placed) - _ROW + _BAR + 5)], "limit")


def _steps(seed: Seed) -> Iterator[tuple[str, float, str]]:
    """Give the parts of a path; both sums where its steps are not known."""
    path = seed.worst
    if path is None:
        return
    for step in path.steps:
        if step.delay_ns:
            title = f"{step.signal}: {step.kind}, {step.delay_ns:.2f} ns, X{step.x} Y{step.y}"
            yield step.kind, step.delay_ns, title
    if not path.steps:
        yield "logic", path.logic_ns, f"logic, {path.logic_ns:.2f} ns"
        yield "routing", path.routing_ns, f"routing, {path.routing_ns:.2f} ns"
