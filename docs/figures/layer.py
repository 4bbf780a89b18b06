"""A layer from outside to inside: its three views, its stages, its memories to scale."""

from pathlib import Path
from xml.etree.ElementTree import Element

from blocks import Box, Diagram

from spikeloom.design import load_design
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.memory_map import EBR_SHAPES, MemoryShape

__all__ = ["memories", "stages", "views"]

_EXAMPLES = Path(__file__).parents[2] / "examples"


def views() -> Element:
    """Draw the three views of one design."""
    d = Diagram(700, 226)
    design = d.box(10, 83, 150, 60, "design.toml", "a few keys, checked")
    rows = (
        ("golden", "NumPy, integers only", "what it means", ""),
        ("hdl", "Amaranth → Verilog", "what it is", "equal bit for bit"),
        ("report", "cells, memories, clock, cycles", "what it costs", "measured"),
    )
    before = None
    for n, (name, about, means, link) in enumerate(rows):
        box = d.box(230, 10 + 76 * n, 250, 54, name, about)
        turn = 195
        d.wire(design.right(), (turn, 113), (turn, box.left()[1]), box.left())
        d.text(500, box.centre[1], means, anchor="start", style="name")
        if before is not None:
            d.wire(before.bottom(0.5), box.top(0.5))
            d.text(box.centre[0] + 12, box.y - 11, link, anchor="start", style="label")
        before = box
    return d.svg


def stages() -> Element:
    """Draw the stages of a layer that works in runs, and the banks between them."""
    d = Diagram(760, 250)
    loader = d.box(80, 60, 100, 70, "loader", "position", "stage")
    inputs = _banks(d, 220, 60, "k, q, v", "input memory")
    engine = d.box(350, 60, 110, 70, "engine", "score or", "state order")
    outputs = _banks(d, 500, 60, "o", "output memory")
    unloader = d.box(630, 60, 60, 70, "send")
    d.wire((10, 95), loader.left(), label="beats", at=(36, 84))
    d.wire(loader.right(), inputs.left())
    d.wire(inputs.right(), engine.left())
    d.wire(engine.right(), outputs.left())
    d.wire(outputs.right(), unloader.left())
    d.wire(unloader.right(), (750, 95), label="beats", at=(724, 84))
    membranes = d.box(350, 180, 110, 44, "membranes", kind="memory")
    d.wire(engine.bottom(0.3), membranes.top(0.3))
    d.wire(membranes.top(0.7), engine.bottom(0.7))
    d.text(472, 202, "from step to step", anchor="start", style="label")
    for x, left, right in ((272, loader, engine), (552, engine, unloader)):
        d.box(x - 50, 10, 100, 28, "bank ring", kind="part")
        for side in (left, right):
            d.wire(
                (x + (50 if side.x > x else -50), 24), (side.centre[0], 24), side.top(), kind="thin"
            )
    return d.svg


def _banks(d: Diagram, x: float, y: float, name: str, about: str) -> Box:
    """Draw two banks, one behind the other."""
    d.shape(Box(x + 6, y - 6, 104, 70), "memory")
    box = d.box(x, y, 104, 70, name, about, kind="memory")
    return Box(box.x, box.y, 110, 70)


_BIT, _WORD = 4, 0.75
"""Pixels of a bit and of a word."""


def memories() -> Element:
    """Draw the memories of ``examples/tiny-32x64.toml`` to scale, each in the blocks it takes."""
    plan = Plan(load_design(_tiny()))
    banks = {"k": plan.in_banks, "q": plan.in_banks, "v": plan.in_banks, "o": plan.out_banks}
    d = Diagram(680, 270)
    x = 30.0
    for shape in plan.memories:
        x = _memory(d, x, shape, banks.get(shape.name, 1)) + 50
    return d.svg


def _tiny() -> Path:
    """Find the example, whatever folder it lies in."""
    return next(_EXAMPLES.rglob("tiny-32x64.toml"))


def _memory(d: Diagram, x: float, shape: MemoryShape, banks: int) -> float:
    """Draw a memory in the blocks that it takes, and return its right side."""
    width, depth = min(EBR_SHAPES, key=lambda s: -(-shape.width // s[0]) * -(-shape.depth // s[1]))
    blocks, top = -(-shape.width // width), 46.0
    wide, high = width * _BIT, depth * _WORD
    bank = shape.depth / banks * _WORD
    for n in range(blocks):
        d.shape(Box(x + n * wide, top, wide, high), "room")
    for n in range(banks):
        box = Box(x, top + n * bank, shape.width * _BIT, bank)
        d.shape(box, "memory")
        if banks > 1:
            d.text(*box.centre, f"bank {n}")
    middle = x + blocks * wide / 2
    d.text(middle, 14, shape.name, style="name")
    d.text(middle, 32, f"{shape.depth} × {shape.width} bits")
    d.text(middle, top + high + 14, f"{blocks} EBR")
    return x + blocks * wide
