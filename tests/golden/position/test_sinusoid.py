import math

import numpy as np
import pytest

from spikeloom.golden.position.sinusoid import quantized, rates, spikes


@pytest.mark.parametrize(("tokens", "dim"), [(1, 1), (32, 64), (12, 7), (1000, 3)])
def test_formula_one_number_at_a_time(tokens, dim):
    draw = np.random.RandomState(42)
    frequencies = [math.exp(0.5 * draw.randn()) for _ in range(dim)]
    phases = [2 * math.pi * draw.random_sample() for _ in range(dim)]
    made = rates(tokens, dim)
    for t in range(0, tokens, max(1, tokens // 20)):
        for i in range(dim):
            want = (math.sin(0.01 * t * frequencies[i] + phases[i]) + 1) / 2
            assert math.isclose(made[t, i], want, abs_tol=1e-12)


def test_periods_of_64_channels():
    """249 to 1,674 tokens, as published figures of the class have it."""
    draw = np.random.RandomState(42)
    periods = 2 * np.pi / (0.01 * np.exp(0.5 * draw.randn(64)))
    assert (round(periods.min()), round(periods.max())) == (249, 1674)
    made = rates(4000, 64)
    # A channel is back after its period, to what half a token more or less makes of it.
    for i in (int(periods.argmin()), int(periods.argmax())):
        after = round(periods[i])
        assert abs(made[after, i] - made[0, i]) < np.pi / periods[i]


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_quantized_is_the_nearest(bits):
    top = (1 << bits) - 1
    made = quantized(200, 64, bits)
    assert made.min() >= 0
    assert made.max() <= top
    assert abs(made / top - rates(200, 64)).max() <= 0.5 / top + 1e-12


def test_spikes_are_frozen_and_prefix_stable():
    long = spikes(512, 64)
    assert (spikes(32, 64) == long[:32]).all()
    assert abs(long.mean() - 0.511) < 0.02
    assert abs(long.mean(axis=0) - rates(512, 64).mean(axis=0)).max() < 0.1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rates(0, 4), "Tokens must be an integer of at least 1, not 0"),
        (lambda: rates(4, 0), "Dim must be an integer of at least 1, not 0"),
        (lambda: quantized(4, 4, 17), "Bits must be an integer from 1 to 16, not 17"),
    ],
)
def test_refuses(call, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        call()


@pytest.mark.parametrize(("tokens", "dim"), [(1, 1), (32, 64), (1024, 64), (100, 33)])
def test_equals_the_package(tokens, dim):
    """The published class itself, where it is installed, bit for bit."""
    module = pytest.importorskip("sc_neurocore.transformers.spikformer")
    published = module.CPGPositionalEncoding(dim)
    assert (published.encode(tokens) == rates(tokens, dim)).all()
    assert (published.encode_spikes(tokens) == spikes(tokens, dim)).all()
