"""Attentions that are a choice of keys, against their formulas as the papers write them."""

import numpy as np
import pytest

from spikeloom.design import Design, load_design
from spikeloom.golden.attention.formula import attention, drive
from spikeloom.golden.neuron import NeuronSpec

from ..tools import example

CASES = 1000


def lif(x, *, threshold, soft=False, decay_input=True):
    """SpikingJelly's LIF with tau = 2, in floating point; time is the first axis."""
    v, spikes = np.zeros(x.shape[1:]), np.zeros(x.shape, dtype=np.uint8)
    for t, current in enumerate(x):
        h = v + (current - v) / 2 if decay_input else v - v / 2 + current
        spikes[t] = h >= threshold
        v = h - threshold * spikes[t] if soft else h * (1 - spikes[t])
    return spikes


def cases(design, seed):
    rng = np.random.default_rng(seed)
    shape = (design.steps, design.tokens, design.dim)
    for _ in range(CASES):
        yield tuple((rng.random(shape) < rng.choice([0.05, 0.2, 0.5])).astype(float) for _ in "qkv")


def by_head(design, x):
    """(T, N, D) to (T, H, N, d)."""
    shape = (design.steps, design.tokens, design.heads, design.head_dim)
    return x.reshape(shape).swapaxes(1, 2)


def merged(design, x):
    return x.swapaxes(1, 2).reshape(design.steps, design.tokens, design.dim)


def small(design, **keys):
    """The same attention on 5 tokens, for many cases."""
    data = design.model_dump(exclude_unset=True) | {"tokens": 5, "dim": 24, "heads": 2} | keys
    return Design.from_dict({key: value for key, value in data.items() if key != "folding"})


def test_sdsa_version_2_is_the_dot_product_in_state_order():
    """SN(0.125 Q (K^T V)), with a threshold of 0.5."""
    design = load_design(example("tiny-32x64-sdsa2"))
    assert design.order == "state"
    design = small(design)
    fired = 0
    for q, k, v in cases(design, 1):
        queries, keys, values = (by_head(design, x) for x in (q, k, v))
        x = 0.125 * (queries @ (keys.swapaxes(2, 3) @ values))
        answer = attention(design, q, k, v)
        assert np.array_equal(answer, lif(merged(design, x), threshold=0.5))
        fired += int(answer.sum())
    assert fired > CASES


def test_hamming_attention_as_written():
    """SN((2Q - 1) [(2K - 1)^T V] / 2d), soft reset, half of the membrane kept."""
    design = load_design(example("tiny-32x64-hamming-soft"))
    assert design.scale * 2 * design.head_dim == 1
    design = small(design, scale="1/24")
    fired = 0
    for q, k, v in cases(design, 2):
        queries, keys, values = (by_head(design, x) for x in (q, k, v))
        # Integers up to the threshold of 2d: a quotient by 24 would be no binary fraction.
        x = (2 * queries - 1) @ ((2 * keys - 1).swapaxes(2, 3) @ values)
        answer = attention(design, q, k, v)
        wanted = lif(merged(design, x), threshold=24, soft=True, decay_input=False)
        assert np.array_equal(answer, wanted)
        fired += int(answer.sum())
    assert fired > CASES


Q = np.array([[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]]])
K = np.array([[[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]]])
V = np.array([[[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]]])


def test_hamming_and_xnor_are_not_the_same_attention():
    """The published example: the drive as written is 2AV - d sum(V), not 2AV."""
    shape = {"tokens": 3, "dim": 4, "heads": 1, "steps": 1, "neuron": "none"}
    hamming, xnor = (
        drive(Design.from_dict(shape | {"similarity": name}), Q, K, V)[0, :, :2]
        for name in ("hamming", "xnor")
    )
    assert hamming.tolist() == [[2, 4], [2, 0], [-2, -4]]
    assert (2 * xnor).tolist() == [[10, 12], [10, 8], [6, 4]]
    assert np.array_equal(hamming, 2 * xnor - 4 * V[0, :, :2].sum(axis=0))


# QKFormer, issue 14: T steps of B samples lie in one axis before the neuron of the projection.


def reshaped_after(x, steps, samples):
    """QKFormer's SSA: the neuron takes the T * B rows for time steps."""
    return lif(x, threshold=1).reshape(steps, samples, *x.shape[1:])


def reshaped_before(x, steps, samples):
    """Spikformer's SSA: every sample has membranes of its own."""
    return lif(x.reshape(steps, samples, *x.shape[1:]), threshold=1)


def projections(samples, seed=0):
    """Dyadic numbers (T * B, C, N), as a projection and its batch norm could give them."""
    rng = np.random.default_rng(seed)
    return rng.integers(-128, 192, (4 * samples, 24, 64)) / 64


def test_the_reshape_of_qkformer_does_not_matter_for_one_sample():
    for seed in range(100):
        x = projections(1, seed)
        assert np.array_equal(reshaped_after(x, 4, 1), reshaped_before(x, 4, 1))


def test_the_reshape_of_qkformer_mixes_two_samples():
    x = projections(2)
    after, before = reshaped_after(x, 4, 2), reshaped_before(x, 4, 2)
    assert after.shape == before.shape
    # The first sample starts from rest either way; the second starts from what the first left.
    assert np.array_equal(after[0, 0], before[0, 0])
    assert not np.array_equal(after[0, 1], before[0, 1])
    assert 0.01 < (after != before).mean() < 0.2
    # Another first sample, the same second one.
    other = x.copy()
    other[0::2] = projections(1, seed=1)
    assert not np.array_equal(reshaped_after(other, 4, 2)[:, 1], after[:, 1])
    assert np.array_equal(reshaped_before(other, 4, 2)[:, 1], before[:, 1])


@pytest.mark.parametrize("sample", [0, 1])
def test_the_integer_neuron_is_that_of_one_sample(sample):
    x = projections(2)
    spec = NeuronSpec("lif", 1, 0, 128, "hard")
    alone = spec.run((x[sample::2] * 64).astype(int))
    assert np.array_equal(alone, reshaped_before(x, 4, 2)[:, sample])
    assert not np.array_equal(alone, reshaped_after(x, 4, 2)[:, sample])
