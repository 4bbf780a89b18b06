from fractions import Fraction
from math import isqrt

import numpy as np
import pytest

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.integer.model import IntegerModel
from spikeloom.sim.spikes import draw_spikes

BASE = {"tokens": 5, "dim": 8, "heads": 2, "steps": 2}


def make(**keys):
    return IntegerDesign.from_dict({**BASE, **keys})


def multispike(x, levels, rounding):
    """MultiSpike of Spike-driven Transformer V3, restated: 0 .. levels."""
    x = np.clip(x, 0, levels)
    return np.round(x) if rounding == "half-even" else np.floor(x + 0.5)


def heads(x, count):
    return x.reshape(*x.shape[:2], count, -1).transpose(0, 2, 1, 3)


def merge(x):
    return x.transpose(0, 2, 1, 3).reshape(x.shape[0], x.shape[2], -1)


def drawn(design, count, seed=0):
    for n in range(count):
        yield draw_spikes(design, rate=(n % 10 + 1) / 10, seed=seed + n)


@pytest.mark.parametrize("order", ["scores first", "state first"])
@pytest.mark.parametrize("rounding", ["half-even", "half-up"])
@pytest.mark.parametrize(("scale", "levels", "divisor"), [(0.125, 4, 4), (0.25, 2, 2), (8, 15, 8)])
def test_spike_driven_attention_v3(scale, levels, divisor, rounding, order):
    """``MS_Attention_RepConv_qkv_id`` behind its q, k, v, in float64, on the real values."""
    design = make(
        **{"neuron": "multispike", "levels": levels, "rounding": rounding, "divisor": divisor},
        **{"scale": scale, "q_max": 4, "k_max": 4, "v_max": 4, "tokens": 16},
    )
    met, ties = set(), 0
    for arrays in drawn(design, 1000):
        q, k, v = (heads(arrays[name] / divisor, design.heads) for name in ("q", "k", "v"))
        if order == "scores first":
            x = (q @ k.swapaxes(2, 3)) @ v * scale
        else:
            x = q @ (k.swapaxes(2, 3) @ v) * scale
        want = merge(multispike(x, levels, rounding))
        answer = integer.attention(design, **arrays)
        assert answer.dtype == np.uint8
        assert np.array_equal(answer, want)
        met |= set(answer.reshape(-1).tolist())
        ties += int((np.abs(x - np.floor(x) - 0.5)[(x > 0) & (x < levels)] == 0).sum())
    assert met == set(range(levels + 1))
    assert ties > 100


@pytest.mark.parametrize("rounding", ["half-even", "half-up"])
@pytest.mark.parametrize("levels", [1, 4, 15])
@pytest.mark.parametrize("scale", ["1/8", "1/2", "1/3", "7/5", "1/sqrt(16)", "3", "64"])
def test_ties_go_as_the_rounding_says(scale, levels, rounding):
    """Every drive around every threshold, in exact rationals; dyadic scales meet the ties."""
    design = make(
        neuron="multispike", levels=levels, rounding=rounding, divisor=4, scale=scale, steps=1
    )
    gain = design.scale.exact / 64
    x = np.arange(-20, int((levels + 1) / gain) + 20)
    ties = 0
    answers = integer.multispike(x, integer.thresholds(design))
    for drive, answer in zip(x.tolist(), answers, strict=True):
        real = min(max(drive * gain, Fraction(0)), Fraction(levels))
        # Python rounds a Fraction half to even.
        want = round(real) if rounding == "half-even" else (real + Fraction(1, 2)).__floor__()
        assert answer == want, drive
        ties += real.denominator == 2
    if scale in ("1/8", "1/2", "1/sqrt(16)"):
        assert ties == levels


