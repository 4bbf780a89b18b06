"""Logic cells by module, as areas."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import squarify
import svg

from spikeloom.report.model import Module
from spikeloom.report.pictures.draw import both, picture, rect, text
from spikeloom.report.pictures.palette import Palette

__all__ = ["draw_treemap"]

_Box = tuple[float, float, float, float]

# Width of a letter, in CSS pixels, for labels that must not stick out.
_LETTER = 6.6


def draw_treemap(modules: Sequence[Module], palette: Palette) -> str:
    """Draw each module as large as its own cells, those of one colour side by side."""
    parts: dict[str, list[Module]] = defaultdict(list)
    for module in modules:
        if module.logic_cells:
            parts[palette.owner(module.path)].append(module)
    total = sum(module.logic_cells for module in modules)
    label = f"Treemap of {total} logic cells by module"

    def draw(width: float) -> str:
        height = round(width * 0.72)
        return picture(width, height, label, _parts(parts, palette, (0, 0, width, height)), "tree")

    return both(draw)


def _parts(parts: dict[str, list[Module]], palette: Palette, box: _Box) -> Iterator[svg.Element]:
    sizes = {path: sum(module.logic_cells for module in inside) for path, inside in parts.items()}
    for path, size, place in _split(sizes, box):
        colour = palette.colour(path)
        cells = {module.path: module.logic_cells for module in parts[path]}
        for inner, count, (x, y, width, height) in _split(cells, place):
            title = f"{palette.label(inner)}: {count} logic cells"
            yield rect(x + 0.5, y + 0.5, width - 1, height - 1, f"cell {colour}", title)
        yield from _label(palette.label(path), size, place)


def _split(sizes: dict[str, int], box: _Box) -> Iterator[tuple[str, int, _Box]]:
    """Divide a box into smaller ones, the largest first."""
    x, y, width, height = box
    ordered = sorted(sizes, key=lambda path: (-sizes[path], path))
    areas = squarify.normalize_sizes([sizes[path] for path in ordered], width, height)
    places = squarify.squarify(areas, x, y, width, height)
    for path, place in zip(ordered, places, strict=True):
        yield path, sizes[path], (place["x"], place["y"], place["dx"], place["dy"])


def _label(words: str, size: int, box: _Box) -> Iterator[svg.Element]:
    """Write a name and a number where there is room for them."""
    x, y, width, height = box
    short = words.rpartition(".")[2]
    fitting = next((name for name in (words, short) if len(name) * _LETTER < width - 12), None)
    if fitting and height > 20:
        yield text(x + 6, y + 16, fitting, "name")
        if height > 38:
            yield text(x + 6, y + 32, f"{size:,}", "number")
