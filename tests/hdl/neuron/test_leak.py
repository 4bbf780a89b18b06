"""Layers of every kind whose neurons have any leak, or fire above their threshold only."""

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import component
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

SHAPE = {"tokens": 4, "dim": 12, "heads": 2, "steps": 3}
SCORE = {**SHAPE, "folding": {"order": "score", "rows": 2, "lanes": 2}}
STATE = {**SHAPE, "folding": {"order": "state", "lanes": 2}}
INTEGER = {**SHAPE, "kind": "integer-attention", "dim": 4, "folding": {"lanes": 1}}
WEIGHTS = [[(5 * row + 3 * n) % 15 - 6 for n in range(5)] for row in range(6)]
# A scale is so that a threshold of 3 is met by some drives and not by others.
LAYERS = {
    "score": {**SCORE, "scale": 1},
    "score-one-token": {**SCORE, "tokens": 1, "folding": {"order": "score"}, "scale": 1},
    "score-hamming": {**SCORE, "similarity": "hamming", "scale": 1},
    "score-heads": {**SCORE, "scale": [1, "1/2"]},
    "state": {**STATE, "scale": 1},
    "state-xnor": {**STATE, "similarity": "xnor", "scale": "1/4"},
    "state-xnor-heads": {**STATE, "similarity": "xnor", "scale": ["1/4", "1/2"]},
    "wide": {**STATE, "folding": {"order": "state", "spikes": 2, "lanes": 4}, "scale": 1},
    **{
        f"mask-{name}": {**SHAPE, "kind": "mask", "attention": name}
        for name in ("qk-token", "qk-channel", "sdsa")
    },
    "integer": {**INTEGER, "scale": "1/8", "v_bits": 3},
    "integer-unsigned": {**INTEGER, "scale": "1/16"},
    "projection": {
        **{"kind": "projection", "tokens": 3, "inputs": 5, "dim": 6, "steps": 3, "scale": "1/2"},
        "weights": {"values": WEIGHTS},
    },
}
NEURONS = {
    "thirds": {"tau": 1.5, "threshold": 3},
    "thirds-soft": {"tau": 1.5, "threshold": 3, "reset": "soft", "decay_input": False},
    "tenths": {"decay": 0.9, "threshold": 3},
    "tenths-above-soft": {"decay": 0.9, "threshold": 3, "fires": "above", "reset": "soft"},
    "quarter-above": {"decay": "1/4", "threshold": 3, "fires": "above"},
    "quarter-above-soft": {"decay": "1/4", "threshold": 3, "fires": "above", "reset": "soft"},
    "half-above": {"decay": 0.5, "threshold": 3, "fires": "above"},
    "if-above-soft": {"neuron": "if", "threshold": 3, "fires": "above", "reset": "soft"},
    "large": {"tau": 20, "decay_input": False, "threshold": "7/3", "fires": "above"},
}


def compare(design, *, stalls=0.0):
    """Compare with golden over inferences back to back, and cycles with the formula."""
    golden = model(design)
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate((0.6, 0.3))]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, patience=5000)
    traffic = run_pysim(AxiStreamTop(design), stimulus)
    answers = [golden.answer(arrays) for arrays in inputs]
    for want, frame in zip(answers, traffic.frames, strict=True):
        assert np.array_equal(golden.unpack(frame), want)
    assert traffic.busy == sum(map(component(design).compute_cycles, inputs))
    return np.stack(answers)


# Every layer with a third of the neurons.
PAIRS = [
    pytest.param(layer, neuron, id=f"{layer}-{neuron}")
    for n, layer in enumerate(LAYERS)
    for m, neuron in enumerate(NEURONS)
    if (n + m) % 3 == 0
]


@pytest.mark.parametrize(("layer", "neuron"), PAIRS)
def test_layer(layer, neuron):
    answers = compare(Design.from_dict({**LAYERS[layer], **NEURONS[neuron]}))
    assert 0 < answers.mean() < 1 or "one-token" in layer


@pytest.mark.parametrize("layer", ["score", "state-xnor", "mask-sdsa", "projection"])
def test_stalls(layer):
    compare(Design.from_dict({**LAYERS[layer], **NEURONS["thirds"]}), stalls=0.4)
