from fractions import Fraction

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.torch.fold import fold, gain_and_offset, normalisation  # noqa: E402


def norm(gain, offset, mean):
    """Return batch normalisation without a deviation: y = gain (x - mean) + offset."""
    made = normalisation(len(gain)).eval()
    made.eps = 0.0
    with torch.no_grad():
        made.weight[:], made.bias[:] = torch.tensor(gain), torch.tensor(offset)
    made.running_mean[:] = torch.tensor(mean)
    made.running_var[:] = 1.0
    return made


def real_spikes(drive):
    """Restate the neuron of threshold 1 in rationals."""
    membrane, spikes = Fraction(0), []
    for x in drive:
        membrane = (membrane + x) / 2
        spikes.append(int(membrane >= 1))
        membrane *= 1 - spikes[-1]
    return spikes


def integer_spikes(drive, threshold):
    membrane, spikes = 0, []
    for x in drive:
        reached = membrane + x
        spikes.append(int(reached >= threshold))
        membrane = 0 if spikes[-1] else reached >> 1
    return spikes


@pytest.mark.parametrize("fraction", [4, 6])
@pytest.mark.parametrize("gain", [0.25, -0.25, 0.125, -1.0])
@pytest.mark.parametrize("offset", [0.5, -0.25, 3.0])
def test_folded_neurons_are_the_real_ones_where_nothing_is_rounded(gain, offset, fraction):
    scale = 0.5
    layer = norm([gain], [offset], [0.75])
    made = fold(torch.tensor([[1.0, -1.0]]), torch.tensor([[scale]]), layer, fraction=fraction)
    rng = np.random.default_rng(0)
    fired = 0
    for _ in range(50):
        sums = rng.integers(-30, 30, 4).tolist()
        drive = [Fraction(gain) * (Fraction(scale) * x - Fraction(3, 4)) + Fraction(offset)
                 for x in sums]  # fmt: skip
        whole = [(x * int(made.weight[0, 0]) << fraction) + int(made.bias[0]) for x in sums]
        spikes = integer_spikes(whole, int(made.threshold[0]))
        assert spikes == real_spikes(drive)
        fired += sum(spikes)
    assert 0 < fired < 200
    assert made.weight.tolist() == ([[1, -1]] if gain > 0 else [[-1, 1]])


def test_thresholds_are_rounded_up_and_biases_to_the_nearest():
    layer = norm([0.3012], [0.1], [0.0])
    made = fold(torch.tensor([[1.0]]), torch.tensor([[1.0]]), layer, fraction=4)
    assert made.threshold.tolist() == [107]  # 106.24
    assert made.bias.tolist() == [5]  # 5.31
    assert made.unit[0] == pytest.approx(0.3012 / 16)


def test_gain_is_over_the_deviation():
    layer = norm([2.0], [1.0], [0.5])
    layer.running_var[:] = 4.0
    layer.eps = 5.0
    gain, offset = gain_and_offset(layer)
    assert gain.item() == pytest.approx(2 / 3)
    assert offset.item() == pytest.approx(1 - 1 / 3)


@pytest.mark.parametrize("gain", [0.0, 1e-9, -1e-9])
@pytest.mark.parametrize(("offset", "fires"), [(-1.0, 0), (1.5, 0), (2.5, 1)])
def test_a_channel_without_gain_keeps_its_offset(gain, offset, fires):
    made = fold(torch.ones(1, 1), torch.ones(1, 1), norm([gain], [offset], [0.0]), fraction=4)
    assert 1 <= made.threshold[0] < 1 << 18
    assert abs(made.bias[0]) < 1 << 17
    assert (made.bias[0] >= made.threshold[0]) == fires
