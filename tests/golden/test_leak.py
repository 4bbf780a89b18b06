"""Neurons of any leak, and those that fire above their threshold, against rationals."""

from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.kinds import model
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import membrane_range

BASE = {"tokens": 1, "dim": 1, "heads": 1}


def make(**keys):
    return Design.from_dict(BASE | {"steps": 5, "scale": 1} | keys)


def exact(design, drive):
    """The neuron as its papers write it, on rationals: one channel, one list of spikes.

    SpikingJelly's is H = V + (X - V) / tau, or V - V / tau + X; the others' is V decay + X.
    """
    v, spikes = Fraction(0), []
    for x in drive:
        current = design.scale * x
        if design.neuron == "if":
            h = v + current
        elif design.decay is not None:
            h = v * design.decay + current
        elif design.decay_input:
            h = v + (current - v) / design.tau
        else:
            h = v - v / design.tau + current
        fired = h > design.threshold if design.fires == "above" else h >= design.threshold
        v = h - fired * design.threshold if design.reset == "soft" else h * (not fired)
        spikes.append(int(fired))
    return spikes


def mismatches(design, drives):
    """Count the lists of drives, (count, T), whose spikes are not those of the real neuron."""
    found = NeuronSpec.from_design(design).run(np.array(drives).T).T.tolist()
    assert {0, 1} == {spike for row in found for spike in row}
    return sum(exact(design, row) != got for row, got in zip(drives, found, strict=True))


LEAKS = [
    *({"tau": tau, "decay_input": on} for tau in ("3/2", 3, "7/5") for on in (True, False)),
    *({"tau": tau} for tau in (2, 2.5, 6)),
    *({"decay": decay} for decay in ("1/4", 0.5, 0.9, "2/3", "3/8")),
    {"neuron": "if"},
]


