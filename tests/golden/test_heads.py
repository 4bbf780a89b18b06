"""Scales and alphas of single heads: golden against the papers' formulas in rationals."""

import math
from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import attention, drive
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import membrane_range, ranges

from .. import restated

BASE = {"tokens": 6, "dim": 18, "heads": 3, "steps": 3}
POSITIONS = [
    {},
    {"position": "gray"},
    {"position": "log", "log": {"length": 12}},
    {"position": ["gray", "shift"], "shift": {"groups": 2, "grid": [2, 3]}},
]
NEURONS = [
    {},
    {"reset": "soft"},
    {"tau": 4},
    {"neuron": "if"},
    {"neuron": "if", "reset": "soft"},
    {"decay_input": False},
]


def sigmoid(s):
    return f"{1 / (1 + math.exp(-s)):.17f}"


def drawn(rng, rate=0.4):
    return tuple((rng.random((3, 6, 18)) < rate).astype(np.uint8) for _ in "qkv")


def scales(rng, design, spikes, soft):
    """One a head, as training leaves them; with soft reset on a grid, where that is exact."""
    parts = np.split(np.abs(drive(design, *spikes)), 3, axis=2)
    typical = [max(1.0, float(p.mean())) / 2**design.score_fraction for p in parts]
    if soft:
        return [f"1/{2 ** int(rng.integers(0, 3)) * max(1, round(x))}" for x in typical]
    return [f"{rng.uniform(0.3, 1.5) / x:.9f}" for x in typical]


@pytest.mark.parametrize("similarity", ["and", "xnor", "alpha-xnor", "hamming"])
@pytest.mark.parametrize("position", POSITIONS)
def test_layer_equals_its_restatement(similarity, position):
    """16 combinations of 66 cases each: 1,056 layers, bit for bit."""
    rng = np.random.default_rng(2)
    live = 0
    for n in range(66):
        keys = BASE | position | {"similarity": similarity} | NEURONS[n % len(NEURONS)]
        if similarity == "alpha-xnor":
            kappas = rng.integers(0, 9, 3)
            keys["alpha"] = [f"{kappa}/8" for kappa in kappas]
        spikes = drawn(rng)
        keys["scale"] = scales(rng, Design.from_dict(keys), spikes, keys.get("reset") == "soft")
        design = Design.from_dict(keys)
        assert not any("reset" in warning for warning in design.warnings)
        answer = attention(design, *spikes)
        assert np.array_equal(answer, restated.spikes(keys, *spikes))
        live += sum(0 < part.mean() < 1 for part in np.split(answer, 3, axis=2))
    assert live > 100


@pytest.mark.parametrize("position", POSITIONS)
def test_learned_scales_and_alphas_of_the_published_code(position):
    """sigmoid(s) around the -4 where training starts, off every grid, with as many digits."""
    rng = np.random.default_rng(4)
    for _ in range(20):
        keys = BASE | position | {"similarity": "alpha-xnor", "steps": 3}
        keys |= {"scale": [sigmoid(s) for s in rng.normal(-4, 0.5, 3)], "alpha": [0.25, 0, 1]}
        design = Design.from_dict(keys)
        spikes = drawn(rng, 0.3)
        assert np.array_equal(attention(design, *spikes), restated.spikes(keys, *spikes))


def test_heads_have_their_own_threshold_and_common_fraction_bits():
    design = Design.from_dict(BASE | {"scale": ["1/8", sigmoid(-4), "1/4"], "steps": 4})
    specs = [NeuronSpec.from_design(design, head) for head in range(3)]
    assert [spec.fraction for spec in specs] == [3, 3, 3]
    assert [spec.threshold for spec in specs] == [64, 445, 32]
    assert ranges(design).saturate == 56
    assert [threshold for threshold, _ in ranges(design).heads] == [64, 445, 32]


def test_more_fraction_bits_than_the_fewest_are_exact():
    x = np.random.default_rng(5).integers(0, 40, (5, 4000))
    for reset, spare in (("hard", 1), ("hard", 4), ("soft", 1), ("soft", 4)):
        fewest = NeuronSpec("lif", 1, 0, 37, reset)
        more = NeuronSpec("lif", 1, spare, 37 << spare, reset)
        assert np.array_equal(fewest.run(x), more.run(x))


def test_clipping_at_the_greatest_threshold_is_exact_for_every_head():
    rng = np.random.default_rng(6)
    design = Design.from_dict(BASE | {"scale": ["1/8", "1/3", "1/20"]})
    top = ranges(design).saturate
    assert top == 20
    x = rng.integers(0, 60, (3, 6, 18))
    for head, part in enumerate(np.split(x, 3, axis=2)):
        spec = NeuronSpec.from_design(design, head)
        assert np.array_equal(spec.run(np.minimum(part, top)), spec.run(part))
    last = np.split(x, 3, axis=2)[2]
    assert not np.array_equal(spec.run(np.minimum(last, 8)), spec.run(last))


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_ranges_hold_every_head(position, reset):
    """Each head alone, as a layer of its own, lies within the ranges of all."""
    keys = BASE | position | {"similarity": "alpha-xnor", "reset": reset}
    alphas, factors = ["1/8", "7/8", "1/2"], ["1/8", "1/2", "1/64"]
    found = ranges(Design.from_dict(keys | {"alpha": alphas, "scale": factors}))
    single = [
        ranges(Design.from_dict(keys | {"alpha": alpha, "scale": factor}))
        for alpha, factor in zip(alphas, factors, strict=True)
    ]
    for name in ("score", "drive"):
        spans = [getattr(one, name) for one in single]
        assert getattr(found, name) == (min(s[0] for s in spans), max(s[1] for s in spans))
    design = Design.from_dict(keys | {"alpha": alphas, "scale": factors})
    for head, (threshold, span) in enumerate(found.heads):
        spec = NeuronSpec.from_design(design, head)
        assert threshold == spec.threshold
        assert span == membrane_range(spec, found.drive, 3)
        assert found.membrane[0] <= span[0] <= span[1] <= found.membrane[1]


def test_equal_heads_are_one():
    one = Design.from_dict(BASE | {"scale": "1/4", "similarity": "alpha-xnor", "alpha": 0.3})
    keys = {"scale": ["1/4"] * 3, "similarity": "alpha-xnor", "alpha": [0.3, 0.25, "1/4"]}
    same = Design.from_dict(BASE | keys)
    assert same.kappa == one.kappa
    assert same.threshold_exact == one.threshold_exact
    assert same.alpha_exact == Fraction(1, 4)
    assert ranges(same) == ranges(one)
    assert same.similarities[2] == one.similarities[0]
