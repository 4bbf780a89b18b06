"""The order of work in state order: against the spikes themselves, row by row."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position.log import windows
from spikeloom.hdl.attention.state.events import EventSequencer
from spikeloom.hdl.attention.state.plan import StatePlan

from ....benches import LIMIT, serve, simulate, tick
from ....chunks import entries, pack, run_cycles


def make(tokens, dim, beat, *, steps=3, lanes=4, buffers=2, **keys):
    folding = {"order": "state", "lanes": lanes, "buffers": buffers}
    return Design.from_dict(
        {"tokens": tokens, "dim": dim, "heads": 1, "steps": steps, "folding": folding}
        | {"target": {"beat": beat}, **keys}
    )


def slots_of(rows, query, *, ones=False):
    """List what a section gives: (query, first of its row, event, index, of all tokens)."""
    found = []
    for number, row in enumerate(rows):
        everything = ones and number == 0
        spikes = np.flatnonzero(row).tolist()
        if not spikes:
            found.append((query, 1, 0, None, everything))
        found += [(query, int(n == 0), 1, at, everything) for n, at in enumerate(spikes)]
    return found


def moves_of(tokens, reaches):
    """List what enters and leaves the windows from query to query: (leaves, token)."""
    found = []
    for query in range(1, tokens):
        for reach in reaches:
            found += [(0, query + reach)] * (query + reach < tokens)
            found += [(1, query - reach - 1)] * (query - reach - 1 >= 0)
    return found


def trace(design, runs, *, seed=0):
    """Work through runs, each a list of chunks in a bank; give what was seen of each."""
    plan = StatePlan(design)
    dut = EventSequencer(design)
    draw = random.Random(seed)
    space = plan.memory("chunks").depth // plan.in_banks
    words = {}
    seen = []
    names = "busy done load event index ones query settle first_step token turn"

    async def bench(ctx):
        for number, chunks in enumerate(runs):
            bank = number % plan.in_banks
            words.update({bank * space + n: pack(plan.entry, c) for n, c in enumerate(chunks)})
            for _ in range(draw.randrange(3)):
                await ctx.tick()
                assert not ctx.get(dut.busy)
            ctx.set(dut.bank, bank)
            ctx.set(dut.ready, 1)
            found = {"slots": [], "moves": [], "settles": 0, "cycles": 0, "tokens": []}
            for _ in range(LIMIT):
                now = await tick(ctx, dut, names + " window leave window_token")
                if now.busy:
                    found["cycles"] += 1
                    found["settles"] += now.settle
                    found["first_step"] = now.first_step
                    if now.load or now.event:
                        index = now.index if now.event else None
                        slot = (now.query, now.load, now.event, index, bool(now.ones))
                        found["slots"].append((now.turn, *slot))
                    if now.load and now.query:
                        found["tokens"].append(now.token)
                    if now.window:
                        found["moves"].append((now.leave, now.window_token))
                    # Inputs are looked at only while it rests.
                    ctx.set(dut.ready, 0)
                if now.done:
                    assert now.settle
                    break
            seen.append(found)

    # One chunk is read beyond the last, and not looked at.
    junk = (1 << plan.entry.size) - 1
    simulate(dut, bench, serve(dut.chunk_addr, dut.chunk, words, en=dut.chunk_en, missing=junk))
    return seen


def check(design, *, rates=(0.4, 0.05, 1.0, 0.0), seed=0, least=1):
    """Compare every run with its spikes: order, number of cycles, windows."""
    plan = StatePlan(design)
    rng = np.random.default_rng(seed)
    tokens, places = design.tokens, plan.places
    inputs = [
        ((rng.random((plan.design.channels, tokens)) < a), (rng.random((tokens, places)) < b))
        for a, b in zip(rates, (*rates[2:], *rates[:2]), strict=True)
    ]
    chunk = min(4, design.beat)
    runs = [entries(k, q, chunk, ones=plan.windowed) for k, q in inputs]
    reaches = [reach for reach in plan.reaches if reach < tokens - 1]
    traces = trace(design, runs, seed=seed)
    for number, (found, (k, q)) in enumerate(zip(traces, inputs, strict=True)):
        keys = [*([np.ones(tokens)] if plan.windowed else []), *k]
        once = [*slots_of(keys, 0, ones=plan.windowed), *slots_of(q, 1)]
        passes = -(-design.head_dim // design.lanes)
        assert found["slots"] == [(turn, *slot) for turn in range(passes) for slot in once]
        assert found["tokens"] == [*range(tokens)] * passes
        assert found["settles"] == 2 * passes
        assert found["first_step"] == (number % design.steps == 0)
        assert found["moves"] == moves_of(tokens, reaches) * passes
        how = {"passes": passes, "reaches": reaches, "ones": plan.windowed}
        how["least"] = least if number % design.steps else 1
        assert found["cycles"] == run_cycles(k, q, chunk, **how)


@pytest.mark.parametrize("beat", [1, 2, 8])
@pytest.mark.parametrize(("tokens", "dim"), [(1, 4), (2, 4), (5, 8), (13, 12)])
def test_every_spike_of_every_row_in_turn(tokens, dim, beat):
    check(make(tokens, dim, beat), seed=tokens)


def test_code_beside_the_channels():
    check(make(9, 8, 8, similarity="xnor", position="gray"), seed=3)


def test_chunks_that_do_not_say_how_many_spikes_they_have(monkeypatch):
    assert not StatePlan(make(3000, 8, 8)).counted
    monkeypatch.setattr(StatePlan, "counted", property(lambda plan: False))
    check(make(13, 12, 8), seed=5)


@pytest.mark.parametrize("tokens", [2, 3, 7, 15])
@pytest.mark.parametrize("length", [7, 40])
def test_windows_move_in_the_shadow_of_queries(tokens, length):
    keys = {"similarity": "xnor", "position": "log", "log": {"length": length}}
    design = make(tokens, 4, 8, **keys)
    assert list(StatePlan(design).reaches) == windows(length)
    check(design, seed=tokens)


def test_a_query_takes_two_slots_where_membranes_have_one_port(monkeypatch):
    monkeypatch.setattr(StatePlan, "paced", property(lambda plan: True))
    check(make(9, 8, 8, buffers=1), rates=(0.3, 0.1, 0.05, 0.2), seed=1, least=2)
