import hashlib
from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.formula import attention, drive
from spikeloom.golden.position import shift
from spikeloom.golden.similarity import Similarity, scores

from ... import restated


def make(tokens=168, head_dim=32, **section):
    return Design.from_dict(
        {"tokens": tokens, "dim": head_dim, "heads": 1, "steps": 1}
        | {"position": "shift", "shift": section}
    )


def half_even(n, k):
    return (n + (1 << (k - 1)) - 1 + (n >> k & 1)) >> k


def test_closed_forms_of_the_default_schedule():
    table = shift.amounts(168, 4, 64, "float32")
    n = np.arange(168)
    assert table[0].tolist() == n.tolist()
    assert table[1].tolist() == ((n + 1) >> 2).tolist()
    assert table[2].tolist() == ((n + 7) >> 4).tolist()
    assert table[3].tolist() == ((n + 31 + (n >> 6 & 1)) >> 6).tolist()
    exact = shift.amounts(168, 4, 64, "half-even")
    for group, k in enumerate((2, 4, 6), start=1):
        assert exact[group].tolist() == [half_even(int(m), k) for m in n]
    assert (table != exact).sum(axis=1).tolist() == [0, 21, 5, 0]
    assert (table % 8 != exact % 8).sum(axis=1).tolist() == [0, 21, 5, 0]


@pytest.mark.parametrize(("groups", "base"), [(2, 4), (3, 4), (3, 9), (4, 8), (5, 16), (7, 64)])
def test_half_even_where_the_frequencies_are_rational(groups, base):
    table = shift.amounts(300, groups, base, "half-even")
    for group in range(groups):
        root = round(base ** (1 / (groups - 1)))
        if root ** (groups - 1) == base:
            expected = [round(Fraction(n, root**group)) for n in range(300)]
            assert table[group].tolist() == expected


@pytest.mark.parametrize(("groups", "base"), [(4, 10), (8, 10000), (6, 7), (16, 128)])
def test_half_even_is_the_nearest_integer(groups, base):
    root = groups - 1
    for group, row in enumerate(shift.amounts(200, groups, base, "half-even").tolist()):
        for n, amount in enumerate(row):
            # (amount - 1/2)**root <= n**root / base**group <= (amount + 1/2)**root
            value = (2 * n) ** root
            assert max(0, 2 * amount - 1) ** root * base**group <= value
            assert value <= (2 * amount + 1) ** root * base**group


@pytest.mark.parametrize(
    ("groups", "base", "entries"),
    [(4, 8, 21), (8, 128, 71), (16, 8, 21), (16, 32, 15), (16, 64, 26), (2, 64, 0), (8, 10000, 0)],
)
def test_float32_differs_from_exact_where_published(groups, base, entries):
    float32 = shift.amounts(168, groups, base, "float32")
    assert int((float32 != shift.amounts(168, groups, base, "half-even")).sum()) == entries


# Start of the SHA-256 of round(einsum("n,g->gn", arange(1024.), base ** -(g / (G-1)))) as int64,
# run under PyTorch 2.13 on the CPU.
TORCH = {
    (1, 64): "2f88e9ce00d238e7",
    (2, 4): "9d76c8b8934519d4",
    (4, 8): "d12308e38070afdd",
    (4, 64): "19b2038ad57b16d7",
    (4, 10000): "e646ecf89a43f830",
    (8, 128): "03b80cb475b7e078",
    (16, 8): "032eb9e950675e3a",
    (16, 32): "cd61a2e6dd96ff6c",
    (16, 64): "2ba5d838fabcccde",
}


@pytest.mark.parametrize(("groups", "base"), TORCH)
def test_float32_equals_torch(groups, base):
    table = shift.amounts(1024, groups, base, "float32").astype("<i8")
    assert hashlib.sha256(table.tobytes()).hexdigest()[:16] == TORCH[groups, base]


def test_a_real_base_is_rounded_to_float32_first():
    # torch.round(torch.arange(4096) * 9.546 ** -(torch.arange(4) / 3)[1])[3427] with PyTorch 2.13.
    assert shift.amounts(4096, 4, Fraction("9.546"), "float32")[1, 3427] == 1616
    assert float(3427 * 9.546 ** (-1 / 3)) < 1615.5


def test_half_even_of_a_real_base():
    # The second of two groups is n / base, which Python's own fractions round half to even.
    for base, expected in ((Fraction(3, 2), [round(Fraction(2 * n, 3)) for n in range(50)]),
                           (Fraction(1, 2), [2 * n for n in range(50)]),
                           (Fraction(4), [round(Fraction(n, 4)) for n in range(50)])):  # fmt: skip
        assert shift.amounts(50, 2, base, "half-even")[1].tolist() == expected


def test_the_schedule_is_reduced_and_its_columns_distinct():
    table = shift.schedule(make())
    assert table.shape == (4, 168)
    assert table.min() == 0
    assert table.max() == 7
    assert len({tuple(column) for column in table.T.tolist()}) == 168


def test_one_group_moves_by_the_position():
    assert shift.schedule(make(10, 4, groups=1))[0].tolist() == [n % 4 for n in range(10)]


def test_groups_of_any_width():
    design = make(20, 12, groups=4)
    assert shift.schedule(design).max() == 2
    values = [[-1, 5, 7], [3, 4, 2]]
    table = shift.schedule(make(3, 6, groups=2, values=values))
    assert table.tolist() == [[2, 2, 1], [0, 1, 2]]


