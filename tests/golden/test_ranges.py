from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import drive, score_matrix
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import bits, membrane_range, ranges

SIMILARITIES = [
    {"similarity": "and"},
    {"similarity": "xnor"},
    {"similarity": "alpha-xnor", "alpha": 0.375},
    {"similarity": "hamming"},
]
POSITIONS = [
    {},
    {"position": "gray"},
    {"position": "gray", "gray": {"index": "t*L+l", "bits": 2}},
    {"position": "log"},
    {"position": "log", "log": {"definition": "code"}},
    {"position": "shift", "shift": {"groups": 2, "base": 2}},
    {"position": ["gray", "log", "shift"], "shift": {"groups": 1}},
    {"position": "table", "table": {"values": [[-3, -1, 0, 2, 5], [4, 1, 1, 1, -2]]}},
    {"position": ["gray", "table"], "table": {"values": [1, -5, 2, 0], "index": "xor"}},
]


def make(**keys):
    return Design.from_dict({"tokens": 3, "dim": 4, "heads": 2, "steps": 2} | keys)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", POSITIONS)
def test_scores_and_drives_reach_both_ends(similarity, position):
    design = make(**similarity, **position)
    heads = np.array(list(product((0, 1), repeat=6)), np.uint8).reshape(-1, 3, 2)
    scores, drives = set(), set()
    # Every k, and of the q: all zeros, all ones, and the two that alternate.
    for t, head in product(range(2), range(2)):
        for q, k in product(heads[::21], heads):
            matrix = score_matrix(design, q, k, t=t, head=head)
            scores |= {matrix.min(), matrix.max()}
            # The v that selects the scores below zero, and the one that selects those above.
            drives.add(np.minimum(matrix, 0).sum(axis=1).min())
            drives.add(np.maximum(matrix, 0).sum(axis=1).max())
    found = ranges(design)
    assert found.score == (min(scores), max(scores))
    assert found.drive == (min(drives), max(drives))


def test_widths_of_the_headline_layer():
    design = Design.from_dict({"tokens": 32, "dim": 64, "heads": 4, "steps": 4})
    found = ranges(design)
    assert (found.score, found.drive, found.membrane) == ((0, 16), (0, 512), (0, 3))
    assert found.saturate == 8
    assert bits(*found.clipped_score) == bits(*found.clipped_drive) == (4, False)
    assert bits(*found.membrane) == (2, False)


def test_alpha_scores_reach_the_weight_of_all_channels():
    design = make(similarity="alpha-xnor", alpha=0.375, position="gray")
    assert ranges(design).score[1] == 8 * (2 + 2)


@pytest.mark.parametrize(
    "keys", [{"reset": "soft"}, {"similarity": "hamming"}, {"neuron": "none"}, POSITIONS[7]]
)
def test_where_nothing_may_be_clipped(keys):
    found = ranges(make(**keys))
    assert found.saturate is None
    assert (found.clipped_score, found.clipped_drive) == (found.score, found.drive)


@pytest.mark.parametrize("kind", ["lif", "if"])
@pytest.mark.parametrize("reset", ["hard", "soft"])
@pytest.mark.parametrize("shift", [1, 2])
@pytest.mark.parametrize("span", [(0, 5), (-4, 6), (-7, -2), (3, 12)])
def test_membranes_stay_in_range_for_every_drive(kind, reset, shift, span):
    spec = NeuronSpec(kind, shift if kind == "lif" else 0, 1, 9, reset)
    reached = level = {0}
    for _ in range(5):
        level = {spec.step(w, x)[1] for w in level for x in range(span[0], span[1] + 1)}
        reached = reached | level
    low, high = membrane_range(spec, span, 5)
    assert low <= min(reached)
    assert max(reached) <= high
    # With this many drives the interval is met to within the step of the drive, two units.
    assert min(reached) - low <= 2
    assert high - max(reached) <= 2


def test_large_designs_are_bounded_without_enumeration():
    keys = {"tokens": 4096, "dim": 64, "heads": 1, "steps": 64, "similarity": "xnor"}
    keys |= {"position": ["gray", "log"], "gray": {"index": "t*L+l", "bits": 12}}
    assert ranges(Design.from_dict(keys)).score == (0, 64 + 12 + 12)


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", POSITIONS)
def test_loose_bounds_hold_the_exact_ones(similarity, position, monkeypatch):
    exact = ranges(make(**similarity, **position))
    ranges.cache_clear()
    monkeypatch.setattr("spikeloom.golden.ranges._MOST_PAIRS", 0)
    loose = ranges(make(**similarity, **position))
    ranges.cache_clear()
    for tight, wide in ((exact.score, loose.score), (exact.drive, loose.drive)):
        assert wide[0] <= tight[0]
        assert tight[1] <= wide[1]


def test_drives_of_random_inputs_stay_in_range():
    rng = np.random.default_rng(2)
    for similarity, position in product(SIMILARITIES, POSITIONS):
        design = make(**similarity, **position)
        low, high = ranges(design).drive
        for rate in (0.1, 0.5, 1.0):
            q, k, v = (rng.random((2, 3, 4)) < rate for _ in "qkv")
            x = drive(design, q, k, v)
            assert low <= x.min()
            assert x.max() <= high


@pytest.mark.parametrize(
    ("low", "high", "width"),
    [(0, 0, (1, False)), (0, 1, (1, False)), (0, 7, (3, False)), (0, 8, (4, False)),
     (-1, 0, (1, True)), (-1, 1, (2, True)), (-8, 7, (4, True)), (-9, 0, (5, True))],
)  # fmt: skip
def test_bits(low, high, width):
    assert bits(low, high) == width


def test_empty_range_is_refused():
    with pytest.raises(ValueError, match=r"^Range must not be empty, not \(1, 0\)$"):
        bits(1, 0)
