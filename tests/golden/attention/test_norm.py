"""Gains and offsets a channel: golden against the formula in rationals."""

import itertools
from fractions import Fraction

import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention import attention, drive
from spikeloom.golden.norm import channel_neurons
from spikeloom.golden.ranges import ranges

SHAPE = {"tokens": 5, "dim": 8, "heads": 2, "steps": 6}
NEURONS = [
    {},
    {"reset": "soft"},
    {"neuron": "if"},
    {"neuron": "if", "reset": "soft"},
    {"tau": 4},
    {"tau": "3/2"},
    {"decay_input": False},
    {"decay": "1/4", "fires": "above"},
    {"decay": "2/3", "reset": "soft"},
]


FACTOR = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8", or the negative of one'


def leaky(keys, x, theta):
    """Spikes of real neurons on ``x`` of shape (T, ...), as SpikingJelly writes them."""
    tau = Fraction(keys.get("tau", 2))
    membrane, spikes = np.full(x.shape[1:], Fraction(0), dtype=object), []
    for current in x:
        if keys.get("neuron") == "if":
            membrane = membrane + current
        elif "decay" in keys:
            membrane = membrane * Fraction(keys["decay"]) + current
        elif keys.get("decay_input", True):
            membrane = membrane + (current - membrane) / tau
        else:
            membrane = membrane - membrane / tau + current
        fired = membrane > theta if keys.get("fires") == "above" else membrane >= theta
        fired = fired.astype(bool)
        spikes.append(fired)
        after = membrane - theta if keys.get("reset") == "soft" else Fraction(0)
        membrane = np.where(fired, after, membrane)
    return np.array(spikes, dtype=np.uint8)


