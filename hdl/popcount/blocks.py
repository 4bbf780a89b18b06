"""Small counters of LUT4 cells, found by exact synthesis.

A block takes ``p`` pairs and ``b`` bits of one weight and gives their sum in binary. A pair is two
raw inputs of a LUT; its value is one bit, the XNOR or the AND of the two, so the same tables serve
both. The tables were found by a SAT search (``tools/popcount_blocks.py``): the parity cone is
enumerated, the other cells are left to the solver. Each block is checked for all its inputs by the
tests, and its sum identity is what the proof of a whole counter is composed from.
"""

from dataclasses import dataclass
from typing import Final

__all__ = ["BLOCKS", "Block", "Gate"]


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

    def evaluate(self, pairs: tuple[int, ...], bits: tuple[int, ...]) -> int:
        """Return the count that the gates give for the values of the pairs and bits."""
        value = {f"p{k}": x for k, x in enumerate(pairs)} | {f"b{k}": x for k, x in enumerate(bits)}
        for k, gate in enumerate(self.gates):
            row = sum(value[name] << place for place, name in enumerate(gate.inputs))
            value[f"g{k}"] = gate.table >> row & 1
        return sum(value[f"g{g}"] << weight for weight, g in enumerate(self.outputs))


def _block(outputs: str, *gates: str) -> Block:
    """Read a block from text: ``"p0 p1 6"`` is a gate over two pairs with truth table 6."""
    split = [gate.split() for gate in gates]
    names = {name for words in split for name in words[:-1]}
    return Block(
        pairs=sum(name[0] == "p" for name in names),
        bits=sum(name[0] == "b" for name in names),
        gates=tuple(Gate(tuple(words[:-1]), int(words[-1], 16)) for words in split),
        outputs=tuple(int(name[1:]) for name in outputs.split()),
    )


