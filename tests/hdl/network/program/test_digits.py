"""Digits of weights: they add up to the weights, for every range, and no fewer are enough."""

from itertools import product

import numpy as np
import pytest

from spikeloom.hdl.network.program.digits import Digits, few, zeros_of


def values(digits):
    """Every number that digits of these signs can say, by trying all bits."""
    bits = [
        sign << plane + digits.place(digit)
        for digit in range(digits.number)
        for plane, sign in enumerate(digits.signs(digit))
    ]
    return sorted(
        sum(bit * value for bit, value in zip(chosen, bits, strict=True))
        for chosen in product((0, 1), repeat=len(bits))
    )


def added_up(digits, bits):
    """Add up the bits of weights."""
    total = np.zeros(bits.shape[2:], dtype=int)
    for digit in range(digits.number):
        for plane, sign in enumerate(digits.signs(digit)):
            total += (sign << plane + digits.place(digit)) * bits[digit, plane].astype(int)
    return total


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize("low", range(-17, 1))
def test_few_digits_say_every_weight_of_a_range(low, planes):
    for high in range(max(low + 1, 0), 18):
        found = few(low, high, 0, planes)
        told = values(found)
        # In a row, each in one way, zero among them.
        assert told == list(range(told[0], told[-1] + 1))
        assert (told[0], told[-1]) == found.ends
        assert told[0] <= low <= high <= told[-1]
        # Fewer digits have fewer values than the range.
        assert 1 << planes * (found.number - 1) <= max(high - low, 1) or _unreached(
            low, high, found
        )
        weights = np.arange(low, high + 1)
        assert (added_up(found, found.split(weights)) == weights).all()


def _unreached(low, high, found):
    """Whether no choice of signs makes a range of so few digits begin where this one does."""
    number, planes = found.number - 1, found.planes
    tops = product((1, -1), repeat=planes)
    ends = [Digits(0, number, top, rest).ends for top in tops for rest in (1, -1)]
    return not any(least <= low and high <= most for least, most in ends)


@pytest.mark.parametrize("planes", [1, 2])
def test_multiples_take_no_more_digits_than_what_they_are_multiples_of(planes):
    for low, high, zeros in ((-7, 7, 3), (-1, 1, 1), (0, 3, 5), (-4, 2, 2)):
        plain = few(low, high, 0, planes)
        found = few(low << zeros, high << zeros, zeros, planes)
        assert found.number == plain.number
        assert found.base <= zeros
        weights = np.arange(low, high + 1) << zeros
        assert (added_up(found, found.split(weights)) == weights).all()


def test_weights_that_are_all_zero_take_nothing():
    assert few(0, 0, 0, 2) is None


def test_twos_complement_comes_first():
    assert few(-8, 7, 0, 2) == Digits(0, 2, (1, -1), 1)
    assert few(-8, 7, 0, 1) == Digits(0, 4, (-1,), 1)
    # 16 values that begin elsewhere take other signs, and no digit more.
    assert few(-15, 0, 0, 2).number == few(0, 15, 0, 2).number == few(-3, 12, 0, 2).number == 2


def test_low_bits_that_are_zero():
    weights = np.array([[12, -8, 0], [0, 0, 0], [5, 4, 2], [-64, 64, 128]])
    assert zeros_of(weights, axis=1).tolist() == [2, 0, 0, 6]
