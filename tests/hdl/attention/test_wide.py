"""Several spikes a cycle: as golden, cycle by cycle, in every folding."""

import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.design.read import DesignError
from spikeloom.golden.attention.beats import counts, unpack
from spikeloom.golden.attention.formula import attention
from spikeloom.hdl.attention.cycles import wide_cycles
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.sim.pysim import add_clock
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes

from ...designs import BIASED, FACTORS, NEURONS, POSITIONS, check, cover, inferences, label, layer

STALLS = (0.0, 0.3, 0.7)
CHOICES = {
    **FACTORS,
    "similarity": ("and",),
    "position": tuple(n for n in POSITIONS if n not in BIASED),
    "rows": (1,),
    "gate": (False,),
    "own": (False,),
    "spikes": (2, 4, 8),
}
ROWS = cover(CHOICES, 2)
SMALL = {
    **{"similarity": "and", "tokens": 3, "head_dim": 4, "steps": 2, "rows": 1, "lanes": 2},
    **{"beat": 8, "heads": 1, "buffers": "auto", "grid": 1},
}
TINY = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}


def several(row):
    """The layer of a row, with several spikes a cycle."""
    design = layer(row, "state")
    folding = design.folding.model_copy(update={"spikes": row["spikes"]})
    return design.model_copy(update={"folding": folding})


def make(spikes=4, lanes=16, *, beat=8, cells="portable", **keys):
    folding = {"order": "state", "spikes": spikes, "lanes": lanes}
    target = {"beat": beat, "cells": cells}
    return Design.from_dict({"folding": folding, "target": target, **keys})


def equal(design, *, rate, seed=1, **how):
    spikes = draw_spikes(design, rate=rate, seed=seed)
    answer = simulate(design, **spikes, **how)
    assert (answer.values == attention(design, **spikes)).all()
    predicted = AttentionLayer(design).compute_cycles(spikes)
    assert answer.numbers["compute_cycles"] == predicted
    return answer


@pytest.mark.parametrize("row", ROWS, ids=label)
def test_rtl_equals_golden(row, request):
    seed = sum(request.node.name.encode())
    check(several(row), stalls=STALLS[seed % len(STALLS)], seed=seed)


@pytest.mark.parametrize("position", CHOICES["position"])
@pytest.mark.parametrize("neuron", NEURONS)
def test_every_position_and_neuron(position, neuron):
    row = {**SMALL, "position": position, "neuron": neuron, "spikes": 2}
    check(several(row), stalls=0.2, seed=len(neuron), rates=(0.7, 0.4))


@pytest.mark.parametrize("spikes", [2, 8])
@pytest.mark.parametrize("tokens", [1, 2, 3, 4])
def test_short_sequences_without_a_pause(tokens, spikes):
    # What is written last must be there when it is read.
    for beat in (4, 64):
        design = make(spikes, 4, beat=beat, tokens=tokens, dim=8, heads=2, steps=4)
        for rates in ((1.0, 0.0, 1.0), (0.0, 0.2, 0.9, 0.1)):
            check(design, rates=rates)


@pytest.mark.parametrize("buffers", [1, 2])
@pytest.mark.parametrize("tokens", [2, 6])
def test_nothing_is_lost_before_a_receiver_that_waits(tokens, buffers):
    base = make(2, 4, tokens=tokens, dim=8, heads=2, steps=4)
    folding = base.folding.model_copy(update={"buffers": buffers})
    design = base.model_copy(update={"folding": folding})
    inputs, frames = inferences(design, (0.7, 0.4))
    dut = AttentionLayer(design)
    received = []

    async def send(ctx):
        ctx.set(dut.i.valid, 1)
        for beat in frames.reshape(-1):
            ctx.set(dut.i.payload.data, int(beat))
            await ctx.tick().until(dut.i.ready)
        ctx.set(dut.i.valid, 0)

    async def receive(ctx):
        # Each bank waits far longer than the engine takes for all of them.
        for _ in range(len(inputs) * counts(design).outputs):
            if len(received) % (2 * tokens) == 0:
                await ctx.tick().repeat(200)
            ctx.set(dut.o.ready, 1)
            for _ in range(2000):
                *_, data, valid = await ctx.tick().sample(dut.o.payload.data, dut.o.valid)
                if valid:
                    break
            else:
                raise AssertionError("the layer is stuck")
            ctx.set(dut.o.ready, 0)
            received.append(data)

    simulator = Simulator(dut)
    add_clock(simulator)
    simulator.add_testbench(send)
    simulator.add_testbench(receive)
    simulator.run()
    answers = np.array(received).reshape(len(inputs), -1)
    for arrays, frame in zip(inputs, answers, strict=True):
        assert (unpack(design, frame) == attention(design, **arrays)).all()


