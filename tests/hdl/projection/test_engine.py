"""The engine of a projection by itself: events in, Linear and SpikingJelly's neurons out."""

import random

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.hdl.projection.engine import ProjectionEngine
from spikeloom.hdl.projection.plan import ProjectionPlan

from ...benches import LIMIT, masked, serve, signed, simulate, tick
from ...projections import draw, oracle
from .test_loader import events_of


def pack(layout, event, last):
    row, plane = event
    return layout.const({"row": row, "plane": plane, "last": last}).as_bits()


def answer(design, x, *, stalls, seed):
    """Work through an inference twice; give the second answer, and the cycles of both."""
    plan = ProjectionPlan(design)
    dut = ProjectionEngine(plan)
    generator = random.Random(seed)
    tokens = [
        (step, token)
        for _ in range(2)
        for step in range(design.steps)
        for token in range(design.tokens)
    ]
    listed, words, found = {}, {}, {}
    whole = 1 if plan.spec is not None else plan.out.field
    cycles = 0

    def fill(number):
        step, token = tokens[number]
        events = events_of(design, x[step, token], step * design.tokens + token)
        listed.clear()
        for n, event in enumerate(events):
            listed[n] = pack(plan.event, event, n == len(events) - 1)
        return not events

    async def bench(ctx):
        nonlocal cycles
        begun = done = 0
        ctx.set(dut.empty, fill(0))
        for _ in range(LIMIT):
            ctx.set(dut.ready, begun < len(tokens) and generator.random() >= stalls)
            now = await tick(ctx, dut, "busy done written o_addr o_data o_en")
            cycles += now.busy
            if now.o_en:
                width = len(dut.o_data) // len(dut.o_en)
                words[now.o_addr] = masked(words.get(now.o_addr, 0), now.o_data, now.o_en, width)
            if now.written:
                each = len(dut.o_data) // whole
                for channel in range(design.dim):
                    field = words[channel // each] >> whole * (channel % each) & (1 << whole) - 1
                    number = field if plan.spec is not None else signed(field, whole)
                    found[(*tokens[done], channel)] = number
                words.clear()
                done += 1
            if now.done:
                begun += 1
                if begun < len(tokens):
                    ctx.set(dut.empty, fill(begun))
            if done == len(tokens):
                return
        raise AssertionError("the engine is stuck")

    junk = (1 << plan.event.size) - 1
    simulate(dut, bench, serve(dut.addr, dut.event, listed, en=dut.en, missing=junk))
    return found, cycles


@pytest.mark.parametrize("seed", range(16))
def test_is_the_published_formula(seed):
    rng = np.random.default_rng(seed)
    design = draw(rng, tokens=1 + seed % 3, levels=(1, 2, 3, 5)[seed // 4])
    plan = ProjectionPlan(design)
    shape = (design.steps, design.tokens, design.inputs)
    x = rng.integers(0, design.levels + 1, shape) * (rng.random(shape) < 0.6)
    found, cycles = answer(design, x, stalls=(0.0, 0.5)[seed % 2], seed=seed)
    want = oracle(design, x)
    for (step, token, channel), value in found.items():
        assert value == want[step][token][channel], (step, token, channel)
    # An input of value n is n events; membranes take a slot to be read and one to be written.
    total = 0
    for step in range(design.steps):
        for token in range(design.tokens):
            events = events_of(design, x[step, token], step * design.tokens + token)
            slots = 1 + sum(1 << plane for _, plane in events)
            if design.neuron != "none":
                slots += (step > 0) + (step < design.steps - 1)
            total += -(-design.dim // plan.lanes) * slots + plan.rest
    # At the end it may still rest when the last word is written.
    assert 2 * total - plan.rest <= cycles <= 2 * total


@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_one_word_of_membranes_is_written_before_it_is_read(reset):
    keys = {"kind": "projection", "tokens": 1, "inputs": 1, "dim": 1, "steps": 9, "lanes": 1}
    keys |= {"weights": {"values": [[3]]}, "bias": {"values": [2]}}
    design = Design.from_dict({**keys, "neuron": "if", "threshold": 7, "scale": 1, "reset": reset})
    assert ProjectionPlan(design).places == 1
    x = np.array([1, 0, 0, 1, 0, 0, 0, 1, 1]).reshape(9, 1, 1)
    found, _ = answer(design, x, stalls=0.0, seed=0)
    want = [step[0][0] for step in oracle(design, x)]
    assert 2 <= sum(want) <= 7
    assert [found[step, 0, 0] for step in range(9)] == want
