import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.similarity import Similarity as Kind
from spikeloom.golden.similarity import scores
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.rows import run

from ...designs import check

KINDS = [
    {"kind": "and"},
    {"kind": "xnor"},
    {"kind": "hamming"},
    {"kind": "alpha-xnor", "kappa": 3, "alpha_bits": 3},
    {"kind": "alpha-xnor", "kappa": 0, "alpha_bits": 1},
]


def expected(pairs, width, gate, kind, kappa=0, alpha_bits=0):
    words = np.array([[[w >> b & 1 for b in range(width)] for w in pair] for pair in pairs])
    how = Kind(kind, kappa, alpha_bits)
    found = (scores(p[:1].astype(np.uint8), p[1:].astype(np.uint8), how) for p in words)
    return [int(score[0, 0] / 2**alpha_bits >= gate) for score in found]


def simulated(dut, pairs):
    return run(dut, [{"q": q, "k": k} for q, k in pairs], latency=dut.latency)


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_pair_and_gate(width, options):
    pairs = list(itertools.product(range(1 << width), repeat=2))
    for gate in range(-width - 1, width + 2):
        dut = GatedSimilarity(width, gate=gate, **options)
        assert simulated(dut, pairs) == expected(pairs, width, gate, **options), gate


@pytest.mark.parametrize("options", KINDS[:4], ids=str)
@pytest.mark.parametrize(("width", "gate"), [(16, 1), (16, 3), (16, 16), (37, 1), (37, 21)])
def test_random_pairs(width, gate, options):
    rng = np.random.default_rng(width + gate)
    full = (1 << width) - 1
    pairs = [(0, 0), (full, full), (0, full), (full, 0), (1, 1), (full - 1, full), (1, full - 1)]
    for rate in (0.1, 0.5, 0.95):
        for _ in range(30):
            pair = rng.random((2, width)) < rate
            pairs.append(tuple(int("".join("01"[int(b)] for b in row), 2) for row in pair))
    dut = GatedSimilarity(width, gate=gate, **options)
    assert simulated(dut, pairs) == expected(pairs, width, gate, **options)


@pytest.mark.parametrize(
    ("kind", "gate", "latency"),
    [("and", 1, 1), ("and", 16, 1), ("xnor", 1, 1), ("hamming", 15, 1), ("and", 2, 5)],
)
def test_one_pair_takes_no_count(kind, gate, latency):
    dut = GatedSimilarity(16, kind, gate)
    assert dut.latency == latency
    assert (dut.width, dut.kind, dut.gate) == (16, kind, gate)
    assert Similarity(16, "and", saturate=2).latency == 5


def test_latency_is_that_of_a_clipped_score():
    keys = {"tokens": 8, "dim": 16, "heads": 1, "steps": 2}
    plain, gated = (ScoreEngine(Design.from_dict(keys | extra)) for extra in ({}, {"gate": 2}))
    assert gated.latency == plain.latency


@pytest.mark.parametrize("position", [{}, {"position": "log", "log": {"length": 33}}])
@pytest.mark.parametrize("gate", [1, 14])
@pytest.mark.parametrize("neuron", [{}, {"neuron": "none"}, {"reset": "soft"}])
def test_gates_that_decide_nothing(position, gate, neuron):
    """No score, or every score, may reach what the design file lets pass."""
    if gate == 14 and not position:
        gate = 8
    keys = {"tokens": 6, "dim": 8, "heads": 1, "steps": 2, "scale": "1/2"}
    check(Design.from_dict(keys | position | neuron | {"gate": gate}), stalls=0.3, seed=gate)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ((4, "nand", 1), "Kind must be one of and, xnor, alpha-xnor, hamming, not 'nand'"),
        ((4, "and", 1.5), r"Gate must be an integer, not 1\.5"),
        ((4, "and", True), "Gate must be an integer, not True"),
        ((0, "and", 1), "Width must be a positive integer, not 0"),
    ],
)
def test_refuses(args, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        GatedSimilarity(*args)
