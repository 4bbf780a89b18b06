import random

import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.sim.pysim import add_clock

from ...designs import FACTORS, cover, layer

CHOICES = {**FACTORS, "tokens": (1, 2, 3, 12), "head_dim": (4, 12), "steps": (1, 2)}
ROWS = cover(CHOICES, 1) + cover(CHOICES, 2)[::7]


def watch(design, runs, seed=0):
    """Run the engine on noise; give for each run the cycles that it took and what it wrote."""
    engine, draw = ScoreEngine(design), random.Random(seed)
    found = []

    async def testbench(ctx):
        cycles, writes = 0, []
        idle = draw.randrange(5)
        banks = [Plan(design).in_banks, Plan(design).out_banks]
        for _ in range(100_000):
            for port in (engine.k_data, engine.q_data, engine.v_data):
                ctx.set(port, draw.getrandbits(len(port)))
            ctx.set(engine.bank, len(found) % banks[0])
            ctx.set(engine.bank_out, len(found) % banks[1])
            ctx.set(engine.ready, idle == 0)
            await ctx.delay(1e-9)
            busy = ctx.get(engine.busy)
            assert busy or not (ctx.get(engine.o_en) or ctx.get(engine.done))
            cycles += busy
            for part in range(len(engine.o_en)):
                if ctx.get(engine.o_en) >> part & 1:
                    writes.append((ctx.get(engine.o_addr), part))
            if ctx.get(engine.done):
                found.append((cycles, writes))
                cycles, writes = 0, []
                idle = draw.randrange(1, 5)
            elif idle:
                idle -= 1
            await ctx.tick()
            if len(found) == runs:
                assert not ctx.get(engine.busy)
                return
        raise AssertionError("the engine is stuck")

    simulator = Simulator(engine)
    add_clock(simulator)
    simulator.add_testbench(testbench)
    simulator.run()
    return found


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(map(str, row.values())))
def test_takes_its_cycles_and_writes_every_place_once(row):
    design = layer(row)
    plan, cycles = Plan(design), ScoreEngine(design).cycles
    words = (plan.out.words - 1).bit_length()
    token_bits = (plan.tokens - 1).bit_length()
    for n, (taken, writes) in enumerate(watch(design, 2 * plan.out_banks)):
        assert taken == cycles
        bank = n % plan.out_banks << words + token_bits
        places = [
            (bank | token << words | word, part)
            for token in range(plan.tokens)
            for word in range(plan.out.words)
            for part in range(1 if plan.spec is None else plan.v.shared)
            if plan.spec is None or word * plan.v.shared + part < plan.passes
        ]
        assert sorted(writes) == sorted(places)


@pytest.mark.parametrize(
    ("options", "slots"),
    [
        ({}, 4 * (1 + 4) + 1),
        ({"folding": {"rows": 2}}, 2 * (2 + 4) + 2),
        ({"folding": {"rows": 4}}, 1 * (4 + 4) + 4),
        ({"folding": {"rows": 2, "lanes": 2}}, 2 * 4 * (2 + 4) + 2),
        ({"folding": {"lanes": 1}}, 4 * 8 * (1 + 4) + 1),
        ({"tokens": 5, "folding": {"rows": 4}}, 2 * (4 + 5) + 4),
    ],
)
def test_slots_of_a_run(options, slots):
    design = Design.from_dict({"tokens": 4, "dim": 16, "heads": 2, "steps": 3, **options})
    engine = ScoreEngine(design)
    assert engine.cycles == slots + engine.latency


def test_a_bias_takes_one_cycle_more():
    plain, biased = (
        ScoreEngine(Design.from_dict({**data, "similarity": "xnor"}))
        for data in (
            {"tokens": 4, "dim": 16, "heads": 2, "steps": 3, "neuron": "none"},
            {"tokens": 4, "dim": 16, "heads": 2, "steps": 3, "neuron": "none", "position": "log"},
        )
    )
    assert biased.latency == plain.latency + 1
