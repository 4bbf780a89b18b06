"""Folding and quantization against the formula in decimals of many digits."""

from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from spikeloom.importing.fold import BLOCK, ENCODER, Limits, fold, root_floor
from spikeloom.importing.model import Norm
from spikeloom.importing.rows import WIDTHS, largest, on_grid, quantize, quantize_whole

EPS = 1e-5


def layer(seed=0, rows=40, inputs=12):
    rng = np.random.default_rng(seed)
    weight = rng.normal(size=(rows, inputs)).astype(np.float32)
    gain, offset, mean = rng.normal(size=(3, rows)).astype(np.float32)
    var = rng.uniform(0.01, 3, size=rows).astype(np.float32)
    bias = rng.normal(size=rows).astype(np.float32)
    return weight, bias, Norm(gain, offset, mean, var, EPS)


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("fraction", [0, 4])
def test_bias_and_threshold(bits, fraction):
    weight, bias, norm = layer()
    keys = {"threshold": 0.75, "bits": bits, "fraction": fraction, "limits": ENCODER}
    folded = fold(weight, bias, norm, **keys)
    integers, scales = quantize(weight, bits)
    for row, scale in enumerate(scales):
        with localcontext() as context:
            context.prec = 80
            gain, offset, mean, var, own = (
                Decimal(float(part[row]))
                for part in (norm.weight, norm.bias, norm.mean, norm.var, bias)
            )
            slope = gain / (var + Decimal(EPS)).sqrt()
            unit = abs(slope) * Decimal(float(scale)) / 2**fraction
            exact = ((own - mean) * slope + offset) / unit
            fires = 2 * Decimal("0.75") / unit
            assert folded.bias[row] == exact.to_integral_value(ROUND_HALF_UP)
            assert folded.threshold[row] == fires.to_integral_value(ROUND_CEILING)
        sign = 1 if norm.weight[row] > 0 else -1
        assert folded.weight[row].tolist() == (sign * integers[row]).tolist()
        assert folded.unit[row] == pytest.approx(float(sign * unit))


def test_floor_of_a_root():
    rng = np.random.default_rng(3)
    for p, q, r, below in rng.integers([-30, -9, 0, 1], [30, 9, 40, 9], (500, 4)).tolist():
        with localcontext() as context:
            context.prec = 60
            exact = Decimal(p) / below + Decimal(q) / below * Decimal(r).sqrt()
            want = exact.quantize(Decimal(10) ** -40).to_integral_value(ROUND_FLOOR)
        assert root_floor(Fraction(p, below), Fraction(q, below), Fraction(r)) == want


def test_threshold_on_the_grid_is_not_rounded_up():
    ones = np.ones(1, np.float32)
    norm = Norm(ones, ones * 0.5, ones * 0, ones - np.float32(2.0**-17), 2.0**-17)
    folded = fold(np.float32([[0.75, -0.25]]), None, norm, bits=3)
    assert folded.weight.tolist() == [[3, -1]]
    assert (folded.bias.tolist(), folded.threshold.tolist()) == ([32], [128])


def test_gain_of_zero_leaves_a_constant_drive():
    weight, bias, norm = layer(rows=2)
    gain = np.float32([0, 1])
    folded = fold(weight, bias, Norm(gain, norm.bias, norm.mean, norm.var))
    assert not folded.weight[0].any()
    assert folded.weight[1].any()
    assert folded.bias[0] / folded.threshold[0] == pytest.approx(norm.bias[0] / 2, rel=1e-4)


@pytest.mark.parametrize("bits", WIDTHS)
def test_limits(bits):
    weight, bias, norm = layer()
    tiny = Norm(norm.weight * np.float32(1e-6), norm.bias * 50, norm.mean, norm.var)
    for limits in (BLOCK, Limits(1 << 9, 1 << 10)):
        folded = fold(weight, bias, tiny, bits=bits, limits=limits)
        assert abs(folded.bias).max() < limits.bias
        assert 1 <= folded.threshold.min()
        assert folded.threshold.max() < limits.threshold
        assert abs(folded.weight).max() <= largest(bits)


def test_row_of_zeros():
    folded = fold(np.zeros((1, 4), np.float32), np.float32([0.5]), None, bits=2)
    assert not folded.weight.any()
    assert folded.bias[0] / folded.threshold[0] == 0.25


@pytest.mark.parametrize("bits", WIDTHS)
def test_what_is_integer_stays(bits):
    rng = np.random.default_rng(1)
    most = largest(bits)
    integers = rng.integers(-most, most + 1, size=(20, 9))
    if bits == 1:
        integers = np.where(integers < 0, -1, 1)
    else:
        integers[:, 0] = 1
    found, scale = quantize(integers * 0.125, bits)
    assert found.tolist() == integers.tolist()
    assert set(scale) == {0.125}


def test_ternary_rows_of_any_size():
    found, scale = quantize(np.float32([[0.37, -0.37, 0.0]]), 2)
    assert found.tolist() == [[1, -1, 0]]
    assert scale[0] == np.float32(0.37)


def test_not_on_a_grid():
    assert on_grid(np.array([1.0, 0.3]), 8) is None
    assert on_grid(np.array([1.0, 0.0]), 1) is None
    assert on_grid(np.zeros(3), 8) is None


@pytest.mark.parametrize("bits", WIDTHS)
def test_scales_are_better_than_the_greatest_weight(bits):
    weight = layer(rows=30, inputs=64)[0].astype(float)
    integers, scale = quantize(weight, bits)
    plain = np.abs(weight).max(axis=1) / largest(bits)
    naive = np.rint(weight / plain[:, None]).clip(-largest(bits), largest(bits)) * plain[:, None]
    if bits == 1:
        naive = np.sign(weight) * plain[:, None]
    error, other = ((x - weight) ** 2 for x in (integers * scale[:, None], naive))
    assert (error.sum(axis=1) <= other.sum(axis=1) * (1 + 1e-9)).all()
    assert error.sum() < other.sum() * (1 if bits == 8 else 0.9)


@pytest.mark.parametrize("bits", [1, 2, 3, 4])
def test_moments_lower_the_error_of_the_drives(bits):
    rng = np.random.default_rng(2)
    weight = layer(rows=30, inputs=32)[0].astype(float)
    x = (rng.random((500, 32)) < rng.random(32) ** 3).astype(float)
    moment = x.T @ x / len(x)
    errors = []
    for given in (None, moment):
        integers, scale = quantize(weight, bits, given)
        errors.append(((x @ (integers * scale[:, None] - weight).T) ** 2).mean())
    assert errors[1] < errors[0]


def test_one_scale_for_all():
    weight = layer()[0]
    integers, scale = quantize_whole(weight, 8)
    assert np.abs(integers * scale - weight).max() <= scale * 0.6


def test_bits():
    with pytest.raises(ValueError, match="Bits must be one of 1, 2, 3, 4, 8, not 5"):
        quantize(np.ones((1, 1)), 5)
