"""Plots of the published figures, from docs/results.json."""

from collections.abc import Callable
from pathlib import Path
from xml.etree.ElementTree import Element

from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator
from plots import FIRST, FOURTH, INK, SECOND, plot, svg

from spikeloom.figures.model import Result, load_results

__all__ = ["area", "growth"]

_FILE = Path(__file__).parents[1] / "results.json"
_PLACES = {
    **dict.fromkeys(("wide-2x16", "wide-4x8", "state-4"), ("right", (-5, -4))),
    "wide-8x8": ("left", (6, -6)),
    "state-2": ("center", (0, -14)),
}
"""Where the name of a point stands that has a neighbour."""

_THOUSANDS = FuncFormatter(lambda value, _: f"{value:,.0f}")

_ENGINES: dict[str, tuple[str, str, Callable[[Result], bool]]] = {
    "score order": (FIRST, "s", lambda r: r.settings["order"] == "score"),
    "state order": (
        SECOND, "o", lambda r: r.settings["order"] == "state" and "spikes" not in r.settings
    ),
    "state order, several spikes a cycle": (FOURTH, "D", lambda r: "spikes" in r.settings),
}  # fmt: skip


def _log(axes: Axes, *, x: list[float], y: list[float]) -> None:
    """Make both axes logarithmic, with ticks at the numbers that are given."""
    axes.loglog()
    for axis, ticks in ((axes.xaxis, x), (axes.yaxis, y)):
        axis.set_major_formatter(_THOUSANDS)
        axis.set_minor_locator(NullLocator())
        axis.set_ticks(ticks)


def area() -> Element:
    """Plot cells against cycles of tiny-32x64, at 100 and at 20 per cent firing."""
    found = load_results(_FILE).of("layers")
    points = {n: r for n, r in found.items() if n.startswith("tiny-32x64/")}
    with plot(730, 380, 2) as (figure, panels):
        for axes, rate in zip(panels, ("100", "20"), strict=True):
            _log(axes, x=[100, 1000, 10_000, 100_000], y=[100, 200, 500, 1000, 2000, 5000])
            for label, (colour, marker, belongs) in _ENGINES.items():
                chosen = [r for r in points.values() if belongs(r)]
                xs, ys = ([r.figure(f) for r in chosen] for f in (f"cycles {rate}", "logic_cells"))
                axes.plot(xs, ys, marker, color=colour, markersize=6, label=label)
            for name, result in points.items():
                place = (result.per_step(rate), result.figure("logic_cells"))
                short = name.rpartition("/")[2].removesuffix("-beat8")
                side, offset = _PLACES.get(short, ("left", (5, 5)))
                axes.annotate(short, place, offset, textcoords="offset points", ha=side, fontsize=9)
            axes.set(xlim=(60, 400_000), ylim=(120, 4500), xlabel="cycles a time step")
            axes.set_title(f"{rate} % of spikes set", loc="left", fontsize=11)
            for product in (0.1e6, 1e6, 10e6):
                axes.plot((1e2, 1e6), (product / 1e2, product / 1e6), ":", color=INK, linewidth=0.6)
        panels[0].set_ylabel("logic cells")
        figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=3)
        return svg(figure)


def growth() -> Element:
    """Plot cells and cycles against the number of tokens, in both orders."""
    points = load_results(_FILE).of("growth").values()
    with plot(730, 320, 2) as (figure, (cells, cycles)):
        tokens = [32, 64, 128, 256, 512, 1024]
        _log(cycles, x=[*tokens], y=[100, 1000, 10_000, 100_000])
        cells.set_xscale("log", base=2)
        cells.xaxis.set_ticks(tokens, map(str, tokens))
        cells.set(ylim=(0, 450), ylabel="logic cells", xlabel="tokens N")
        cycles.set(xlabel="tokens N", ylabel="cycles a time step")
        for label, (colour, marker, belongs) in list(_ENGINES.items())[:2]:
            chosen = [r for r in points if belongs(r)]
            xs = [int(r.settings["tokens"]) for r in chosen]
            line = f"{marker}-"
            cells.plot(
                xs, [r.figure("logic_cells") for r in chosen], line, color=colour, label=label
            )
            full, fifth = ([r.per_step(rate) for r in chosen] for rate in ("100", "20"))
            cycles.plot(xs, full, line, color=colour, label=f"{label}, 100 %")
            if fifth != full:
                cycles.plot(xs, fifth, f"{marker}--", color=colour, label=f"{label}, 20 %",
                            fillstyle="none")  # fmt: skip
        cells.legend(loc="lower right")
        cycles.legend(loc="upper left")
        return svg(figure)
