import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component
from spikeloom.hdl.state_space.plan import StateSpacePlan
from spikeloom.hdl.state_space.sum import BitSum, DspSum, sum_of_products
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import run, simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

FORMS = ["dsp", "shift-add"]


def make(state, dim, steps, *, seed=0, low=0.9, **keys):
    rng = np.random.default_rng(seed)
    matrices = {
        "A": rng.uniform(low, 1, state),
        "B": rng.normal(size=(state, dim)) * 0.5,
        "C": rng.normal(size=(dim, state)) * 0.3,
    }
    shape = {"kind": "state-space", "steps": steps, "dim": dim, "state": state}
    return Design.from_dict({**shape, "matrices": matrices, **keys})


def stimulus(design, *, stalls=0.0, rates=(0.7, 0.3, 1.0)):
    """Inferences that differ, so that what is left of one shows in the next."""
    golden = model(design)
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    return inputs, Stimulus(frames, golden.beats_out, stalls=stalls, patience=2000, work=10**6)


def check(design, traffic, inputs):
    golden = model(design)
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        assert (golden.unpack(frame) == golden.answer(arrays)).all()
    assert traffic.busy == sum(map(component(design).compute_cycles, inputs))


SHAPES = [
    ({"state": 1, "dim": 1, "steps": 2}, 0),
    ({"state": 1, "dim": 2, "steps": 1, "output": "y"}, 0.5),
    ({"state": 3, "dim": 5, "steps": 3, "input_bits": 2}, 0.4),
    ({"state": 13, "dim": 6, "steps": 3, "input_bits": 2, "target": {"beat": 4}}, 0.3),
    ({"state": 16, "dim": 9, "steps": 2, "target": {"beat": 1}}, 0.6),
    ({"state": 12, "dim": 8, "steps": 2, "target": {"beat": 1}, "output": "y"}, 0.8),
    ({"state": 12, "dim": 4, "steps": 2, "input_bits": 4, "output": "y"}, 0.8),
    ({"state": 11, "dim": 3, "steps": 3, "input_bits": 8, "target": {"beat": 2}}, 0),
    ({"state": 20, "dim": 12, "steps": 3, "target": {"beat": 16}}, 0.2),
    ({"state": 4, "dim": 3, "steps": 3, "target": {"beat": 64}, "output": "y"}, 0.3),
    ({"state": 5, "dim": 4, "steps": 3, "low": 0.2, "b_bits": 16, "c_bits": 16}, 0.2),
    ({"state": 5, "dim": 4, "steps": 5, "y_fraction": 0, "h_fraction": 6}, 0.2),
    ({"state": 5, "dim": 4, "steps": 5, "y_fraction": 2, "threshold": 40}, 0),
    ({"state": 6, "dim": 4, "steps": 3, "c_bits": 2, "c_fraction": 0, "y_fraction": 10}, 0),
]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("keys", "stalls"), SHAPES, ids=str)
def test_equals_golden(keys, stalls, form):
    design = make(**keys, multiplier=form)
    inputs, sent = stimulus(design, stalls=stalls)
    check(design, run_pysim(AxiStreamTop(design), sent), inputs)


@pytest.mark.parametrize("form", FORMS)
def test_equals_golden_at_random(form):
    rng = np.random.default_rng(11)
    for seed in range(8):
        design = make(
            int(rng.integers(1, 18)),
            int(rng.integers(1, 10)),
            int(rng.integers(1, 4)),
            seed=seed,
            low=float(rng.uniform(0, 0.99)),
            input_bits=int(rng.choice([1, 2, 4])),
            output=str(rng.choice(["spikes", "y"])),
            target={"beat": int(rng.choice([1, 2, 4, 8, 16]))},
            multiplier=form,
        )
        inputs, sent = stimulus(design, stalls=float(rng.uniform(0, 0.7)), rates=(0.6, 0.2))
        check(design, run_pysim(AxiStreamTop(design), sent), inputs)


@pytest.mark.synth
@pytest.mark.parametrize("form", FORMS)
def test_whole_layer(form):
    design = make(64, 64, 6, multiplier=form, low=0.98)
    inputs, sent = stimulus(design, stalls=0.2)
    check(design, run(design, sent), inputs)


NETLISTS = [
    make(13, 6, 3, input_bits=2, target={"beat": 4}),
    make(12, 5, 3, multiplier="shift-add", output="y"),
    make(5, 4, 3, h_fraction=6, output="y"),
    make(14, 4, 3, target={"cells": "ice40"}),
]


@pytest.mark.synth
@pytest.mark.parametrize("design", NETLISTS)
def test_netlist_equals_golden(design):
    inputs, sent = stimulus(design, stalls=0.3)
    check(design, run(design, sent, target="netlist"), inputs)


@pytest.mark.synth
def test_placed_multipliers_equal_golden():
    design = make(14, 4, 3, target={"cells": "ice40"})
    inputs, sent = stimulus(design, stalls=0.3)
    check(design, run(design, sent), inputs)


@pytest.mark.cocotb
@pytest.mark.synth
@pytest.mark.parametrize("form", FORMS)
def test_is_alike_in_an_event_simulator(form, event_simulator):
    design = make(6, 5, 2, multiplier=form)
    arrays = draw_spikes(design, rate=0.5, seed=3)
    fast = simulate(design, arrays)
    slow = simulate(design, arrays, simulator=event_simulator)
    assert (slow.values == model(design).answer(arrays)).all()
    assert fast.numbers == slow.numbers


def test_one_multiplier_for_narrow_states():
    narrow, wide = {"h_fraction": 6}, {"b_bits": 16, "h_fraction": 14}
    for keys, latency in ((narrow, 4), (wide, 5)):
        plan = StateSpacePlan(make(5, 4, 3, **keys))
        assert isinstance(sum_of_products(plan), DspSum)
        assert plan.latency == latency
    plan = StateSpacePlan(make(5, 4, 3, multiplier="shift-add"))
    assert isinstance(sum_of_products(plan), BitSum)


def test_memory_is_the_same_for_any_length():
    shapes = [
        [(m.name, m.depth) for m in component(d).memories]
        for d in (make(16, 8, 2), make(16, 8, 4000))
    ]
    assert shapes[0] == shapes[1]
    assert [name for name, _ in shapes[0]] == ["h", "v", "a", "b", "c"]


def test_cycles_of_the_tiny_layer():
    design = make(64, 64, 32, multiplier="dsp", low=0.98)
    zeros = np.zeros((32, 64), dtype=np.uint8)
    layer = component(design)
    assert layer.compute_cycles({"x": zeros}) == 32 * (64 * 9 + 64 + 64 * 64 + 10)
    assert layer.compute_cycles() - layer.compute_cycles({"x": zeros}) == 32 * 64 * 65
