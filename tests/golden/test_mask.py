from fractions import Fraction
from itertools import product

import numpy as np
import pytest

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.mask import MaskModel, is_or, mask, mask_ranges, sums
from spikeloom.golden.neuron import NeuronSpec

KINDS = ("qk-token", "qk-channel", "sdsa")
NEURONS = [
    {},
    {"threshold": 1},
    {"threshold": "3/2", "tau": 4},
    {"threshold": "10/9"},
    {"threshold": "4/9"},
    {"decay_input": False, "threshold": 1},
    {"reset": "soft"},
    {"reset": "soft", "threshold": "5/4", "decay_input": False},
    {"reset": "soft", "threshold": 2, "tau": 8, "decay_input": False},
    {"neuron": "if", "threshold": 1},
    {"neuron": "if", "threshold": "7/3"},
    {"neuron": "if", "threshold": 2, "reset": "soft"},
    {"scale": "1/8", "threshold": "1/4"},
]


def make(**keys):
    return MaskDesign.from_dict(
        {"attention": "sdsa", "tokens": 3, "dim": 8, "heads": 2, "steps": 4} | keys
    )


def draw(design, rng):
    """Spikes of a rate of their own: from silence to noise."""
    shape = (design.steps, design.tokens, design.dim)
    rate = rng.choice([0, 0.05, 0.1, 0.2, 0.4, 1])
    return {name: (rng.random(shape) < rate).astype(np.uint8) for name in "qkv"}


def neuron(design, drive):
    """The neuron as SpikingJelly writes it, on rationals, from rest: a spike a step."""
    v, spikes = Fraction(0), []
    for x in drive:
        x = design.scale * x
        if design.neuron == "if":
            h = v + x
        elif design.decay_input:
            h = v + (x - v) / design.tau
        else:
            h = v - v / design.tau + x
        fired = h >= design.threshold
        v = h - design.threshold * fired if design.reset == "soft" else h * (not fired)
        spikes.append(int(fired))
    return spikes


def restated(design, q, k, v):
    """Each formula as its paper writes it, one head, token and channel at a time."""
    out = np.zeros(q.shape, int)
    d, times, tokens = design.dim // design.heads, range(design.steps), range(design.tokens)
    for head in range(design.heads):
        channels = range(head * d, head * d + d)
        if design.attention == "qk-token":
            for n in tokens:
                fired = neuron(design, [sum(int(q[t, n, c]) for c in channels) for t in times])
                for t, c in product(times, channels):
                    out[t, n, c] = fired[t] * k[t, n, c]
            continue
        for c in channels:
            if design.attention == "qk-channel":
                drive = [sum(int(q[t, n, c]) for n in tokens) for t in times]
            else:
                drive = [sum(int(k[t, n, c]) * int(v[t, n, c]) for n in tokens) for t in times]
            fired = neuron(design, drive)
            for t, n in product(times, tokens):
                out[t, n, c] = fired[t] * (q if design.attention == "sdsa" else k)[t, n, c]
    return out


@pytest.mark.parametrize("keys", NEURONS, ids=str)
@pytest.mark.parametrize("attention", KINDS)
def test_equals_its_restatement_in_rationals(attention, keys):
    """100 cases each, 3,900 in all."""
    design = make(attention=attention, **keys)
    rng = np.random.default_rng(3)
    fired = 0
    for _ in range(100):
        arrays = draw(design, rng)
        answer = mask(design, arrays)
        assert answer.dtype == np.uint8
        assert np.array_equal(answer, restated(design, **arrays))
        fired += int(answer.sum())
    assert fired


def by_or(design, q, k, v):
    """The masks as ORs, without any neuron."""
    q, k, v = (
        x.reshape(design.steps, design.tokens, design.heads, design.head_dim) for x in (q, k, v)
    )
    passing = {
        "qk-token": lambda: q.any(axis=3, keepdims=True) & k,
        "qk-channel": lambda: q.any(axis=1, keepdims=True) & k,
        "sdsa": lambda: (k & v).any(axis=1, keepdims=True) & q,
    }[design.attention]()
    return passing.reshape(design.steps, design.tokens, design.dim)


@pytest.mark.parametrize("attention", KINDS)
def test_the_published_masks_are_ors(attention):
    design = make(attention=attention, tokens=6, dim=24)
    assert is_or(NeuronSpec.from_design(design), design.most, design.steps)
    rng = np.random.default_rng(4)
    for _ in range(1000):
        arrays = draw(design, rng)
        assert np.array_equal(mask(design, arrays), by_or(design, **arrays))


