"""Plots by Matplotlib as SVG, in the colours of the page that shows them.

Matplotlib knows colours and no classes. So every colour here is a stand-in, which :func:`svg`
replaces by a variable of ``docs/_static/spikeloom.css``.
"""

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import matplotlib as mpl
from blocks import SVG
from matplotlib.axes import Axes
from matplotlib.figure import Figure

__all__ = ["FIRST", "FOURTH", "INK", "SECOND", "THIRD", "plot", "svg"]

INK, FIRST, SECOND, THIRD, FOURTH = (f"#01010{n}" for n in range(1, 6))
_GRID = "#010106"
_VARIABLES = {
    INK: "--color-foreground-primary",
    FIRST: "--drawing-first",
    SECOND: "--drawing-second",
    THIRD: "--drawing-third",
    FOURTH: "--drawing-fourth",
    _GRID: "--drawing-grid",
}

_STYLE = {
    # Text stays text: it is searched for, and takes the font of the page.
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 11,
    "axes.edgecolor": _GRID,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": _GRID,
    "grid.linewidth": 0.6,
    "xtick.color": _GRID,
    "ytick.color": _GRID,
    "legend.frameon": False,
    "savefig.transparent": True,
    **{f"{name}color": INK for name in ("text.", "axes.label", "axes.title")},
    **{f"{axis}tick.labelcolor": INK for axis in "xy"},
}
_INCH = 72
ElementTree.register_namespace("xlink", "http://www.w3.org/1999/xlink")


@contextmanager
def plot(width: float, height: float, columns: int = 1) -> Iterator[tuple[Figure, list[Axes]]]:
    """Give an empty figure of so many pixels, and its axes side by side."""
    with mpl.rc_context({**_STYLE, "svg.hashsalt": f"{width}{height}{columns}"}):
        figure = Figure((width / _INCH, height / _INCH), layout="constrained")
        yield figure, list(figure.subplots(1, columns, squeeze=False)[0])


def svg(figure: Figure) -> Element:
    """Return a figure as an SVG element whose colours are those of the page."""
    file = io.StringIO()
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    for colour, variable in _VARIABLES.items():
        text = text.replace(colour, f"var({variable})")
    # The page says which font; identifiers would meet those of the next figure.
    text = re.sub(r"font: [\d.]+px [^;\"]*", lambda found: _size(found[0]), text)
    root = ElementTree.fromstring(text)
    used = set(re.findall(r"(?:url\(#|href=\"#)([^)\"]+)", text))
    for node in list(root.iter()):
        if node.get("id") not in used:
            node.attrib.pop("id", None)
    for name in ("metadata", f"{{{SVG}}}metadata"):
        for found in root.findall(name):
            root.remove(found)
    return root


def _size(font: str) -> str:
    return f"font-size: {font.split()[1]}"
