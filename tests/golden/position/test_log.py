import hashlib
from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.position import log


def ceil_log2(x):
    """ceil(log2(x)) of a rational, by comparing with powers of two."""
    power = 0
    while Fraction(2) ** power < x:
        power += 1
    while Fraction(2) ** (power - 1) >= x:
        power -= 1
    return power


@pytest.mark.parametrize("length", [3, 4, 5, 8, 12, 32, 129, 130, 168, 1024])
def test_paper_formula(length):
    formula = [ceil_log2(Fraction(length - 1, d + 1)) for d in range(length)]
    assert log.paper_row(length, length) == formula


def test_the_formula_is_clamped_where_it_is_negative_or_undefined():
    assert ceil_log2(Fraction(1, 2)) == -1
    assert log.paper_row(2, 2) == [0, 0]
    assert log.paper_row(1, 1) == [0]
    assert log.paper_row(6, 4) == [2, 1, 0, 0, 0, 0]


def test_breakpoints_at_168():
    row = log.paper_row(168, 168)
    spans = {value: (row.index(value), 167 - row[::-1].index(value)) for value in set(row)}
    assert spans == {
        8: (0, 0), 7: (1, 1), 6: (2, 4), 5: (5, 9), 4: (10, 19), 3: (20, 40), 2: (41, 82),
        1: (83, 165), 0: (166, 167),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("length", "row"),
    [(8, [3, 2, 2, 1, 1, 1, 0, 0]), (12, [4, 3, 2, 2, 2, 1, 1, 1, 1, 1, 0, 0])],
)
def test_published_rows(length, row):
    assert log.paper_row(length, length) == row


@pytest.mark.parametrize(("length", "top"), [(129, 7), (130, 8)])
def test_the_greatest_bias(length, top):
    assert log.paper_row(1, length) == [top]


@pytest.mark.parametrize("length", [1, 2, 3, 7, 168, 1000, 5000])
def test_windows_and_rows_say_the_same(length):
    widths = log.windows(length)
    assert all(a > b for a, b in pairwise(widths))
    row = log.paper_row(length, length)
    assert row == sorted(row, reverse=True)
    # The bit-length form of the same count.
    for distance in range(0, length, max(1, length // 50)):
        quotient = -(-(length - 1) // (distance + 1))
        assert row[distance] == (max(quotient - 1, 0)).bit_length()


# Sum, and the start of the SHA-256 of the little-endian int32 matrix, of create_symmetric_matrix
# run under PyTorch 2.13 (the same for its default, AVX2 and AVX-512 kernels).
TORCH = {
    2: (2, "288b1793833bb596"),
    3: (10, "6dcdcdafc9ec96ee"),
    5: (37, "811a48760bd20f3a"),
    12: (252, "4397e36af4bbb796"),
    32: (2148, "abd7a40717894f4a"),
    64: (10438, "8227dc89cea060ae"),
    128: (49670, "f9a2ff01162f7081"),
    168: (99602, "546879a20e405aab"),
    196: (135406, "e44d58a3dbd626e0"),
    1024: (4723950, "2871cbae5f417f4d"),
}


@pytest.mark.parametrize("length", TORCH)
def test_code_matrix_equals_torch(length):
    matrix = log.code_matrix(length).astype("<i4")
    assert (int(matrix.sum()), hashlib.sha256(matrix.tobytes()).hexdigest()[:16]) == TORCH[length]


def ideal(length):
    """The code's matrix with the straight line rounded half to even without any error."""
    top = (length - 1).bit_length()
    matrix = np.zeros((length, length), dtype=int)
    ties = 0
    for i in range(length):
        matrix[i, i] = top
        steps = length - i - 1
        for n in range(steps):
            line = Fraction(top - 1) - (Fraction(n * (top - 1), steps - 1) if n else 0)
            ties += line.denominator == 2
            matrix[i, i + 1 + n] = matrix[i + 1 + n, i] = round(line)
    return matrix, ties


@pytest.mark.parametrize(("length", "ties", "pairs"), [(12, 7, 0), (168, 149, 3)])
def test_code_matrix_differs_from_ideal_rounding_at_ties(length, ties, pairs):
    matrix, found = ideal(length)
    assert found == ties
    assert int(np.triu(log.code_matrix(length) != matrix).sum()) == pairs


def eight_lanes(length):
    """The matrix under PyTorch 1.12 with AVX2: linspace in vectors of eight, each from its base."""
    top = (length - 1).bit_length()
    matrix = np.full((length, length), top)
    for i in range(length - 1):
        steps = length - i - 1
        step = np.float32(1 - top) / np.float32(max(1, steps - 1))
        line = []
        while len(line) < steps:
            n, lanes = len(line), 8 if len(line) + 8 <= steps else 1
            rising = np.float32(top - 1) + step * np.float32(n)
            base = rising if n < steps // 2 or steps == 1 else -step * np.float32(steps - n - 1)
            line += [base + step * np.float32(lane) for lane in range(lanes)]
        matrix[i, i + 1 :] = matrix[i + 1 :, i] = np.rint(line)
    return matrix


def test_older_torch_had_another_matrix():
    paper = np.array(log.paper_row(168, 168))
    index = np.arange(168)
    older = eight_lanes(168)
    assert int((older != paper[abs(index[:, None] - index)]).sum()) == 22636
    assert int(np.triu(older != ideal(168)[0]).sum()) == 20
    assert int((older != log.code_matrix(168)).sum()) == 46
    assert np.array_equal(eight_lanes(12), log.code_matrix(12))


def test_paper_and_code_are_different_functions():
    paper = np.array(log.paper_row(168, 168))
    index = np.arange(168)
    different = paper[abs(index[:, None] - index)] != log.code_matrix(168)
    assert int(different.sum()) == 22644
    assert log.code_matrix(12)[0].tolist() == [4, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0, 0]


@pytest.mark.parametrize("length", [1, 2, 3, 12])
def test_shape_of_the_code_matrix(length):
    matrix = log.code_matrix(length)
    top = (length - 1).bit_length()
    assert np.array_equal(matrix, matrix.T)
    assert set(np.diag(matrix)) == {top}
    assert set(np.diag(matrix, 1)) <= {top - 1}


def make(tokens, **section):
    return Design.from_dict(
        {"tokens": tokens, "dim": 4, "heads": 1, "steps": 1, "similarity": "xnor"}
        | {"position": "log", "log": section}
    )


def test_bias_matrix_of_a_design():
    row = log.paper_row(5, 9)
    matrix = log.bias_matrix(make(5, length=9))
    assert all(matrix[i, j] == row[abs(i - j)] for i in range(5) for j in range(5))
    matrix = log.bias_matrix(make(5, length=9, definition="code"))
    assert np.array_equal(matrix, log.code_matrix(9)[:5, :5])


@pytest.mark.parametrize("function", [log.windows, log.code_matrix])
def test_length_zero_is_refused(function):
    with pytest.raises(ValueError, match=r"^Length must be an integer of at least 1, not 0$"):
        function(0)
