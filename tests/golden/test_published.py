"""Published attentions that are ours on other inputs, against their formulas on rationals.

docs/mechanisms.rst names the keys of each.
"""

from fractions import Fraction
from math import floor

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden import model

T, N, D, H = 3, 6, 8, 2


def draw(rng, count, most=1, rate=0.4):
    found = rng.integers(1, most + 1, (count, T, N, D)) * (rng.random((count, T, N, D)) < rate)
    return found.astype(np.uint8)


def lif(drive, threshold):
    """SpikingJelly's neuron with tau 2 and hard reset: drive and spikes of shape (T, ...)."""
    v = np.full(drive.shape[1:], Fraction(0), dtype=object)
    spikes = np.zeros(drive.shape, dtype=np.uint8)
    for t, x in enumerate(drive):
        v = v + (x - v) / Fraction(2)
        spikes[t] = v >= threshold
        v = v * (1 - spikes[t].astype(int))
    return spikes


def heads(x):
    """(T, N, D) as (T, H, N, d)."""
    return x.reshape(T, N, H, D // H).swapaxes(1, 2).astype(object)


def tokens(x):
    return x.swapaxes(1, 2).reshape(T, N, -1)


@pytest.mark.parametrize("seed", range(8))
def test_msvit_is_qk_token_on_twice_the_channels(seed):
    """attn = LIF(sum q + sum p), x = attn * k."""
    rng = np.random.default_rng(seed)
    q, k, p = draw(rng, 3, rate=rng.choice([0.05, 0.1, 0.2]))
    drive = heads(q).sum(axis=3) + heads(p).sum(axis=3)
    published = tokens(lif(drive, Fraction(1, 2))[..., None] * heads(k))

    design = Design.from_dict(
        {"kind": "mask", "attention": "qk-token", "tokens": N, "dim": 2 * D, "heads": H, "steps": T}
    )
    wide = {
        "q": tokens(np.concatenate([heads(q), heads(p)], axis=3)).astype(np.uint8),
        "k": tokens(np.concatenate([heads(k), heads(k) * 0], axis=3)).astype(np.uint8),
    }
    answer = model(design).answer(wide).reshape(T, N, H, 2, D // H)
    assert np.array_equal(answer[:, :, :, 0].reshape(T, N, D), published)
    assert not answer[:, :, :, 1].any()
    assert published.any()


@pytest.mark.parametrize("seed", range(4))
def test_maxformer_is_ssa_with_an_eighth(seed):
    """x = LIF(q (k^T v) / 8), threshold 1/2."""
    q, k, v = draw(np.random.default_rng(seed), 3, rate=0.6)
    x = heads(q) @ (heads(k).swapaxes(2, 3) @ heads(v)) * Fraction(1, 8)
    published = tokens(lif(x, Fraction(1, 2)))
    keys = {"tokens": N, "dim": D, "heads": H, "steps": T, "scale": "1/8"}
    answer = model(Design.from_dict(keys)).answer({"q": q, "k": k, "v": v})
    assert np.array_equal(answer, published)
    assert 0 < answer.mean() < 1


@pytest.mark.parametrize("seed", range(4))
def test_qsd_is_integer_attention(seed):
    """round(clip(q (k^T v) s, 0, 4)) of numbers n / 4, half up."""
    q, k, v = draw(np.random.default_rng(seed), 3, most=4, rate=0.8)
    x = heads(q) @ (heads(k).swapaxes(2, 3) @ heads(v)) * Fraction(1, 4**3)
    published = np.vectorize(lambda y: floor(min(max(y, 0), 4) + Fraction(1, 2)))(tokens(x))
    design = Design.from_dict(
        {"kind": "integer-attention", "tokens": N, "dim": D, "heads": H, "steps": T, "divisor": 4}
        | {"neuron": "multispike", "rounding": "half-up", "scale": 1}
    )
    answer = model(design).answer({"q": q, "k": k, "v": v})
    assert np.array_equal(answer, published)
    assert len(np.unique(answer)) > 2


@pytest.mark.parametrize("seed", range(4))
def test_spikevideoformer_is_hamming_over_all_steps_with_a_norm(seed):
    """x = BN((2q - 1) ((2k - 1)^T v) / (2 D)) over all T N tokens, then LIF over T, hard reset.

    D is the model's width, not a head's; batch normalisation is a gain and an offset a channel.
    """
    rng = np.random.default_rng(seed)
    q, k, v = draw(rng, 3, rate=0.5)
    gain = [Fraction(int(n), 4) for n in rng.choice([-6, -3, 2, 5, 9], D)]
    offset = [gain[c] * Fraction(int(n), 8) for c, n in enumerate(rng.integers(-3, 4, D))]

    def whole(x):
        """(H, T N, d): the tokens of all steps, step by step."""
        return heads(x).swapaxes(0, 1).reshape(H, T * N, D // H)

    x = (2 * whole(q) - 1) @ ((2 * whole(k) - 1).swapaxes(1, 2) @ whole(v)) * Fraction(1, 2 * D)
    x = tokens(x.reshape(H, T, N, D // H).swapaxes(0, 1)) * np.array(gain) + np.array(offset)
    published = lif(x, Fraction(1, 2))

    norm = {"gain": [str(g) for g in gain], "offset": [str(o) for o in offset], "bits": 8}
    keys = {"tokens": N, "dim": D, "heads": H, "steps": T, "chunk": T, "similarity": "hamming"}
    design = Design.from_dict(keys | {"scale": f"1/{2 * D}", "threshold": "1/2", "norm": norm})
    assert not [warning for warning in design.warnings if warning.startswith("norm")]
    answer = model(design).answer({"q": q, "k": k, "v": v})
    assert np.array_equal(answer, published)
    assert 0 < answer.mean() < 1


def test_tp_spikformer_is_sdsa_on_the_tokens_that_are_left():
    """q * LIF(sum over the kept tokens of k * v)."""
    rng = np.random.default_rng(2)
    q, k, v = draw(rng, 3)
    kept = np.array([0, 2, 3, 5])
    drive = (k[:, kept].astype(object) * v[:, kept]).sum(axis=1)
    published = lif(drive, Fraction(1, 2))[:, None] * q[:, kept]
    design = Design.from_dict(
        {"kind": "mask", "attention": "sdsa", "tokens": len(kept), "dim": D, "heads": H, "steps": T}
    )
    answer = model(design).answer(
        {name: x[:, kept] for name, x in zip("qkv", (q, k, v), strict=True)}
    )
    assert np.array_equal(answer, published)
    assert published.any()
