import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.norm import channel_neurons
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.channels import channel_tables
from spikeloom.hdl.attention.parallel import head_of_group
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.norm import ChannelFire, ChannelPreset, ChannelRom
from spikeloom.hdl.neuron import Neuron
from spikeloom.sim.pysim import add_clock

from ...designs import check

SIGNED = {"similarity": "hamming"}
NEURONS = [
    {},
    {"reset": "soft"},
    {"neuron": "if"},
    {"neuron": "if", "reset": "soft"},
    {"tau": 4},
    {"tau": "3/2"},
    {"decay": "2/3", "fires": "above"},
]


def norm(dim, seed=0, *, signs=(-1, 1), bits=2):
    rng = np.random.default_rng(seed)
    gain = rng.integers(2, 17, dim) * rng.choice(signs, dim)
    return {
        "gain": [f"{n}/8" for n in gain],
        "offset": [f"{n}/16" for n in rng.integers(-8, 12, dim)],
        "bits": bits,
    }


def make(**keys):
    layer = {"tokens": 7, "dim": 12, "heads": 2, "steps": 3, "scale": "1/4", "target": {"beat": 4}}
    return Design.from_dict({"norm": norm(keys.get("dim", 12)), **layer, **keys})


@pytest.mark.parametrize("keys", NEURONS, ids=str)
@pytest.mark.parametrize(
    "more",
    [
        SIGNED,
        SIGNED | {"folding": {"rows": 2, "lanes": 4}},
        {"folding": {"lanes": 1}, "target": {"beat": 8}},
    ],
    ids=str,
)
def test_layer_equals_golden(keys, more):
    golden = check(make(**keys, **more), stalls=0.2, seed=1, rates=(0.8, 0.6))
    assert all(0 < answer.mean() < 1 for answer in golden)


@pytest.mark.parametrize(
    "more",
    [
        {"tokens": 1, "folding": {"lanes": 2}},
        {"steps": 1},
        {"norm": {}, "scale": ["1/4", "-1/4"]},
        {"norm": {}, "scale": "-1/4", "folding": {"lanes": 2}},
        {"norm": {"offset": "1/8"}, "folding": {"rows": 4}},
        {"norm": norm(12, signs=(1,)), "folding": {"heads": 2}},
        {"norm": norm(12), "scale": ["1/4", "-1/2"], "folding": {"heads": 2, "lanes": 4}},
        {"similarity": "xnor", "position": ["gray", "log"], "threshold": 3},
        {"similarity": "alpha-xnor", "alpha": ["1/4", "1/2"], "threshold": 2},
        {"similarity": "and", "gate": 1, "threshold": 1},
        {"causal": True},
        {"dim": 36, "heads": 3, "folding": {"lanes": 2}},
        {"dim": 20, "heads": 2, "folding": {"lanes": 1}, "target": {"cells": "portable"}},
    ],
    ids=str,
)
def test_layers_of_all_shapes(more):
    golden = check(make(**{**SIGNED, **more}), stalls=0.2, seed=2, rates=(0.8, 0.6))
    assert any(answer.any() for answer in golden)
