import pytest

from spikeloom.design import Design
from spikeloom.golden.position.gray import code_words, codes, gray_code
from spikeloom.golden.similarity import Similarity, scores


def make(tokens=8, steps=4, **gray):
    return Design.from_dict(
        {
            "tokens": tokens,
            "dim": 8,
            "heads": 2,
            "steps": steps,
            "similarity": "xnor",
            "position": "gray",
            "gray": gray,
        }
    )


def distance(i, j):
    return (gray_code(i) ^ gray_code(j)).bit_count()


def test_neighbours_differ_in_one_bit_and_codes_are_distinct():
    words = [gray_code(x) for x in range(1 << 12)]
    assert len(set(words)) == len(words)
    assert all((a ^ b).bit_count() == 1 for a, b in zip(words, words[1:], strict=False))


@pytest.mark.parametrize("n", range(10))
def test_theorem_1(n):
    assert {distance(i, i + (1 << n)) for i in range(4096)} == {1 if n == 0 else 2}


@pytest.mark.parametrize(
    ("step", "found"),
    [(3, {1, 3}), (5, {1, 3}), (7, {1, 3}), (6, {2, 4}), (10, {2, 4}), (11, {1, 3, 5})],
)
def test_other_steps_have_several_distances(step, found):
    assert {distance(i, i + step) for i in range(4096)} == found


def test_linear_over_gf2_and_parity():
    for i in range(128):
        for j in range(128):
            assert gray_code(i) ^ gray_code(j) == gray_code(i ^ j)
            assert distance(i, j) % 2 == (i - j) % 2


def test_published_example():
    design = make(bits=3)
    words = [format(word, "03b") for word in code_words(design, 0)]
    assert words == ["000", "001", "011", "010", "110", "111", "101", "100"]
    matrix = scores(codes(design, 0), codes(design, 0), Similarity(1, 1))
    assert matrix[0].tolist() == [3, 2, 1, 2, 1, 0, 1, 2]


@pytest.mark.parametrize(("bits", "low", "high"), [(10, 2, 10), (8, 0, 8)])
def test_range_at_168(bits, low, high):
    bit_rows = codes(make(tokens=168, bits=bits), 0)
    matrix = scores(bit_rows, bit_rows, Similarity(1, 1))
    assert (matrix.min(), matrix.max()) == (low, high)


def test_index_of_the_published_code_changes_with_the_step():
    design = make(tokens=168, bits=10, index="t*L+l")
    matrices = [scores(c, c, Similarity(1, 1)) for c in (codes(design, t) for t in range(4))]
    assert [int((matrices[0] != m).sum()) for m in matrices[1:]] == [9600, 7424, 8960]
    assert code_words(design, 2)[5] == gray_code(2 * 168 + 5)
    assert code_words(make(tokens=168, bits=10), 2)[5] == gray_code(5)


@pytest.mark.parametrize("bits", [1, 2, 3])
def test_too_few_bits_mirror(bits):
    words = code_words(make(tokens=1 << bits + 1, bits=bits), 0)
    half = 1 << bits
    assert [words[half + k] for k in range(half)] == [words[half - 1 - k] for k in range(half)]


def test_grid_codes_row_and_column():
    design = make(tokens=6, grid=[2, 3])
    assert design.gray.code_bits(design) == (1, 2)
    assert code_words(design, 3) == [
        gray_code(row) << 2 | gray_code(column) for row in range(2) for column in range(3)
    ]


def test_columns_are_the_bits_of_the_word():
    design = make(tokens=12, bits=5)
    for word, row in zip(code_words(design, 0), codes(design, 0), strict=True):
        assert word == sum(int(bit) << c for c, bit in enumerate(row))


@pytest.mark.parametrize(
    ("tokens", "steps", "index", "bits"),
    [(1, 1, "l", 1), (2, 1, "l", 1), (3, 4, "l", 2), (12, 4, "l", 4), (168, 4, "l", 8),
     (168, 4, "t*L+l", 10), (1024, 4, "l", 10)],
)  # fmt: skip
def test_default_bits_tell_every_index_apart(tokens, steps, index, bits):
    design = make(tokens=tokens, steps=steps, index=index)
    assert design.code_bits == bits
    several = index != "l"
    words = [word for t in range(steps if several else 1) for word in code_words(design, t)]
    assert len(set(words)) == len(words)


def test_negative_positions_are_refused():
    with pytest.raises(ValueError, match=r"^Position must be an integer of at least 0, not -1$"):
        gray_code(-1)