BLOCKS: Final = {
    "P0B2": _block(
        "g0 g1",
        "b0 b1 6",
        "b0 b1 8",
    ),
    "P0B3": _block(
        "g0 g1",
        "b0 b1 b2 96",
        "b1 b2 b0 e8",
    ),
    "P0B4": _block(
        "g0 g1 g2",
        "b0 b1 b2 b3 6996",
        "b2 g0 b0 b1 dbb2",
        "b3 g1 b0 20",
    ),
    "P0B5": _block(
        "g1 g3 g4",
        "b0 b1 6",
        "b2 b3 b4 g0 6996",
        "b2 b4 b0 b1 177e",
        "b0 g1 b3 g2 f30c",
        "g1 g2 b3 b4 3110",
    ),
    "P0B6": _block(
        "g1 g3 g4",
        "b0 b1 b2 96",
        "b3 b4 b5 g0 6996",
        "b4 b5 b1 b2 7ee8",
        "b0 b3 g1 g2 718e",
        "b5 g2 b1 g3 20ec",
    ),
    "P0B7": _block(
        "g1 g4 g5",
        "b0 b1 b2 b3 6996",
        "b4 b5 b6 g0 6996",
        "b5 g0 b2 g1 b8b8",
        "b4 g1 b6 g2 4db2",
        "b3 g3 b0 b1 366c",
        "b1 g2 g3 g4 cfc",
    ),
    "P1B0": _block("g0", "p0 2"),
    "P1B1": _block(
        "g0 g1",
        "p0 b0 6",
        "b0 p0 8",
    ),
    "P1B2": _block(
        "g0 g1",
        "p0 b0 b1 96",
        "b0 b1 p0 e8",
    ),
    "P1B3": _block(
        "g1 g2 g3",
        "p0 b0 6",
        "b1 b2 g0 96",
        "b2 g1 b0 b1 dbb2",
        "b0 g2 p0 20",
    ),
    "P1B4": _block(
        "g1 g3 g4",
        "p0 b0 6",
        "b1 b2 b3 g0 6996",
        "b2 b3 g0 g1 188e",
        "p0 g0 g2 1e",
        "b0 g3 b2 g1 2032",
    ),
    "P1B5": _block(
        "g1 g3 g4",
        "p0 b0 b1 96",
        "b2 b3 b4 g0 6996",
        "b1 g0 b0 b4 7eb2",
        "b3 g2 b2 g1 6c36",
        "g0 g3 b4 g2 33a0",
    ),
    "P2B0": _block(
        "g0 g1",
        "p0 p1 6",
        "p1 p0 8",
    ),
    "P2B2": _block(
        "g1 g2 g3",
        "p0 b0 6",
        "p1 b1 g0 96",
        "g0 g1 b0 b1 eb72",
        "g0 g2 p0 10",
    ),
    "P2B3": _block(
        "g1 g3 g4",
        "p0 p1 6",
        "b0 b1 b2 g0 6996",
        "g0 g1 p0 14",
        "b0 g2 b1 b2 9336",
        "b2 g3 g1 g2 322",
    ),
    "P2B4": _block(
        "g2 g4 g5",
        "p0 b0 6",
        "p1 g0 6",
        "b1 b2 b3 g1 6996",
        "b3 g1 b0 g0 bb78",
        "b1 g3 b2 g2 6c36",
        "g1 g3 b3 g4 20ec",
    ),
    "P2B5": _block(
        "g2 g5 g6",
        "p0 p1 6",
        "b0 b1 g0 96",
        "b2 b3 b4 g1 6996",
        "p0 b1 g0 ca",
        "b0 g3 g1 g2 c636",
        "b3 b4 b2 g4 17e8",
        "g4 g3 g5 4e",
    ),
    "P3B0": _block(
        "g1 g2",
        "p0 p1 6",
        "p2 g0 6",
        "g0 g1 p0 72",
    ),
    "P3B1": _block(
        "g2 g3 g4",
        "p0 p1 6",
        "p0 p2 6",
        "p1 b0 g1 96",
        "g0 g1 b0 g2 e1ee",
        "b0 g3 p0 20",
    ),
    "P3B2": _block(
        "g2 g4 g5",
        "p0 p1 6",
        "p2 g0 6",
        "b0 b1 g1 96",
        "g1 g2 b0 g0 18b2",
        "g0 g3 p0 36",
        "g2 g4 g0 g3 5310",
    ),
    "P3B3": _block(
        "g2 g4 g5",
        "p0 b0 6",
        "p1 b1 g0 96",
        "p2 b2 g1 96",
        "b0 g1 b1 g0 f39a",
        "b2 g1 g2 g3 718e",
        "b0 g4 b1 g3 33a0",
    ),
    "P3B4": _block(
        "g2 g5 g6",
        "p0 p1 6",
        "p2 b0 b1 96",
        "b2 b3 g0 g1 6996",
        "g0 g1 p0 d8",
        "b0 b1 g1 g3 718e",
        "b2 b3 g2 g4 718e",
        "b2 g3 g4 g5 cfc",
    ),
    "P4B1": _block(
        "g2 g4 g5",
        "p0 p1 6",
        "p2 g0 6",
        "p3 b0 g1 96",
        "b0 g2 g0 g1 4b22",
        "g0 g3 p0 36",
        "g2 g3 b0 g4 c4",
    ),
    "P4B2": _block(
        "g3 g5 g6",
        "p0 p1 6",
        "p0 p2 6",
        "p1 b0 g1 96",
        "p3 b1 g2 96",
        "b0 b1 g2 g3 90ac",
        "g0 g4 g1 g2 3636",
        "b0 g2 g4 g5 20b6",
    ),
    "P5B0": _block(
        "g2 g5 g6",
        "p0 p1 6",
        "p2 p3 6",
        "p4 g0 g1 96",
        "g0 g2 p1 9c",
        "p3 g1 g3 1e",
        "g0 g4 g1 g2 63e6",
        "g2 g5 g3 g4 9352",
    ),
    "P5B1": _block(
        "g3 g6 g7",
        "p0 b0 6",
        "p1 g0 6",
        "p2 p3 6",
        "p4 g1 g2 96",
        "b0 g0 g1 g3 212e",
        "p4 p3 6",
        "g1 g4 g2 g5 333c",
        "g3 g6 g1 g4 7112",
    ),
    "P5B2": _block(
        "g3 g6 g7",
        "p0 p1 6",
        "p2 g0 6",
        "p3 b0 g1 96",
        "p4 b1 g2 96",
        "p0 g0 g1 2e",
        "g3 g4 b1 g2 399c",
        "g2 g5 b0 g1 399c",
        "g6 g4 g5 5c",
    ),
    "P6B0": _block(
        "g3 g6 g7",
        "p0 p1 6",
        "p2 g0 6",
        "p3 p4 6",
        "p5 g1 g2 96",
        "p0 g0 g1 2e",
        "p4 g2 g4 1e",
        "g2 g5 g1 g3 c69c",
        "g1 g3 g4 g6 20f2",
    ),
}
