from itertools import product

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.design.similarity import SIMILARITIES, SimilarityRow
from spikeloom.golden.similarity import Similarity, scores

Q = np.array([[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]], np.uint8)
K = np.array([[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]], np.uint8)

WORTH = {
    "and": {(1, 1): 1},
    "xnor": {(1, 1): 1, (0, 0): 1},
    "alpha-xnor": {(1, 1): 8, (0, 0): 3},
    "hamming": {(1, 1): 1, (0, 0): 1, (0, 1): -1, (1, 0): -1},
}


NUMBERS = {"and": (1, 0, 0), "xnor": (1, 1, 0), "alpha-xnor": (8, 3, 0), "hamming": (2, 2, -1)}


def similarity(kind):
    """What the table says, which is to be the numbers of the papers."""
    how = SIMILARITIES[kind].at(3, 3)
    assert (how.ones, how.zeros, how.each) == NUMBERS[kind]
    return how


@pytest.mark.parametrize("kind", WORTH)
@pytest.mark.parametrize("channels", [1, 2, 5])
def test_every_pair_of_words(kind, channels):
    words = np.array(list(product((0, 1), repeat=channels)), np.uint8)
    matrix = scores(words, words, similarity(kind))
    for i, q in enumerate(words.tolist()):
        for j, k in enumerate(words.tolist()):
            assert matrix[i, j] == sum(WORTH[kind].get(pair, 0) for pair in zip(q, k, strict=True))
    assert (matrix.min(), matrix.max()) == similarity(kind).bounds(channels)


@pytest.mark.parametrize(
    ("kind", "matrix"),
    [
        ("and", [[1, 1, 2], [0, 0, 0], [2, 0, 2]]),
        ("xnor", [[2, 3, 3], [2, 3, 1], [3, 0, 2]]),
        ("alpha-xnor", [[11, 14, 19], [6, 9, 3], [19, 0, 16]]),
    ],
)
def test_published_examples(kind, matrix):
    assert scores(Q, K, similarity(kind)).tolist() == matrix


def test_published_example_of_hamming_drive():
    v = np.array([[1, 0], [1, 1], [0, 1]])
    assert (scores(Q, K, Similarity(2, 2, -1)) @ v).tolist() == [[2, 4], [2, 0], [-2, -4]]
    assert (scores(Q, K, Similarity(1, 1)) @ v).tolist() == [[5, 6], [5, 4], [3, 2]]


@pytest.mark.parametrize("channels", [63, 64, 65, 130])
def test_wide_words_against_bipolar_products(channels):
    rng = np.random.default_rng(channels)
    q, k = (rng.integers(0, 2, (9, channels), dtype=np.uint8) for _ in "qk")
    bipolar = (2 * q.astype(int) - 1) @ (2 * k.astype(int) - 1).T
    dot = q.astype(int) @ k.astype(int).T
    assert np.array_equal(scores(q, k, Similarity(2, 2, -1)), bipolar)
    assert np.array_equal(scores(q, k, Similarity(1, 1)), (bipolar + channels) // 2)
    assert np.array_equal(scores(q, k, Similarity(1)), dot)


@pytest.mark.parametrize("kind", WORTH)
def test_linear_order_holds(kind):
    """Q (K^T V) with the corrections of the state-order identities, against (Q K^T) V."""
    rng = np.random.default_rng(7)
    q, k, v = (rng.integers(0, 2, (11, 6)).astype(int) for _ in "qkv")
    both, neither = {"and": (1, 0), "xnor": (1, 1), "alpha-xnor": (8, 3), "hamming": (2, 2)}[kind]
    channels = 6
    state, total = k.T @ v, v.sum(axis=0)
    zeros = (channels - q.sum(axis=1))[:, None] * total - k.sum(axis=1) @ v + q @ state
    drive = both * (q @ state) + neither * zeros
    if kind == "hamming":
        drive -= channels * total
    how = similarity(kind)
    assert np.array_equal(scores(q.astype(np.uint8), k.astype(np.uint8), how) @ v, drive)


@pytest.mark.parametrize("numbers", list(product((-2, 0, 1, 5), (-3, 0, 1, 5), (-4, 0, 3))))
def test_any_numbers(numbers):
    """Every pair of words of three channels, and the bounds, which are reached."""
    ones, zeros, each = numbers
    if not ones and not zeros:
        return
    worth = {(1, 1): ones + each, (0, 0): zeros + each}
    words = np.array(list(product((0, 1), repeat=3)), np.uint8)
    how = Similarity(*numbers)
    matrix = scores(words, words, how)
    for (i, q), (j, k) in product(enumerate(words.tolist()), repeat=2):
        assert matrix[i, j] == sum(worth.get(pair, each) for pair in zip(q, k, strict=True))
    assert how.bounds(3) == (matrix.min(), matrix.max())
    assert how.never_negative == (matrix.min() >= 0)


def test_a_design_names_its_similarity():
    data = {"tokens": 3, "dim": 4, "heads": 1, "steps": 1}
    design = Design.from_dict(data | {"similarity": "alpha-xnor", "alpha": 0.375})
    assert scores(Q, K, design).tolist() == [[11, 14, 19], [6, 9, 3], [19, 0, 16]]


def test_refusals():
    with pytest.raises(ValueError, match=r"^Ones or zeros must be another number than 0$"):
        Similarity(0, 0, 3)
    with pytest.raises(TypeError, match=r"^Numbers must be integers, .*, not \(1, 0\.5, 0, 0\)$"):
        Similarity(1, 0.5)
    with pytest.raises(TypeError, match=r"^Numbers must be integers, with a fraction of at least"):
        Similarity(1, fraction=-1)
    with pytest.raises(ValueError, match=r"^Zeros must be 0 where alpha gives it, not 2$"):
        SimilarityRow(Similarity(1, 2), alpha=True)
    with pytest.raises(ValueError, match=r"^Queries and keys must be of shapes \(n, c\) and"):
        scores(Q, K[:, :3], Similarity(1))
