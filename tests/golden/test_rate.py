from math import sqrt

import numpy as np
import pytest

from spikeloom.design.rate import RateDesign
from spikeloom.golden import rate
from spikeloom.golden.rate import RateModel
from spikeloom.sim.spikes import draw_spikes

BASE = {"tokens": 6, "dim": 8, "steps": 8}


def make(**keys):
    return RateDesign.from_dict({**BASE, **keys})


def published(q, k, v, *, heads, steps, threshold):
    """``SpikeDrivenAttention.forward`` between its projections, restated in float64."""
    tokens, width = q.shape
    v_q, v_k = np.zeros((tokens, width)), np.zeros((tokens, width))
    acc = np.zeros((tokens, width))
    scale = max(sqrt(width / heads), 1.0)
    for _ in range(steps):
        v_q += np.maximum(q, 0) / steps
        s_q = (v_q >= threshold).astype(np.float64)
        v_q -= threshold * s_q
        v_k += np.maximum(k, 0) / steps
        s_k = (v_k >= threshold).astype(np.float64)
        v_k -= threshold * s_k
        acc += (s_q @ s_k.T) / scale @ v
    return acc / steps


@pytest.mark.parametrize("heads", [1, 2, 8])
@pytest.mark.parametrize(("steps", "threshold"), [(8, 1), (4, 0.5), (1, 0.25), (16, 2)])
def test_published_class(steps, threshold, heads):
    """Steps, rates and thresholds on binary grids: the float64 class has no rounding before A."""
    design = make(steps=steps, threshold=threshold, heads=heads, rate_bits=9, target={"beat": 16})
    scale = steps * max(sqrt(design.dim / heads), 1)
    some = 0
    for n in range(1000):
        arrays = draw_spikes(design, rate=(n % 10 + 1) / 10, seed=n)
        drive = rate.attention(design, **arrays)
        q, k = (arrays[name] / 32 for name in ("q", "k"))
        v = arrays["v"].astype(float)
        real = published(q, k, v, heads=heads, steps=steps, threshold=threshold)
        # Exact but for the division, whose square root may be irrational.
        assert np.array_equal(np.rint(real * scale).astype(np.int64), drive)
        np.testing.assert_allclose(real, drive / scale, rtol=1e-12, atol=1e-9)
        some += drive.any()
    assert some > 500


def one_neuron(rate, steps, threshold):
    """A channel of the class, step by step, on Python's floats."""
    v, made = 0.0, []
    for _ in range(steps):
        v += max(rate, 0) / steps
        made.append(int(v >= threshold))
        v -= threshold * made[-1]
    return made


@pytest.mark.parametrize(("threshold", "fraction"), [(1, 0), (1, 2), ("1/2", 2), ("3/4", 2)])
def test_float64_of_every_number_of_steps(threshold, fraction):
    """T = 1 to 64, every rate of a small range, against the class; and what exact sums are."""
    differ = set()
    for steps in range(1, 65):
        keys = {"steps": steps, "threshold": threshold, "rate_fraction": fraction}
        design, exact = (make(**keys, rate_bits=4, accumulate=a) for a in ("float64", "exact"))
        rates = np.arange(16)
        found = rate.spikes(design, rates)
        theta = float(design.threshold)
        assert found.T.tolist() == [one_neuron(r / 2**fraction, steps, theta) for r in range(16)]
        if not np.array_equal(found, rate.spikes(exact, rates)):
            differ.add(steps)
    assert not differ & {1, 2, 4, 8, 16, 32, 64}
    assert differ >= {7, 10, 13, 14, 15}


def test_float64_where_the_rate_is_the_threshold():
    """The steps, up to 15, in which the class answers 0 to a rate of 1 and a threshold of 1."""
    keys = {"rate_bits": 1, "rate_fraction": 0, "accumulate": "float64"}
    silent = [t for t in range(1, 16) if not rate.spikes(make(steps=t, **keys), [1]).any()]
    assert silent == [6, 7, 10, 13, 14, 15]
    assert all(rate.encode([1], t, t).sum() == 1 for t in range(1, 65))