def test_rotate_is_roll_of_each_group():
    rng = np.random.default_rng(3)
    x = rng.integers(0, 2, (2, 5, 12), dtype=np.uint8)
    amounts = rng.integers(0, 4, (3, 5))
    y = shift.rotate(x, amounts)
    for lead in range(2):
        for n in range(5):
            for g in range(3):
                part = slice(4 * g, 4 * g + 4)
                assert np.array_equal(y[lead, n, part], np.roll(x[lead, n, part], amounts[g, n]))


def test_published_example():
    q = np.array([[int(c) for c in "10110010"]] * 8, np.uint8)
    k = np.array([[int(c) for c in "01101001"]] * 8, np.uint8)
    amounts = np.arange(8)[None]
    matrix = scores(shift.rotate(q, amounts), shift.rotate(k, amounts), Similarity(1))
    for (n, m), score in {(0, 0): 1, (3, 3): 1, (0, 1): 3, (4, 5): 3, (0, 2): 2, (5, 7): 2}.items():
        assert matrix[n, m] == score


def test_similarity_depends_on_the_difference_of_the_amounts():
    rng = np.random.default_rng(4)
    q, k = (np.tile(rng.integers(0, 2, 8, dtype=np.uint8), (16, 1)) for _ in "qk")
    amounts = np.arange(16)[None] % 8
    for numbers in ((1,), (1, 1), (2, 2, -1)):
        matrix = scores(shift.rotate(q, amounts), shift.rotate(k, amounts), Similarity(*numbers))
        for n in range(8):
            assert np.array_equal(np.roll(matrix[0, :8], n), matrix[n, :8])


def test_a_picture_turns_half_of_the_groups_by_rows_and_half_by_columns():
    design = make(12, 16, groups=4, base=4, grid=[3, 4], rounding="half-even")
    rows = [0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2]
    columns = [0, 1, 2, 3] * 3
    quarter = [round(Fraction(n, 4)) for n in range(4)]
    assert shift.schedule(design).tolist() == [
        rows,
        [quarter[n] for n in rows],
        columns,
        [quarter[n] for n in columns],
    ]


@pytest.mark.parametrize("rounding", ["float32", "half-even"])
@pytest.mark.parametrize("groups", [2, 4, 8])
def test_a_picture_of_one_row_is_a_line_for_half_of_the_groups(groups, rounding):
    line = shift.schedule(make(168, 32, groups=groups // 2, rounding=rounding))
    for grid, part in (([1, 168], slice(groups // 2, None)), ([168, 1], slice(groups // 2))):
        table = shift.schedule(make(168, 32, groups=groups, grid=grid, rounding=rounding))
        assert np.array_equal(table[part], line % (32 // groups))
        assert table.sum() == table[part].sum()


def test_similarity_in_a_picture_depends_on_both_differences():
    """With frequency 1 alone: the same word everywhere, seen from everywhere."""
    table = shift.schedule(make(64, 32, groups=2, grid=[8, 8]))
    word = np.random.default_rng(9).integers(0, 2, 32, dtype=np.uint8)
    turned = shift.rotate(np.tile(word, (64, 1)), table)
    matrix = scores(turned, turned, Similarity(1)).reshape(8, 8, 8, 8)
    for row, column in np.ndindex(4, 4):
        moved = matrix[row : row + 4, column : column + 4, row : row + 4, column : column + 4]
        assert np.array_equal(moved, matrix[:4, :4, :4, :4])
    assert not np.array_equal(matrix[0, 0, 0, :], matrix[0, 0, :, 0])


@pytest.mark.parametrize("grid", [[2, 3], [3, 2], [1, 6], [6, 1]])
@pytest.mark.parametrize("similarity", ["and", "xnor", "alpha-xnor", "hamming"])
def test_layers_of_pictures_equal_their_restatement(similarity, grid):
    """16 combinations of 65 cases each: 1,040 layers, bit for bit."""
    rng = np.random.default_rng(10)
    keys = {"tokens": 6, "dim": 16, "heads": 1, "steps": 2, "similarity": similarity}
    keys |= {"alpha": "3/8"} if similarity == "alpha-xnor" else {}
    flat = Design.from_dict(keys)
    changed = 0
    for n in range(65):
        section = {"groups": (2, 4, 8)[n % 3], "base": 64, "rounding": "half-even", "grid": grid}
        position = {"position": "shift", "shift": section}
        if n % 5 == 0:
            position = {"position": ["shift", "gray"], "shift": section, "gray": {"grid": grid}}
        made = keys | position | {"scale": "1/16"}
        design = Design.from_dict(made)
        q, k, v = ((rng.random((2, 6, 16)) < 0.4).astype(np.uint8) for _ in "qkv")
        assert np.array_equal(attention(design, q, k, v), restated.spikes(made, q, k, v))
        changed += not np.array_equal(drive(design, q, k, v), drive(flat, q, k, v))
    assert changed > 60


def test_refusals():
    with pytest.raises(ValueError, match=r"^Rounding must be 'float32' or 'half-even', not 'up'$"):
        shift.amounts(4, 2, 4, "up")
    with pytest.raises(ValueError, match=r"^Amounts must be of shape \(G, N\), where G divides d"):
        shift.rotate(np.zeros((4, 6), np.uint8), np.zeros((4, 4), int))
