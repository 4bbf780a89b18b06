from fractions import Fraction

import numpy as np
import pytest

from spikeloom.golden.fold import fold


def test_worked_example():
    folded = fold([[0.5, -0.2, 0.125]], [0.1], gamma=[0.8], beta=[-0.05], mean=[0.2], var=[0.64])
    assert folded.weights.tolist() == [[127, -51, 32]]
    assert folded.bias.tolist() == [-38]
    assert folded.thresholds.tolist() == [509]
    assert folded.scales == pytest.approx([0.0039370], abs=1e-7)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_integers_are_the_nearest(bits):
    """Against the formula of batch norm in exact rationals (but for the root, taken in floats)."""
    rng = np.random.default_rng(bits)
    weight, (bias, gamma, beta, mean) = rng.normal(size=(40, 9)), rng.normal(size=(4, 40))
    var = rng.uniform(0.1, 2, 40)
    folded = fold(
        weight, bias, gamma=gamma, beta=beta, mean=mean, var=var, threshold=0.5, bits=bits
    )
    for c in range(40):
        gain = Fraction(gamma[c]) / Fraction(float(np.sqrt(var[c] + 1e-5)))
        row = [Fraction(w) * gain for w in weight[c]]
        scale = Fraction(float(folded.scales[c]))
        offset = Fraction(beta[c]) + (Fraction(bias[c]) - Fraction(mean[c])) * gain
        near = Fraction(1, 2) + Fraction(1, 10**9)
        for value, integer in zip(row, folded.weights[c], strict=True):
            assert abs(value / scale - int(integer)) <= near
        assert abs(offset / scale - int(folded.bias[c])) <= near
        assert int(folded.thresholds[c]) - 1 < 1 / scale <= int(folded.thresholds[c])
    assert np.abs(folded.weights).max(axis=1).tolist() == [2 ** (bits - 1) - 1] * 40


def test_without_batch_norm_and_without_weights():
    folded = fold([[0.0, 0.0], [1.0, -2.0]], bits=4, threshold=1.0, decay=1)
    assert folded.weights.tolist() == [[0, 0], [4, -7]]
    assert folded.bias.tolist() == [0, 0]
    assert folded.thresholds.tolist() == [7, 4]


def test_negative_gain_turns_weights_round():
    zero = np.zeros(1)
    folded = fold([[1.0, -0.5]], gamma=[-1.0], beta=zero, mean=zero, var=[1.0], eps=0.0)
    assert folded.weights.tolist() == [[-127, 64]]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"bits": 9}, r"Bits must be an integer from 2 to 8, not 9"),
        ({"gamma": [1.0]}, r"Batch norm must be given whole, not without beta, mean, var"),
        ({"bias": [1.0, 2.0]}, r"Bias must be of shape \(1,\), not \(2,\)"),
    ],
)
def test_refuses(keys, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        fold([[1.0, 2.0]], **keys)
    with pytest.raises(ValueError, match=r"^Weight must be of shape \(D, C\), not \(2,\)$"):
        fold([1.0, 2.0])
