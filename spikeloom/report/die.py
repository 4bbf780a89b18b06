"""The part of a report that says where things lie: cells, memories, paths."""

from typing import Annotated, Literal

from pydantic import Field

from spikeloom.report.base import Count, Nanoseconds, Part

__all__ = ["Block", "CriticalPath", "Floorplan", "Memory", "PathStep"]

# More than any die has: what is drawn must have an end, whatever a file says.
_Tiles = Annotated[int, Field(ge=3, le=512)]
_Blocks = Annotated[int, Field(ge=0, le=512)]
_Cells = Annotated[str, Field(pattern=r"^\d+/\d+/\d+( \d+/\d+/\d+)*$")]


class PathStep(Part):
    """A cell or a wire of a path, the tile in which it ends, and its signal."""

    kind: Literal["logic", "routing"]
    delay_ns: Nanoseconds
    x: Count
    y: Count
    signal: str


class CriticalPath(Part):
    """The slowest path between registers (``clk``) or pins (``pin``)."""

    source: Literal["clk", "pin"]
    target: Literal["clk", "pin"]
    start: str
    end: str
    logic_ns: Nanoseconds
    routing_ns: Nanoseconds
    levels: Count
    steps: tuple[PathStep, ...] = ()

    @property
    def total_ns(self) -> float:
        """Whole delay."""
        return self.logic_ns + self.routing_ns


class Block(Part):
    """A place in use that is no logic cell; ``name`` is a memory's or a port's."""

    kind: Literal["ebr", "spram", "dsp", "pins"]
    x: Count
    y: Count
    z: Count
    module: str
    name: str


class Floorplan(Part):
    """Where the cells of the bitstream lie; tiles count from the lower left corner.

    ``cells`` holds for each module, by its path, its logic cells as ``x/y/z``, separated by spaces:
    tile, and place in the tile.
    """

    columns: _Tiles
    rows: _Tiles
    memory_columns: Annotated[tuple[Count, ...], Field(max_length=16)]
    cells: dict[str, _Cells]
    blocks: tuple[Block, ...]

    def places(self, module: str) -> list[tuple[int, int, int]]:
        """Give the tiles and places of a module's own logic cells."""
        found = []
        for cell in self.cells.get(module, "").split():
            x, y, z = map(int, cell.split("/"))
            found.append((x, y, z))
        return found


class Memory(Part):
    """A memory of the layer: its words, and the blocks that it is planned to take."""

    name: str
    width: Count
    depth: Count
    ebr: _Blocks
    spram: _Blocks
    initial: str = ""

    @property
    def bits(self) -> int:
        """Bits that it holds."""
        return self.width * self.depth
