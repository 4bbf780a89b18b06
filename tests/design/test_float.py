"""Scales that are no float32 number, and thresholds that an integer drive meets exactly."""

from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.design.ties import neighbours
from spikeloom.golden.neuron import NeuronSpec

ATTENTION = {"tokens": 3, "dim": 32, "heads": 1, "steps": 1}
INTEGER = {"kind": "integer-attention", **ATTENTION, "scale": "1/10"}
PROJECTION = {"kind": "projection", "tokens": 2, "inputs": 1, "dim": 1, "steps": 1}
PROJECTION |= {"weights": {"values": [[1]]}, "scale": "1/10"}
MASK = {"kind": "mask", "attention": "qk-token", "tokens": 3, "dim": 4, "heads": 1, "steps": 1}
UNDER, NEAREST = 0.0178571417927742, 0.01785714365541935


def ties(keys):
    return [w for w in Design.from_dict(keys).warnings if "float32" in w]


def published(drive, scale, theta=0.5, tau=2):
    """SpikingJelly's LIF in float32, behind one product with the scale, as NumPy rounds it."""
    v, spikes = np.zeros(drive.shape[1:], np.float32), np.zeros(drive.shape, np.uint8)
    for t, x in enumerate(drive.astype(np.float32) * np.float32(scale)):
        v = v + (x - v) / np.float32(tau)
        spikes[t] = v >= np.float32(theta)
        v = np.where(spikes[t], np.float32(0), v)
    return spikes


def spec(scale, steps):
    return NeuronSpec.from_design(Design.from_dict(ATTENTION | {"scale": scale, "steps": steps}))


def test_the_whole_warning():
    (warning,) = ties(ATTENTION | {"similarity": "xnor", "scale": "1/56"})
    assert warning == (
        "scale: 1/56 is no float32 number and puts the threshold exactly on a drive of 56, where "
        f"float32 code may fall on either side; write the number that the code holds: {UNDER} "
        f"stays under it there, {NEAREST} (the nearest) reaches it"
    )


@pytest.mark.parametrize(
    "keys",
    [
        ATTENTION | {"scale": 0.1},
        ATTENTION | {"scale": "1/80", "steps": 4},
        ATTENTION | {"scale": "1/56", "neuron": "if"},
        ATTENTION | {"scale": "2/65", "steps": 3},
        ATTENTION | {"scale": "4/65", "steps": 4, "decay_input": False, "tau": 4},
        ATTENTION | {"scale": "1/3", "reset": "soft"},
        ATTENTION | {"similarity": "alpha-xnor", "alpha": 0.5, "scale": "1/7"},
        ATTENTION | {"heads": 2, "scale": [0.125, "1/56"]},
        INTEGER,
        INTEGER | {"neuron": "multispike"},
        INTEGER | {"neuron": "if", "scale": 1, "divisor": 3, "threshold": 1},
        PROJECTION,
        MASK | {"scale": "1/3"},
    ],
)
def test_every_kind_warns(keys):
    assert len(ties(keys)) == 1


@pytest.mark.parametrize(
    "keys",
    [
        ATTENTION,
        ATTENTION | {"scale": "3/64"},
        ATTENTION | {"scale": UNDER, "steps": 4},
        ATTENTION | {"scale": NEAREST, "steps": 4},
        ATTENTION | {"scale": "3/56", "steps": 4},
        ATTENTION | {"scale": "2/65", "steps": 1},
        ATTENTION | {"scale": "2/65", "steps": 3, "neuron": "if"},
        ATTENTION | {"scale": "1/56", "neuron": "none"},
        INTEGER | {"scale": "1/sqrt(32)"},
        INTEGER | {"scale": "1/8", "divisor": 4},
        INTEGER | {"scale": "3/56"},
        INTEGER | {"neuron": "none"},
        PROJECTION | {"scale": 0.25},
        {k: x for k, x in PROJECTION.items() if k != "scale"} | {"thresholds": {"values": [5]}},
        MASK,
    ],
)
def test_nothing_else_does(keys):
    assert ties(keys) == []


@pytest.mark.parametrize("steps", [1, 2, 4, 8])
@pytest.mark.parametrize("n", [3, 5, 10, 28, 41, 55, 56, 80, 100, 123, 199])
def test_the_numbers_do_what_the_warning_says(n, steps):
    """Both are a float32 number as float32 code reads them, and the tie goes as it says."""
    below, nearest, above = neighbours(Fraction(1, n))
    assert nearest == float(np.float32(1 / n))
    assert below < 1 / n < above == float(np.nextafter(np.float32(below), np.float32(1)))
    for scale, fires in ((below, 0), (f"1/{n}", 1), (above, 1)):
        drive = np.array([[n]] + [[0]] * (steps - 1))
        assert spec(scale, steps).run(drive)[0, 0] == fires
    assert all(float(np.float32(number)) == number for number in (below, nearest, above))


@pytest.mark.parametrize("n", [56, 80, 100])
def test_the_number_above_costs_bits_and_changes_nothing(n):
    """Why our examples keep "1/56": the same spikes with fewer bits in the membrane."""
    above = neighbours(Fraction(1, n))[2]
    x = np.random.default_rng(n).integers(0, n + 2, (4, 50_000))
    assert np.array_equal(spec(f"1/{n}", 4).run(x), spec(above, 4).run(x))
    assert (spec(f"1/{n}", 4).fraction, spec(above, 4).fraction) == (0, 3)


def test_one_step_behind_one_product():
    """float32 fires at a drive of n or not, according to n; the two designs are these answers."""
    missed = []
    for n in range(3, 200):
        floats = neighbours(Fraction(1, n))
        if floats is None:
            continue
        x = np.arange(4 * n)[None]
        code = published(x, 1 / n)
        fires = code[0, n] == 1
        assert np.array_equal(code, spec(f"1/{n}" if fires else floats[0], 1).run(x))
        assert np.array_equal(code, spec(floats[2] if fires else floats[0], 1).run(x))
        missed += [] if fires else [n]
    assert missed == [
        *(41, 47, 55, 61, 82, 83, 94, 97, 107, 109, 110, 115, 121, 122, 123, 141, 159, 164, 165),
        *(166, 188, 189, 194),
    ]


def test_the_published_class_scales_scores_before_it_adds_them():
    """attn * sigmoid(s) @ v of three tokens: the drive alone does not say what float32 does."""
    sigma = np.float32(UNDER)
    scores = np.array([[a, b, 56 - a - b] for a in range(33) for b in range(33) if a + b >= 24])
    scores = scores[(scores >= 0).all(axis=1)].astype(np.float32)
    scaled = scores * sigma
    total = (scaled[:, 0] + scaled[:, 1]) + scaled[:, 2]
    assert set((total / 2 >= 0.5).tolist()) == {True, False}
    assert not (published(scores.sum(axis=1)[None], sigma)).any()
