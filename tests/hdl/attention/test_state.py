"""State order in single-ported memory and from cells: as golden, cycle by cycle."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import attention
from spikeloom.hdl.attention.layer import AttentionLayer
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes

LONG = {"tokens": 1024, "dim": 64, "heads": 1, "steps": 1}
TINY = {"tokens": 32, "dim": 64, "heads": 4, "steps": 4}


def make(order="state", lanes=8, **keys):
    folding = {"order": order, "lanes": lanes}
    return Design.from_dict({"folding": folding, **keys})


def equal(design, *, rate=0.1, target="rtl"):
    spikes = draw_spikes(design, rate=rate, seed=1)
    answer = simulate(design, **spikes, target=target)
    assert (answer.values == attention(design, **spikes)).all()
    predicted = AttentionLayer(design).compute_cycles(spikes)
    assert answer.numbers["compute_cycles"] == predicted
    return answer


def test_long_sequences_move_to_single_ported_memory():
    design = make(**LONG)
    plan = StatePlan(design)
    assert plan.single_ported >= {"chunks"}
    assert sum(shape.ebr for shape in plan.memories) <= 30
    assert sum(shape.spram for shape in plan.memories) <= 4
    equal(make(tokens=1024, dim=64, heads=1, steps=3), rate=0.03)


@pytest.mark.synth
@pytest.mark.parametrize("similarity", ["and", "xnor"])
def test_netlist(similarity):
    # Two heads of two passes each.
    design = make(
        lanes=4,
        tokens=12,
        dim=16,
        heads=2,
        steps=3,
        similarity=similarity,
        target={"cells": "ice40"},
        **({"scale": "1/28"} if similarity == "xnor" else {}),
    )
    answer = equal(design, rate=0.4, target="netlist")
    assert 0.1 < answer.values.mean() < 0.9


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
def test_cells_and_portable_lanes_are_alike(rate):
    keys = {**TINY, "dim": 32, "lanes": 4}
    portable = make(**keys)
    cells = make(**keys, target={"cells": "ice40"})
    assert StatePlan(cells).native
    assert not StatePlan(portable).native
    equal(portable, rate=rate)
    equal(cells, rate=rate)


def test_cycles_follow_the_spikes():
    design = make(**TINY)
    layer = AttentionLayer(design)
    silent = np.zeros((4, 32, 64), dtype=np.uint8)
    one = silent.copy()
    one[2, 5, 7] = 1
    two = one.copy()
    two[2, 5, 8] = two[2, 6, 7] = 1

    def cycles(q, k):
        return layer.compute_cycles({"q": q, "k": k})

    # The first spike of a row fills a slot that it takes anyway; a pass of 8 of the 16 channels
    # goes through the others of k and q each.
    silence = cycles(silent, silent)
    assert cycles(one, silent) == cycles(silent, one) == silence
    assert cycles(two, silent) - silence == 2
    assert cycles(silent, two) - silence == 2


@pytest.mark.parametrize("rate", [0.0, 0.05, 0.5, 1.0])
@pytest.mark.parametrize(
    "similarity",
    [
        {"similarity": "xnor"},
        {"similarity": "alpha-xnor", "alpha": "3/8"},
        {"similarity": "hamming"},
    ],
    ids=lambda keys: keys["similarity"],
)
def test_similarities_that_count_zeros_take_no_cycle_more(similarity, rate):
    spikes = draw_spikes(make(**TINY), rate=rate, seed=1)
    cycles = [
        AttentionLayer(make(**TINY, **keys)).compute_cycles(spikes) for keys in ({}, similarity)
    ]
    assert cycles[0] == cycles[1]


@pytest.mark.parametrize("similarity", ["and", "xnor", "hamming"])
def test_cycles_are_linear_in_tokens(similarity):
    spans = []
    for tokens in (32, 64, 128, 256, 512, 1024):
        design = make(tokens=tokens, dim=16, heads=1, steps=2, similarity=similarity)
        spans.append(AttentionLayer(design).compute_cycles() / tokens)
    assert max(spans) / min(spans) < 1.05
