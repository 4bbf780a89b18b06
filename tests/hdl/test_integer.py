import itertools
import random

import numpy as np
import pytest

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.kinds import model
from spikeloom.hdl.integer.layer import IntegerLayer, integer_cycles
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.traffic import Stimulus
from spikeloom.sim.verilog import to_rtlil

from ..designs import cover
from ..integers import check, inferences

NEURONS = {
    "multispike": {"neuron": "multispike"},
    "half-up": {"neuron": "multispike", "rounding": "half-up"},
    "lif": {},
    "lif-soft": {"reset": "soft"},
    "lif-tau4": {"tau": 4},
    "if": {"neuron": "if"},
    "if-soft": {"neuron": "if", "reset": "soft"},
    "none": {"neuron": "none"},
}
FACTORS = {
    "neuron": tuple(NEURONS),
    "tokens": (1, 2, 3, 12, 32),
    "head_dim": (4, 12, 16),
    "values": ("as q", 3, 8),
    "heads": (1, 2),
    "steps": (1, 4),
    "levels": (1, 4, 15),
    "q_max": (1, 4, 15),
    "k_max": (4, 1, 10),
    "v": (4, -8, 1, 255, -2),
    "lanes": (1, 2, 4, 16),
    "beat": (8, 16, 32),
    "buffers": ("auto", 1, 2),
    "scale": ("1/8", "1/3", "1/sqrt(7)"),
}


def layer(row):
    """Make the design of a row, with a scale that brings its drive to its levels or threshold."""
    values = row["head_dim"] if row["values"] == "as q" else row["values"]
    lanes = min(row["lanes"], values)
    lanes = lanes if lanes == values else 1 << lanes.bit_length() - 1
    keys = NEURONS[row["neuron"]]
    sign = {"v_bits": (-row["v"]).bit_length()} if row["v"] < 0 else {"v_max": row["v"]}
    scale = "1/8" if keys.get("reset") == "soft" else row["scale"]
    if keys.get("neuron") == "multispike":
        keys = {**keys, "levels": row["levels"]}
    typical = row["tokens"] * row["head_dim"] * row["q_max"] * row["k_max"] * abs(row["v"]) / 8
    divisor = max(1, min(255, round((typical / (4 * row["levels"])) ** (1 / 3))))
    return IntegerDesign.from_dict(
        {
            "tokens": row["tokens"],
            "dim": row["head_dim"] * row["heads"],
            "value_dim": values * row["heads"],
            "heads": row["heads"],
            "steps": row["steps"],
            "q_max": row["q_max"],
            "k_max": row["k_max"],
            "scale": scale,
            "divisor": divisor,
            "folding": {"lanes": lanes, "buffers": row["buffers"]},
            "target": {"beat": row["beat"]},
            **sign,
            **keys,
        }
    )


ROWS = cover(FACTORS, 2)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(map(str, row.values())))
def test_rtl_equals_golden(row, request):
    seed = sum(request.node.name.encode())
    large = row["tokens"] * row["head_dim"] * row["heads"] * row["steps"] > 400
    rates = (0.6, 0.1) if large else (0.7, 0.0, 0.3, 1.0)
    check(layer(row), stalls=(0.0, 0.3, 0.6)[seed % 3], seed=seed, rates=rates, compiled=large)


def test_layers_of_the_sweep_are_alive():
    live = 0
    for row in ROWS:
        design = layer(row)
        answers = [model(design).answer(arrays) for arrays in inferences(design, (0.6, 0.9))]
        live += any(answer.any() for answer in answers)
    assert live >= 0.8 * len(ROWS)


TINY = {"tokens": 2, "dim": 1, "heads": 1, "steps": 1, "q_max": 3, "k_max": 3, "v_max": 3}


@pytest.mark.parametrize("neuron", [{"neuron": "multispike", "scale": 0.25}, {"neuron": "none"}])
def test_every_input_of_a_tiny_layer(neuron):
    """All 4**6 inputs, one inference after the other."""
    design = IntegerDesign.from_dict({**TINY, **neuron})
    golden = model(design)
    inputs = [
        {name: np.array(values[2 * n : 2 * n + 2]).reshape(1, 2, 1) for n, name in enumerate("qkv")}
        for values in itertools.product(range(4), repeat=6)
    ]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    traffic = CxxrtlModel(to_rtlil(AxiStreamTop(design))).run(Stimulus(frames, golden.beats_out))
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        assert np.array_equal(golden.unpack(frame), golden.answer(arrays)), arrays
    assert traffic.busy == sum(IntegerLayer(design).compute_cycles(arrays) for arrays in inputs)


@pytest.mark.parametrize(("lanes", "shared"), [(1, 8), (2, 4), (4, 2), (8, 1)])
def test_passes_that_share_a_word_of_the_output_write_their_part_of_it(lanes, shared):
    keys = {**TINY, "tokens": 3, "dim": 8, "threshold": 2, "scale": "1/8"}
    design = IntegerDesign.from_dict({**keys, "folding": {"lanes": lanes}, "target": {"beat": 8}})
    plan = IntegerLayer(design).plan
    assert (plan.passes, plan.out.shared, plan.out.part) == (shared, shared, lanes)
    answers = check(design)
    assert any(answer.any() and not answer.all() for answer in answers)


def test_long_sequences_lie_in_single_ported_memory():
    design = IntegerDesign.from_dict(
        {
            **{"tokens": 1024, "dim": 16, "heads": 1, "steps": 1, "neuron": "multispike"},
            **{"divisor": 4, "scale": "1/64", "folding": {"lanes": 2, "buffers": 1}},
        }
    )
    layer = IntegerLayer(design)
    assert sum(memory.spram for memory in layer.memories) in (1, 2, 3, 4)
    assert sum(memory.ebr for memory in layer.memories) <= 30
    (answer,) = check(design, rates=(0.2,), compiled=True)
    assert answer.any()


def test_long_sequences_of_wide_heads():
    """More than the device holds, and right all the same."""
    design = IntegerDesign.from_dict(
        {
            **{"tokens": 1024, "dim": 64, "heads": 1, "steps": 1, "neuron": "multispike"},
            **{"divisor": 4, "scale": "1/4", "target": {"beat": 16}, "folding": {"lanes": 4}},
        }
    )
    (answer,) = check(design, rates=(0.1,), compiled=True)
    assert answer.any()


def test_membranes_in_single_ported_memory():
    design = IntegerDesign.from_dict(
        {
            **{"tokens": 1024, "dim": 16, "heads": 1, "steps": 2, "threshold": 20, "v_max": 3},
            **{"q_max": 1, "k_max": 1, "folding": {"lanes": 1, "buffers": 1}},
        }
    )
    layer = IntegerLayer(design)
    assert layer.plan.paced
    check(design, rates=(0.02, 0.3), compiled=True)


def test_worst_case_is_the_most():
    design = IntegerDesign.from_dict({**TINY, "q_max": 4, "k_max": 11})
    layer = IntegerLayer(design)
    draw = random.Random(0)
    for _ in range(200):
        arrays = {
            name: np.array([draw.randint(0, top) for _ in range(2)]).reshape(1, 2, 1)
            for name, top in (("q", 4), ("k", 11))
        }
        assert layer.compute_cycles(arrays) <= layer.compute_cycles()
    # 5 a pass; 3 + 3 bits and 2 doublings for k; for each query 2 bits and a start.
    assert integer_cycles(layer.plan, *(np.full((1, 2, 1), n) for n in (3, 11))) == 5 + 8 + 6
