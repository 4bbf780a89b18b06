"""The input side with several spikes a cycle: against words of the rows, restated."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.wide.loader import WideLoader
from spikeloom.hdl.attention.wide.plan import WidePlan

from ....benches import LIMIT, masked, sender, simulate, tick
from ....chunks import cut
from ....wide import keys, queries

NAMES = (
    "keys_free queries_free keys_full queries_full word k_addr k_en q_addr q_en v_addr v_data v_en"
)


def make(tokens, dim, beat, *, spikes=2, lanes=4, buffers=2):
    folding = {"order": "state", "lanes": lanes, "spikes": spikes, "buffers": buffers}
    return Design.from_dict(
        {"tokens": tokens, "dim": dim, "heads": 1, "steps": 2, "folding": folding}
        | {"target": {"beat": beat}}
    )


def load(design, runs, *, stalls, seed):
    """Send runs of k, v and q; give the words as they are when their banks are full."""
    plan, dut = WidePlan(design), WideLoader(design)
    draw = random.Random(seed)
    sections = [section for run in runs for section in run]
    beats = [beat for section in sections for row in section for beat in cut(row, design.beat)]
    made = {"keys": [], "queries": []}

    async def bench(ctx):
        k, q, v = {}, {}, [{} for _ in range(plan.ports)]
        filled = {"keys": 0, "queries": 0}
        banks = {"keys": 0, "queries": 0}
        ctx.set(dut.keys_free, 1)
        ctx.set(dut.queries_free, 1)
        for _ in range(LIMIT):
            now = await tick(ctx, dut, NAMES)
            for store, addr, en in ((k, now.k_addr, now.k_en), (q, now.q_addr, now.q_en)):
                if en:
                    width = plan.span // len(dut.k_en)
                    store[addr] = masked(store.get(addr, 0), now.word, en, width)
            assert now.queries_free or not now.q_en
            assert now.keys_free or not (now.k_en or any(now.v_en))
            for port, store in enumerate(v):
                if now.v_en[port]:
                    old = store.get(now.v_addr, 0)
                    width = plan.v_width // plan.v.slices
                    store[now.v_addr] = masked(old, now.v_data, now.v_en[port], width)
            for name, full, free in (
                ("keys", now.keys_full, now.keys_free),
                ("queries", now.queries_full, now.queries_free),
            ):
                if full:
                    assert free
                    made[name].append((k, v) if name == "keys" else q)
                    banks[name] = (banks[name] + 1) % plan.in_banks
                    filled[name] += 1
                    if name == "keys":
                        k, v = {}, [{} for _ in range(plan.ports)]
                    else:
                        q = {}
            if len(made["queries"]) == len(runs):
                return
            for name in filled:
                if filled[name] and draw.random() >= 2 * stalls - 0.1:
                    filled[name] -= 1
                ctx.set(getattr(dut, f"{name}_bank"), banks[name])
                ctx.set(getattr(dut, f"{name}_free"), filled[name] < plan.in_banks)
        raise AssertionError("the loader is stuck")

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=seed))
    return made


SIZES = [
    (1, 4, 8, 2, 4),
    (5, 12, 4, 4, 12),
    (13, 8, 1, 2, 8),
    (6, 24, 16, 8, 8),
    (20, 20, 8, 4, 4),
    (5, 8, 32, 2, 4),
    (3, 40, 8, 2, 20),
]


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("buffers", [1, 2])
@pytest.mark.parametrize(("tokens", "dim", "beat", "spikes", "lanes"), SIZES)
def test_every_word_in_its_place(tokens, dim, beat, spikes, lanes, buffers, stalls):
    fits = dim % lanes == 0 and (lanes % beat == 0 or beat % lanes == 0 or lanes == dim)
    design = make(tokens, dim, beat, spikes=spikes, lanes=lanes if fits else dim, buffers=buffers)
    plan = WidePlan(design)
    rng = np.random.default_rng(dim)
    shapes = ((dim, tokens), (tokens, dim), (tokens, dim))
    runs = [[rng.integers(0, 2, shape) for shape in shapes] for _ in range(3)]
    found = load(design, runs, stalls=stalls, seed=dim)
    for number, (k, v, q) in enumerate(runs):
        bank = number % plan.in_banks
        assert found["keys"][number] == keys(plan, k, v, bank)
        assert found["queries"][number] == queries(plan, q, bank)
