import numpy as np
import pytest

from spikeloom.design_mask import MaskDesign
from spikeloom.golden.mask import MaskModel, mask
from spikeloom.hdl.mask import Mask
from spikeloom.sim.simulate import run
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

from .designs import cover

KINDS = ("qk-token", "qk-channel", "sdsa")
NEURONS = {
    "or": {},
    "hard": {"threshold": 1},
    "hard-3": {"threshold": "3/2"},
    "hard-off-grid": {"threshold": "10/9"},
    "soft": {"reset": "soft"},
    "soft-5": {"reset": "soft", "threshold": "5/2"},
    "soft-off-grid": {"reset": "soft", "threshold": "7/8", "decay_input": False},
    "tau4": {"tau": 4},
    "tau4-soft": {"tau": 4, "reset": "soft", "decay_input": False, "threshold": 2},
    "if": {"neuron": "if", "threshold": 3},
    "if-soft": {"neuron": "if", "threshold": 2, "reset": "soft"},
}
CHOICES = {
    "attention": KINDS,
    "neuron": tuple(NEURONS),
    "tokens": (1, 2, 3, 12, 32),
    "head_dim": (1, 4, 12, 16, 24),
    "steps": (1, 2, 4),
    "heads": (1, 2, 3),
    "beat": (8, 1, 4, 16, 64),
}
STALLS = (0.0, 0.3, 0.7)
RATES = (0.5, 0.1, 1.0, 0.25)


def layer(row):
    keys = {key: row[key] for key in ("attention", "tokens", "steps", "heads")}
    dim = row["head_dim"] * row["heads"]
    target = {"beat": row["beat"]}
    return MaskDesign.from_dict(
        {"name": "layer", "dim": dim, "target": target, **keys, **NEURONS[row["neuron"]]}
    )


def inferences(design, rates=RATES):
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    return inputs, np.stack([MaskModel(design).pack(arrays) for arrays in inputs])


def check(design, *, stalls=0.0, seed=0, rates=RATES, **how):
    """Compare with golden over inferences back to back, and cycles with the formula."""
    inputs, frames = inferences(design, rates)
    golden = MaskModel(design)
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=1000)
    traffic = run(design, stimulus, **{"simulator": "pysim", **how})
    for n, (arrays, frame) in enumerate(zip(inputs, traffic.frames, strict=True)):
        wrong = np.argwhere(golden.unpack(frame) != mask(design, arrays))
        assert not len(wrong), f"inference {n}, (t, token, channel) = {wrong[0]}: {len(wrong)}"
    assert traffic.busy == len(inputs) * Mask(design).compute_cycles()
    return traffic


def label(row):
    return "/".join(str(value) for value in row.values())


@pytest.mark.parametrize("row", cover(CHOICES, 2), ids=label)
def test_rtl_equals_golden(row, request):
    seed = sum(request.node.name.encode())
    check(layer(row), stalls=STALLS[seed % 3], seed=seed)


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("attention", KINDS)
def test_every_attention_and_neuron(attention, neuron):
    shape = {"tokens": 5, "head_dim": 12, "steps": 4, "heads": 2, "beat": 8}
    design = layer({"attention": attention, "neuron": neuron, **shape})
    check(design, stalls=0.3, seed=4)
    answers = np.stack([mask(design, arrays) for arrays in inferences(design)[0]])
    assert 0 < answers.mean() < 1


@pytest.mark.parametrize("neuron", ["or", "hard", "soft"])
@pytest.mark.parametrize("attention", KINDS)
def test_every_input_of_a_small_layer(attention, neuron):
    """Two tokens of two channels, two steps: all spikes there are, back to back."""
    shape = {"tokens": 2, "head_dim": 2, "steps": 2, "heads": 1, "beat": 2}
    design = layer({"attention": attention, "neuron": neuron, **shape})
    golden = MaskModel(design)
    bits = golden.beats_in * 2
    every = np.arange(1 << min(bits, 16))
    if bits > 16:
        every = np.random.default_rng(1).integers(0, 1 << bits, 1 << 13)
    frames = (every[:, None] >> 2 * np.arange(golden.beats_in) & 3).astype(np.uint64)
    stimulus = Stimulus(frames, golden.beats_out)
    traffic = run(design, stimulus, simulator="cxxrtl")
    for frame, answer in zip(frames, traffic.frames, strict=True):
        assert (golden.unpack(answer) == mask(design, unpack_input(design, frame))).all()


def unpack_input(design, beats):
    """The order of the beats, restated for one head and beats that hold a whole token."""
    rows = np.unpackbits(beats.astype(np.uint8)[:, None], axis=1, bitorder="little")
    rows = rows[:, : design.dim].reshape(design.steps, -1, design.dim)
    tokens = design.tokens
    if design.attention == "qk-token":
        return {"q": rows[:, 0::2], "k": rows[:, 1::2]}
    if design.attention == "qk-channel":
        return {"q": rows[:, :tokens], "k": rows[:, tokens:]}
    pairs = rows[:, : 2 * tokens]
    return {"k": pairs[:, 0::2], "v": pairs[:, 1::2], "q": rows[:, 2 * tokens :]}
