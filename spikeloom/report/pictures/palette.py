"""Which colour a module has, the same in every picture and table of a report."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from spikeloom.report.model import Module

__all__ = ["Palette", "Part"]

#: Colours of the style sheet, ``c0`` and so on; everything else is grey, ``cx``.
COLOURS = 10
GREY = "cx"

# A part that is more than this part of the whole is opened up.
_LARGE = 6

# A block counts for as many cells when the largest parts are looked for: a memory is worth seeing.
_EBR, _OTHER = 10, 40


@dataclass(frozen=True)
class Part:
    """A module with all that is in it and has no colour of its own.

    Parameters
    ----------
    path : str
        Hierarchical path; empty for what is left.
    label : str
        Path without what all have in common.
    colour : str
        Class of the style sheet.
    logic_cells : int
        Cells of all of it.
    """

    path: str
    label: str
    colour: str
    logic_cells: int


class Palette:
    """Give colours to the largest parts of a design.

    Parameters
    ----------
    modules : sequence of Module
        Areas by module.
    """

    def __init__(self, modules: Sequence[Module]):
        self._weights = {
            module.path: module.logic_cells
            + _EBR * module.ebr
            + _OTHER * (module.spram + module.dsp)
            for module in modules
            if not module.path.startswith("(")
        }
        weights = self._open_up()
        chosen = sorted(weights, key=lambda path: -weights[path])[:COLOURS]
        self._known = frozenset(weights)
        self._colours = {path: f"c{n}" for n, path in enumerate(chosen)}
        self._common = _common(chosen)
        cells = dict.fromkeys(["", *chosen], 0)
        for module in modules:
            cells[self.owner(module.path)] += module.logic_cells
        self.parts = tuple(
            Part(path, self.label(path), self.colour(path), count) for path, count in cells.items()
        )

    def owner(self, path: str) -> str:
        """Name the part that a module belongs to; empty for what has no colour."""
        while path and path not in self._known:
            path = path.rpartition(".")[0]
        return path if path in self._colours else ""

    def colour(self, path: str) -> str:
        """Give the class of the colour of a module."""
        return self._colours.get(self.owner(path), GREY)

    def label(self, path: str) -> str:
        """Cut what the paths of all parts begin with."""
        # Numbers that only tell names apart say nothing here.
        return re.sub(r"\$\d+", "", path.removeprefix(self._common)) or "others"

    def _open_up(self) -> dict[str, int]:
        """Replace parts that would take more than their share by what is in them."""
        found = {path: self._total(path) for path in self._children("")}
        fair = sum(self._weights.values()) / _LARGE
        closed: set[str] = set()
        while large := [p for p, weight in found.items() if p not in closed and weight > fair]:
            largest = max(large, key=lambda path: found[path])
            closed.add(largest)
            inside = {path: self._total(path) for path in self._children(largest)}
            # Many alike, such as lanes, are one thing.
            if 0 < sum(weight > fair / 4 for weight in inside.values()) <= COLOURS:
                found |= inside
                found[largest] = self._weights[largest]
        return {path: weight for path, weight in found.items() if weight}

    def _children(self, path: str) -> list[str]:
        """Name the modules directly in another."""
        return [other for other in self._weights if other and other.rpartition(".")[0] == path]

    def _total(self, path: str) -> int:
        """Weigh a module with all that is in it."""
        inside = (self._weights[p] for p in self._weights if p.startswith(f"{path}."))
        return self._weights[path] + sum(inside)


def _common(paths: Iterable[str]) -> str:
    """Give the first name of all paths, with its dot, where they have one in common.

    >>> _common(["layer.q", "layer"]), _common(["a.b", "c.d"])
    ('layer.', '')
    """
    first = {path.partition(".")[0] for path in paths}
    return f"{first.pop()}." if len(first) == 1 else ""
