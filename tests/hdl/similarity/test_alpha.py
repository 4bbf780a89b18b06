import itertools

import numpy as np
import pytest

from spikeloom.golden.similarity import Similarity as Numbers
from spikeloom.golden.similarity import scores
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.rows import run


def expected(pairs, width, numbers, saturate=None):
    words = np.array([[[w >> b & 1 for b in range(width)] for w in pair] for pair in pairs])
    how = Numbers(*numbers)
    found = [scores(p[:1].astype(np.uint8), p[1:].astype(np.uint8), how)[0, 0] for p in words]
    return [int(score if saturate is None else min(score, saturate)) for score in found]


def simulated(dut, pairs, kappa):
    rows = [{"q": q, "k": k, "weight": kappa} for q, k in pairs]
    return run(dut, rows, latency=dut.latency)


@pytest.mark.parametrize("kappas", [(0, 1), (8, 3), (1, 2, 4), (7,), tuple(range(9))], ids=str)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_pair_and_weight(width, kappas):
    pairs = list(itertools.product(range(1 << width), repeat=2))
    for kappa in kappas:
        dut = AlphaSimilarity(width, 8, kappas)
        assert dut.zeros == tuple(sorted(kappas))
        assert simulated(dut, pairs, kappa) == expected(pairs, width, (8, kappa))


@pytest.mark.parametrize(
    ("ones", "each", "saturate"),
    [(3, 0, None), (-5, 0, None), (7, -4, None), (-6, 6, 9), (2, 1, 5), (0, 2, None)],
)
def test_any_numbers(ones, each, saturate):
    """Every pair of words of three channels, with weights below and above that of ones."""
    pairs = list(itertools.product(range(8), repeat=2))
    for zeros in (1, 4, 6):
        dut = AlphaSimilarity(3, ones, (1, 4, 6), each, saturate=saturate)
        want = expected(pairs, 3, (ones, zeros, each), saturate)
        assert simulated(dut, pairs, zeros) == want
        assert dut.score_range[0] <= min(want)
        assert dut.score_range[1] >= max(want)


@pytest.mark.parametrize("saturate", [None, 1, 20, 64, 10**6])
@pytest.mark.parametrize(("width", "alpha_bits"), [(5, 1), (16, 3), (37, 8)])
def test_random_pairs(width, alpha_bits, saturate):
    rng = np.random.default_rng(width)
    full = (1 << width) - 1
    pairs = [(0, 0), (full, full), (0, full), (full, 0)]
    for rate in (0.05, 0.5, 0.95):
        for _ in range(30):
            pair = rng.random((2, width)) < rate
            pairs.append(tuple(int("".join("01"[int(b)] for b in row), 2) for row in pair))
    kappas = sorted({0, 1, (1 << alpha_bits) - 1, 1 << alpha_bits})
    for kappa in kappas:
        one = 1 << alpha_bits
        dut = AlphaSimilarity(width, one, kappas, saturate=saturate)
        assert dut.score_range == (0, min(width * one, saturate or 10**9))
        assert simulated(dut, pairs, kappa) == expected(pairs, width, (one, kappa), saturate)


def test_latency():
    plain = Similarity(16, 1).latency
    for kappas, levels in (((0, 8), 1), ((1, 3), 2), (range(9), 3)):
        for saturate in (None, 5):
            dut = AlphaSimilarity(16, 8, kappas, saturate=saturate)
            assert dut.latency == plain + levels + (saturate is not None)


def test_a_gate_takes_weights():
    pairs = list(itertools.product(range(16), repeat=2))
    for kappa in (2, 5):
        dut = GatedSimilarity(4, 8, (2, 5), level=16)
        want = [int(score >= 16) for score in expected(pairs, 4, (8, kappa))]
        assert simulated(dut, pairs, kappa) == want
    assert not hasattr(GatedSimilarity(4, 1, level=2), "weight")


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0, 8, (1,)), {}, "Width must be a positive integer, not 0"),
        ((4, 8, ()), {}, r"Zeros must be non-negative integers, not \(\)"),
        ((4, 8, (1, -9)), {}, r"Zeros must be non-negative integers, not \(1, -9\)"),
        ((4, 0, (0, 1)), {}, "Ones or zeros must be another number than 0"),
        ((4, 8, (1,)), {"saturate": 0}, "Saturate must be a positive integer or None, not 0"),
        ((4, -8, (1,)), {"saturate": 3}, "Saturate must be None for scores below zero, not 3"),
    ],
)
def test_refuses(args, options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        AlphaSimilarity(*args, **options)
