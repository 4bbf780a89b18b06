"""What every picture is made of: shapes with text that is escaped, in two widths."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

import svg

__all__ = ["PHONE", "WIDE", "both", "boxes", "circle", "line", "picture", "rect", "text"]

#: Widths, in CSS pixels, for which pictures are drawn: beside another, and on a phone.
WIDE, PHONE = 560, 330


def picture(
    width: float, height: float, label: str, elements: Iterable[svg.Element], kind: str = ""
) -> str:
    """Write a picture of so many CSS pixels, which shrinks where there is less room.

    Parameters
    ----------
    width, height : float
        Size.
    label : str
        What it shows, for those who do not see it.
    elements : iterable of svg.Element
        Contents.
    kind : str
        Class for the style sheet.
    """
    made = svg.SVG(
        # The name space is not needed within HTML.
        xmlns=None,
        viewBox=svg.ViewBoxSpec(0, 0, _round(width), _round(height)),
        width=_round(width),
        class_=[kind] if kind else None,
        extra={"role": "img", "aria-label": escape(label)},
        elements=list(elements),
    )
    return str(made)


def both(draw: Callable[[float], str], wide: float = WIDE) -> str:
    """Draw for a wide page and for a phone; the style sheet shows one of them."""
    shown = f'<div class="wide">{draw(wide)}</div>' if wide != PHONE else ""
    return f'{shown}<div class="phone">{draw(PHONE)}</div>'


def rect(
    x: float, y: float, width: float, height: float, kind: str, title: str = "", round_: float = 0
) -> svg.Rect:
    """Draw a box, with a text that shows when it is pointed at."""
    return svg.Rect(
        x=_round(x),
        y=_round(y),
        width=_round(max(0.0, width)),
        height=_round(height),
        rx=round_ or None,
        class_=kind.split(),
        elements=_title(title),
    )


def boxes(
    corners: Iterable[tuple[float, float]], width: float, height: float, kind: str, title: str
) -> svg.Path:
    """Draw many boxes of one size as one shape, which takes a tenth of the room in a file."""
    drawn: list[svg.PathData] = []
    for x, y in corners:
        drawn += [svg.M(_round(x), _round(y)), svg.HorizontalLineToRel(width)]
        drawn += [svg.VerticalLineToRel(height), svg.HorizontalLineToRel(-width), svg.ClosePath()]
    return svg.Path(d=drawn, class_=kind.split(), elements=_title(title))


def circle(x: float, y: float, radius: float, kind: str, title: str) -> svg.Circle:
    """Draw a circle."""
    return svg.Circle(
        cx=_round(x), cy=_round(y), r=radius, class_=kind.split(), elements=_title(title)
    )


def line(points: Sequence[tuple[float, float]], kind: str, title: str = "") -> svg.Polyline:
    """Draw a line through points."""
    rounded = [svg.Point(_round(x), _round(y)) for x, y in points]
    return svg.Polyline(points=rounded, class_=kind.split(), elements=_title(title))


def text(x: float, y: float, words: str, kind: str = "", anchor: str = "start") -> svg.Text:
    """Write a line of text on the base line ``y``."""
    return svg.Text(
        x=_round(x),
        y=_round(y),
        text=escape(words),
        class_=kind.split() if kind else None,
        extra=None if anchor == "start" else {"text-anchor": anchor},
    )


def _title(words: str) -> list[svg.Element] | None:
    return [svg.Title(text=escape(words))] if words else None


def _round(value: float) -> float:
    """Cut digits that nobody sees: half of a file would be these."""
    rounded = round(value, 1)
    return int(rounded) if rounded == int(rounded) else rounded
