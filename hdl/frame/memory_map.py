"""Memories of a layer: their words, and the blocks of the device that they take."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from math import ceil
from typing import Any

from spikeloom.boards.devices import Resources

__all__ = ["EBR_SHAPES", "MemoryShape", "blocks_of", "ebr_blocks", "place"]

EBR_SHAPES = ((16, 256), (8, 512), (4, 1024), (2, 2048))


def ebr_blocks(width: int, depth: int) -> int:
    """Count the EBR that ``depth`` words of ``width`` bits take, in the best aspect ratio.

    >>> ebr_blocks(64, 128), ebr_blocks(8, 512), ebr_blocks(17, 256)
    (4, 1, 2)
    """
    return min(ceil(width / w) * ceil(depth / d) for w, d in EBR_SHAPES)


@dataclass(frozen=True)
class MemoryShape:
    """One memory of a layer: its words and the blocks they take.

    ``initial`` says what the layer relies on without ever writing it: ``"any"``, nothing;
    ``"zero"`` or ``"ones"``, a part that holds nothing else; ``"table"``, constants. Whatever it is
    but ``"any"``, a bit that flips there stays wrong until the device is configured again.
    """

    name: str
    width: int
    depth: int
    single_port: bool = False
    rom: bool = False
    initial: str = "any"

    @property
    def ebr(self) -> int:
        """EBR blocks of 4 kbit that the memory takes."""
        return 0 if self.single_port else ebr_blocks(self.width, self.depth)

    @property
    def spram(self) -> int:
        """SPRAM blocks of 256 kbit that the memory takes."""
        return ceil(self.width / 16) * ceil(self.depth / 16384) if self.single_port else 0

    def moved(self) -> "MemoryShape":
        """Give the same memory in SPRAM, which holds nothing before it is written.

        >>> MemoryShape("v", 8, 512, initial="zero").moved().describe()["initial"]
        'any'
        """
        return replace(self, single_port=True, initial="any")

    def describe(self) -> dict[str, Any]:
        """Describe the memory for users of the Verilog."""
        return {
            "name": self.name,
            "width": self.width,
            "depth": self.depth,
            "ebr": self.ebr,
            "spram": self.spram,
            "initial": "table" if self.rom else self.initial,
        }


def blocks_of(shapes: Iterable[MemoryShape]) -> Resources:
    """Count the blocks of memory that shapes take."""
    given = tuple(shapes)
    return Resources(
        ebr=sum(shape.ebr for shape in given), spram=sum(shape.spram for shape in given)
    )


def place(
    shapes: Iterable[MemoryShape],
    resources: Resources,
    may_move: Callable[[MemoryShape], bool],
    *,
    others: Iterable[MemoryShape] = (),
    partly: bool = False,
) -> tuple[MemoryShape, ...]:
    """Return the memories of a layer, the largest of them in SPRAM where the EBR do not hold all.

    Parameters
    ----------
    shapes : iterable of MemoryShape
        Memories, all in EBR.
    resources : Resources
        What the device holds.
    may_move : callable
        Whether a memory works with a single port.
    others : iterable of MemoryShape
        Memories that stay where they are.
    partly : bool
        Whether to move what may be moved even where that is not enough.
    """
    found = {shape.name: shape for shape in shapes}
    given, fixed = tuple(found.values()), tuple(others)
    ebr = blocks_of((*given, *fixed)).ebr
    spram = blocks_of(fixed).spram
    for shape in sorted(given, key=lambda shape: -shape.ebr):
        if ebr <= resources.ebr:
            break
        moved = shape.moved()
        if may_move(shape) and spram + moved.spram <= resources.spram:
            found[shape.name] = moved
            spram, ebr = spram + moved.spram, ebr - shape.ebr
    # Half a move is none: what does not fit is said in the terms of block memory.
    return tuple(found.values()) if partly or ebr <= resources.ebr else given
