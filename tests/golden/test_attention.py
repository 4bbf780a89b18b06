from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design, load_design
from spikeloom.design.attention import AttentionDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.attention import beats
from spikeloom.golden.attention.formula import attention, drive, score_matrix
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.position import log, shift, table
from spikeloom.golden.ranges import Ranges, bits, ranges
from spikeloom.sim.spikes import draw_spikes

from ..tools import SHAPED

SIMILARITIES = [
    {"similarity": "and"},
    {"similarity": "xnor"},
    {"similarity": "alpha-xnor", "alpha": "3/8"},
    {"similarity": "hamming"},
]
POSITIONS = [
    {},
    {"position": "gray"},
    {"position": "gray", "gray": {"index": "t*L+l", "bits": 4}},
    {"position": "gray", "gray": {"grid": [3, 2]}},
    {"position": "log"},
    {"position": "log", "log": {"definition": "code", "length": 9}},
    {"position": "shift", "shift": {"groups": 2, "base": 4}},
    {"position": ["shift", "gray", "log"], "shift": {"groups": 3}},
    {"position": "table", "table": {"values": [list(range(-5, 6)), [7] * 11]}},
    {
        "position": ["table", "gray"],
        "table": {"values": [3, -2, 0, 1, -8, 7, 2, 2], "index": "xor"},
    },
]
WORTH = {
    "and": (1, 0, 0),
    "xnor": (1, 1, 0),
    "alpha-xnor": (1, Fraction(3, 8), 0),
    "hamming": (1, 1, -1),
}


def make(**keys):
    return Design.from_dict({"tokens": 6, "dim": 12, "heads": 2, "steps": 3} | keys)


def spikes(design, rate=0.4, seed=0):
    rng = np.random.default_rng(seed)
    shape = (design.steps, design.tokens, design.dim)
    return tuple((rng.random(shape) < rate).astype(np.uint8) for _ in "qkv")


def gray(x):
    return x ^ (x >> 1)


def restated(design, q, k, v):
    """The whole layer in rationals, one multiplication at a time, as its papers write it."""
    both, neither, differ = WORTH[design.similarity]
    d, n = design.dim // design.heads, design.tokens
    out = np.zeros(q.shape, int)
    membrane = {}
    for t in range(design.steps):
        for head in range(design.heads):
            codes = [[] for _ in range(n)]
            if "gray" in design.position:
                for token in range(n):
                    if design.gray.grid:
                        words = zip(
                            divmod(token, design.gray.grid[1]),
                            design.gray.code_bits(design),
                            strict=True,
                        )
                    else:
                        start = t * n if design.gray.index == "t*L+l" else 0
                        words = [(start + token, design.gray.code_bits(design)[0])]
                    codes[token] = [gray(x) >> bit & 1 for x, bits in words for bit in range(bits)]
            turned = []
            for x in (q, k):
                rows = [
                    [int(b) for b in x[t, token, head * d : head * d + d]] for token in range(n)
                ]
                if "shift" in design.position:
                    amounts = shift.schedule(design)
                    width = d // len(amounts)
                    rows = [
                        [
                            row[g * width + (c - int(amounts[g, token])) % width]
                            for g in range(len(amounts))
                            for c in range(width)
                        ]
                        for token, row in enumerate(rows)
                    ]
                turned.append([row + code for row, code in zip(rows, codes, strict=True)])
            for i in range(n):
                current = [Fraction(0)] * d
                for j in range(n):
                    score = Fraction(0)
                    for a, b in zip(turned[0][i], turned[1][j], strict=True):
                        score += both if a and b else neither if a == b else differ
                    if "log" in design.position:
                        score += int(log.bias_matrix(design)[i, j])
                    if "table" in design.position:
                        score += int(table.bias_matrix(design, head)[i, j])
                    for e in range(d):
                        current[e] += score * int(v[t, j, head * d + e])
                for e in range(d):
                    place = (i, head * d + e)
                    h = membrane.get(place, Fraction(0))
                    h += (design.scale * current[e] - h) / 2
                    out[(t, *place)] = fired = h >= design.threshold
                    drop = design.threshold if design.reset == "soft" else h
                    membrane[place] = h - fired * drop
    return out


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_layer_equals_its_restatement_in_rationals(similarity, position, reset):
    keys = similarity | position | {"reset": reset}
    q, k, v = spikes(make(**keys))
    middle = np.abs(drive(make(**keys), q, k, v)).mean() / (1 << make(**keys).score_fraction)
    design = make(**keys, scale=f"1/{round(middle) + 1}")
    answer = attention(design, q, k, v)
    assert answer.dtype == np.uint8
    assert 0 < answer.mean() < 1
    assert np.array_equal(answer, restated(design, q, k, v))


def test_hard_reset_off_the_grid_equals_its_restatement():
    design = make(similarity="xnor", position="log", scale=0.017986, steps=4)
    q, k, v = spikes(design, seed=3)
    assert np.array_equal(attention(design, q, k, v), restated(design, q, k, v))


def test_published_example():
    q = np.array([[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]]])
    k = np.array([[[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]]])
    v = np.array([[[1, 0, 0, 0], [1, 1, 0, 0], [0, 1, 0, 0]]])
    design = Design.from_dict({"tokens": 3, "dim": 4, "heads": 1, "steps": 1, "neuron": "none"})
    answer = attention(design, q, k, v)
    assert answer.dtype == np.int32
    assert answer[0, :, :2].tolist() == [[2, 3], [0, 0], [2, 2]]


