import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention import attention, drive
from spikeloom.golden.causal import visible
from spikeloom.golden.ranges import ranges

SHAPE = {"tokens": 7, "dim": 8, "heads": 2, "steps": 3, "neuron": "none"}
SIGHTS = [{"causal": True}, {"window": 1}, {"window": 3}, {"causal": True, "window": 3}]


def make(**keys):
    return Design.from_dict(SHAPE | keys)


def sees(keys, i, j):
    """As DecisionSpikeFormer masks: a lower triangle, and two diagonals window - 1 away."""
    far = keys.get("window", 99)
    return (j <= i or not keys.get("causal")) and -far < j - i < far


def draw(seed, rate=0.5):
    rng = np.random.default_rng(seed)
    return (rng.random((3, 3, 7, 8)) < rate).astype(np.uint8)


@pytest.mark.parametrize("keys", SIGHTS, ids=str)
def test_visible_keys(keys):
    expected = [[sees(keys, i, j) for j in range(7)] for i in range(7)]
    assert visible(make(**keys)).tolist() == expected


@pytest.mark.parametrize("keys", SIGHTS, ids=str)
@pytest.mark.parametrize("similarity", ["and", "xnor", "hamming"])
def test_sums_over_the_keys_that_are_seen(keys, similarity):
    q, k, v = draw(1)
    score = {
        "and": lambda a, b: int((a & b).sum()),
        "xnor": lambda a, b: int((a == b).sum()),
        "hamming": lambda a, b: int(2 * (a == b).sum()) - 4,
    }[similarity]
    expected = np.zeros((3, 7, 8), dtype=int)
    for t, i, head, j in np.ndindex(3, 7, 2, 7):
        if sees(keys, i, j):
            part = slice(4 * head, 4 * head + 4)
            expected[t, i, part] += score(q[t, i, part], k[t, j, part]) * v[t, j, part].astype(int)
    assert np.array_equal(drive(make(similarity=similarity, **keys), q, k, v), expected)


def test_a_causal_state_is_a_running_sum():
    """O_i = q_i S_i with S_i = S_(i-1) + k_i^T v_i: the linear form of the same attention."""
    q, k, v = (x.astype(int) for x in draw(2))
    found = drive(make(causal=True, heads=1), q, k, v)
    for t in range(3):
        state = np.zeros((8, 8), dtype=int)
        for i in range(7):
            state += np.outer(k[t, i], v[t, i])
            assert np.array_equal(found[t, i], q[t, i] @ state)


def test_later_tokens_change_nothing():
    design = make(causal=True, neuron="lif", position=["gray", "log"], similarity="xnor")
    q, k, v = draw(3)
    before = attention(design, q, k, v)
    k[:, 4:], v[:, 4:], q[:, 4:] = 1, 1, 0
    assert np.array_equal(attention(design, q, k, v)[:, :4], before[:, :4])


@pytest.mark.parametrize("keys", SIGHTS, ids=str)
@pytest.mark.parametrize("extra", [{}, {"similarity": "hamming"}, {"position": ["gray", "log"]}])
def test_ranges_are_reached_and_never_left(keys, extra):
    design = make(**keys, **extra)
    found = ranges(design)
    ones, zeros = np.ones((3, 7, 8), dtype=np.uint8), np.zeros((3, 7, 8), dtype=np.uint8)
    most = drive(design, ones, ones, ones)
    least = drive(design, ones, zeros, ones)
    assert most.max() == found.drive[1]
    if extra.get("similarity") == "hamming":
        assert least.min() == found.drive[0]
    for seed in range(5):
        x = drive(design, *draw(seed))
        assert found.drive[0] <= x.min()
        assert x.max() <= found.drive[1]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"causal": 1}, "causal: 1: must be true or false"),
        ({"window": 0}, "window: 0: must be an integer from 1 to 4096"),
        (
            {"causal": True, "folding": {"order": "state"}},
            (
                "folding.order: 'state': must be 'score': which keys a query sees differs from one "
                "query to the next, and the state is a sum over all of them"
            ),
        ),
    ],
)
def test_refusals(keys, message):
    with pytest.raises(DesignError) as caught:
        make(**keys)
    assert str(caught.value) == message


def test_a_window_that_hides_nothing_is_told():
    assert make(window=7).warnings[0] == "window: 7 leaves no token of 7 unseen"
    assert not any("window" in warning for warning in make(window=6).warnings)


def test_auto_takes_score_order():
    assert make(causal=True, folding={"order": "auto"}).order == "score"