@pytest.mark.parametrize("accumulate", ["exact", "float64"])
@pytest.mark.parametrize("threshold", ["1", "3/10", "7/5"])
@pytest.mark.parametrize("steps", [5, 10, 30, 60])
def test_rates_above_the_greatest_fire_as_it_does(steps, threshold, accumulate):
    keys = {"rate_bits": 12, "rate_fraction": 3, "target": {"beat": 16}}
    design = make(steps=steps, threshold=threshold, accumulate=accumulate, **keys)
    most = int(design.threshold_exact)
    assert design.most == most
    assert rate.spikes(design, np.arange(most, 4096)).all()
    assert not rate.spikes(design, np.arange(most)).all(axis=0).any()


@pytest.mark.parametrize("steps", [3, 6, 7, 10])
def test_published_class_in_float64(steps):
    """The whole class with steps that are no power of two: its spikes, its drive."""
    design = make(steps=steps, accumulate="float64")
    scale = steps * sqrt(design.dim)
    for n in range(40):
        arrays = draw_spikes(design, rate=(n % 10 + 1) / 10, seed=n)
        real = published(
            *(arrays[name] / 32 for name in "qk"),
            arrays["v"] * 1.0,
            heads=1,
            steps=steps,
            threshold=1,
        )
        assert np.array_equal(np.rint(real * scale), rate.attention(design, **arrays))


def test_exact_sums_carry_a_warning_where_float64_may_differ():
    for steps in (1, 2, 4, 8, 16, 32, 64):
        assert make(steps=steps).warnings == ()
    (warning,) = make(steps=6).warnings
    assert warning.startswith("accumulate: exact, with 6 steps: the published code rounds rate / 6")
    assert make(steps=6, accumulate="float64").warnings == ()


def test_heads_split_nothing():
    one, four = (make(heads=heads) for heads in (1, 4))
    arrays = draw_spikes(one, rate=0.8, seed=3)
    assert np.array_equal(rate.attention(one, **arrays), rate.attention(four, **arrays))
    q, k, v = (arrays[name] / 32 for name in "qkv")
    outs = [published(q, k, v, heads=h, steps=8, threshold=1) for h in (1, 4)]
    # sqrt(8) against sqrt(2): four heads give twice the output of one.
    np.testing.assert_allclose(outs[1], 2 * outs[0])


@pytest.mark.parametrize("threshold", [1, 3, 8, 100])
def test_number_of_spikes(threshold):
    """floor(t r / threshold) spikes after t steps, at most one a step."""
    rates = np.arange(0, 3 * threshold)
    spikes = rate.encode(rates, 20, threshold).cumsum(axis=0)
    for t, counts in enumerate(spikes, 1):
        assert counts.tolist() == [min(t * r // threshold, t) for r in rates.tolist()]


def test_rates_under_the_threshold_give_nothing():
    """Rates below 1 against a threshold of 1, in eight steps of an eighth each."""
    design = make(rate_bits=5, threshold=1)
    arrays = draw_spikes(design, rate=1, seed=0)
    assert not rate.attention(design, **arrays).any()
    (warning,) = design.warnings
    assert warning.startswith("threshold: no rate reaches it in 8 steps: a neuron fires")
    assert make().warnings == ()


def test_beats():
    design = make(tokens=2, dim=3, rate_bits=4, rate_fraction=1, target={"beat": 8})
    golden = RateModel(design)
    arrays = {
        "q": np.array([[1, 2, 3], [4, 5, 6]]),
        "k": np.array([[7, 8, 9], [10, 11, 12]]),
        "v": np.array([[1, -1, 2], [3, 4, -128]]),
    }
    keys, queries = [7 | 10 << 4, 8 | 11 << 4, 9 | 12 << 4], [1 | 2 << 4, 3, 4 | 5 << 4, 6]
    assert golden.pack(arrays).tolist() == [*keys, *queries, 1, 255, 2, 3, 4, 128]
    low, high = rate.drive_range(design)
    assert (low, high) == (-8 * 2 * 3 * 128, 8 * 2 * 3 * 127)
    assert golden.describe()["numbers"]["divide_drive_by"] == "8 * max(sqrt(3 / 1), 1)"
    answer = golden.answer(arrays)
    digits = answer.reshape(-1, 1).astype(np.int64) >> np.array([0, 8]) & 255
    assert np.array_equal(golden.unpack(digits.reshape(-1)), answer)
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(12,\), not \(2,\)$"):
        golden.unpack([1, 2])
