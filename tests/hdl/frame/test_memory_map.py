"""Blocks that memories take, and which of them move: against the device's numbers, restated."""

import itertools
import random

import pytest

from spikeloom.boards.devices import Resources
from spikeloom.hdl.frame.memory_map import MemoryShape, blocks_of, ebr_blocks, place

# The data sheet: a block of 4 kbit is one of these, words by bits.
BLOCKS = ((256, 16), (512, 8), (1024, 4), (2048, 2))


def tiles(width, depth):
    """Cover a memory with blocks of one kind, laid side by side and on top of each other."""
    least = 10**9
    for words, bits in BLOCKS:
        count = 0
        for _ in range(0, depth, words):
            for _ in range(0, width, bits):
                count += 1
        least = min(least, count)
    return least


def test_blocks_by_tiling():
    sizes = [1, 2, 3, 4, 5, 8, 9, 16, 17, 33]
    depths = [1, 255, 256, 257, 512, 513, 1024, 1025, 2048, 2049, 5000]
    for width, depth in itertools.product(sizes, depths):
        assert ebr_blocks(width, depth) == tiles(width, depth)
        shape = MemoryShape("m", width, depth)
        assert (shape.ebr, shape.spram) == (tiles(width, depth), 0)


@pytest.mark.parametrize(
    ("width", "depth", "spram"),
    [(16, 16384, 1), (1, 1, 1), (17, 16384, 2), (16, 16385, 2), (33, 32769, 9)],
)
def test_spram_by_hand(width, depth, spram):
    shape = MemoryShape("m", width, depth, initial="zero").moved()
    assert (shape.ebr, shape.spram) == (0, spram)
    assert (shape.name, shape.width, shape.depth) == ("m", width, depth)


def test_description():
    shape = MemoryShape("m", 8, 512, initial="ones")
    numbers = {"name": "m", "width": 8, "depth": 512}
    assert shape.describe() == {**numbers, "ebr": 1, "spram": 0, "initial": "ones"}
    assert shape.moved().describe() == {**numbers, "ebr": 0, "spram": 1, "initial": "any"}
    table = MemoryShape("m", 8, 512, rom=True)
    assert table.describe() == {**numbers, "ebr": 1, "spram": 0, "initial": "table"}


def test_largest_memories_move_until_the_rest_fits():
    shapes = [
        MemoryShape(name, 16, 256 * size) for name, size in zip("abcd", (3, 9, 1, 5), strict=True)
    ]
    room = Resources(ebr=10, spram=4)
    moved = place(shapes, room, lambda shape: True)
    assert [shape.name for shape in moved if shape.single_port] == ["b"]
    assert [shape.name for shape in moved] == list("abcd")
    moved = place(shapes, room, lambda shape: shape.name != "b")
    assert [shape.name for shape in moved if shape.single_port] == ["a", "d"]
    # Where it cannot be made to fit, all stay where they were.
    assert place(shapes, room, lambda shape: shape.name == "c") == tuple(shapes)
    assert place(shapes, Resources(ebr=10), lambda shape: True) == tuple(shapes)
    # What stays anyway takes room as well.
    others = [MemoryShape("o", 16, 256 * 4)]
    moved = place(shapes, room, lambda shape: True, others=others)
    assert [shape.name for shape in moved if shape.single_port] == ["b", "d"]
    others = [MemoryShape("o", 16, 256 * 6), MemoryShape("p", 64, 9).moved()]
    assert place(shapes, room, lambda shape: True, others=others) == tuple(shapes)


def test_places_at_random():
    """Every answer fits or is what was given; what fits from the beginning is left alone."""
    draw = random.Random(3)
    seen = set()
    for _ in range(400):
        shapes = [
            MemoryShape(f"m{n}", draw.choice([4, 16, 40]), 1 << draw.randrange(6, 13))
            for n in range(draw.randrange(1, 6))
        ]
        fixed = {shape.name for shape in shapes if draw.random() < 0.3}
        room = Resources(ebr=draw.randrange(1, 31), spram=draw.randrange(5))
        made = place(shapes, room, lambda shape, fixed=fixed: shape.name not in fixed)
        before = sum(shape.ebr for shape in shapes)
        moved = [shape for shape in made if shape.single_port]
        assert [shape.moved() for shape in shapes] == [shape.moved() for shape in made]
        if before <= room.ebr:
            assert not moved
        if moved:
            assert sum(shape.ebr for shape in made) <= room.ebr
            assert sum(shape.spram for shape in made) <= room.spram
            assert fixed.isdisjoint(shape.name for shape in moved)
            # None of them could have stayed on its own: the smallest was still needed.
            least = min(shape.ebr for shape in shapes if shape.moved() in moved)
            assert sum(shape.ebr for shape in made) + least > room.ebr
        seen.add((before <= room.ebr, bool(moved)))
    assert seen == {(True, False), (False, True), (False, False)}


def test_blocks_of():
    shapes = [MemoryShape("a", 16, 512), MemoryShape("b", 8, 512), MemoryShape("c", 32, 4096)]
    assert blocks_of(shapes) == Resources(ebr=2 + 1 + 32)
    assert blocks_of([*shapes[:2], shapes[2].moved()]) == Resources(ebr=3, spram=2)
    assert blocks_of(iter(())) == Resources()
