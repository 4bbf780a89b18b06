import itertools

import numpy as np
import pytest

from spikeloom.golden.similarity import Similarity as Kind
from spikeloom.golden.similarity import scores
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.similarity.similarity import Similarity, signed_digits
from spikeloom.sim.rows import run

KINDS = [
    {"kind": "and"},
    {"kind": "xnor"},
    {"kind": "hamming"},
    *({"kind": "alpha-xnor", "kappa": kappa, "alpha_bits": 3} for kappa in range(9)),
]


def expected(pairs, width, kind, kappa=0, alpha_bits=0, saturate=None):
    def bits(words):
        return np.array([[w >> b & 1 for b in range(width)] for w in words], np.uint8)

    how = Kind(kind, kappa, alpha_bits)
    q, k = bits([q for q, _ in pairs]), bits([k for _, k in pairs])
    got = [int(scores(q[n : n + 1], k[n : n + 1], how)[0, 0]) for n in range(len(pairs))]
    return got if saturate is None else [min(score, saturate) for score in got]


def simulated(dut, pairs):
    return run(dut, [{"q": q, "k": k} for q, k in pairs], latency=dut.latency)


@pytest.mark.parametrize("options", KINDS, ids=str)
@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_every_pair(width, options):
    pairs = list(itertools.product(range(1 << width), repeat=2))
    dut = Similarity(width, **options)
    assert simulated(dut, pairs) == expected(pairs, width, **options)


@pytest.mark.parametrize("alpha_bits", [1, 2, 4, 5, 6])
def test_every_alpha(alpha_bits):
    pairs = [(0, 0), (7, 7), (0, 7), (6, 2), (0, 1), (5, 1)]
    for kappa in range((1 << alpha_bits) + 1):
        dut = Similarity(3, "alpha-xnor", kappa=kappa, alpha_bits=alpha_bits)
        want = expected(pairs, 3, "alpha-xnor", kappa, alpha_bits)
        assert simulated(dut, pairs) == want, kappa


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "and"},
        {"kind": "and", "saturate": 8},
        {"kind": "xnor", "saturate": 5},
        {"kind": "hamming"},
        {"kind": "alpha-xnor", "kappa": 3, "alpha_bits": 3, "saturate": 64},
        {"kind": "alpha-xnor", "kappa": 171, "alpha_bits": 8},
        {"kind": "alpha-xnor", "kappa": 7, "alpha_bits": 3, "saturate": 1000},
    ],
    ids=str,
)
@pytest.mark.parametrize("width", [5, 12, 16, 37, 74])
def test_random_pairs(width, options):
    rng = np.random.default_rng(width)
    full = (1 << width) - 1
    pairs = [(0, 0), (full, full), (0, full), (full, 0)]
    for rate in (0.05, 0.5, 0.95):
        for _ in range(30):
            pair = rng.random((2, width)) < rate
            pairs.append(tuple(int("".join("01"[int(b)] for b in row), 2) for row in pair))
    dut = Similarity(width, **options)
    assert simulated(dut, pairs) == expected(pairs, width, **options)


@pytest.mark.parametrize("saturate", range(1, 10))
def test_clips_at_every_bound(saturate):
    pairs = [((1 << n) - 1, 255) for n in range(9)]
    dut = Similarity(8, "and", saturate=saturate)
    assert simulated(dut, pairs) == [min(n, saturate) for n in range(9)]
    assert dut.score_range == (0, min(8, saturate))
    assert dut.latency == Similarity(8, "and").latency + (saturate < 8)


def test_score_range_is_the_port():
    assert Similarity(6, "hamming").o.shape().signed
    for options in KINDS:
        dut = Similarity(6, **options)
        low, high = Kind(
            options["kind"], options.get("kappa", 0), options.get("alpha_bits", 0)
        ).bounds(6)
        assert dut.score_range == (low, high)


def test_alpha_of_zero_and_one_take_one_count():
    assert (
        Similarity(9, "alpha-xnor", kappa=0, alpha_bits=3).latency == Similarity(9, "and").latency
    )
    assert (
        Similarity(9, "alpha-xnor", kappa=8, alpha_bits=3).latency == Similarity(9, "and").latency
    )


@pytest.mark.parametrize("value", [0, 1, 2, 3, 7, 11, 171, 255, 12345])
def test_signed_digits_are_canonical(value):
    digits = signed_digits(value)
    assert sum(sign << power for sign, power in digits) == value
    powers = [power for _, power in digits]
    assert all(b - a >= 2 for a, b in itertools.pairwise(powers))


@pytest.mark.parametrize(("width", "cycles"), [(1, 1), (4, 1), (16, 2), (32, 3), (64, 3), (74, 3)])
def test_cells_take_half_the_cycles(width, cycles):
    """What the cells compute is checked under Icarus and by proof: Amaranth cannot simulate it."""
    assert Similarity(width, "and", technology="ice40").latency == cycles


def test_signed_digits_refuses_negative():
    with pytest.raises(TypeError, match=r"^Value must be a non-negative integer, not -1$"):
        signed_digits(-1)


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        ((0, "and"), {}, r"Width must be a positive integer, not 0"),
        ((4.0, "and"), {}, r"Width must be a positive integer, not 4\.0"),
        ((4, "nand"), {}, r"Kind must be one of and, xnor, alpha-xnor, hamming, not 'nand'"),
        (
            (4, "alpha-xnor"),
            {"kappa": 9, "alpha_bits": 3},
            r"Kappa must be an integer from 0 to 2\*\*3, not 9",
        ),
        (
            (4, "alpha-xnor"),
            {"alpha_bits": -1},
            r"Alpha bits must be a non-negative integer, not -1",
        ),
        ((4, "xnor"), {"kappa": 1}, r"Kappa and alpha bits must be 0 for xnor, not 1 and 0"),
        ((4, "and"), {"saturate": 0}, r"Saturate must be a positive integer or None, not 0"),
        ((4, "hamming"), {"saturate": 2}, r"Saturate must be None for hamming, not 2"),
        (
            (4, "and"),
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