def restated(keys, sums, scales, gains, offsets, theta):
    """The neuron sees gain (scale X) + offset, all of them real."""
    scales = np.repeat([Fraction(s) for s in scales], sums.shape[-1] // len(scales))
    gains, offsets = ([Fraction(n) for n in numbers] for numbers in (gains, offsets))
    x = np.vectorize(Fraction, otypes=[object])(sums) * scales * gains + offsets
    return leaky(keys, x, Fraction(theta))


def draw(rng, shape=(6, 5, 8), rate=0.5):
    return [(rng.random(shape) < rate).astype(np.uint8) for _ in "qkv"]


def numbers(rng, scales, *, bits):
    """Gains of both signs, and offsets that lie on the grid of their channel."""
    gains = [Fraction(int(n), 8) for n in rng.integers(1, 20, 8) * rng.choice([-1, 1], 8)]
    sizes = [abs(g * Fraction(s)) for g, s in zip(gains, np.repeat(scales, 4), strict=True)]
    steps = rng.integers(-3 << bits, (4 << bits) + 1, 8)
    offsets = [size * Fraction(int(n), 1 << bits) for size, n in zip(sizes, steps, strict=True)]
    return [str(g) for g in gains], [str(o) for o in offsets]


@pytest.mark.parametrize("keys", NEURONS, ids=str)
@pytest.mark.parametrize("similarity", ["and", "hamming"])
@pytest.mark.parametrize("steps", [1, 2, 6])
def test_layer_equals_its_restatement(keys, similarity, steps):
    rng = np.random.default_rng(steps)
    live = 0
    for n in range(8):
        soft = keys.get("reset") == "soft"
        scales = ["1/4", "-1/2"] if soft else ["1/3", "-0.3"]
        theta, bits = ("1/2", n % 4) if soft else ("0.7", n % 4)
        gains, offsets = numbers(rng, scales, bits=bits)
        if soft:
            gains = [
                ("-" if g[0] == "-" else "") + f"{2 ** (c % 3)}/4" for c, g in enumerate(gains)
            ]
            offsets = [f"{int(k)}/64" for k in rng.integers(-8, 9, 8)]
        data = SHAPE | keys | {"steps": steps, "similarity": similarity, "threshold": theta}
        norm = {"gain": gains, "offset": offsets, "bits": 8}
        design = Design.from_dict(data | {"scale": scales, "norm": norm})
        assert not any(w.startswith(("norm", "reset")) for w in design.warnings)
        spikes = draw(rng, (steps, 5, 8))
        sums = drive(design, *spikes)
        answer = attention(design, *spikes)
        assert np.array_equal(answer, restated(keys, sums, scales, gains, offsets, theta))
        live += sum(0 < answer[..., c].mean() < 1 for c in range(8))
    assert live > 4


@pytest.mark.parametrize("keys", NEURONS[:4], ids=str)
@pytest.mark.parametrize("gain", ["3/4", "-5/4"])
def test_every_input_of_three_steps(keys, gain):
    """All sums from -4 to 4, with an offset of a quarter of what a sum counts."""
    if keys.get("reset") == "soft":
        gain = gain.replace("3/4", "1").replace("5/4", "1/2")
    offset = str(abs(Fraction(gain)) / 4)
    layer = {"tokens": 1, "dim": 1, "heads": 1, "steps": 3, "similarity": "hamming"}
    norm = {"gain": gain, "offset": offset, "bits": 2}
    design = Design.from_dict(layer | keys | {"scale": 1, "threshold": "3/2", "norm": norm})
    sums = np.array(list(itertools.product(range(-4, 5), repeat=3))).T[..., None]
    expected = restated(keys, sums, [1], [gain], [offset], "3/2")
    assert 0 < expected.mean() < 1
    assert np.array_equal(channel_neurons(design).run(sums), expected)


def test_a_negative_scale_is_a_negative_gain():
    rng = np.random.default_rng(3)
    spikes = draw(rng)
    layer = SHAPE | {"similarity": "hamming", "threshold": "1/4"}
    scales = Design.from_dict(layer | {"scale": ["1/8", "-1/4"]})
    gains = Design.from_dict(layer | {"scale": "1/8", "norm": {"gain": [1] * 4 + [-2] * 4}})
    answer = attention(scales, *spikes)
    assert 0 < answer[..., 4:].mean() < 1
    assert np.array_equal(answer, attention(gains, *spikes))
    assert ranges(scales).channels == ranges(gains).channels


def test_a_gain_for_all_is_a_scale():
    spikes = draw(np.random.default_rng(4))
    plain = Design.from_dict(SHAPE | {"scale": "1/4"})
    gained = Design.from_dict(SHAPE | {"scale": "1/8", "norm": {"gain": 2}})
    assert np.array_equal(attention(plain, *spikes), attention(gained, *spikes))
    assert Design.from_dict(SHAPE | {"norm": {"gain": [1] * 8, "offset": 0}}).normed is None


def test_batch_norm_of_trained_numbers():
    """gamma (s X - mean) / sqrt(var + eps) + beta, to the rounding that the warning tells."""
    rng = np.random.default_rng(5)
    gamma, beta, mean, var = (
        rng.normal(size=8),
        rng.normal(size=8),
        rng.normal(size=8),
        rng.random(8),
    )
    gain = gamma / np.sqrt(var + 1e-5)
    norm = {"gain": gain.tolist(), "offset": (beta - mean * gain).tolist(), "bits": 16}
    design = Design.from_dict(SHAPE | {"similarity": "hamming", "norm": norm})
    spikes = draw(rng)
    x = drive(design, *spikes) / 8
    membrane, expected = np.zeros(x.shape[1:]), []
    for current in gamma * (x - mean) / np.sqrt(var + 1e-5) + beta:
        membrane = (membrane + current) / 2
        expected.append(membrane >= 0.5)
        membrane[membrane >= 0.5] = 0
    assert np.array_equal(attention(design, *spikes), expected)
    (warning,) = [w for w in design.warnings if w.startswith("norm")]
    error = float(warning.split("an error of ")[1].split(" ")[0])
    assert abs(error) <= abs(gain).max() / 8 / 2**17


def test_offsets_are_rounded_half_to_even():
    norm = {"gain": -1, "offset": ["1/16", "3/16", "-1/16", 1, 0, 0, 0, 0], "bits": 3}
    design = Design.from_dict(SHAPE | {"scale": 1, "norm": norm})
    assert design.normed.fraction == 2
    assert design.normed.offsets == (0, 1, 0, 4, 0, 0, 0, 0)
    (warning,) = design.warnings
    assert warning == (
        "norm: offset 0.0625 of channel 0 is rounded to 0, an error of -0.0625 where one more in "
        "the sum counts 1"
    )


@pytest.mark.parametrize("keys", NEURONS, ids=str)
def test_ranges_are_reached_and_never_left(keys):
    rng = np.random.default_rng(6)
    gains, offsets = numbers(rng, ["1/4", "-1/8"], bits=2)
    data = SHAPE | keys | {"similarity": "hamming", "scale": ["1/4", "-1/8"], "steps": 4}
    design = Design.from_dict(data | {"norm": {"gain": gains, "offset": offsets}})
    found, neurons = ranges(design), channel_neurons(design)
    assert found.saturate is None
    ones, zeros = np.ones((4, 5, 8), dtype=np.uint8), np.zeros((4, 5, 8), dtype=np.uint8)
    ends = [neurons.drive(drive(design, ones, k, ones)) for k in (ones, zeros)]
    for c, channel in enumerate(found.channels):
        assert channel.drive == tuple(sorted(int(end[0, 0, c]) for end in ends))
    least, most = np.zeros(8, dtype=int), np.zeros(8, dtype=int)
    for seed in range(40):
        other = np.random.default_rng(seed)
        sums = drive(design, *draw(other, (4, 5, 8)))
        if seed < 20:
            sums = other.choice(found.drive, sums.shape)
        if seed < 2:
            sums = np.full(sums.shape, found.drive[seed])
        x, w = neurons.drive(sums), np.zeros((5, 8), dtype=int)
        thresholds = np.array([channel.spec.threshold for channel in neurons.channels])
        for now in x:
            _, w = neurons.spec.step(w, now, thresholds)
            least, most = np.minimum(least, w.min(0)), np.maximum(most, w.max(0))
    for c, channel in enumerate(found.channels):
        assert most[c] <= channel.membrane[1]
        assert least[c] == channel.membrane[0]
    assert found.membrane == (
        min(channel.membrane[0] for channel in found.channels),
        max(channel.membrane[1] for channel in found.channels),
    )


def test_what_never_fires_takes_no_bits():
    """A gain that training has almost put out: the least threshold out of reach, not a million."""
    layer = SHAPE | {"steps": 3, "scale": 1}
    design = Design.from_dict(layer | {"norm": {"gain": [0.000001] + [1] * 7, "bits": 0}})
    channel, spec = ranges(design).channels[0], channel_neurons(design).channels[0].spec
    # 20 a step, of which half is left: 20 + 10 + 5.
    assert channel.threshold == 35 + 1
    assert spec.threshold == 10**6
    x = np.full((3, 1), 20)
    assert not spec.run(x).any()
    assert not spec.run(x, [36]).any()
    assert spec.run(x, [35]).any()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (
            {"scale": 0},
            f"scale: 0: {FACTOR}",
        ),
        (
            {"norm": {"gain": [1, 0]}},
            f"norm.gain: 0: {FACTOR}",
        ),
        (
            {"norm": {"gain": [1, 2]}},
            "norm.gain: 2 numbers: must be one number, or a list of one a channel (8)",
        ),
        (
            {"norm": {"offset": "x"}},
            "norm.offset: 'x': must be a number from -1e6 to 1e6, as -0.375 or \"-3/8\"",
        ),
        ({"norm": {"bits": 17}}, "norm.bits: 17: must be an integer from 0 to 16"),
        (
            {"neuron": "none", "norm": {"gain": 2}},
            "norm: has a meaning with neuron lif and if only: drives leave as integers",
        ),
        (
            {"scale": "-1/8", "folding": {"order": "state"}},
            (
                "folding.order: 'state': must be 'score': gains, offsets and scales below zero are "
                "those of its accumulators"
            ),
        ),
        (
            {"scale": "-0.3", "reset": "soft", "folding": {"heads": 2}},
            (
                "folding.heads: 2: must be 1: a threshold of a soft reset is rounded to a grid of "
                "all heads"
            ),
        ),
    ],
)
def test_refusals(keys, message):
    with pytest.raises(DesignError) as caught:
        Design.from_dict(SHAPE | keys)
    assert str(caught.value) == message


