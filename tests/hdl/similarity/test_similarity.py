import itertools

import numpy as np
import pytest

from spikeloom.golden.similarity import Similarity as Numbers
from spikeloom.golden.similarity import scores
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.ratio import signed_digits
from spikeloom.hdl.similarity.similarity import PairScore, Similarity
from spikeloom.sim.rows import run

# Those of published similarities, and others: all signs, both counts in every form, one of them.
NUMBERS = [
    (1, 0, 0),
    (1, 1, 0),
    (2, 2, -1),
    *((8, zeros, 0) for zeros in range(9)),
    (0, 1, 0),
    (0, 3, 1),
    (-1, 0, 0),
    (3, 0, -5),
    (-7, -7, 3),
    (1, 2, 0),
    (3, 7, 0),
    (1, -1, 0),
    (-3, 5, 0),
    (11, 3, 4),
    (12, -20, 7),
    (-6, -10, 10),
    (5, 44, -60),
]


def expected(pairs, width, numbers, saturate=None):
    def bits(words):
        return np.array([[w >> b & 1 for b in range(width)] for w in words], np.uint8)

    how = Numbers(*numbers)
    q, k = bits([q for q, _ in pairs]), bits([k for _, k in pairs])
    got = [int(scores(q[n : n + 1], k[n : n + 1], how)[0, 0]) for n in range(len(pairs))]
    return got if saturate is None else [min(score, saturate) for score in got]


def simulated(dut, pairs):
    return run(dut, [{"q": q, "k": k} for q, k in pairs], latency=dut.latency)


@pytest.mark.parametrize("numbers", NUMBERS, ids=str)
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_pair(width, numbers):
    pairs = list(itertools.product(range(1 << width), repeat=2))
    want = expected(pairs, width, numbers)
    dut = Similarity(width, *numbers)
    assert simulated(dut, pairs) == want
    assert dut.score_range == (min(want), max(want))


def test_every_small_number():
    """Pairs of zero to four of each kind, whatever the numbers."""
    pairs = [(0b1100, 0b1010), (0, 0), (15, 15), (0, 15), (1, 0), (7, 15), (3, 3)]
    for ones, zeros in itertools.product(range(-5, 6), repeat=2):
        if ones or zeros:
            numbers = (ones, zeros, (0, 3, -2)[(ones + zeros) % 3])
            dut = Similarity(4, *numbers)
            assert simulated(dut, pairs) == expected(pairs, 4, numbers), numbers


@pytest.mark.parametrize("alpha_bits", [1, 2, 4, 5, 6])
def test_every_alpha(alpha_bits):
    pairs = [(0, 0), (7, 7), (0, 7), (6, 2), (0, 1), (5, 1)]
    for kappa in range((1 << alpha_bits) + 1):
        numbers = (1 << alpha_bits, kappa, 0)
        dut = Similarity(3, *numbers)
        assert simulated(dut, pairs) == expected(pairs, 3, numbers), kappa


