"""The engine with several spikes a cycle by itself: words in, the published formula out."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.beats import pack, unpack
from spikeloom.hdl.attention.wide.engine import WideEngine
from spikeloom.hdl.attention.wide.layer import WideLayer
from spikeloom.hdl.attention.wide.plan import WidePlan

from .... import restated
from ....benches import LIMIT, masked, receiver, sender, serve, signed, simulate, tick
from ....cells import simulate_cells
from ....chunks import by_head
from ....wide import code_rows, keys, queries

BASE = {"tokens": 6, "dim": 16, "heads": 2, "steps": 2, "threshold": 1, "scale": "1/4"}
LAYERS = {
    "plain": {**BASE},
    "cells": {**BASE, "target": {"cells": "ice40"}},
    "narrow": {**BASE, "folding": {"spikes": 4, "lanes": 2}},
    "soft": {**BASE, "reset": "soft", "tau": 4, "decay_input": False, "target": {"beat": 4}},
    "drives": {"tokens": 5, "dim": 8, "heads": 1, "steps": 3, "neuron": "none"},
    "gray": {**BASE, "position": "gray", "threshold": 2},
    "eight": {**BASE, "tokens": 11, "folding": {"spikes": 8, "lanes": 8}},
    "two-tokens": {**BASE, "tokens": 2, "scale": "1"},
    "one-token": {**BASE, "tokens": 1, "scale": "1", "heads": 1, "dim": 8},
}
OUT = "busy keys_done queries_done o_addr o_data o_en"


def make(name):
    given = LAYERS[name]
    folding = {"order": "state", "spikes": 2, "lanes": 4, "buffers": 2, **given.get("folding", {})}
    return Design.from_dict({**given, "folding": folding}), given


def draw(design):
    rng = np.random.default_rng(5)
    shape = (design.steps, design.tokens, design.dim)
    return tuple((rng.random(shape) < rate).astype(np.uint8) for rate in (0.5, 0.4, 0.6))


def wanted(design, given, q, k, v):
    if design.neuron == "none":
        return restated.attended(given, q, k, v)
    want = restated.spikes(given, q, k, v)
    assert 0 < want.mean() < 1
    return want


def answer(design, given, q, k, v):
    """Work through an inference; give the output as (T, N, D)."""
    plan, dut = WidePlan(design), WideEngine(design)
    units = [(head, step) for head in range(design.heads) for step in range(design.steps)]
    parts = [by_head(x, design.heads).astype(int) for x in (q, k, v)]
    k_words, q_words, outputs = {}, {}, {}
    # Half of v stays zero, and what is not to be added is read there.
    half = plan.memory("v0").depth // 2
    v_words = [dict.fromkeys(range(half, 2 * half), 0) for _ in range(plan.ports)]

    def fill(unit, *, with_keys):
        head, step = units[unit]
        a, b, c = (x[head, step] for x in parts)
        if "gray" in str(given.get("position")):
            code = restated.codes(given, step, design.tokens, design.steps)
            a, b = code_rows(design, a, b, code)
        if with_keys:
            words, values = keys(plan, b.T, c, unit % plan.in_banks)
            k_words.update(words)
            for store, new in zip(v_words, values, strict=True):
                store.update(new)
        else:
            q_words.update(queries(plan, a, unit % plan.in_banks))

    async def bench(ctx):
        await ctx.tick().repeat(2)
        used = {"keys": 0, "queries": 0}
        late = 0
        fill(0, with_keys=True)
        fill(0, with_keys=False)
        for _ in range(LIMIT):
            for name, count in used.items():
                ctx.set(getattr(dut, f"{name}_ready"), count < len(units))
                ctx.set(getattr(dut, f"{name}_bank"), count % plan.in_banks)
            ctx.set(dut.bank_out, used["queries"] % plan.out_banks)
            now = await tick(ctx, dut, OUT)
            if now.o_en:
                old = outputs.setdefault(now.o_addr, [0])
                width = len(dut.o_data) // len(dut.o_en)
                old.append(masked(old[-1], now.o_data, now.o_en, width))
            for name, done in (("keys", now.keys_done), ("queries", now.queries_done)):
                if done:
                    used[name] += 1
                    if used[name] < len(units):
                        fill(used[name], with_keys=name == "keys")
            late += used["queries"] == len(units)
            if late == 6:
                assert not now.busy
                return
        raise AssertionError("the engine is stuck")

    junk = (1 << plan.v_width) - 1
    simulate(
        dut,
        bench,
        serve(dut.k_addr, dut.k_word, k_words, en=dut.k_en),
        serve(dut.q_addr, dut.q_word, q_words, en=dut.q_en),
        *(
            serve(dut.v_addr[port], dut.v_data[port], v_words[port], missing=junk)
            for port in range(plan.ports)
        ),
    )
    return collect(design, plan, units, outputs)


def collect(design, plan, units, outputs):
    """Read the words of every unit in the order in which they were written."""
    each = 1 if plan.spec is not None else plan.out.field
    whole = plan.o.width // each
    words = (plan.out.words - 1).bit_length()
    found = np.zeros((design.steps, design.tokens, design.dim), dtype=int)
    parts = plan.v.shared if plan.spec is not None else 1
    for number, (head, step) in enumerate(units):
        for token in range(design.tokens):
            for channel in range(design.head_dim):
                place = channel // whole | token << words
                place |= number % plan.out_banks << words + (design.tokens - 1).bit_length()
                # A word is complete with the last of the passes that it holds.
                turns = min(parts, plan.passes - channel // whole * parts)
                word = outputs[place][turns * (number // plan.out_banks + 1)]
                field = word >> each * (channel % whole) & (1 << each) - 1
                if plan.spec is None:
                    field = signed(field, each)
                found[step, token, head * design.head_dim + channel] = field
    return found


@pytest.fixture(autouse=True)
def cells(monkeypatch):
    simulate_cells(monkeypatch)


@pytest.mark.parametrize("name", LAYERS)
def test_is_the_published_formula(name):
    design, given = make(name)
    assert WidePlan(design).native == (name == "cells")
    q, k, v = draw(design)
    assert (answer(design, given, q, k, v) == wanted(design, given, q, k, v)).all()


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("name", ["plain", "cells", "drives", "two-tokens", "one-token"])
def test_layer_from_stream_to_stream(name, stalls):
    design, given = make(name)
    q, k, v = draw(design)
    want = wanted(design, given, q, k, v)
    dut, found = WideLayer(design), []
    count = want.size // design.beat if design.neuron != "none" else None
    count = count or want.size * WidePlan(design).out.field // design.beat
    beats = pack(design, q, k, v).tolist()
    simulate(
        dut,
        receiver(dut.o, found, 2 * count, stalls=stalls),
        sender(dut.i, beats + beats, stalls=stalls, seed=1),
    )
    assert [n for n, (_, last) in enumerate(found) if last] == [count - 1, 2 * count - 1]
    for part in (found[:count], found[count:]):
        beats = np.array([data for data, _ in part], dtype=np.uint64)
        assert (unpack(design, beats) == want).all()
