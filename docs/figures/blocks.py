"""Block diagrams as SVG: boxes, frames and wires, in the colours of the page that shows them.

Colours and fonts are classes, which ``docs/_static/spikeloom.css`` defines for light and dark.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

__all__ = ["SVG", "Box", "Diagram", "Point"]

SVG = "http://www.w3.org/2000/svg"
ElementTree.register_namespace("", SVG)

Point = tuple[float, float]

_LINE = 17
_HEAD = 7


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels, and the points at which wires meet it."""

    x: float
    y: float
    width: float
    height: float

    @property
    def centre(self) -> Point:
        """The point in the middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def left(self, part: float = 0.5) -> Point:
        """Return the point of the left side so far down: 0 at the top, 1 at the bottom."""
        return self.x, self.y + part * self.height

    def right(self, part: float = 0.5) -> Point:
        """Return the point of the right side so far down: 0 at the top, 1 at the bottom."""
        return self.x + self.width, self.y + part * self.height

    def top(self, part: float = 0.5) -> Point:
        """Return the point of the upper side so far to the right."""
        return self.x + part * self.width, self.y

    def bottom(self, part: float = 0.5) -> Point:
        """Return the point of the lower side so far to the right."""
        return self.x + part * self.width, self.y + self.height


class Diagram:
    """A drawing of so many pixels, from its upper left corner.

    Parameters
    ----------
    width, height : float
        Size in pixels. A page shows it smaller where it has no room, but not below four fifths.

    Attributes
    ----------
    svg : xml.etree.ElementTree.Element
        What was drawn.
    width, height : float
        As given.
    """

    def __init__(self, width: float, height: float):
        self.width, self.height = width, height
        size = {"width": f"{width:g}", "height": f"{height:g}"}
        self.svg = ElementTree.Element(
            f"{{{SVG}}}svg", {"viewBox": f"0 0 {width:g} {height:g}", **size}
        )

    def box(
        self, x: float, y: float, width: float, height: float, *lines: str, kind: str = "logic"
    ) -> Box:
        """Draw a box with lines of text, of which the first is its name.

        ``kind`` is its class: ``logic``, ``memory``, ``part`` of another box, or ``port``.
        """
        made = Box(x, y, width, height)
        self.shape(made, kind)
        middle, first = made.centre[0], made.centre[1] - (len(lines) - 1) * _LINE / 2
        for n, line in enumerate(lines):
            self.text(middle, first + n * _LINE, line, style="note" if n else "name")
        return made

    def frame(self, x: float, y: float, width: float, height: float, name: str) -> Box:
        """Draw a dashed frame around things that belong together, with a name in its corner."""
        made = Box(x, y, width, height)
        self.shape(made, "frame")
        self.text(x + 10, y + 14, name, style="note", anchor="start")
        return made

    def shape(self, box: Box, kind: str, title: str = "") -> None:
        """Draw a rectangle without text; ``title`` is what a pointer over it shows."""
        place = {"x": box.x, "y": box.y, "width": box.width, "height": box.height}
        node = self._add("rect", {"class": kind, "rx": "4"}, place)
        if title:
            ElementTree.SubElement(node, f"{{{SVG}}}title").text = title

    def grid(self, box: Box, rows: Sequence[Sequence[int]], title: str) -> None:
        """Fill a box with a grid, and mark the cells that are not zero."""
        high, wide = box.height / len(rows), box.width / len(rows[0])
        marks = "".join(
            f"M{box.x + wide * c:.2f} {box.y + high * r:.2f}h{wide:.2f}v{high:.2f}h{-wide:.2f}z"
            for r, row in enumerate(rows)
            for c, mark in enumerate(row)
            if mark
        )
        self.shape(box, "part", title)
        self._add("path", {"class": "marks", "d": marks}, {})

    def text(
        self, x: float, y: float, text: str, *, style: str = "note", anchor: str = "middle"
    ) -> None:
        """Write a line, its middle at a height y; ``anchor`` is start, middle or end."""
        shape = {"class": style, "text-anchor": anchor, "dominant-baseline": "central"}
        self._add("text", shape, {"x": x, "y": y}).text = text

    def wire(
        self,
        *points: Point,
        label: str = "",
        at: Point | None = None,
        anchor: str = "middle",
        kind: str = "wire",
    ) -> None:
        """Draw a line through points with a head at its end.

        The label stands above the middle of the longest part, or at a point.
        """
        path = " ".join(f"{x:g},{y:g}" for x, y in points)
        self._add("polyline", {"class": kind, "points": path}, {})
        self._head(points, kind)
        if label:
            x, y = at or _above(points)
            self.text(x, y, label, style="label", anchor=anchor)

    def _head(self, points: Sequence[Point], kind: str) -> None:
        (x0, y0), (x1, y1) = points[-2:]
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        u, v = (x1 - x0) / length * _HEAD, (y1 - y0) / length * _HEAD
        corners = ((x1, y1), (x1 - u - v / 2, y1 - v + u / 2), (x1 - u + v / 2, y1 - v - u / 2))
        path = " ".join(f"{x:g},{y:g}" for x, y in corners)
        self._add("polygon", {"class": f"{kind} head", "points": path}, {})

    def _add(
        self, name: str, classes: dict[str, str], numbers: dict[str, float]
    ) -> ElementTree.Element:
        values = {key: f"{value:g}" for key, value in numbers.items()}
        return ElementTree.SubElement(self.svg, f"{{{SVG}}}{name}", {**classes, **values})


def _above(points: Sequence[Point]) -> Point:
    """Find the place of a label: over the longest part."""
    parts = list(zip(points, points[1:], strict=False))
    (x0, y0), (x1, y1) = max(parts, key=lambda ends: abs(ends[0][0] - ends[1][0]))
    return (x0 + x1) / 2, (y0 + y1) / 2 - 9
