"""The order of work on small integers: against the bits of the values, row by row."""

import random

import numpy as np
import pytest

from spikeloom.design.integer import IntegerDesign
from spikeloom.hdl.integer.events import IntegerSequencer
from spikeloom.hdl.integer.plan import IntegerPlan

from ...benches import LIMIT, serve, simulate, tick
from ...chunks import pack
from ...integers import entries

NAMES = (
    "busy done query row load event index plane start extra number flush turn first_step last_step"
)


def make(**keys):
    base = {"tokens": 3, "dim": 4, "heads": 1, "steps": 2, "q_max": 4, "k_max": 4}
    return IntegerDesign.from_dict({**base, **keys})


def slots_of(rows, query, *, starts, extras):
    """List (query, row, what): a bit of a value, a row without any, a start, a step at its end."""
    found = []
    for number, row in enumerate(rows):
        bits = [
            ("bit", index, 1 << plane)
            for index, value in enumerate(row)
            for plane in range(4)
            if value >> plane & 1
        ]
        if starts:
            bits = [("start",), *bits]
        steps = [("extra", step) for step in range(extras)]
        found += [(query, number, *what) for what in [*(bits or [("none",)]), *steps]]
    return found


LAYERS = {
    "plain": {"neuron": "none"},
    "lif": {},
    "levels": {"neuron": "multispike", "levels": 4, "divisor": 2},
    "one level": {"neuron": "multispike", "levels": 1},
    "spikes": {"q_max": 1, "k_max": 1, "v_max": 1, "threshold": 1},
    "passes": {"dim": 12, "folding": {"lanes": 4}, "neuron": "none"},
    "wide": {"v_bits": 8, "q_max": 15, "k_max": 15, "tokens": 9, "target": {"beat": 16}},
    "one token": {"tokens": 1, "dim": 1},
}


@pytest.mark.parametrize("paced", [False, True])
@pytest.mark.parametrize("name", LAYERS)
def test_every_bit_of_every_row_in_turn(name, paced, monkeypatch):
    plan = IntegerPlan(make(**LAYERS[name]))
    monkeypatch.setattr(IntegerPlan, "paced", property(lambda plan: paced))
    dut = IntegerSequencer(plan)
    rng, draw = np.random.default_rng(3), random.Random(4)
    words = {}
    junk = (1 << plan.entry.size) - 1
    starts = plan.spec is not None or bool(plan.levels)
    passes = -(-plan.values // plan.lanes)
    overhead = 7 if plan.registered else 5

    async def bench(ctx):
        for number, rate in enumerate((0.6, 0.0, 1.0, 0.2, 0.4)):
            k = rng.integers(0, plan.design.k_max + 1, (plan.rows, plan.tokens))
            q = rng.integers(0, plan.design.q_max + 1, (plan.tokens, plan.rows))
            k, q = (x * (rng.random(x.shape) < rate) for x in (k, q))
            listed = [*entries(k, plan.per, plan.planes), *entries(q, plan.per, plan.planes)]
            words.clear()
            words.update({n: pack(plan.entry, entry) for n, entry in enumerate(listed)})
            for _ in range(draw.randrange(3)):
                assert not (await tick(ctx, dut, NAMES)).busy
            ctx.set(dut.ready, 1)
            found, cycles, flushes = [], 0, 0
            for _ in range(LIMIT):
                now = await tick(ctx, dut, NAMES)
                cycles += now.busy
                flushes += now.flush
                if now.busy:
                    ctx.set(dut.ready, 0)
                    assert now.first_step == (number % 2 == 0)
                    assert now.last_step == (number % 2 == 1)
                what = None
                if now.start:
                    assert now.load
                    what = ("start",)
                elif now.event:
                    what = ("bit", now.index, now.plane)
                elif now.extra:
                    what = ("extra", now.number)
                elif now.load:
                    what = ("none",)
                if what:
                    found.append((now.turn, now.query, now.row, *what))
                if now.done:
                    assert not now.busy
                    break
            copies, levels = plan.design.q_max.bit_length(), max(1, len(plan.levels))
            once = [
                *slots_of(k, 0, starts=False, extras=copies - 1),
                *slots_of(q, 1, starts=starts, extras=levels - 1),
            ]
            assert found == [(turn, *slot) for turn in range(passes) for slot in once]
            assert flushes == 2 * passes
            # A query that starts from something and has no bit waits where membranes are not ready.
            empty = int((q.sum(axis=1) == 0).sum()) if starts and paced else 0
            assert cycles == passes * (overhead + len(once) + empty)

    simulate(dut, bench, serve(dut.addr, dut.entry, words, en=dut.en, missing=junk))
