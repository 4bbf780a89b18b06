"""The input side of state order: against the kept chunks and values of the rows, restated."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.attention.state.chunks import ChunkLoader
from spikeloom.hdl.attention.state.plan import StatePlan

from ....benches import LIMIT, masked, sender, simulate, tick
from ....chunks import cut, entries

NAMES = "free full addr entry en v_addr beat v_en v_place v_first"


def make(tokens, dim, beat, *, lanes=4, buffers=2, **keys):
    folding = {"order": "state", "lanes": lanes, "buffers": buffers}
    return Design.from_dict(
        {"tokens": tokens, "dim": dim, "heads": 1, "steps": 2, "folding": folding}
        | {"target": {"beat": beat}, **keys}
    )


def load(design, runs, *, stalls, seed=0):
    """Send the beats of runs (rows of k, of v, of q); give the banks as they are when full."""
    plan, dut = StatePlan(design), ChunkLoader(design)
    draw = random.Random(seed)
    beats = [
        beat for run in runs for section in run for row in section for beat in cut(row, design.beat)
    ]
    space = plan.memory("chunks").depth // plan.in_banks
    banks = []

    async def bench(ctx):
        chunks, words, firsts = {}, {}, set()
        bank = filled = 0
        ctx.set(dut.free, 1)
        for _ in range(LIMIT):
            now = await tick(ctx, dut, NAMES)
            if now.en:
                assert now.addr // space == bank
                assert now.addr % space == len(chunks)
                chunks[now.addr] = {name: now.entry[name] for name, _ in plan.entry}
            if now.v_en:
                wide = now.beat * sum(1 << design.beat * n for n in range(plan.v.slices))
                words[now.v_addr] = masked(words.get(now.v_addr, 0), wide, now.v_en, design.beat)
                assert now.v_en == 1 << now.v_place % plan.v.slices
                firsts.add((now.v_addr, now.v_first))
            if now.full:
                assert now.free
                banks.append((bank, list(chunks.values()), words, firsts))
                chunks, words, firsts = {}, {}, set()
                bank, filled = (bank + 1) % plan.in_banks, filled + 1
            if len(banks) == len(runs):
                return
            if filled and draw.random() >= 2 * stalls - 0.1:
                filled -= 1
            ctx.set(dut.bank, bank)
            ctx.set(dut.free, filled < plan.in_banks)
            assert filled < plan.in_banks or not ctx.get(dut.i.ready)
        raise AssertionError("the loader is stuck")

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=seed))
    return banks


def check(design, *, stalls=0.4, seed=0, rates=(0.3, 0.0, 1.0, 0.1)):
    plan = StatePlan(design)
    rng = np.random.default_rng(seed)
    tokens, dim = design.tokens, design.head_dim
    shapes = ((plan.design.channels, tokens), (tokens, dim), (tokens, plan.places))
    runs = [
        [(rng.random(shape) < rate).astype(int) for shape, rate in zip(shapes, turn, strict=True)]
        for turn in zip(rates, rates[1:] + rates[:1], rates[2:] + rates[:2], strict=True)
    ]
    found = load(design, runs, stalls=stalls, seed=seed)
    words = (plan.v.words - 1).bit_length()
    for number, ((bank, chunks, stored, firsts), (k, v, q)) in enumerate(
        zip(found, runs, strict=True)
    ):
        assert bank == number % plan.in_banks
        want = entries(k, q, min(4, design.beat), ones=plan.windowed)
        assert chunks == [{name: int(entry[name]) for name, _ in plan.entry} for entry in want]
        values = {}
        for token, row in enumerate(v):
            for place, word in enumerate(cut(row, design.beat * plan.v.slices)):
                address = place | token << words | bank << words + (tokens - 1).bit_length()
                values[address] = word
        assert stored == values
        assert firsts == {(n, int(n >> words == bank << (tokens - 1).bit_length())) for n in values}


SIZES = [(1, 4, 8, 4), (2, 4, 1, 2), (5, 12, 4, 12), (5, 8, 16, 4), (13, 20, 8, 4), (6, 24, 2, 8)]


@pytest.mark.parametrize("buffers", [1, 2])
@pytest.mark.parametrize(("tokens", "dim", "beat", "lanes"), SIZES)
def test_keeps_what_has_a_spike(tokens, dim, beat, lanes, buffers):
    check(make(tokens, dim, beat, lanes=lanes, buffers=buffers), seed=dim)


@pytest.mark.parametrize(
    "keys",
    [
        {"position": "gray"},
        {"position": "log", "log": {"length": 9}},
        {"position": ["log", "gray"], "log": {"length": 9}},
    ],
    ids=lambda keys: str(keys["position"]),
)
@pytest.mark.parametrize(("tokens", "beat"), [(6, 8), (13, 4)])
def test_rows_that_no_sender_sends(keys, tokens, beat):
    check(make(tokens, 12, beat, similarity="xnor", **keys), seed=1)


def test_chunks_that_do_not_say_how_many_spikes_they_have(monkeypatch):
    monkeypatch.setattr(StatePlan, "counted", property(lambda plan: False))
    check(make(6, 12, 8), seed=2)