@pytest.mark.parametrize(("steps", "lanes"), [(1, 32), (16, 16)])
def test_long_sequences(steps, lanes):
    design = make(4, lanes, beat=16, tokens=168, dim=64, heads=2, steps=steps)
    check(design, stalls=0.2, rates=(0.3, 0.05))


@pytest.mark.parametrize("seed", range(12))
def test_random_layers(seed):
    draw = random.Random(seed)
    row = {name: draw.choice(values) for name, values in CHOICES.items()}
    design = several({**row, "steps": draw.choice((1, 2, 4))})
    rates = [draw.choice((0.0, 0.05, 0.2, 0.5, 1.0)) for _ in range(4)]
    check(design, stalls=draw.choice(STALLS), seed=seed, rates=rates)


@pytest.mark.parametrize(("spikes", "lanes", "dim"), [(2, 8, 16), (4, 8, 8), (8, 4, 16)])
@pytest.mark.parametrize("rate", [0.05, 0.5, 1.0])
def test_cells_and_portable_lanes_are_alike(rate, spikes, lanes, dim):
    keys = {**TINY, "dim": dim, "heads": 1}
    portable = make(spikes, lanes, **keys)
    cells = make(spikes, lanes, cells="ice40", **keys)
    assert WidePlan(cells).native
    assert not WidePlan(portable).native
    same = [equal(design, rate=rate) for design in (portable, cells)]
    assert same[0].numbers == same[1].numbers


@pytest.mark.synth
def test_netlist():
    keys = {"tokens": 12, "dim": 16, "heads": 2, "steps": 3}
    answer = equal(make(4, 8, cells="ice40", **keys), rate=0.4, target="netlist")
    assert 0.1 < answer.values.mean() < 0.9


@pytest.mark.cocotb
def test_verilog_under_cocotb(event_simulator):
    design = make(4, 4, tokens=5, dim=8, heads=2, steps=2, beat=16)
    equal(design, rate=0.5, simulator=event_simulator, stalls=0.3)


def test_cycles_follow_the_fullest_port():
    design = make(4, **TINY)
    silent = np.zeros((4, 32, 64), dtype=np.uint8)
    # 16 heads and steps and a stage more, of 32 words a row of k and q at the longest.
    least = 16 * (32 + 4) + 32 + 4
    assert wide_cycles(design, silent, silent) == least
    one = silent.copy()
    one[0, 0, [0, 1, 2, 3]] = 1
    assert wide_cycles(design, one, silent) == least
    one[0, 0, 4] = 1
    assert wide_cycles(design, one, silent) == least + 1
    # Behind the longer half there is room for the shorter one.
    assert wide_cycles(design, one, np.ones_like(one)) == 16 * 132 + 36


def test_no_row_of_spikes_waits_for_another():
    full = make(4, **TINY)
    spikes = np.ones((4, 32, 64), dtype=np.uint8)
    # A slot for every four spikes, of k and q at once, but for the first and the last stage.
    assert wide_cycles(full, spikes, spikes) == 17 * (4 * 32 + 4)


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"folding": {"spikes": 4}}, "spikes are counted in state order"),
        ({"folding": {"spikes": 3}}, "must be one of 1, 2, 4, 8"),
        ({"folding": {"spikes": 2, "order": "state", "rows": 2}}, "must be 1"),
        ({"similarity": "xnor", "folding": {"spikes": 2, "order": "state"}}, "not xnor"),
        ({"position": "log", "folding": {"spikes": 2, "order": "state"}}, "windows of a bias"),
    ],
)
def test_refusals(keys, reason):
    with pytest.raises(DesignError, match=reason) as caught:
        Design.from_dict({**TINY, **keys})
    assert "\n" not in str(caught.value)


def test_auto_takes_state_order():
    assert Design.from_dict({**TINY, "folding": {"order": "auto", "spikes": 4}}).order == "state"