@pytest.mark.parametrize("keys", [{"threshold": 1}, {"reset": "soft"}, {"tau": 4}], ids=str)
@pytest.mark.parametrize("attention", KINDS)
def test_other_neurons_are_no_ors(attention, keys):
    design = make(attention=attention, tokens=6, dim=24, **keys)
    assert not is_or(NeuronSpec.from_design(design), design.most, design.steps)
    rng = np.random.default_rng(5)
    differ = 0
    for _ in range(1000):
        arrays = draw(design, rng)
        differ += not np.array_equal(mask(design, arrays), by_or(design, **arrays))
    assert differ > 100


GRID = ["1/8", "1/3", "2/5", "1/2", "5/9", "5/8", "2/3", "3/4", "5/6", "7/8", "1", "9/8", "2"]


@pytest.mark.parametrize("neuron_keys", [
    {"tau": tau, "decay_input": False} for tau in (2, 4, 8)] + [{"neuron": "if"}], ids=str,
)  # fmt: skip
@pytest.mark.parametrize("reset", ["hard", "soft"])
def test_is_or_is_exact(neuron_keys, reset):
    """Every sequence of drives decides: the neuron is an OR if it answers as one to all of them."""
    found = set()
    for threshold, most, steps in product(GRID, (1, 2, 3), (1, 2, 3, 4)):
        design = make(
            attention="qk-token", dim=most, heads=1, steps=steps, threshold=threshold,
            reset=reset, **neuron_keys,
        )  # fmt: skip
        spec = NeuronSpec.from_design(design)
        every = np.array(list(product(range(most + 1), repeat=steps))).T
        expected = np.array_equal(spec.run(every), every > 0)
        assert is_or(spec, most, steps) == expected, (threshold, most, steps)
        found.add(expected)
    assert found == {True, False}


def test_published_examples():
    q = [[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]]]
    k = [[[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]]]
    v = [[[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 0, 0]]]
    arrays = {"q": q, "k": k, "v": v}
    shape = {"tokens": 3, "dim": 4, "heads": 1, "steps": 1}
    answers = {
        "qk-token": [[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]],
        "qk-channel": k[0],
        "sdsa": [[1, 0, 1, 0], [0, 0, 0, 0], [1, 0, 0, 0]],
    }
    for attention, answer in answers.items():
        assert mask(make(attention=attention, **shape), arrays)[0].tolist() == answer
    assert sums(make(**shape), arrays).ravel().tolist() == [2, 0, 1, 0]


def test_every_small_input_keeps_within_its_ranges():
    design = make(attention="qk-channel", tokens=3, dim=1, heads=1, steps=3, reset="soft")
    spec, spans = NeuronSpec.from_design(design), mask_ranges(design)
    reached = set()
    for drive in product(range(4), repeat=3):
        w = 0
        for x in drive:
            _, w = spec.step(w, x)
            reached.add(w)
    assert spans.drive == (0, 3)
    assert (min(reached), max(reached)) == spans.membrane


