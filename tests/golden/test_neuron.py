from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.neuron import NeuronSpec

BASE = {"tokens": 1, "dim": 1, "heads": 1}


def make(**keys):
    return Design.from_dict(BASE | {"steps": 6} | keys)


def exact(design, drive):
    """The neuron as its papers write it, on rationals: one channel, one list of spikes."""
    v, spikes = Fraction(0), []
    for x in drive:
        current = design.scale * x / (1 << design.score_fraction)
        if design.neuron == "if":
            h = v + current
        elif design.decay_input:
            h = v + (current - v) / design.tau
        else:
            h = v - v / design.tau + current
        fired = h >= design.threshold
        v = h - fired * design.threshold if design.reset == "soft" else h * (not fired)
        spikes.append(int(fired))
    return spikes


def drives(design, count=300):
    """Random drives around the threshold, and walks that end close to it."""
    rng = np.random.default_rng(11)
    near = int(design.threshold_exact) + 2
    noise = rng.integers(-near, near + 1, (design.steps, count))
    rising = rng.integers(0, max(2, near // 2), (design.steps, count))
    return np.concatenate([noise, rising], axis=1)


def mismatches(design):
    x = drives(design)
    spikes = NeuronSpec.from_design(design).run(x)
    found = sum(
        exact(design, column) != got
        for column, got in zip(x.T.tolist(), spikes.T.tolist(), strict=True)
    )
    assert 0 < spikes.mean() < 1
    return found


@pytest.mark.parametrize("tau", [2, 4, 16])
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize(
    ("threshold", "scale"), [(0.5, 0.125), (1, 0.125), (0.5, 0.25), (1, "1/7")]
)
def test_lif_is_exact_on_the_grid(tau, decay_input, reset, threshold, scale):
    design = make(tau=tau, decay_input=decay_input, reset=reset, threshold=threshold, scale=scale)
    assert design.threshold_exact.denominator == 1
    assert mismatches(design) == 0


@pytest.mark.parametrize("tau", [2, 4])
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("scale", [0.017986, "10/33", "2/65", 0.3])
def test_hard_reset_is_exact_off_the_grid(tau, decay_input, scale):
    design = make(tau=tau, decay_input=decay_input, threshold=0.5, scale=scale)
    assert mismatches(design) == 0


@pytest.mark.parametrize("tau", [2, 4])
@pytest.mark.parametrize("threshold", ["33/64", "1/16", "5/8"])
def test_soft_reset_is_exact_on_a_finer_grid(tau, threshold):
    design = make(tau=tau, reset="soft", threshold=threshold, scale=1, decay_input=False)
    assert not any("reset" in warning for warning in design.warnings)
    assert mismatches(design) == 0


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize(
    ("threshold", "scale"), [(1, 1), (0.5, 0.125), ("7/4", "1/2"), ("5/8", 0.125)]
)
def test_if_is_exact(reset, threshold, scale):
    assert mismatches(make(neuron="if", reset=reset, threshold=threshold, scale=scale)) == 0


def test_if_with_hard_reset_is_exact_for_any_threshold():
    design = make(neuron="if", threshold=0.5, scale=0.017986)
    spec = NeuronSpec.from_design(design)
    assert (spec.fraction, spec.threshold) == (0, 28)
    assert mismatches(design) == 0


def test_soft_reset_that_no_binary_fraction_holds_carries_a_warning():
    design = make(reset="soft", threshold=1, scale=0.3)
    assert any(warning.startswith("reset: soft") for warning in design.warnings)


def test_every_drive_of_three_steps():
    for reset, decay_input in product(("hard", "soft"), (True, False)):
        design = make(steps=3, reset=reset, decay_input=decay_input, threshold=2, scale=1)
        spec = NeuronSpec.from_design(design)
        x = np.array(list(product(range(-6, 7), repeat=3))).T
        spikes = spec.run(x)
        for column, got in zip(x.T.tolist(), spikes.T.tolist(), strict=True):
            assert exact(design, column) == got


@pytest.mark.parametrize(
    ("keys", "spec"),
    [
        ({}, ("lif", 1, 0, 8)),
        ({"scale": 0.25}, ("lif", 1, 0, 4)),
        ({"threshold": 1}, ("lif", 1, 0, 16)),
        ({"decay_input": False}, ("lif", 1, 0, 4)),
        ({"steps": 4, "scale": 0.017986}, ("lif", 1, 3, 445)),
        ({"steps": 1, "scale": 0.017986}, ("lif", 1, 0, 56)),
        ({"steps": 4, "threshold": "65/4", "scale": 1}, ("lif", 1, 1, 65)),
        ({"steps": 4, "tau": 4}, ("lif", 2, 6, 16 << 6)),
        ({"neuron": "if"}, ("if", 0, 0, 4)),
        ({"similarity": "alpha-xnor", "alpha": 0.375}, ("lif", 1, 0, 64)),
    ],
)
def test_published_thresholds(keys, spec):
    found = NeuronSpec.from_design(make(**keys))
    assert (found.kind, found.shift, found.fraction, found.threshold) == spec


def test_published_examples():
    assert NeuronSpec("lif", 1, 0, 8, "hard").run([5, 6, 1, 9]).tolist() == [0, 1, 0, 1]
    # theta = 1 and drives 1.5, 1.5, 1.5, -2 in units of a half.
    assert NeuronSpec("lif", 1, 0, 4, "hard").run([3, 3, 3, -4]).tolist() == [0, 1, 0, 0]


def test_membranes_round_down():
    assert NeuronSpec("lif", 1, 0, 8, "hard").step(0, -1) == (0, -1)
    assert NeuronSpec("lif", 1, 0, 8, "hard").step(-3, 0) == (0, -2)
    assert NeuronSpec("lif", 1, 0, 8, "hard").step(3, 5) == (1, 0)
    assert NeuronSpec("lif", 1, 0, 8, "soft").step(3, 8) == (1, 1)


@pytest.mark.parametrize("rounding", ["truncate", "half up"])
def test_other_roundings_are_not_exact(rounding):
    """The theorem is about the floor: truncation and rounding change spikes."""
    design = make(steps=16)
    rng = np.random.default_rng(5)
    wrong = 0
    for column in rng.integers(-30, 34, (2000, 16)).tolist():
        w, spikes = 0, []
        for x in column:
            a = w + x
            spikes.append(int(a >= 8))
            a = 0 if a >= 8 else a
            w = int(a / 2) if rounding == "truncate" else (a + 1) >> 1
        wrong += spikes != exact(design, column)
    assert wrong > 0


def test_too_few_fraction_bits_are_not_exact():
    design = make(steps=4, scale=0.017986)
    x = np.random.default_rng(6).integers(0, 57, (4, 4000))
    coarse = NeuronSpec("lif", 1, 0, 56, "hard").run(x)
    assert (coarse != NeuronSpec.from_design(design).run(x)).sum() > 0


def test_arrays_scalars_and_wide_numbers_agree():
    design = make(steps=20, tau=16, scale=0.017986)
    spec = NeuronSpec.from_design(design)
    assert spec.fraction == 76
    x = np.random.default_rng(8).integers(-100, 3000, (20, 50))
    spikes = spec.run(x)
    for column, got in zip(x.T.tolist(), spikes.T.tolist(), strict=True):
        w, alone = 0, []
        for value in column:
            spike, w = spec.step(w, value)
            alone.append(spike)
        assert alone == got == exact(design, column)


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize(
    ("kind", "shift", "fraction"), [("if", 0, 0), ("lif", 1, 3), ("lif", 4, 8)]
)
@pytest.mark.parametrize("steps", [1, 4, 64])
def test_numbers_up_to_the_bound_fit_64_bits(kind, shift, fraction, reset, steps):
    """The greatest drive that is computed in 64 bits, and one more, against Python's integers."""
    bound = NeuronSpec(kind, shift, fraction, 7, reset)
    top = (1 << 61) // (steps << shift + fraction)
    assert bound.fits(top - 1, steps)
    assert not bound.fits(top, steps)
    for greatest in (top - 1, top, 3 * top):
        for threshold in (7, greatest << fraction):
            spec = NeuronSpec(kind, shift, fraction, threshold, reset)
            drive = [[greatest, -greatest, greatest - 1, 1 - greatest]] * steps
            found = spec.run(drive)
            for column, got in zip(zip(*drive, strict=True), found.T.tolist(), strict=True):
                w, alone = 0, []
                for value in column:
                    spike, w = spec.step(w, value)
                    alone.append(spike)
                assert alone == got


def test_a_threshold_counts_as_well():
    assert NeuronSpec("if", 0, 0, (1 << 61) - 1, "soft").fits(0, 1)
    assert not NeuronSpec("if", 0, 0, 1 << 61, "soft").fits(0, 1)
    assert NeuronSpec("if", 0, 0, 0, "soft").fits(0, (1 << 61) - 1)
    assert not NeuronSpec("if", 0, 0, 0, "soft").fits(0, 1 << 61)


def test_shape_is_kept():
    spec = NeuronSpec("if", 0, 0, 3, "hard")
    assert spec.run(np.zeros((4, 2, 3), np.int32)).shape == (4, 2, 3)
    assert spec.run([3, 2]).dtype == np.uint8


@pytest.mark.parametrize(
    "keys", [{}, {"scale": 0.017986}, {"neuron": "if", "threshold": "7/3"}, {"tau": 4, "steps": 3}]
)
def test_drives_may_saturate_with_hard_reset(keys):
    design = make(**keys)
    spec = NeuronSpec.from_design(design)
    x = np.random.default_rng(9).integers(0, 2 * spec.saturate, (design.steps, 5000))
    assert np.array_equal(spec.run(np.minimum(x, spec.saturate)), spec.run(x))
    assert not np.array_equal(spec.run(np.minimum(x, spec.saturate - 1)), spec.run(x))


def test_drives_may_not_saturate_with_soft_reset():
    spec = NeuronSpec.from_design(make(reset="soft"))
    assert spec.saturate is None
    x = np.random.default_rng(10).integers(0, 30, (6, 5000))
    assert (spec.run(np.minimum(x, 8)) != spec.run(x)).sum() > 1000


def test_no_neuron_is_refused():
    with pytest.raises(ValueError, match=r"^Neuron must be 'lif' or 'if', not 'none'$"):
        NeuronSpec.from_design(make(neuron="none"))


@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("decay_input", [True, False])
@pytest.mark.parametrize("kind", ["lif", "if"])
def test_spikingjelly_agrees(kind, reset, decay_input):
    torch = pytest.importorskip("torch", reason="SpikingJelly needs PyTorch")
    neuron = pytest.importorskip(
        "spikingjelly.activation_based.neuron", reason="SpikingJelly is an optional oracle"
    )
    v_reset = 0.0 if reset == "hard" else None
    if kind == "lif":
        node = neuron.LIFNode(
            tau=2.0, decay_input=decay_input, v_threshold=0.5, v_reset=v_reset, step_mode="m"
        )
        design = make(steps=8, reset=reset, decay_input=decay_input)
    else:
        node = neuron.IFNode(v_threshold=0.5, v_reset=v_reset, step_mode="m")
        design = make(steps=8, reset=reset, neuron="if")
    x = np.random.default_rng(12).integers(-10, 20, (8, 20000))
    with torch.no_grad():
        spikes = node(torch.tensor(x, dtype=torch.float32) * 0.125).numpy()
    assert np.array_equal(spikes, NeuronSpec.from_design(design).run(x))
