"""Find the plans of ``hdl/popcount/plans.json`` by integer programming.

    pip install scipy
    python tools/popcount_plans.py WIDTH                      one stage, fewest cells
    python tools/popcount_plans.py WIDTH LEVELS,LEVELS [and]  levels of logic in each stage
    python tools/popcount_plans.py ... --write TABLE          into this table of the file

The unknowns are how many blocks and chain cells of each kind stand in each column (and at each
level of each stage); the constraints say that every bit made is used once. A bit that crosses a
second rank of registers, or that is used inside its block as well, costs a cell at the crossing.
Solutions are near the optimum, not proved: the solver stops after a minute.
"""

import argparse
import json
from collections import Counter

import numpy as np
from popcount_proof import prove
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import lil_matrix

from spikeloom.hdl.popcount.blocks import BLOCKS, Block
from spikeloom.hdl.popcount.cells import build
from spikeloom.hdl.popcount.plans import TABLES

Key = tuple  # (what, stage, level, column)


class Programme:
    """Columns of an integer programme, each with a name, a cost and what it makes and takes."""

    def __init__(self) -> None:
        self.names: list[Key] = []
        self.costs: list[int] = []
        self.columns: list[dict] = []
        self.rows: dict = {}

    def add(self, name: Key, cost: int, flows: dict) -> None:
        """Add an unknown; a flow is positive where it makes something."""
        self.names.append(name)
        self.costs.append(cost)
        self.columns.append(flows)
        for row in flows:
            self.rows.setdefault(row, len(self.rows))

    def solve(self, balance: dict, seconds: float) -> Counter | None:
        """Return the counts of the unknowns that balance every row, at the least cost."""
        matrix = lil_matrix((len(self.rows), len(self.names)))
        for k, flows in enumerate(self.columns):
            for row, flow in flows.items():
                matrix[self.rows[row], k] += flow
        right = np.array([balance.get(row, 0) for row in self.rows], float)
        result = milp(
            np.array(self.costs, float),
            constraints=LinearConstraint(matrix.tocsr(), right, right),
            integrality=np.ones(len(self.names)),
            bounds=Bounds(0, np.inf),
            options={"time_limit": seconds},
        )
        if result.x is None:
            return None
        found = zip(self.names, result.x, strict=True)
        return Counter({name: round(x) for name, x in found if x > 0.5})


def depths(block: Block) -> list[int]:
    """Return the levels of logic behind each output."""
    depth: dict[str, int] = {}
    for k, gate in enumerate(block.gates):
        depth[f"g{k}"] = 1 + max(depth.get(pin, 0) for pin in gate.inputs)
    return [depth[f"g{g}"] for g in block.outputs]


def inner(block: Block, output: int) -> bool:
    """Tell if an output is also the input of another gate of the block."""
    return any(f"g{block.outputs[output]}" in gate.inputs for gate in block.gates)


def programme(width: int, levels: list[int], kind: str) -> Programme:
    """Write the programme: per stage, level and column, fresh, old (dear) and chosen bits."""
    top, stages, p = width.bit_length() - 1, len(levels), Programme()
    for s, depth in enumerate(levels):
        for t in range(depth + 1):
            for w in range(top + 1):
                for age in ("fresh", "old"):
                    here = (age, s, t, w)
                    p.add(("use", s, t, w), 0, {here: -1, ("used", s, t, w): 1})
                    if t < depth:
                        p.add(("hold", s, t, w), 0, {here: -1, (age, s, t + 1, w): 1})
                        continue
                    to = ("old", s + 1, 0, w) if s + 1 < stages else ("final", w)
                    p.add(("cross", s, t, w), int(age == "old"), {here: -1, to: 1})
            for name, block in BLOCKS.items():
                late = t > 0 and block.bits == 0
                if t + max(depths(block)) > depth or (block.pairs and s) or late:
                    continue
                for w in range(1 if block.pairs else top + 2 - len(block.outputs)):
                    if w + len(block.outputs) - 1 > top:
                        continue
                    flows: dict = {}
                    if block.pairs:
                        flows[("pairs",)] = -block.pairs
                    if block.bits:
                        flows[("used", s, t, w)] = -block.bits
                    for k, d in enumerate(depths(block)):
                        row = ("old" if inner(block, k) else "fresh", s, t + d, w + k)
                        flows[row] = flows.get(row, 0) + 1
                    p.add((name, s, t, w), len(block.gates), flows)
            if t < depth:
                chains(p, s, t, top, kind)
    return p


