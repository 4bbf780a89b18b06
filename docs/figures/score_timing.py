"""A run of a small score engine, slot by slot.

The slots are drawn as the page on the score engine describes them, and every one is compared with
the ports of the simulated engine, so the figure cannot show what the hardware does not do.
"""

from typing import Any
from xml.etree.ElementTree import Element

from amaranth.sim import Simulator
from blocks import Box, Diagram

from spikeloom.design import Design
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.sim.pysim import add_clock

__all__ = ["DESIGN", "draw", "trace"]

DESIGN = Design.from_dict(
    {"tokens": 4, "dim": 2, "heads": 1, "steps": 1, "similarity": "xnor", "folding": {"rows": 2}}
)
_PORTS = ("busy", "kq_addr", "v_addr", "o_addr", "o_en", "done")
_CELL, _LINE, _LEFT = 38, 30, 150

_Slot = tuple[str, str]


def trace() -> list[dict[str, int]]:
    """Simulate one run and give the ports, a dictionary a cycle, from the first cycle of work."""
    engine = ScoreEngine(DESIGN)
    rows: list[dict[str, int]] = []

    async def testbench(ctx: Any) -> None:
        ctx.set(engine.ready, 1)
        await ctx.tick()
        ctx.set(engine.ready, 0)
        for _ in range(engine.cycles + 1):
            rows.append({name: ctx.get(getattr(engine, name)) for name in _PORTS})
            await ctx.tick()

    sim = Simulator(engine)
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()
    return rows


def _slots() -> list[tuple[str, int]]:
    """List the slots of a run: each its kind, and the token whose q or k is read."""
    rows, tokens = DESIGN.rows, DESIGN.tokens
    blocks = -(-tokens // rows)
    slots = []
    for block in range(blocks):
        slots += [("shift", block * rows + row) for row in range(rows)]
        slots += [("key", token) for token in range(tokens)]
    # The last rows have to leave.
    return slots + [("shift", blocks * rows + row) for row in range(rows)]


def _lines() -> list[tuple[str, list[_Slot]]]:
    """Lay out the lines of the figure, and check them against the simulation."""
    seen = trace()
    engine = ScoreEngine(DESIGN)
    rows, tokens, latency, cycles = DESIGN.rows, DESIGN.tokens, engine.latency, engine.cycles
    slots = _slots()
    _agree(len(slots) + latency == cycles, "cycles")
    issued, late, values, leaving = (_empty(cycles) for _ in range(4))
    for cycle, (kind, token) in enumerate(slots):
        exists = token < tokens
        if exists:
            _agree(seen[cycle]["kq_addr"] == token, f"kq_addr in cycle {cycle}")
        name = ("q" if kind == "shift" else "k") + (str(token) if exists else "-")
        issued[cycle] = (kind, name)
        if kind == "key":
            _agree(seen[cycle + latency - 1]["v_addr"] == token, f"v_addr for key {token}")
            values[cycle + latency - 1] = ("key", f"v{token}")
            late[cycle + latency] = ("key", f"+s{token}")
        else:
            late[cycle + latency] = ("shift", "shift")
        leaver = token - rows
        if kind == "shift" and leaver >= 0:
            port = seen[cycle + latency]
            _agree(port["o_en"] == 1 and port["o_addr"] == leaver, f"output {leaver}")
            leaving[cycle + latency] = ("shift", f"o{leaver}")
    for cycle, row in enumerate(seen):
        _agree(row["busy"] == (cycle < cycles), f"busy in cycle {cycle}")
        _agree(row["done"] == (cycle == cycles - 1), f"done in cycle {cycle}")
        _agree(row["o_en"] == (cycle < cycles and leaving[cycle][0] != ""), f"o_en in {cycle}")
    return [
        ("cycle", [("", str(cycle)) for cycle in range(cycles)]),
        ("slot: q or k read", issued),
        ("v read", values),
        ("at the accumulators", late),
        ("leaves the neurons", leaving),
    ]


def _empty(cycles: int) -> list[_Slot]:
    return [("", "")] * cycles


def _agree(holds: bool, what: str) -> None:
    if not holds:
        raise ValueError(f"Figure must agree with the engine, and does not: {what}")


def draw() -> Element:
    """Draw the run."""
    lines = _lines()
    d = Diagram(_LEFT + _CELL * len(lines[0][1]) + 10, _LINE * len(lines) + 20)
    for number, (name, cells) in enumerate(lines):
        top = 10 + _LINE * number
        middle = top + _LINE / 2
        d.text(_LEFT - 8, middle, name, anchor="end")
        for cycle, (kind, text) in enumerate(cells):
            box = Box(_LEFT + _CELL * cycle, top + 3, _CELL, _LINE - 6)
            if kind:
                d.shape(box, kind)
            if text:
                d.text(*box.centre, text, style="slot" if kind else "note")
    return d.svg
