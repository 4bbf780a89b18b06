"""The die: every logic cell and block in the colour of its module, and the worst path over them."""

from collections import defaultdict
from collections.abc import Iterator

import svg

from spikeloom.report.die import Block, CriticalPath, Floorplan
from spikeloom.report.pictures.draw import boxes, circle, line, picture, rect
from spikeloom.report.pictures.palette import Palette

__all__ = ["draw_floorplan"]

# A tile, in which there are two columns of four cells.
_TILE = 18
_KINDS = {"ebr": "EBR", "spram": "SPRAM", "dsp": "DSP", "pins": "pad"}
# Tiles up that a block takes; those at the edge are drawn as tall as their room.
_TALL = {"ebr": 2, "spram": 2, "dsp": 4, "pins": 1}


def draw_floorplan(plan: Floorplan, palette: Palette, path: CriticalPath | None) -> str:
    """Draw the die of the bitstream, ``path`` on top.

    The lower left tile is at the lower left, as in the vendor's and in other tools' pictures.
    """
    width, height = plan.columns * _TILE, plan.rows * _TILE
    shapes: list[svg.Element] = [
        rect(0, 0, width, height, "die", round_=6),
        *_tiles(plan),
        *_memory_sites(plan),
        *_cells(plan, palette),
        *(_block(plan, block, palette) for block in plan.blocks),
        *([] if path is None else _path(plan, path)),
    ]
    used = sum(len(plan.places(module)) for module in plan.cells)
    label = f"Floorplan: {used} logic cells and {len(plan.blocks)} blocks and pads in their places"
    return picture(width, height, label, shapes, "floor")


def _tiles(plan: Floorplan) -> Iterator[svg.Element]:
    """Draw the empty tiles of logic, between the columns of memory."""
    top, bottom = _TILE, (plan.rows - 1) * _TILE
    edges = [0, *plan.memory_columns, plan.columns - 1]
    for left, right in zip(edges, edges[1:], strict=False):
        begin, end = (left + 1) * _TILE, right * _TILE
        yield rect(begin, top, end - begin, bottom - top, "tiles")
        for x in range(begin, end + 1, _TILE):
            yield line([(x, top), (x, bottom)], "grid")
        for y in range(top, bottom + 1, _TILE):
            yield line([(begin, y), (end, y)], "grid")


def _memory_sites(plan: Floorplan) -> Iterator[svg.Element]:
    for x in plan.memory_columns:
        for y in range(1, plan.rows - 1, 2):
            left, top = _corner(plan, x, y + 1)
            yield rect(left + 1, top + 1, _TILE - 2, 2 * _TILE - 2, "site", round_=2)


def _cells(plan: Floorplan, palette: Palette) -> Iterator[svg.Element]:
    for module in plan.cells:
        corners = []
        for x, y, z in plan.places(module):
            left, top = _corner(plan, x, y)
            # Cell 0 is the lowest of the first column.
            corners.append((left + 1 + z // 4 * 8.2, top + 13.3 - z % 4 * 4.1))
        title = f"{palette.label(module)}: {len(corners)} logic cells"
        yield boxes(corners, 7.6, 3.5, f"cell {palette.colour(module)}", title)


def _block(plan: Floorplan, block: Block, palette: Palette) -> svg.Element:
    """Draw a memory, a multiplier or a pad."""
    left, top = _corner(plan, block.x, block.y + _TALL[block.kind] - 1)
    height = _TALL[block.kind] * _TILE
    title = f"{_KINDS[block.kind]} X{block.x} Y{block.y}: {palette.label(block.name)}"
    if block.kind == "pins":
        half = _TILE / 2
        return rect(left + 4 + block.z * (half - 2), top + 5, 5, 8, "pad", title, 1)
    if block.kind == "spram":
        # Two share the edge, one above the other.
        top -= (block.z - 1) % 2 * height
    return rect(left + 1, top + 1, _TILE - 2, height - 2, f"block {palette.colour(block.module)}",
                title, 2)  # fmt: skip


def _path(plan: Floorplan, path: CriticalPath) -> Iterator[svg.Element]:
    """Draw a path from tile to tile, its delay gathered by stretch."""
    stops: list[tuple[float, float]] = []
    words: dict[tuple[float, float], list[str]] = defaultdict(list)
    for step in path.steps:
        left, top = _corner(plan, step.x, step.y)
        stop = (left + _TILE / 2, top + _TILE / 2)
        words[stop].append(f"{step.signal}: {step.kind} {step.delay_ns:.2f} ns")
        if not stops or stops[-1] != stop:
            stops.append(stop)
    if not stops:
        return
    label = f"Worst path, {path.total_ns:.2f} ns: {path.start} to {path.end}"
    yield line(stops, "halo")
    yield line(stops, "path", label)
    for number, (x, y) in enumerate(stops):
        kind = "start" if number == 0 else "end" if number == len(stops) - 1 else "stop"
        radius = 3 if kind == "stop" else 5
        title = "\n".join(words[x, y])
        yield circle(x, y, radius, kind, title)


def _corner(plan: Floorplan, x: int, y: int) -> tuple[float, float]:
    """Give the upper left corner of a tile: rows are counted upwards."""
    return x * _TILE, (plan.rows - 1 - y) * _TILE