@pytest.mark.parametrize(
    ("numbers", "saturate"),
    [
        ((1, 0, 0), None),
        ((1, 0, 0), 8),
        ((1, 1, 0), 5),
        ((2, 2, -1), None),
        ((8, 3, 0), 64),
        ((256, 171, 0), None),
        ((8, 7, 0), 1000),
        ((-13, 21, 5), None),
        ((3, -1, 2), 11),
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [5, 12, 16, 37, 74])
def test_random_pairs(width, numbers, saturate):
    rng = np.random.default_rng(width)
    full = (1 << width) - 1
    pairs = [(0, 0), (full, full), (0, full), (full, 0)]
    for rate in (0.05, 0.5, 0.95):
        for _ in range(30):
            pair = rng.random((2, width)) < rate
            pairs.append(tuple(int("".join("01"[int(b)] for b in row), 2) for row in pair))
    dut = Similarity(width, *numbers, saturate=saturate)
    assert simulated(dut, pairs) == expected(pairs, width, numbers, saturate)


@pytest.mark.parametrize("saturate", range(1, 10))
def test_clips_at_every_bound(saturate):
    pairs = [((1 << n) - 1, 255) for n in range(9)]
    dut = Similarity(8, 1, saturate=saturate)
    assert simulated(dut, pairs) == [min(n, saturate) for n in range(9)]
    assert dut.score_range == (0, min(8, saturate))
    assert dut.latency == Similarity(8, 1).latency + (saturate < 8)


@pytest.mark.parametrize("saturate", [1, 8, 9, 10, 40])
def test_clips_scores_that_never_come_to_zero(saturate):
    """Of 8 to 32; a bound below all of them leaves one score."""
    pairs = [((1 << n) - 1, 255) for n in range(9)]
    dut = Similarity(8, 3, 0, 1, saturate=saturate)
    assert simulated(dut, pairs) == [min(8 + 3 * n, saturate) for n in range(9)]
    assert dut.score_range == (min(8, saturate), min(32, saturate))


def test_score_range_is_the_port():
    assert Similarity(6, 2, 2, -1).o.shape().signed
    for numbers in NUMBERS:
        dut = Similarity(6, *numbers)
        assert dut.score_range == Numbers(*numbers).bounds(6)
        assert dut.numbers == Numbers(*numbers)
        assert dut.o.shape().signed == (dut.score_range[0] < 0)


@pytest.mark.parametrize("numbers", [(8, 0, 0), (8, 8, 0), (0, 4, 0)])
def test_one_count_costs_no_addition(numbers):
    assert Similarity(9, *numbers).latency == Similarity(9, 1).latency


@pytest.mark.parametrize("value", [0, 1, 2, 3, 7, 11, 171, 255, 12345])
def test_signed_digits_are_canonical(value):
    digits = signed_digits(value)
    assert sum(sign << power for sign, power in digits) == value
    assert signed_digits(-value) == [(-sign, power) for sign, power in digits]
    powers = [power for _, power in digits]
    assert all(b - a >= 2 for a, b in itertools.pairwise(powers))


@pytest.mark.parametrize(("width", "cycles"), [(1, 1), (4, 1), (16, 2), (32, 3), (64, 3), (74, 3)])
def test_cells_take_half_the_cycles(width, cycles):
    """What the cells compute is checked under Icarus and by proof: Amaranth cannot simulate it."""
    assert Similarity(width, 1, technology="ice40").latency == cycles


def test_signed_digits_refuses_fractions():
    with pytest.raises(TypeError, match=r"^Value must be an integer, not 1\.5$"):
        signed_digits(1.5)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0, 1), {}, r"Width must be a positive integer, not 0"),
        ((4.0, 1), {}, r"Width must be a positive integer, not 4\.0"),
        ((4, 0, 0, 1), {}, r"Ones or zeros must be another number than 0"),
        ((4, 1), {"saturate": 0}, r"Saturate must be a positive integer or None, not 0"),
        ((4, 2, 2, -1), {"saturate": 2}, r"Saturate must be None for scores below zero, not 2"),
        (
            (4, 1),
            {"technology": "ecp5"},
            r'Technology must be "ice40" or "portable", not \'ecp5\'',
        ),
    ],
)
def test_refuses(args, options, message):
    with pytest.raises((TypeError, ValueError), match=f"^{message}$"):
        Similarity(*args, **options)


class TestAtLeast:
    def test_every_value_and_bound(self):
        from amaranth.hdl import Module, Signal
        from amaranth.sim import Simulator

        m = Module()
        value = Signal(4)
        answers = [Signal(name=f"a{bound}") for bound in range(18)]
        for bound, answer in enumerate(answers):
            m.d.comb += answer.eq(at_least(value, bound))

        async def testbench(ctx):
            for number in range(16):
                ctx.set(value, number)
                assert [ctx.get(answer) for answer in answers] == [
                    int(number >= bound) for bound in range(18)
                ]

        sim = Simulator(m)
        sim.add_testbench(testbench)
        sim.run()

    def test_refuses(self):
        from amaranth.hdl import Signal, signed

        with pytest.raises(TypeError, match=r"^Bound must be a non-negative integer, not -1$"):
            at_least(Signal(3), -1)
        with pytest.raises(TypeError, match=r"^Value must be unsigned, not \(sig x\)$"):
            at_least(Signal(signed(3), name="x"), 1)


def test_a_choice_of_similarities():
    """The range holds every score of any; a bound is for scores of all that are never negative."""
    keys = {"saturate": None, "technology": "portable"}
    choice = [Numbers(8, 3, 0), Numbers(8, 11, -5)]
    spans = [-5 * 4, max(8, 11 - 5) * 4]
    dut = PairScore(4, choice, **keys)
    assert list(dut.score_range) == spans
    assert [len(port) for port in (dut.q, dut.k)] == [4, 4]
    assert PairScore(4, choice[:1], **{**keys, "saturate": 9}).score_range == (0, 9)
    with pytest.raises(ValueError, match="^Saturate must be None for scores below zero, not 9$"):
        PairScore(4, choice, **{**keys, "saturate": 9})
