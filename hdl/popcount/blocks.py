"""Small counters of LUT4 cells, found by exact synthesis.

A block takes ``p`` pairs and ``b`` bits of one weight and gives their sum in binary. A pair is two
raw inputs of a LUT; its value is one bit, the XNOR or the AND of the two, so the same tables serve
both. They lie in ``blocks.json``, where a SAT search (``tools/popcount_blocks.py``) writes them:
the parity cone is enumerated, the other cells are left to the solver. Each block is checked for all
its inputs by the tests, and its sum identity is what the proof of a whole counter is composed from.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["BLOCKS", "TABLE", "Block", "Gate"]


@dataclass(frozen=True)
class Gate:
    """One LUT4: the names of its inputs and its truth table, first input in the lowest place.

    Names are ``p0``, ``p1``... for pairs, ``b0``... for bits and ``g0``... for earlier gates.
    """

    inputs: tuple[str, ...]
    table: int


@dataclass(frozen=True)
class Block:
    """A counter: its gates in order, and for each output weight the gate that drives it."""

    pairs: int
    bits: int
    gates: tuple[Gate, ...]
    outputs: tuple[int, ...]


def _block(outputs: str, gates: list[str]) -> Block:
    """Read a block from text: ``"p0 p1 6"`` is a gate over two pairs with truth table 6."""
    split = [gate.split() for gate in gates]
    names = {name for words in split for name in words[:-1]}
    return Block(
        pairs=sum(name[0] == "p" for name in names),
        bits=sum(name[0] == "b" for name in names),
        gates=tuple(Gate(tuple(words[:-1]), int(words[-1], 16)) for words in split),
        outputs=tuple(int(name[1:]) for name in outputs.split()),
    )


TABLE: Final = Path(__file__).with_name("blocks.json")
BLOCKS: Final = {
    name: _block(**block) for name, block in json.loads(TABLE.read_text(encoding="utf-8")).items()
}
