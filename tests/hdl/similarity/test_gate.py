import itertools

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.similarity import Similarity as Numbers
from spikeloom.golden.similarity import scores
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.rows import run

from ...designs import check

NUMBERS = [
    (1, 0, 0),
    (1, 1, 0),
    (2, 2, -1),
    (8, 3, 0),
    (2, 0, 0),
    (0, 1, 0),
    (-1, 0, 0),
    (-3, -3, 2),
    (0, -2, 1),
    (3, -2, 1),
]


def expected(pairs, width, level, numbers):
    words = np.array([[[w >> b & 1 for b in range(width)] for w in pair] for pair in pairs])
    how = Numbers(*numbers)
    found = (scores(p[:1].astype(np.uint8), p[1:].astype(np.uint8), how) for p in words)
    return [int(score[0, 0] >= level) for score in found]


def simulated(dut, pairs):
    return run(dut, [{"q": q, "k": k} for q, k in pairs], latency=dut.latency)


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_every_pair_and_level(width, numbers):
    pairs = list(itertools.product(range(1 << width), repeat=2))
    low, high = Numbers(*numbers).bounds(width)
    for level in range(low - 1, high + 2):
        dut = GatedSimilarity(width, *numbers, level=level)
        assert simulated(dut, pairs) == expected(pairs, width, level, numbers), level


@pytest.mark.parametrize("numbers", NUMBERS[:4], ids=str)
@pytest.mark.parametrize(("width", "gate"), [(16, 1), (16, 3), (16, 16), (37, 1), (37, 21)])
def test_random_pairs(width, gate, numbers):
    rng = np.random.default_rng(width + gate)
    full = (1 << width) - 1
    pairs = [(0, 0), (full, full), (0, full), (full, 0), (1, 1), (full - 1, full), (1, full - 1)]
    for rate in (0.1, 0.5, 0.95):
        for _ in range(30):
            pair = rng.random((2, width)) < rate
            pairs.append(tuple(int("".join("01"[int(b)] for b in row), 2) for row in pair))
    level = gate * numbers[0] if numbers[0] == 8 else gate
    dut = GatedSimilarity(width, *numbers, level=level)
    assert simulated(dut, pairs) == expected(pairs, width, level, numbers)


@pytest.mark.parametrize(
    ("numbers", "level", "latency"),
    [((1,), 1, 1), ((1,), 16, 1), ((1, 1), 1, 1), ((2, 2, -1), 15, 1), ((8,), 8, 1), ((1,), 2, 5)],
)
def test_one_pair_takes_no_count(numbers, level, latency):
    dut = GatedSimilarity(16, *numbers, level=level)
    assert dut.latency == latency
    assert (dut.width, dut.level) == (16, level)
    assert Similarity(16, 1, saturate=2).latency == 5


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
    ("args", "level", "message"),
    [
        ((4, 0, 0, 1), 1, "Ones or zeros must be another number than 0"),
        ((4, 1), 1.5, r"Level must be an integer, not 1\.5"),
        ((4, 1), True, "Level must be an integer, not True"),
        ((0, 1), 1, "Width must be a positive integer, not 0"),
    ],
)
def test_refuses(args, level, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        GatedSimilarity(*args, level=level)