def chains(p: Programme, s: int, t: int, top: int, kind: str) -> None:
    """Add the cells of carry chains at one level of a stage."""
    start = {("pairs",): -1, ("carry", s, t, 0): 1}
    if s == 0 and t > 0:
        p.add(("p", s, t, 0), 1, start)
        if kind == "and":
            p.add(("q", s, t, 0), 1, {**start, ("pairs",): -2, ("fresh", s, t, 0): 1})
    elif s > 0:
        p.add(("w", s, t, 0), s, start)
    for w in range(top + 1):
        carry, used, out = ("carry", s, t, w), ("used", s, t, w), ("fresh", s, t + 1, w)
        p.add(("b", s, t, w), 1, {used: -1, carry: 1})
        if w < top:
            on = ("carry", s, t, w + 1)
            p.add(("1", s, t, w), 1, {carry: -1, used: -1, out: 1, on: 1})
            p.add(("2", s, t, w), 1, {carry: -1, used: -2, out: 1, on: 1})
            p.add(("-2", s, t, w), 1, {used: -2, out: 1, on: 1})
        p.add(("e", s, t, w), 1, {carry: -1, out: 1})
        if w == top:
            for bits in range(1, 4):
                p.add((f"t{bits}", s, t, w), 1, {carry: -1, used: -bits, out: 1})


def words_of(cells: Counter, top: int) -> list[str]:
    """Write the blocks and chains of one level, given by (name, column)."""
    words = []
    for (name, w), count in sorted(cells.items(), key=lambda item: item[0][1]):
        if name in BLOCKS:
            words.append(f"{name}@{w}*{count}")
    for w in range(top + 1):
        for start in ("p", "q", "w", "b", "-2"):
            for _ in range(cells[start, w]):
                text, at = "+" + start, w + (start == "-2")
                while text[-1] not in "et":
                    step = next(x for x in ("2", "1", "e", "t1", "t2", "t3") if cells[x, at])
                    cells[step, at] -= 1
                    text, at = text + step[0], at + 1
                words.append(f"{text}@{w}")
    return words


def main() -> None:
    """Print a plan, without its output registers, and its cells; write it where that is asked."""
    parser = argparse.ArgumentParser()
    parser.add_argument("width", type=int)
    parser.add_argument("levels", nargs="?", default="12")
    parser.add_argument("kind", nargs="?", choices=("xnor", "and"), default="xnor")
    parser.add_argument("--write", metavar="TABLE")
    asked = parser.parse_args()
    width, kind = asked.width, asked.kind
    # One stage of that many levels is as good as no limit for the widths of the tables.
    levels = [int(x) for x in asked.levels.split(",")]
    top, p = width.bit_length() - 1, programme(width, levels, kind)
    balance: dict = {("final", w): 1 for w in range(top + 1)} | {("pairs",): -width}
    found = p.solve(balance, 60)
    if found is None:
        raise SystemExit("No plan of that many levels")
    stages = []
    for s, depth in enumerate(levels):
        words: list[str] = []
        for t in range(depth + 1):
            at = {(k[0], k[3]): n for k, n in found.items() if k[1:3] == (s, t)}
            words += words_of(Counter(at), top) + ["/"]
        stages.append(" ".join(words).rstrip(" /"))
    waiting = sum(count for name, count in found.items() if name[0] == "w")
    plan = f"W*{waiting} " * bool(waiting) + " | ".join(stages)
    prove(build(width, kind, plan + " |"))
    cost = dict(zip(p.names, p.costs, strict=True))
    cost_of = sum(cost[name] * count for name, count in found.items() if name[0] != "cross")
    plan = plan.replace("@0", "").replace("*1 ", " ")
    print(cost_of, plan)
    if asked.write is not None:
        tables = json.loads(TABLES.read_text(encoding="utf-8"))
        key = str(width) if asked.write == "one stage" else f"{width} {len(levels)}"
        tables[asked.write][key] = plan
        TABLES.write_text(json.dumps(tables, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
