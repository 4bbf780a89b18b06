"""Similarities that nobody published: a row in the table is all that one takes, in both orders."""

from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.design.similarity import SIMILARITIES, Similarity, SimilarityRow
from spikeloom.golden.attention.formula import drive
from spikeloom.golden.ranges import ranges
from spikeloom.sim.spikes import draw_spikes

from ...designs import check, cover, layer

# Ones, zeros, each, fraction. In state order u enters rows and base with any two numbers: none of
# them, one, multiples of each other, neither, of one sign or two.
NUMBERS = [
    (3, 0, 0, 0),
    (-1, 0, 0, 0),
    (0, 1, 0, 0),
    (1, -1, 0, 0),
    (1, 2, 0, 1),
    (2, 2, -2, 0),
    (1, 0, -1, 0),
    (1, 0, 2, 0),
    (5, 3, -2, 2),
    (-3, -5, 4, 0),
    (6, -4, 1, 0),
]
CHOICES = {
    "position": ("none", "gray", "log", "gray-steps", "shift-gray-log"),
    "neuron": ("hard", "none", "soft-tau4", "if-hard"),
    "tokens": (3, 5, 1),
    "head_dim": (4, 8),
    "steps": (3,),
    "rows": (2, 1),
    "lanes": (4, 2),
    "beat": (8, 4),
    "heads": (2,),
    "buffers": ("auto",),
    "grid": (1, 3),
    "gate": (False, True),
}


def name_of(numbers):
    return "own" + "_".join(map(str, numbers)).replace("-", "n")


def restated(numbers, q, k, v):
    """The drive of a layer without positions, one channel of a pair at a time; (T, N, D)."""
    ones, zeros, each, heads = *numbers[:3], 2
    worth = {(1, 1): ones + each, (0, 0): zeros + each, (0, 1): each, (1, 0): each}
    total = np.zeros(q.shape, int)
    width = q.shape[2] // heads
    for t, i, j, h in product(*map(range, (*q.shape[:2], q.shape[1], heads))):
        part = slice(h * width, (h + 1) * width)
        pairs = zip(q[t, i, part].tolist(), k[t, j, part].tolist(), strict=True)
        total[t, i, part] += sum(worth[pair] for pair in pairs) * v[t, j, part].astype(int)
    return total


@pytest.fixture
def named(monkeypatch):
    """Add a row to the table for this test alone; give its name."""

    def add(*numbers, **keys):
        name = name_of((*numbers, *keys))
        monkeypatch.setitem(SIMILARITIES, name, SimilarityRow(Similarity(*numbers), **keys))
        return name

    return add


@pytest.mark.parametrize("numbers", NUMBERS, ids=name_of)
def test_golden_is_the_formula(named, numbers):
    keys = {"tokens": 5, "dim": 12, "heads": 2, "steps": 2, "neuron": "none"}
    design = Design.from_dict(keys | {"similarity": named(*numbers)})
    least, most = ranges(design).drive
    for rate in (0.0, 0.2, 0.5, 0.8, 1.0):
        spikes = draw_spikes(design, rate=rate, seed=3)
        found = drive(design, **spikes)
        assert np.array_equal(found, restated(numbers, **spikes))
        assert least <= found.min()
        assert found.max() <= most


@pytest.mark.parametrize("numbers", NUMBERS, ids=name_of)
def test_ranges_are_reached(named, numbers):
    """A query, and its keys as one of the four pairs of bits has them."""
    keys = {"tokens": 3, "dim": 4, "heads": 2, "steps": 1, "neuron": "none"}
    found = ranges(Design.from_dict(keys | {"similarity": named(*numbers)}))
    ones, zeros, each = numbers[:3]
    worth = [each, each + ones, each + zeros]
    assert found.score == (2 * min(worth), 2 * max(worth))
    assert found.drive == (6 * min(0, *worth), 6 * max(0, *worth))


def rows(order, **choices):
    """Rows that have every choice of an order once."""
    beside = {} if order == "score" else {"rows": (1,), "gate": (False,)}
    return cover({**CHOICES, **beside, **choices}, 1, seed=len(order))


@pytest.mark.parametrize("order", ["score", "state"])
@pytest.mark.parametrize("numbers", NUMBERS, ids=name_of)
def test_layer_is_golden(named, numbers, order):
    """Two of the rows each, taking turns."""
    found = rows(order, similarity=(named(*numbers),))
    turn = NUMBERS.index(numbers)
    for n in (turn, turn + 2):
        check(layer(found[n % len(found)], order), stalls=0.2, seed=n, rates=(0.7, 0.3))


@pytest.mark.parametrize("scale", [1, 3, 8])
def test_one_pair_may_be_worth_more_than_the_threshold(named, scale):
    """Of 9, with 8 or less: the sticky bit of state order must not be passed over."""
    keys = {"tokens": 6, "dim": 8, "heads": 1, "steps": 2, "folding": {"order": "state"}}
    made = {"similarity": named(9, 0, 0), "threshold": 4, "scale": scale}
    answers = check(Design.from_dict(keys | made), rates=(0.2, 0.1))
    assert any(answer.any() and not answer.all() for answer in answers)


@pytest.mark.parametrize("order", ["score", "state"])
@pytest.mark.parametrize("numbers", [(1, 0, 0), (3, 0, -1), (-2, 0, 1)], ids=name_of)
def test_alpha_of_every_head(named, numbers, order):
    found = rows(order, similarity=(named(*numbers, alpha=True),), own=(True,))
    for n, row in enumerate(found[:2]):
        check(layer(row, order), seed=n, rates=(0.7, 0.3))
