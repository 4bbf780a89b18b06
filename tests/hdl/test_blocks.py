"""Every block of hdl has a test that makes it by its name, not only through whole layers."""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Blocks that no test imports, and why.
EXCEPTIONS = {
    **dict.fromkeys(
        [
            f"spikeloom.hdl.position.{name}"
            for name in (
                *("gray.GrayUnits", "log.LogUnits", "shift.ShiftUnits", "table.TableUnits"),
                "part.units",
            )
        ],
        "found by name; position/test_part.py makes positions of its own go through all of them",
    ),
    "spikeloom.hdl.neuron.lane.add_chain": "cells of the lanes that test_lane.py compares",
    "spikeloom.hdl.neuron.pieces.divide": "what NeuronFire and ChannelFire share",
    "spikeloom.hdl.position.shift_state.SectionShifter": "ports of KeyShifter and TokenShifter",
    "spikeloom.hdl.mask.words.BeatMask": "what TokenMask and ChannelMask share",
}


def is_data(node):
    """Tell a class that only holds numbers: a dataclass."""
    return isinstance(node, ast.ClassDef) and any(
        "dataclass" in ast.dump(d) for d in node.decorator_list
    )


def blocks():
    """List the public components and functions of hdl, each with its module."""
    found = set()
    for path in (ROOT / "hdl").rglob("*.py"):
        module = ".".join(("spikeloom", *path.relative_to(ROOT).with_suffix("").parts))
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, (ast.ClassDef, ast.FunctionDef)) and not is_data(node):
                found |= set() if node.name.startswith("_") else {f"{module}.{node.name}"}
    return found


def imported():
    """List what the tests import, at any place."""
    found = set()
    for path in (ROOT / "tests").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom):
                found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_every_block_has_a_test():
    alone = blocks() - imported()
    assert not alone - set(EXCEPTIONS), "no test imports them"
    assert not set(EXCEPTIONS) - alone, "no exceptions any more"


def test_blocks_are_found():
    found = blocks()
    assert "spikeloom.hdl.frame.banks.BankRing" in found
    assert "spikeloom.hdl.frame.counting.odometer" in found
    assert "spikeloom.hdl.frame.memory_map.MemoryShape" not in found
    assert len(found) > 80
