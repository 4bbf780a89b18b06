"""Find the LUT tables of ``hdl/popcount/blocks.json`` by SAT.

    pip install python-sat
    python tools/popcount_blocks.py PAIRS BITS LUTS            print a block
    python tools/popcount_blocks.py PAIRS BITS LUTS --write    write it to the file

The parity of all inputs is the lowest output, and the XOR gates that make it (its cone) are
enumerated up to symmetry with the fewest gates that four inputs a gate allow, a pair counting as
two. The remaining gates are free: the solver chooses their inputs and tables so that the last of
them are the higher outputs. "No block" therefore means none of this form, not a lower bound.
Blocks of 7 inputs take seconds to minutes for each cone.
"""

import itertools
import json
import sys
from collections.abc import Iterator

from pysat.card import CardEnc
from pysat.solvers import Solver

from spikeloom.hdl.popcount.blocks import TABLE

Gate = tuple[tuple[str, ...], int]


def signature(gates: list[int], pairs: int, inputs: int) -> tuple:
    """Name a cone so that exchanging pairs, bits or inner gates gives the same name."""
    names = []
    for order in itertools.permutations(gates[:-1]):
        rows = [tuple(g >> v & 1 for g in (*order, gates[-1])) for v in range(inputs)]
        names.append((sorted(rows[:pairs]), sorted(rows[pairs:])))
    return tuple(map(tuple, min(names)))


def cones(pairs: int, bits: int, size: int) -> Iterator[list[tuple[tuple[int, ...], int]]]:
    """Yield lists of XOR gates (sources, set of inputs as a mask); the last covers everything.

    Sources below ``pairs + bits`` are inputs, those above are earlier gates.
    """
    inputs = pairs + bits
    seen: set[tuple] = set()

    def grow(gates: list[tuple[tuple[int, ...], int]]) -> Iterator:
        masks = [1 << v for v in range(inputs)] + [mask for _, mask in gates]
        weight = [2] * pairs + [1] * (bits + len(gates))
        options: dict[int, tuple[int, ...]] = {}
        for count in (2, 3, 4):
            for sources in itertools.combinations(range(len(masks)), count):
                if sum(weight[k] for k in sources) > 4:
                    continue
                mask = 0
                for k in sources:
                    mask ^= masks[k]
                if mask.bit_count() > 1 and mask not in masks:
                    options.setdefault(mask, sources)
        last = len(gates) == size - 1
        for mask, sources in options.items():
            if last and mask != (1 << inputs) - 1:
                continue
            name = signature([m for _, m in gates] + [mask], pairs, inputs)
            if name in seen:
                continue
            seen.add(name)
            cone = [*gates, (sources, mask)]
            if last:
                yield cone
            else:
                yield from grow(cone)

    yield from grow([])


def complete(pairs: int, bits: int, cone: list, free: int) -> list[Gate] | None:
    """Add ``free`` gates to a cone so that the last of them are the higher bits of the count."""
    inputs = pairs + bits
    rows = list(itertools.product((0, 1), repeat=inputs))
    known = [(f"b{k}", [row[pairs + k] for row in rows]) for k in range(bits)]
    for k, (_, mask) in enumerate(cone):
        values = [sum(x for v, x in enumerate(row) if mask >> v & 1) & 1 for row in rows]
        known.append((f"g{k}", values))
    clauses: list[list[int]] = []
    top = 0

    def new(count: int) -> list[int]:
        nonlocal top
        top += count
        return list(range(top - count + 1, top + 1))

    gates: list[tuple[list[int], list[int], list]] = []
    for g in range(free):
        value, table = new(len(rows)), new(16)
        wires, units = [], []
        # Two units of two wires: a unit is one raw pair, or any two signals.
        for _ in range(2):
            raw, (mode,) = new(pairs), new(1)
            signals = [new(len(known) + g) for _ in range(2)]
            clauses += CardEnc.equals([*raw, mode], 1, top_id=top, encoding=0).clauses
            for side in signals:
                clauses += [[-x, -y] for x, y in itertools.combinations(side, 2)]
                clauses += [[-mode, *side]] + [[mode, -x] for x in side]
            for first, second in itertools.combinations(range(len(known) + g), 2):
                clauses.append([-signals[0][second], -signals[1][first]])
            for side in signals:
                wire = new(len(rows))
                for r, row in enumerate(rows):
                    for k in range(pairs):
                        clauses.append([-raw[k], wire[r] if row[k] else -wire[r]])
                    for k, (_, values) in enumerate(known):
                        clauses.append([-side[k], wire[r] if values[r] else -wire[r]])
                    for k in range(g):
                        other = gates[k][0][r]
                        clauses.append([-side[len(known) + k], -wire[r], other])
                        clauses.append([-side[len(known) + k], wire[r], -other])
                wires.append(wire)
            units.append((raw, signals, mode))
        for r in range(len(rows)):
            for t in range(16):
                miss = [-wires[k][r] if t >> k & 1 else wires[k][r] for k in range(4)]
                clauses += [[*miss, -table[t], value[r]], [*miss, table[t], -value[r]]]
        clauses.append([-value[0]])
        gates.append((value, table, units))
    outputs = inputs.bit_length() - 1
    for k in range(outputs):
        value = gates[free - outputs + k][0]
        clauses += [
            [v if sum(row) >> k + 1 & 1 else -v] for v, row in zip(value, rows, strict=True)
        ]

    with Solver(name="cadical195", bootstrap_with=clauses) as solver:
        if not solver.solve():
            return None
        true = {literal for literal in solver.get_model() if literal > 0}
    names = [name for name, _ in known] + [f"g{len(cone) + k}" for k in range(free)]
    labels = [f"p{k}" for k in range(pairs)] + names
    result: list[Gate] = []
    for sources, _ in cone:
        parity = sum(1 << t for t in range(1 << len(sources)) if t.bit_count() & 1)
        result.append((tuple(labels[k] for k in sources), parity))
    for _, table, units in gates:
        pins: list[str] = []
        for raw, signals, mode in units:
            if mode in true:
                pins += [names[next(k for k, x in enumerate(s) if x in true)] for s in signals]
            else:
                pins += [f"p{next(k for k, x in enumerate(raw) if x in true)}"] * 2
        unique = tuple(dict.fromkeys(pins))
        small = 0
        for t in range(1 << len(unique)):
            place = sum((t >> unique.index(pin) & 1) << k for k, pin in enumerate(pins))
            small |= (table[place] in true) << t
        result.append((unique, small))
    return result


def main() -> None:
    """Print or write the first block found."""
    pairs, bits, luts = map(int, sys.argv[1:4])
    size = -(-(2 * pairs + bits - 1) // 3)
    for cone in cones(pairs, bits, size):
        gates = complete(pairs, bits, cone, luts - size)
        if gates is not None:
            outputs = [size - 1, *range(luts + 1 - (pairs + bits).bit_length(), luts)]
            block = {
                "outputs": " ".join(f"g{k}" for k in outputs),
                "gates": [f"{' '.join(pins)} {table:x}" for pins, table in gates],
            }
            if sys.argv[4:] == ["--write"]:
                blocks = json.loads(TABLE.read_text(encoding="utf-8"))
                blocks[f"P{pairs}B{bits}"] = block
                text = json.dumps(dict(sorted(blocks.items())), indent=1) + "\n"
                TABLE.write_text(text, encoding="utf-8")
            else:
                print(json.dumps(block))
            return
    print("No block of this form")


if __name__ == "__main__":
    main()