def save(folder, **arrays):
    np.savez(folder / "norm.npz", **arrays)
    return Design.from_dict(SHAPE | {"norm": {"file": "norm.npz"}}, folder=folder)


def test_numbers_from_a_file_are_exact(tmp_path):
    gain = np.linspace(-1.1, 1, 8).astype(np.float32)
    design = save(tmp_path, gain=gain, offset=np.arange(8))
    assert design.norm.gain == tuple(Fraction(float(g)) for g in gain)
    assert design.norm.offset == tuple(range(8))
    assert save(tmp_path, offset=np.ones(8, dtype=np.int8)).norm.gain == 1


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"mean": np.ones(8)}, "must hold an array gain or an array offset"),
        ({"gain": np.ones((8, 1))}, "array gain must be of shape (dim), not (8, 1)"),
        ({"gain": np.ones(8193)}, "array gain must be of shape (dim), not (8193,)"),
        ({"offset": np.array([True])}, "array offset must hold integers or floats, not bool"),
        (
            {"gain": np.array([1, np.nan])},
            "array gain must hold numbers of magnitudes from 1e-06 to 1e+06, not nan",
        ),
        (
            {"gain": np.array([1, 0])},
            "array gain must hold numbers of magnitudes from 1e-06 to 1e+06, not 0",
        ),
        ({"gain": np.ones(7)}, "gain of 7: must be one number, or a list of one a channel (8)"),
    ],
)
def test_files_that_are_refused(tmp_path, arrays, message):
    with pytest.raises(DesignError) as caught:
        save(tmp_path, **arrays)
    assert str(caught.value) == f"norm.file: {message}" or str(caught.value) == (
        f"norm.file: 'norm.npz': {message}"
    )


def test_a_file_stands_alone(tmp_path):
    with pytest.raises(DesignError, match=r"^norm\.file: 'n.npz': must not stand beside gain$"):
        Design.from_dict(SHAPE | {"norm": {"file": "n.npz", "gain": 2}}, folder=tmp_path)
    with pytest.raises(DesignError, match=r"^norm\.file: 'n.txt': must be the name of a .npz file"):
        Design.from_dict(SHAPE | {"norm": {"file": "n.txt"}}, folder=tmp_path)
    with pytest.raises(DesignError, match=r"^norm\.file: 'n.npz': must be a file that can be read"):
        Design.from_dict(SHAPE | {"norm": {"file": "n.npz"}}, folder=tmp_path)


def test_auto_takes_score_order():
    assert Design.from_dict(SHAPE | {"scale": -1, "folding": {"order": "auto"}}).order == "score"
