import numpy as np
import pytest

from spikeloom.golden.popcount import and_popcount, pack_words, popcount, xnor_popcount


def test_popcount_counts_as_python_does():
    rng = np.random.default_rng(1)
    words = rng.integers(0, 1 << 64, 1000, dtype=np.uint64)
    words[:3] = 0, 1, (1 << 64) - 1
    assert popcount(words).tolist() == [int(word).bit_count() for word in words]


@pytest.mark.parametrize("width", [1, 7, 8, 63, 64, 65, 128, 200])
def test_packed_words_hold_the_bits_in_order(width):
    rng = np.random.default_rng(width)
    bits = rng.integers(0, 2, (5, width), dtype=np.uint8)
    for row, words in zip(bits, pack_words(bits), strict=True):
        whole = sum(int(word) << 64 * place for place, word in enumerate(words))
        assert whole == sum(int(bit) << channel for channel, bit in enumerate(row))


def test_pairs_of_words_exhaustively():
    width = 5
    for a in range(1 << width):
        for b in range(1 << width):
            pairs = [(a >> c & 1, b >> c & 1) for c in range(width)]
            assert and_popcount(a, b) == pairs.count((1, 1))
            assert xnor_popcount(a, b, width=width) == sum(x == y for x, y in pairs)


def test_xnor_refuses_words_that_do_not_fit():
    with pytest.raises(ValueError, match=r"^Words must fit 2 bits, not 4$"):
        xnor_popcount(4, 0, width=2)
