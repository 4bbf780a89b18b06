"""Which memory takes which blocks, where they lie, and how much of them is used."""

import re
from collections.abc import Iterator, Sequence

import svg

from spikeloom.report.die import Block, Floorplan, Memory
from spikeloom.report.pictures.draw import both, picture, rect, text
from spikeloom.report.pictures.palette import GREY, Palette

__all__ = ["draw_memories"]

_ROW, _BOX, _LEFT = 40, 15, 92
# Width of a letter of a note.
_LETTER = 6.4
#: Bits of a block.
_BITS = {"ebr": 4096, "spram": 262144}


def draw_memories(memories: Sequence[Memory], plan: Floorplan | None, palette: Palette) -> str:
    """Draw each memory as its blocks, filled as far as it holds bits."""
    shown = [memory for memory in memories if memory.ebr or memory.spram]
    blocks = [] if plan is None else [block for block in plan.blocks if block.kind in _BITS]
    label = f"{len(shown)} memories and their blocks"

    def draw(width: float) -> str:
        rows = (
            shape
            for number, memory in enumerate(shown)
            for shape in _row(memory, _placed(memory, blocks), palette, number * _ROW, width)
        )
        return picture(width, _ROW * len(shown), label, rows, "chart")

    return both(draw)


def _placed(memory: Memory, blocks: Sequence[Block]) -> list[Block]:
    """Find the blocks of a memory, which is called as one of the names in their paths."""
    named = ((block, re.sub(r"\$\d+", "", block.name).split(".")) for block in blocks)
    return [block for block, names in named if memory.name in names]


def _row(
    memory: Memory, placed: Sequence[Block], palette: Palette, top: float, width: float
) -> Iterator[svg.Element]:
    kind, count = ("spram", memory.spram) if memory.spram else ("ebr", memory.ebr)
    share = memory.bits / (count * _BITS[kind])
    colour = palette.colour(placed[0].module) if placed else GREY
    where = ", ".join(f"X{block.x} Y{block.y}" for block in placed) or "not placed by name"
    title = f"{memory.name}: {memory.bits:,} bits in {count} {kind.upper()}, {share:.0%}; {where}"
    yield text(0, top + 12, memory.name, "name")
    pitch = min(_BOX * (2 if kind == "spram" else 1) + 4, (width - _LEFT) / count)
    for number in range(count):
        x = _LEFT + number * pitch
        yield rect(x, top + 1, pitch - 3, _BOX, "rail", title, 2)
        full = _BOX * min(1.0, share)
        yield rect(x, top + 1 + _BOX - full, pitch - 3, full, f"cell {colour}", title, 2)
    words = f"{memory.depth:,} x {memory.width} bits in {count} {kind.upper()}, {share:.0%} used"
    placed_too = f"{words}; {where}"
    fits = placed and len(placed_too) * _LETTER < width - _LEFT
    yield text(_LEFT, top + 29, placed_too if fits else words, "note")
