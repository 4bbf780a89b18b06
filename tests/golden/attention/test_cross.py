from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention import AttentionModel, attention, drive
from spikeloom.golden.attention.beats import counts, pack, unpack_input
from spikeloom.golden.ranges import ranges

STEPS, TOKENS, HEADS, WIDTH = 3, 5, 2, 4
SHAPE = {"tokens": TOKENS, "dim": HEADS * WIDTH, "heads": HEADS, "steps": STEPS}
LENGTHS = [1, 3, 8]
SCORES = {
    "and": lambda a, b: int((a & b).sum()),
    "xnor": lambda a, b: int((a == b).sum()),
    "hamming": lambda a, b: int(2 * (a == b).sum()) - WIDTH,
}


def make(**keys):
    return Design.from_dict(SHAPE | keys)


def draw(seed, keys, rate=0.5):
    rng = np.random.default_rng(seed)
    shapes = [(STEPS, n, HEADS * WIDTH) for n in (TOKENS, keys, keys)]
    return [(rng.random(shape) < rate).astype(np.uint8) for shape in shapes]


def summed(q, k, v, score):
    """O_i = sum of score(q_i, k_j) v_j over the keys, head by head and step by step."""
    total = np.zeros(q.shape, dtype=int)
    for t, i, head, j in np.ndindex(STEPS, TOKENS, HEADS, k.shape[1]):
        part = slice(WIDTH * head, WIDTH * head + WIDTH)
        total[t, i, part] += score(q[t, i, part], k[t, j, part]) * v[t, j, part].astype(int)
    return total


@pytest.mark.parametrize("keys", LENGTHS)
@pytest.mark.parametrize("similarity", SCORES)
def test_sums_over_the_keys_that_there_are(keys, similarity):
    q, k, v = draw(keys, keys)
    design = make(keys=keys, similarity=similarity)
    assert np.array_equal(drive(design, q, k, v), summed(q, k, v, SCORES[similarity]))


def test_pooled_keys_and_a_neuron_of_rationals():
    """Tokens of k and v in pairs, a spike where either has one; V <- V + (X - V)/2, hard reset."""
    q, k, v = draw(4, 6)
    k, v = (x.reshape(STEPS, 3, 2, -1).max(axis=2) for x in (k, v))
    spikes = attention(make(keys=3, scale="1/4"), q, k, v)
    total = summed(q, k, v, SCORES["and"])
    assert 0 < spikes.mean() < 1
    for n, c in np.ndindex(TOKENS, HEADS * WIDTH):
        membrane = Fraction(0)
        for t in range(STEPS):
            membrane += (Fraction(int(total[t, n, c]), 4) - membrane) / 2
            fires = membrane >= Fraction(1, 2)
            assert spikes[t, n, c] == fires
            membrane = 0 if fires else membrane


def test_as_many_keys_as_tokens_change_nothing():
    q, k, v = draw(5, TOKENS)
    more = {"position": ["gray", "log"], "similarity": "xnor", "causal": True}
    assert np.array_equal(
        attention(make(keys=TOKENS, **more), q, k, v), attention(make(**more), q, k, v)
    )


@pytest.mark.parametrize("keys", LENGTHS)
@pytest.mark.parametrize("extra", [{}, {"similarity": "hamming"}, {"similarity": "and", "gate": 2}])
def test_ranges_are_reached_and_never_left(keys, extra):
    design = make(keys=keys, neuron="none", **extra)
    low, high = ranges(design).drive
    ones = [np.ones(x.shape, dtype=np.uint8) for x in draw(0, keys)]
    assert high == drive(design, *ones).max() == keys * (1 if "gate" in extra else WIDTH)
    ones[1][:] = 0
    assert low == drive(design, *ones).min()
    assert low == (-keys * WIDTH if "hamming" in extra.values() else 0)
    for seed in range(5):
        x = drive(design, *draw(seed, keys))
        assert low <= x.min()
        assert x.max() <= high


@pytest.mark.parametrize("keys", LENGTHS)
@pytest.mark.parametrize("side", [1, 2])
def test_sections_of_the_stream(keys, side):
    """For each group of heads, step and head: M tokens of k, M of v, N of q, two beats a token."""
    design = make(keys=keys, folding={"heads": side}, target={"beat": 2})
    q, k, v = draw(6, keys)
    expected = []
    for group in range(HEADS // side):
        for t in range(STEPS):
            for head in range(side * group, side * group + side):
                for x in (k, v, q):
                    bits = x[t, :, WIDTH * head : WIDTH * head + WIDTH].reshape(-1, 2)
                    expected += [int(a) + 2 * int(b) for a, b in bits]
    assert pack(design, q, k, v).tolist() == expected
    assert counts(design).inputs == len(expected)
    for found, sent in zip(unpack_input(design, expected), (q, k, v), strict=True):
        assert np.array_equal(found, sent)


def test_arrays_of_the_model():
    inputs = AttentionModel(make(keys=3)).inputs
    assert [(x.name, x.axes, x.shape) for x in inputs] == [
        ("q", "(T, N, D)", (3, 5, 8)),
        ("k", "(T, M, D)", (3, 3, 8)),
        ("v", "(T, M, D)", (3, 3, 8)),
    ]
    q, k, v = draw(7, 3)
    with pytest.raises(ValueError, match=r"^k must be of shape \(T, M, D\) = \(3, 3, 8\), not"):
        attention(make(keys=3), q, q, v)
    with pytest.raises(ValueError, match=r"^q must be of shape \(T, N, D\) = \(3, 5, 8\), not"):
        attention(make(keys=3), k, k, v)


PLACES = "has no meaning with 3 keys for 5 tokens: places of the one sequence are none of the other"


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"keys": 0}, "keys: 0: must be an integer from 1 to 4096"),
        ({"keys": 3, "causal": True}, f"causal: true: {PLACES}"),
        ({"keys": 3, "window": 2}, f"window: 2: {PLACES}"),
        ({"keys": 3, "position": ["gray", "log"]}, f"position: ['gray', 'log']: {PLACES}"),
        (
            {"keys": 3, "folding": {"order": "state"}},
            "folding.order: 'state': must be 'score': state order takes as many keys as queries",
        ),
    ],
)
def test_refusals(keys, message):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == message


def test_auto_takes_score_order():
    assert make(keys=3, folding={"order": "auto"}).order == "score"
