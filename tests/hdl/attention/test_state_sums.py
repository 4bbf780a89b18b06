"""Sums of values, counted as they come in: against a plain sum, bank after bank."""

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.attention.state.sums import ValueSums
from spikeloom.sim.pysim import add_clock

SIMILARITIES = [
    {"similarity": "xnor"},
    {"similarity": "hamming"},
    {"similarity": "alpha-xnor", "alpha": "5/8"},
]

# What both weights of the sum are multiples of: kappa, or 1.
KEPT = {"xnor": 1, "hamming": 1, "alpha-xnor": 5}


def make(dim, lanes, beat, buffers=2, tokens=6, **keys):
    folding = {"order": "state", "lanes": lanes, "buffers": buffers}
    return Design.from_dict(
        {"tokens": tokens, "dim": dim, "heads": 1, "steps": 2, "folding": folding}
        | {"target": {"beat": beat}, **keys}
    )


async def load(ctx, dut, plan, values, bank, rng):
    """Give the beats of v as the loader does, with gaps between them."""
    padded = np.zeros((plan.tokens, plan.beats * plan.beat), dtype=int)
    padded[:, : values.shape[1]] = values
    ctx.set(dut.bank, bank)
    for token, row in enumerate(padded.reshape(plan.tokens, plan.beats, plan.beat)):
        for place, bits in enumerate(row):
            for gap in range(1 + int(rng.integers(3)) * int(rng.integers(2))):
                ctx.set(dut.beat, sum(int(bit) << n for n, bit in enumerate(bits)))
                ctx.set(dut.first, token == 0)
                ctx.set(dut.place, place)
                ctx.set(dut.word, place // plan.v.slices)
                ctx.set(dut.en, 0 if gap else 1 << place % plan.v.slices)
                await ctx.tick()
    ctx.set(dut.en, 0)
    await ctx.tick()


async def read(ctx, dut, plan, bank, *, idle=False):
    """Read the sums of all channels."""
    half = plan.memory("sums").depth // 2
    found = []
    for word in range(plan.v.words):
        words = 1 << (plan.v.words - 1).bit_length()
        ctx.set(dut.addr, word + words * bank + half * idle)
        await ctx.tick()
        packed = ctx.get(dut.sums)
        width = plan.sum_shape.width
        for n in range(plan.v.slices * plan.beat):
            field = packed >> n * width & (1 << width) - 1
            found.append(field - (field >> width - 1 << width))
    return found


@pytest.mark.parametrize("keys", SIMILARITIES, ids=lambda keys: keys["similarity"])
@pytest.mark.parametrize(
    ("dim", "lanes", "beat"),
    [(4, 2, 8), (16, 8, 8), (12, 12, 4), (20, 4, 8), (32, 16, 8), (4, 4, 4)],
)
def test_sums_of_every_channel(dim, lanes, beat, keys):
    design = make(dim, lanes, beat, **keys)
    plan = StatePlan(design)
    dut = ValueSums(design)
    rng = np.random.default_rng(dim)
    each = KEPT[keys["similarity"]]

    async def bench(ctx):
        kept = {}
        for run in range(25):
            bank = run % 2
            values = rng.random((plan.tokens, dim)) < rng.choice([0.1, 0.5, 1.0])
            await load(ctx, dut, plan, values, bank, rng)
            kept[bank] = [each * int(total) - 1 for total in values.sum(axis=0)]
            for other, sums in kept.items():
                found = await read(ctx, dut, plan, other)
                assert found[:dim] == sums, (run, other)
                assert set(await read(ctx, dut, plan, other, idle=True)) == {-1}

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(bench)
    sim.run()


def test_fields_are_as_narrow_as_the_sums():
    for tokens, width in ((1, 1), (2, 2), (31, 6), (32, 6), (33, 7)):
        plan = StatePlan(make(8, 8, 8, tokens=tokens, similarity="xnor"))
        assert plan.sum_shape.width == width
        assert plan.sum_shape.signed