@pytest.mark.parametrize("rounding", ["half-even", "half-up"])
@pytest.mark.parametrize("width", [2, 3, 8, 12, 24, 32, 48, 72])
def test_roots_are_exact(width, rounding):
    """d^-0.5 for widths that are no squares: compared with 40 digits, and with float32 and 64."""
    design = make(
        neuron="multispike", rounding=rounding, divisor=4, scale=f"1/sqrt({width})", steps=1
    )
    assert design.scale.exact is None
    found = integer.thresholds(design)
    digits = 10**40
    for m, threshold in enumerate(found, 1):
        # 64 (m - 1/2) sqrt(width), which is irrational, times 10**40.
        real = isqrt((64 * (2 * m - 1)) ** 2 * width * digits**2 // 4)
        assert (threshold - 1) * digits <= real < threshold * digits
    x = np.arange(0, found[-1] + 50)
    for kind in (np.float32, np.float64):
        scaled = (x.astype(kind) / kind(64)) * kind(width**-0.5)
        assert scaled.dtype == kind
        assert np.array_equal(integer.multispike(x, found), multispike(scaled, 4, rounding))


@pytest.mark.parametrize("rounding", ["half-even", "half-up"])
@pytest.mark.parametrize(("width", "scale"), [(8, "1/8"), (16, "1/sqrt(16)"), (32, "1/sqrt(32)")])
def test_the_published_layer_in_float32(width, scale, rounding):
    """Its tensors and calls in PyTorch, in the precision that it is trained with."""
    torch = pytest.importorskip("torch", reason="torch is an extra")
    shape = {"tokens": 16, "dim": 2 * width, "heads": 2, "steps": 1}
    design = make(**shape, neuron="multispike", divisor=4, scale=scale, rounding=rounding)
    for arrays in drawn(design, 200):
        q, k, v = (torch.from_numpy(heads(arrays[name], 2)).float() / 4 for name in "qkv")
        x = (q @ (k.transpose(-2, -1) @ v)) * (0.125 if width == 8 else width**-0.5)
        x = torch.clamp(x, 0, 4)
        x = torch.round(x) if rounding == "half-even" else torch.floor(x + 0.5)
        assert np.array_equal(integer.attention(design, **arrays), merge(x.numpy()))


def fired(drive, tau, theta, decay_input, reset):
    """LIF in exact rationals, as SpikingJelly charges, fires and resets it; tau None for IF."""
    v, spikes = Fraction(0), []
    for x in drive:
        if tau is None:
            h = v + x
        else:
            h = v + (x - v) / tau if decay_input else v - v / tau + x
        spike = h >= theta
        spikes.append(int(spike))
        v = (Fraction(0) if reset == "hard" else h - theta) if spike else h
    return spikes


NEURONS = {
    "lif": {},
    "lif-soft": {"reset": "soft"},
    "lif-signed": {"v_bits": 4},
    "lif-tau4": {"tau": 4, "decay_input": False},
    "if": {"neuron": "if"},
    "if-soft": {"neuron": "if", "reset": "soft", "v_bits": 3},
    "off-grid": {"scale": "1/3", "threshold": "3/7"},
}


@pytest.mark.parametrize("name", NEURONS)
def test_neurons_on_integers(name):
    keys = {"steps": 4, "tokens": 3, "heads": 1, "dim": 4, "threshold": 2, "divisor": 2}
    design = make(**{**keys, **NEURONS[name]})
    gain = design.scale.exact / design.divisor**3
    tau = design.tau if design.neuron == "lif" else None
    some = set()
    for arrays in drawn(design, 100):
        q, k, v = (arrays[name].astype(object) for name in ("q", "k", "v"))
        answer = integer.attention(design, **arrays)
        drive = np.stack([(q[t] @ k[t].T) @ v[t] for t in range(design.steps)])
        for token, channel in np.ndindex(3, 4):
            real = [Fraction(int(x)) * gain for x in drive[:, token, channel]]
            want = fired(real, tau, design.threshold, design.decay_input, design.reset)
            assert answer[:, token, channel].tolist() == want
            some |= set(want)
    assert some == {0, 1}


@pytest.mark.parametrize("decay_input", [True, False])
def test_roots_before_a_leaky_neuron(decay_input):
    """sigma = 1/sqrt(7): spikes of a neuron whose drive is compared through squares."""
    design = make(
        steps=6, scale="1/sqrt(7)", threshold=5, decay_input=decay_input, dim=4, heads=1, tokens=3
    )
    spec = integer.neuron(design)
    digits = 10**30
    root = isqrt(7 * digits**2)
    for arrays in drawn(design, 200):
        answer = integer.attention(design, **arrays)
        drive = integer.drive(design, **arrays)
        for token, channel in np.ndindex(3, 4):
            # In units of sigma the threshold is 5 sqrt(7), here to 30 digits.
            want = fired(
                map(Fraction, drive[:, token, channel].tolist()),
                2, Fraction(5 * root, digits), decay_input, "hard",
            )  # fmt: skip
            assert answer[:, token, channel].tolist() == want
    assert spec.fraction <= 5


def test_wider_values():
    """``MS_Attention_linear``: v has more channels than q and k, and the scale is doubled."""
    design = make(neuron="none", value_dim=32, v_bits=3)
    assert (design.head_dim, design.value_head_dim) == (4, 16)
    for arrays in drawn(design, 20):
        q, k, v = (heads(arrays[name].astype(int), 2) for name in ("q", "k", "v"))
        want = merge((q @ k.swapaxes(2, 3)) @ v)
        assert np.array_equal(integer.attention(design, **arrays), want)


def test_ranges_are_reached():
    design = make(neuron="none", v_bits=4, q_max=3, k_max=7)
    spans = integer.ranges(design)
    shape = (2, 5, 8)
    q, k = np.full(shape, 3), np.full(shape, 7)
    for end, drive in zip(design.v_range, spans.drive, strict=True):
        assert (integer.drive(design, q, k, np.full(shape, end)) == drive).all()


def test_beats():
    design = make(v_bits=4, target={"beat": 16})
    golden = IntegerModel(design)
    described = golden.describe()["beats"]
    per_section = [section["beats"] for section in described["in"]["sections"]]
    # 4 channels of 5 tokens at 4 a beat; 5 tokens of 4 channels at 4 a beat, each.
    assert per_section == [8, 5, 5]
    assert golden.beats_in == 2 * 2 * 18
    arrays = draw_spikes(design, rate=0.5, seed=1)
    beats = golden.pack(arrays)
    assert beats.shape == (golden.beats_in,)
    values = arrays["v"][0, 0, :4].tolist()
    assert beats[8] == sum((value & 15) << 4 * n for n, value in enumerate(values))


def test_shapes_and_values_are_checked():
    design = make()
    arrays = draw_spikes(design, rate=0.5, seed=0)
    with pytest.raises(ValueError, match=r"^q must hold 0 to 4 only, not other values$"):
        integer.attention(design, arrays["q"] + 5, arrays["k"], arrays["v"])
    with pytest.raises(ValueError, match=r"^v must be of shape \(T, N, Dv\) = \(2, 5, 8\), not"):
        integer.attention(design, arrays["q"], arrays["k"], arrays["v"][:1])
