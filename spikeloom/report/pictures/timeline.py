"""Cycles of an inference: what is loaded, computed and unloaded when, and layer by layer."""

from collections.abc import Iterator, Sequence

import svg

from spikeloom.report.pictures.draw import both, line, picture, rect, text
from spikeloom.report.runs import Activity, Stage

__all__ = ["draw_activity", "draw_stages"]

_ROW, _BAR = 28, 18
_LEFT, _HEAD = 66, 18
# Shades between none of a bin's cycles and all of them.
_SHADES = 4


def draw_activity(activity: Activity, wide: float) -> str:
    """Draw three tracks over the cycles of two inferences sent back to back."""
    end = activity.ends[-1]
    label = f"Cycles in which beats were accepted, engines worked, beats were delivered: 0 to {end}"

    def draw(width: float) -> str:
        height = _HEAD + 3 * _ROW + 18
        return picture(width, height, label, _tracks(activity, width), "chart")

    return both(draw, wide)


def _tracks(activity: Activity, width: float) -> Iterator[svg.Element]:
    scale = (width - _LEFT - 4) / activity.ends[-1]
    bottom = _HEAD + 3 * _ROW
    tracks = (
        ("load", activity.load, "beats accepted"),
        ("compute", activity.compute, "an engine works"),
        ("unload", activity.unload, "beats delivered"),
    )
    for number, (name, bins, meaning) in enumerate(tracks):
        top = _HEAD + number * _ROW
        yield text(0, top + _BAR - 4, name, "name")
        yield rect(_LEFT, top, width - _LEFT - 4, _BAR, "rail", round_=2)
        for begin, stop, shade in _runs(bins, activity.cycles_a_bin):
            left, right = begin * activity.cycles_a_bin, stop * activity.cycles_a_bin
            right = min(right, activity.ends[-1])
            count = sum(bins[begin:stop])
            title = f"cycles {left:,} to {right:,}: {meaning} in {count:,}"
            x = _LEFT + left * scale
            yield rect(x, top, (right - left) * scale, _BAR, f"{name} s{shade}", title)
    for number, end in enumerate(activity.ends):
        x = _LEFT + end * scale
        yield line([(x, _HEAD - 4), (x, bottom - 4)], "limit")
        words = f"{end:,}" if number else f"answer at {end:,}"
        yield text(x, 10, words, "note", "end" if number else "middle")
    yield text(_LEFT, bottom + 8, "0", "note")
    yield text(width - 4, bottom + 8, "cycles", "note", "end")


def _runs(bins: Sequence[int], size: int) -> Iterator[tuple[int, int, int]]:
    """Join neighbours of one shade: first bin, the one behind the last, and the shade."""
    shades = [-(-count * _SHADES // size) for count in bins]
    begin = 0
    for stop in range(1, len(shades) + 1):
        if stop == len(shades) or shades[stop] != shades[begin]:
            if shades[begin]:
                yield begin, stop, shades[begin]
            begin = stop


def draw_stages(stages: Sequence[Stage], wide: float) -> str:
    """Draw the layers of a network one below the other."""
    total = stages[-1].end
    label = f"Predicted cycles of {len(stages)} layers, {total} in all"

    def draw(width: float) -> str:
        return picture(width, 22 * len(stages), label, _layers(stages, width), "chart")

    return both(draw, wide)


def _layers(stages: Sequence[Stage], width: float) -> Iterator[svg.Element]:
    left, right = 132, 92
    scale = (width - left - right) / stages[-1].end
    for number, stage in enumerate(stages):
        top, cycles = 22 * number, stage.end - stage.begin
        share = cycles / stages[-1].end
        yield text(0, top + 13, stage.name, "name")
        yield rect(left, top + 2, width - left - right, 14, "rail", round_=2)
        title = f"{stage.name}: cycles {stage.begin:,} to {stage.end:,}"
        x = left + stage.begin * scale
        yield rect(x, top + 2, max(1.5, cycles * scale), 14, "compute", title, 2)
        yield text(width, top + 13, f"{cycles:,}  {share:.0%}", "number", "end")
