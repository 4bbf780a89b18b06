"""How many of its neurons fire, layer by layer."""

from collections.abc import Iterator, Sequence

import svg

from spikeloom.report.pictures.draw import both, picture, rect, text
from spikeloom.report.runs import Firing

__all__ = ["draw_spikes"]

_ROW, _LEFT, _RIGHT = 22, 132, 56


def draw_spikes(firing: Sequence[Firing]) -> str:
    """Draw the share of spikes of each layer, all of them being the whole width."""
    label = "Firing rates: " + ", ".join(f"{layer.name} {layer.rate:.1%}" for layer in firing)

    def draw(width: float) -> str:
        return picture(width, _ROW * len(firing), label, _rows(firing, width), "chart")

    return both(draw)


def _rows(firing: Sequence[Firing], width: float) -> Iterator[svg.Element]:
    room = width - _LEFT - _RIGHT
    for number, layer in enumerate(firing):
        top = _ROW * number
        title = f"{layer.name}: {layer.spikes:,} spikes in {layer.places:,} places"
        yield text(0, top + 13, layer.name, "name")
        yield rect(_LEFT, top + 2, room, 14, "rail", title, 2)
        yield rect(_LEFT, top + 2, room * layer.rate, 14, "spikes", title, 2)
        yield text(width, top + 13, f"{layer.rate:.1%}", "number", "end")
