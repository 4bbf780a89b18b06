import itertools

import numpy as np
import pytest

from spikeloom.golden.similarity import Similarity as Kind
from spikeloom.golden.similarity import scores
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.rows import run


def expected(pairs, width, kappa, alpha_bits, saturate=None):
    words = np.array([[[w >> b & 1 for b in range(width)] for w in pair] for pair in pairs])
    how = Kind("alpha-xnor", kappa, alpha_bits)
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
        dut = AlphaSimilarity(width, kappas, alpha_bits=3)
        assert dut.kappas == tuple(sorted(kappas))
        assert simulated(dut, pairs, kappa) == expected(pairs, width, kappa, 3)


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
        dut = AlphaSimilarity(width, kappas, alpha_bits=alpha_bits, saturate=saturate)
        assert dut.most == min(width << alpha_bits, saturate or 10**9)
        assert simulated(dut, pairs, kappa) == expected(pairs, width, kappa, alpha_bits, saturate)


def test_latency():
    plain = Similarity(16, "and").latency
    for kappas, levels in (((0, 8), 1), ((1, 3), 2), (range(9), 3)):
        for saturate in (None, 5):
            dut = AlphaSimilarity(16, kappas, alpha_bits=3, saturate=saturate)
            assert dut.latency == plain + levels + (saturate is not None)


def test_a_gate_takes_weights():
    pairs = list(itertools.product(range(16), repeat=2))
    for kappa in (2, 5):
        dut = GatedSimilarity(4, "alpha-xnor", 2, kappa=(2, 5), alpha_bits=3)
        want = [int(score >= 16) for score in expected(pairs, 4, kappa, 3)]
        assert simulated(dut, pairs, kappa) == want
    assert not hasattr(GatedSimilarity(4, "and", 2), "weight")


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0, (1,)), {"alpha_bits": 3}, "Width must be a positive integer, not 0"),
        ((4, ()), {"alpha_bits": 3}, r"Kappas must be integers from 0 to 2\*\*3, not \(\)"),
        ((4, (1, 9)), {"alpha_bits": 3}, r"Kappas must be integers from 0 to 2\*\*3, not \(1, 9\)"),
        ((4, (1,)), {"alpha_bits": -1}, "Alpha bits must be a non-negative integer, not -1"),
        (
            (4, (1,)),
            {"alpha_bits": 3, "saturate": 0},
            "Saturate must be a positive integer or None, not 0",
        ),
    ],
)
def test_refuses(args, options, message):
    with pytest.raises(TypeError, match=f"^{message}$"):
        AlphaSimilarity(*args, **options)