@pytest.mark.parametrize("position", [p for p in POSITIONS if "table" not in p.get("position", ())])
@pytest.mark.parametrize("similarity", SIMILARITIES[:3])
@pytest.mark.parametrize("keys", [{}, {"scale": 0.017986}, {"neuron": "if"}])
def test_everything_before_the_neuron_may_saturate(similarity, position, keys):
    """Scores, their running sums and the drive, each clipped: not one spike changes."""
    design = make(**{"steps": 4, **similarity, **position, **keys})
    top = ranges(design).saturate
    spec = NeuronSpec.from_design(design)
    q, k, v = spikes(design, 0.25, seed=5)
    clipped = np.zeros(q.shape, dtype=np.int64)
    d = design.head_dim
    for t in range(4):
        for head in range(2):
            part = slice(head * d, head * d + d)
            matrix = score_matrix(design, q[t, :, part], k[t, :, part], t=t, head=head)
            total = np.zeros((design.tokens, d), dtype=np.int64)
            for j in range(design.tokens):
                term = np.minimum(matrix[:, j], top)[:, None] * v[t, j, part].astype(np.int64)
                total = np.minimum(total + term, top)
            clipped[t, :, part] = total
    whole = drive(design, q, k, v)
    assert np.array_equal(spec.run(clipped), attention(design, q, k, v))
    if whole.max() > top:
        assert not np.array_equal(clipped, whole)


def test_clipping_below_changes_spikes():
    design = make(steps=4)
    spec = NeuronSpec.from_design(design)
    x = drive(design, *spikes(design, 0.4, seed=5))
    assert not np.array_equal(spec.run(np.minimum(x, ranges(design).saturate - 1)), spec.run(x))


@pytest.mark.parametrize("rate", [0, 1])
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_silence_and_noise(similarity, rate):
    design = make(**similarity, neuron="none")
    q, k, _ = spikes(design, rate)
    x = attention(design, q, k, np.ones_like(q))
    pair = {"and": rate, "xnor": 1, "alpha-xnor": 8 if rate else 3, "hamming": 1}
    assert (x == 6 * 6 * pair[design.similarity]).all()
    assert not attention(design, q, k, np.zeros_like(q)).any()


@pytest.mark.parametrize("tokens", [1, 2, 3])
@pytest.mark.parametrize("position", ["none", "gray", "log", "shift", ["gray", "log", "shift"]])
def test_short_sequences(tokens, position):
    design = Design.from_dict(
        {"tokens": tokens, "dim": 4, "heads": 1, "steps": 2, "similarity": "xnor"}
        | {"position": position}
    )
    q, k, v = spikes(design)
    assert np.array_equal(attention(design, q, k, v), restated(design, q, k, v))


def test_heads_do_not_mix_and_time_does_not_run_backwards():
    design = make()
    q, k, v = spikes(design)
    first = attention(design, q, k, v)
    q[1:, :, 6:] ^= 1
    second = attention(design, q, k, v)
    assert np.array_equal(first[:, :, :6], second[:, :, :6])
    assert np.array_equal(first[0], second[0])
    assert not np.array_equal(first[1:, :, 6:], second[1:, :, 6:])


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 6, 11)), r"q must be of shape \(T, N, D\) = \(3, 6, 12\), not \(3, 6, 11\)"),
        (np.full((3, 6, 12), 2), "q must hold zeros and ones only, not other values"),
        (np.full((3, 6, 12), 0.5), "q must hold zeros and ones only, not other values"),
        (np.full((3, 6, 12), "a"), "q must hold zeros and ones only, not other values"),
    ],
)
def test_inputs_are_checked(array, message):
    design = make()
    with pytest.raises(ValueError, match=f"^{message}$"):
        attention(design, array, *spikes(design)[1:])


@pytest.mark.parametrize("path", SHAPED, ids=lambda path: path.stem)
def test_examples(path):
    design = load_design(path)
    assert design.name == path.stem
    if not isinstance(design, AttentionDesign):
        return
    found = ranges(design)
    if design.tokens * design.dim > 32 * 256:
        return
    arrays = draw_spikes(design, rate=0.2, seed=0)
    x = drive(design, **arrays)
    assert found.drive[0] <= x.min()
    assert x.max() <= found.drive[1]
    assert attention(design, **arrays).any()


@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (-(1 << 31), (1 << 31) - 1, np.int32),
        (0, 1 << 31, np.int64),
        (-(1 << 31) - 1, 0, np.int64),
    ],
)
def test_type_of_a_drive_at_the_bound_of_32_bits(monkeypatch, low, high, dtype):
    """The range of a design decides, at 2**31 and one beyond; no layer of that size is run."""
    design = Design.from_dict({"tokens": 1, "dim": 1, "heads": 1, "steps": 1, "neuron": "none"})
    for module in ("formula", "beats"):
        monkeypatch.setattr(
            f"spikeloom.golden.attention.{module}.ranges",
            lambda _: Ranges((0, 1), (low, high), (0, 0), None),
        )
    one = np.ones((1, 1, 1), dtype=np.uint8)
    assert attention(design, one, one, one).dtype == dtype
    assert ArraySpec("drive", "(N)", (1,), low, high).dtype == dtype
    for value in (low, high):
        width, signed = bits(low, high)
        parts = [(value & (1 << width) - 1) >> 8 * n & 255 for n in range(-(-width // 8))]
        answer = beats.unpack(design, parts)
        assert answer.dtype == dtype
        assert answer.item() == value
        assert ArraySpec("drive", "(N)", (1,), low, high).check([value]).item() == value


def test_type_of_small_numbers():
    kinds = [ArraySpec("x", "(N)", (1,), *span).dtype for span in ((0, 255), (0, 256), (-1, 255))]
    assert kinds == [np.uint8, np.int32, np.int32]
