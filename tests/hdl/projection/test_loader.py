"""The input side of a projection: against the inputs that are not zero, listed by hand."""

import random

import numpy as np
import pytest

from spikeloom.hdl.projection.loader import ProjectionLoader
from spikeloom.hdl.projection.plan import ProjectionPlan

from ...benches import LIMIT, sender, simulate, tick
from ...projections import code, draw


def beats_of(design, row):
    """Send a token's inputs: a group of channels after the other, each bit by bit."""
    planes = max(1, design.levels.bit_length())
    beats = []
    for first in range(0, design.inputs, design.beat):
        part = row[first : first + design.beat]
        for plane in range(planes):
            bits = sum((int(value) >> plane & 1) << n for n, value in enumerate(part))
            # Beyond the last channel anything may be sent.
            beats.append(bits | (1 << design.beat) - (1 << len(part)))
    return beats


def events_of(design, row, position):
    """List (row of weights, plane): of the beats in turn, lowest bit first, then of CPG-PE."""
    planes = max(1, design.levels.bit_length())
    found = []
    for first in range(0, design.inputs, design.beat):
        part = row[first : first + design.beat]
        for plane in range(planes):
            ones = [n for n, value in enumerate(part) if int(value) >> plane & 1]
            found += [(first + n, plane) for n in ones]
    beside = -(-design.inputs // design.beat) * design.beat
    base = beside if design.cpg.mode == "concat" else 0
    spikes = [c for c in range(design.cpg_neurons) if code(design, position, c)]
    return found + [(base + c, 0) for c in spikes]


def load(design, beats, tokens, *, stalls, seed):
    dut, generator, banks = ProjectionLoader(ProjectionPlan(design)), random.Random(seed), []

    async def bench(ctx):
        listed, filled = [], 0
        ctx.set(dut.free, 1)
        for _ in range(LIMIT):
            now = await tick(ctx, dut, "free full empty addr event en")
            if now.en:
                assert now.free
                assert now.addr == len(listed)
                listed.append((now.event.row, now.event.plane, now.event.last))
            if now.full:
                assert now.empty == (not listed)
                banks.append(listed)
                listed, filled = [], filled + 1
            if len(banks) == tokens:
                return
            if filled and generator.random() >= 2 * stalls - 0.1:
                filled -= 1
            ctx.set(dut.free, filled < 2)
        raise AssertionError("the loader is stuck")

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=seed))
    return banks


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("seed", range(8))
def test_lists_what_is_not_zero(seed, stalls):
    rng = np.random.default_rng(seed)
    design = draw(rng, tokens=2, steps=2)
    runs = design.tokens * design.steps
    rates = (0.5, 0.0, 1.0, 0.2)
    rows = [
        rng.integers(0, design.levels + 1, design.inputs) * (rng.random(design.inputs) < rate)
        for rate in rates * 2
    ]
    beats = [beat for row in rows for beat in beats_of(design, row)]
    found = load(design, beats, len(rows), stalls=stalls, seed=seed)
    for number, (listed, row) in enumerate(zip(found, rows, strict=True)):
        want = events_of(design, row, number % runs)
        assert listed == [(*event, n == len(want) - 1) for n, event in enumerate(want)]
