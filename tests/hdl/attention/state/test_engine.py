"""The engine of state order by itself: chunks and values in, the published formula out."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.state.engine import StateEngine
from spikeloom.hdl.attention.state.plan import StatePlan

from .... import restated
from ....benches import LIMIT, masked, serve, signed, simulate, tick
from ....cells import simulate_cells
from ....chunks import by_head, cut, entries, pack

BASE = {"tokens": 5, "dim": 16, "heads": 2, "steps": 3, "threshold": 1, "scale": "1/4"}
DRIVES = {"tokens": 5, "dim": 16, "heads": 2, "steps": 2, "neuron": "none"}
LAYERS = {
    "and": {**BASE},
    "and-narrow": {**BASE, "folding": {"lanes": 2}, "target": {"beat": 4}},
    "and-soft": {**BASE, "reset": "soft", "tau": 4, "decay_input": False, "folding": {"lanes": 4}},
    "cells": {**BASE, "target": {"cells": "ice40"}},
    "xnor": {**BASE, "similarity": "xnor", "threshold": 3, "folding": {"lanes": 4}},
    "xnor-gray-log": {
        **{**BASE, "similarity": "xnor", "threshold": 4},
        **{"position": ["gray", "log"], "log": {"length": 6}},
    },
    "hamming": {**DRIVES, "similarity": "hamming", "folding": {"lanes": 4}},
    "alpha-log": {
        **{**DRIVES, "similarity": "alpha-xnor", "alpha": "3/8"},
        **{"position": "log", "log": {"length": 9}},
    },
    "and-one-bank": {**DRIVES, "folding": {"buffers": 1}, "target": {"beat": 4}},
    "own": {
        **{**BASE, "similarity": "alpha-xnor", "alpha": ["3/8", "7/8"]},
        **{"scale": ["1/4", "1/2"], "threshold": 2},
    },
}
# What counts for u, by head and similarity: kappa + gamma / c of docs/cores/attention/state.rst.
ROWS = {"xnor": [1, 1], "hamming": [1, 1], "alpha-xnor": [3, 3]}


def memories(design, bank, head, step, q, k, v, keys):
    """What the loader leaves of a head and step: words by address."""
    plan = StatePlan(design)
    if "gray" in str(keys.get("position")):
        code = restated.codes(keys, step, design.tokens, design.steps)
        lack = np.zeros((len(q), -q.shape[1] % design.beat), dtype=int)
        q, k = np.hstack([q, lack, code]), np.hstack([k, code])
    chunks = entries(k.T, q, min(4, design.beat), ones=plan.windowed)
    space = plan.memory("chunks").depth // plan.in_banks
    listed = {bank * space + n: pack(plan.entry, entry) for n, entry in enumerate(chunks)}
    words = (plan.v.words - 1).bit_length()
    size = plan.v.slices * design.beat
    values = {
        place | token << words | bank << words + (len(v) - 1).bit_length(): word
        for token, row in enumerate(v)
        for place, word in enumerate(cut(row, size))
    }
    sums = {}
    if plan.summed:
        numerators = [3, 7] if isinstance(keys.get("alpha"), list) else ROWS[keys["similarity"]]
        width = plan.sum_shape.width
        totals = [int(total) * numerators[head] - 1 for total in v.sum(axis=0)]
        fields = [total & (1 << width) - 1 for total in totals]
        for place in range(plan.v.words):
            part = fields[place * size : (place + 1) * size]
            word = sum(field << width * n for n, field in enumerate(part))
            sums[place | bank << words] = word
    return listed, values, sums


def answer(design, keys, q, k, v):
    """Work through all heads and steps; give the output as (T, N, D)."""
    plan, dut = StatePlan(design), StateEngine(design)
    chunks, values, sums, outputs = {}, {}, {}, {}
    # Of memories with a half that stays zero, that half.
    half = plan.memory("v").depth // 2
    if plan.v_zero:
        values.update(dict.fromkeys(range(half, 2 * half), 0))
    if plan.summed:
        depth = plan.memory("sums").depth
        sums.update(dict.fromkeys(range(depth // 2, depth), (1 << len(dut.sums)) - 1))
    found = np.zeros(q.shape, dtype=int)
    width = plan.memory("o").width
    each = 1 if plan.spec is not None else plan.out.field
    whole = width // each
    words = (plan.out.words - 1).bit_length()
    parts = [by_head(x, design.heads).astype(int) for x in (q, k, v)]

    async def bench(ctx):
        # The first bank is full long after the first cycle: memories have been read since.
        await ctx.tick().repeat(3)
        for number in range(design.heads * design.steps):
            head, step = divmod(number, design.steps)
            bank, bank_out = number % plan.in_banks, number % plan.out_banks
            row = [x[head, step] for x in parts]
            made = memories(design, bank, head, step, *row, keys)
            for store, new in zip((chunks, values, sums), made, strict=True):
                store.update(new)
            ctx.set(dut.bank, bank)
            ctx.set(dut.bank_out, bank_out)
            ctx.set(dut.ready, 1)
            for _ in range(LIMIT):
                now = await tick(ctx, dut, "done busy o_addr o_data o_en")
                ctx.set(dut.ready, not now.busy)
                old = outputs.get(now.o_addr, 0)
                outputs[now.o_addr] = masked(old, now.o_data, now.o_en, width // len(dut.o_en))
                if now.done:
                    break
            for token in range(design.tokens):
                for channel in range(design.head_dim):
                    place = channel // whole | token << words
                    place |= bank_out << words + (design.tokens - 1).bit_length()
                    field = outputs[place] >> each * (channel % whole) & (1 << each) - 1
                    if plan.spec is None:
                        field = signed(field, each)
                    found[step, token, head * design.head_dim + channel] = field

    junk = {"missing": (1 << len(dut.v_data)) - 1}
    benches = [
        serve(dut.chunk_addr, dut.chunk, chunks, en=dut.chunk_en, missing=0),
        serve(dut.v_addr, dut.v_data, values, **junk),
    ]
    if plan.summed:
        benches.append(serve(dut.sum_addr, dut.sums, sums, missing=0))
    simulate(dut, bench, *benches)
    return found


@pytest.mark.parametrize("name", LAYERS)
def test_is_the_published_formula(name, monkeypatch):
    simulate_cells(monkeypatch)
    keys = LAYERS[name]
    folding = {"order": "state", "lanes": 8, "buffers": 2, **keys.get("folding", {})}
    design = Design.from_dict({**keys, "folding": folding})
    assert StatePlan(design).native == (name == "cells")
    rng = np.random.default_rng(len(name))
    shape = (design.steps, design.tokens, design.dim)
    q, k, v = ((rng.random(shape) < rate).astype(np.uint8) for rate in (0.5, 0.5, 0.6))
    if design.neuron == "none":
        scale = 1 << design.score_fraction
        want = restated.attended(keys, q, k, v) * scale
    else:
        want = restated.spikes(keys, q, k, v)
        assert 0 < want.mean() < 1
    assert (answer(design, keys, q, k, v) == want).all()