@pytest.mark.parametrize("fires", ["at", "above"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_every_drive_of_four_steps(leak, reset, fires):
    """All drives of both signs around a small threshold: every tie that there is."""
    for threshold in (1, "3/2"):
        design = make(steps=4, reset=reset, fires=fires, threshold=threshold, **leak)
        if reset == "soft" and (real := design.thresholds_exact[0].denominator) & real - 1:
            assert any("reset" in warning for warning in design.warnings)
            continue
        drives = list(product(range(-1, 4), repeat=4))
        assert mismatches(design, drives) == 0


@pytest.mark.parametrize("fires", ["at", "above"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_drawn_drives_of_eight_steps(leak, reset, fires):
    for threshold in (5, "33/4"):
        design = make(steps=8, reset=reset, fires=fires, threshold=threshold, **leak)
        if reset == "soft" and (real := design.thresholds_exact[0].denominator) & real - 1:
            continue
        rng = np.random.default_rng(3)
        near = int(design.thresholds_exact[0]) + 2
        drives = [
            *rng.integers(-near, near + 1, (120, 8)),
            *rng.integers(0, near // 2 + 2, (120, 8)),
        ]
        assert mismatches(design, [row.tolist() for row in drives]) == 0


@pytest.mark.parametrize("fires", ["at", "above"])
@pytest.mark.parametrize("leak", LEAKS, ids=str)
def test_hard_reset_is_exact_off_every_grid(leak, fires):
    rng = np.random.default_rng(4)
    for scale, threshold in (("10/33", 1), (0.3, "7/11")):
        design = make(fires=fires, threshold=threshold, scale=scale, **leak)
        near = int(design.thresholds_exact[0]) + 2
        drives = rng.integers(-near, near + 1, (400, 5)).tolist()
        assert mismatches(design, drives) == 0


def test_spikingformer_at_tau_three_halves():
    """Fire when V + 2 S >= 12, else V' = floor((V + 2 S) / 3), as its DVS models come out.

    In halves of those units the drive has no factor: V = 2 W.
    """
    design = make(tau=1.5, threshold=0.5, scale=0.125, steps=6)
    spec = NeuronSpec.from_design(design)
    assert (spec.fraction, spec.threshold, spec.keep, spec.divisor) == (0, 6, 1, 3)
    drives = np.random.default_rng(5).integers(0, 9, (6, 5000))
    v, spikes = np.zeros(5000, np.int64), []
    for s in drives:
        a = v + 2 * s
        spikes.append(a >= 12)
        v = np.where(spikes[-1], 0, a // 3)
    assert 0.1 < np.mean(spikes) < 0.9
    assert np.array_equal(spec.run(drives), spikes)


def test_nothing_is_to_spare():
    """A fraction bit less, or the other rounding, changes spikes."""
    leak = {"decay": 0.9, "threshold": 1, "scale": "1/3", "steps": 4}
    drives = np.array(list(product(range(-1, 4), repeat=4))).T
    for fires in ("at", "above"):
        spec = NeuronSpec.from_design(make(**leak, fires=fires))
        few = NeuronSpec.from_design(make(**leak, fires=fires)).at(Fraction(3), 4, 2)
        assert spec.fraction > 2
        assert (few.run(drives) != spec.run(drives)).sum() > 0
    third = {"tau": 1.5, "threshold": "2/3", "scale": 1, "steps": 4}
    at, above = (NeuronSpec.from_design(make(**third, fires=fires)) for fires in ("at", "above"))
    assert (at.fraction, at.threshold, above.threshold) == (0, 1, 2)
    wrong = NeuronSpec("lif", 0, 0, 2, "hard", 3, 1, up=False)
    assert (wrong.run(drives) != above.run(drives)).sum() > 0


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"tau": 1.5, "threshold": 4}, (0, 6, 1, 3)),
        ({"decay": "1/4", "threshold": 4}, (0, 4, 1, 4)),
        ({"decay": "1/4", "threshold": 4, "fires": "above"}, (0, 5, 1, 4)),
        ({"decay": 0.5, "threshold": 4}, (0, 4, 1, 2)),
        ({"tau": 4, "threshold": 4}, (8, 4 * 4 << 8, 3, 4)),
        ({"neuron": "if", "fires": "above", "threshold": "7/2"}, (0, 4, 1, 1)),
        ({"tau": 3, "threshold": 4, "steps": 1}, (0, 12, 2, 3)),
    ],
    ids=str,
)
def test_numbers(keys, expected):
    spec = NeuronSpec.from_design(make(**keys))
    assert (spec.fraction, spec.threshold, spec.keep, spec.divisor) == expected


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("leak", [{"tau": 1.5}, {"decay": 0.9}, {"decay": "1/4"}], ids=str)
def test_membranes_stay_in_their_range(leak, reset):
    for fires, low in product(("at", "above"), (0, -9)):
        design = make(**leak, reset=reset, fires=fires, threshold=4)
        spec = NeuronSpec.from_design(design)
        least, most = membrane_range(spec, (low, 9), 5)
        met = set()
        for x in np.random.default_rng(6).integers(low, 10, (5, 3000)).T.tolist() + [[low] * 5]:
            w = 0
            for drive in x:
                _, w = spec.step(w, drive)
                met.add(w)
        assert least <= min(met)
        assert max(met) <= most
        assert max(met) >= most // 2


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("fires", ["at", "above"])
def test_wide_numbers_agree(reset, fires):
    """Beyond 64 bits, in Python's integers."""
    design = make(decay=0.9, steps=20, threshold=6, reset=reset, fires=fires)
    spec = NeuronSpec.from_design(design)
    assert not spec.fits(9, 20)
    drives = np.random.default_rng(7).integers(-2, 4, (200, 20)).tolist()
    assert mismatches(design, drives) == 0


@pytest.mark.parametrize("fires", ["at", "above"])
def test_drives_may_saturate_with_hard_reset(fires):
    for leak in ({"tau": 1.5}, {"decay": 0.9}, {"decay": "1/4"}):
        design = make(**leak, fires=fires, threshold=5)
        spec = NeuronSpec.from_design(design)
        x = np.random.default_rng(9).integers(0, 2 * spec.saturate, (5, 4000))
        assert np.array_equal(spec.run(np.minimum(x, spec.saturate)), spec.run(x))
        assert not np.array_equal(spec.run(np.minimum(x, spec.saturate - 1)), spec.run(x))


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("fires", ["at", "above"])
def test_a_projection_with_a_threshold_a_channel(fires, reset):
    """One input of weight 1 for all: each channel is the neuron of its own threshold."""
    given = [1, 3, 4, 8]
    design = Design.from_dict(
        {
            **{"kind": "projection", "tokens": 300, "inputs": 1, "dim": 4, "steps": 5},
            **{"levels": 3, "decay": 0.9, "fires": fires, "reset": reset},
            "weights": {"values": [[1]] * 4},
            "thresholds": {"values": given},
        }
    )
    x = np.random.default_rng(10).integers(0, 4, (5, 300, 1))
    spikes = model(design).answer({"x": x.astype(np.uint8)})
    for channel, threshold in enumerate(given):
        one = make(decay=0.9, fires=fires, reset=reset, threshold=threshold)
        assert 0 < spikes[..., channel].mean() < 1
        for token, column in enumerate(x[..., 0].T.tolist()):
            assert spikes[:, token, channel].tolist() == exact(one, column)


@pytest.mark.parametrize("fires", ["at", "above"])
def test_an_irrational_threshold(fires):
    """X / sqrt(7) against 5/2, with tau 3/2: compared by squares."""
    keys = {"kind": "integer-attention", "tau": 1.5, "threshold": "5/2", "scale": "1/sqrt(7)"}
    design = Design.from_dict({**BASE, **keys, "steps": 6, "fires": fires})
    spec = integer.neuron(design)
    drives = np.random.default_rng(11).integers(0, 11, (6, 2000))
    spikes = spec.run(drives)
    assert 0 < spikes.mean() < 1
    for column, got in zip(drives.T.tolist(), spikes.T.tolist(), strict=True):
        v, want = Fraction(0), []
        for x in column:
            h = v + (x - v) / Fraction(3, 2)
            want.append(int(h * h >= Fraction(25, 4) * 7))
            v = h * (not want[-1])
        assert got == want