@pytest.mark.parametrize("attention", KINDS)
@pytest.mark.parametrize(
    ("tokens", "dim", "heads", "beat"), [(3, 12, 2, 4), (1, 3, 3, 8), (5, 24, 1, 16)]
)
def test_beats_hold_everything_in_the_order_that_is_told(attention, tokens, dim, heads, beat):
    design = make(
        attention=attention, tokens=tokens, dim=dim, heads=heads, steps=2, target={"beat": beat}
    )
    model = MaskModel(design)
    arrays = draw(design, np.random.default_rng(8))
    arrays = {spec.name: np.asarray(arrays[spec.name] ^ 1) for spec in model.inputs}
    d = dim // heads
    count = -(-d // beat)

    def word(name, head, t, n, b):
        bits = arrays[name][t, n, head * d : head * d + d][b * beat : (b + 1) * beat]
        return sum(int(bit) << i for i, bit in enumerate(bits))

    beats = []
    for head, t in product(range(heads), range(2)):
        if attention == "qk-token":
            beats += [
                word(x, head, t, n, b) for n in range(tokens) for x in "qk" for b in range(count)
            ]
        elif attention == "qk-channel":
            beats += [
                word(x, head, t, n, b) for x in "qk" for n in range(tokens) for b in range(count)
            ]
        else:
            beats += [
                word(x, head, t, n, b) for n in range(tokens) for b in range(count) for x in "kv"
            ]
            beats += [word("q", head, t, n, b) for n in range(tokens) for b in range(count)]
    assert model.pack(arrays).tolist() == beats
    assert model.beats_in == len(beats)
    sent = [
        word("q", h, t, n, b)
        for h in range(heads)
        for t in range(2)
        for n in range(tokens)
        for b in range(count)
    ]
    assert np.array_equal(model.unpack(np.array(sent, np.uint64)), arrays["q"])
    assert model.beats_out == len(sent)


def test_refuses():
    model = MaskModel(make())
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(24,\), not \(3,\)$"):
        model.unpack(np.zeros(3))
    good = np.zeros((4, 3, 8), np.uint8)
    with pytest.raises(
        ValueError, match=r"^v must be of shape \(T, N, D\) = \(4, 3, 8\), not \(4, 8\)$"
    ):
        model.answer({"q": good, "k": good, "v": good[:, 0]})
    with pytest.raises(ValueError, match="^k must hold 0 or 1 only, not other values$"):
        model.answer({"q": good, "k": good + 2, "v": good})


# SpikingJelly


@pytest.mark.parametrize("kind", ["token", "channel"])
@pytest.mark.parametrize("keys", [{}, {"threshold": 1}, {"reset": "soft"}], ids=str)
def test_spikingjelly_agrees(kind, keys):
    """Its QKAttention, with what surrounds the mask replaced by nothing: 1,024 samples."""
    torch = pytest.importorskip("torch", reason="SpikingJelly needs PyTorch")
    base = pytest.importorskip(
        "spikingjelly.activation_based", reason="SpikingJelly is an optional oracle"
    )
    layer = pytest.importorskip("spikingjelly.activation_based.layer")
    if not hasattr(layer, "QKAttention"):
        pytest.skip("QKAttention came with SpikingJelly 2.0")
    design = make(attention=f"qk-{kind}", tokens=5, dim=24, heads=2, **keys)
    given = {}

    class Given(torch.nn.Module):
        def forward(self, x):
            return given["qk"]

    module = layer.QKAttention(24, num_heads=2, qka_type=kind)
    module.qk_conv_bn = Given()
    module.qk_lif = module.proj_conv_bn = module.proj_lif = torch.nn.Identity()
    module.attn_lif.v_threshold = float(design.threshold)
    module.attn_lif.v_reset = None if design.reset == "soft" else 0.0
    rng = np.random.default_rng(9)
    q, k = ((rng.random((1024, 4, 5, 24)) < r).astype(np.uint8) for r in (0.1, 0.4))
    stacked = np.concatenate([q, k], axis=3).transpose(1, 0, 3, 2)
    given["qk"] = torch.tensor(np.ascontiguousarray(stacked), dtype=torch.float32)
    with torch.no_grad():
        found = module(given["qk"][:, :, :24]).numpy().transpose(1, 0, 3, 2)
    base.functional.reset_net(module)
    wanted = np.stack([mask(design, {"q": a, "k": b}) for a, b in zip(q, k, strict=True)])
    assert 0 < wanted.mean() < 1
    assert np.array_equal(found, wanted)


def test_sdsa_by_spikingjelly():
    """The lines of MS_SSA_Conv between its neurons, with SpikingJelly's LIF: 1,024 samples."""
    torch = pytest.importorskip("torch", reason="SpikingJelly needs PyTorch")
    neuron = pytest.importorskip(
        "spikingjelly.activation_based.neuron", reason="SpikingJelly is an optional oracle"
    )
    design = make(tokens=5, dim=24)
    rng = np.random.default_rng(10)
    q, k, v = ((rng.random((1024, 4, 5, 24)) < 0.3).astype(np.uint8) for _ in "qkv")
    tq, tk, tv = (
        torch.tensor(x, dtype=torch.float32).permute(1, 0, 2, 3).reshape(4, 1024, 5, 2, 12)
        for x in (q, k, v)
    )
    node = neuron.LIFNode(tau=2.0, v_threshold=0.5, step_mode="m")
    with torch.no_grad():
        kv = tk.mul(tv).sum(dim=2, keepdim=True)
        found = tq.mul(node(kv)).reshape(4, 1024, 5, 24).permute(1, 0, 2, 3).numpy()
    wanted = np.stack(
        [mask(design, dict(zip("qkv", each, strict=True))) for each in zip(q, k, v, strict=True)]
    )
    assert 0 < wanted.mean() < 1
    assert np.array_equal(found, wanted)
