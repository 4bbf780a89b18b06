"""Networks in integers against plain Python: every layer's spikes, and the numbers."""

from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloom.design import Design
from spikeloom.golden.network import network, trace
from spikeloom.golden.network.formula import attend, lif

from ...networks import plain
from ...networks.draws import MASKS, block, draw_arrays, draw_input, keys, make, masked

POSITIONS = {
    "none": {},
    "gray": {"position": ["gray"]},
    "gray-steps": {"position": ["gray"], "gray": {"index": "t*L+l"}},
    "log": {"position": ["log"], "log": {"length": 23}},
    "shift": {"position": ["shift"], "shift": {"groups": 2}},
    "shift-gray": {"position": ["gray", "shift"], "shift": {"groups": 2}},
    "table": {"position": ["table"]},
    "xor": {"position": ["table"]},
}
SIMILARITIES = {
    "and": {},
    "xnor": {"similarity": "xnor"},
    "hamming": {"similarity": "hamming"},
    "alpha-xnor": {"similarity": "alpha-xnor", "alpha": "3/8"},
}
WIDTHS = (1, 2, 3, 4, 8)


def attention(tokens, heads, position, similarity, scale):
    """Give the keys of an attention layer; a table is as long as the tokens ask."""
    found = {"heads": heads, "threshold": "1/2", "scale": scale}
    found |= {**POSITIONS[position], **SIMILARITIES[similarity]}
    if found.get("position") == ["table"]:
        count = 2 * tokens - 1 if position == "table" else 1 << (tokens - 1).bit_length()
        index = "difference" if position == "table" else "xor"
        rows = [[(5 * n + 3 * head) % 15 - 7 for n in range(count)] for head in range(heads)]
        found["table"] = {"bits": 4, "index": index, "values": rows}
    return found


NEURONS = (
    *({}, {}, {"tau": 3}, {"tau": "3/2"}, {"tau": "4/3", "decay_input": False}),
    *({"decay": "5/8"}, {"neuron": "if"}, {"reset": "soft"}, {"fires": "above"}),
)


@st.composite
def networks(draw):
    tokens, heads = draw(st.integers(1, 20)), draw(st.integers(1, 3))
    dim = heads * 2 * draw(st.integers(1, 4))
    bits, signed = draw(st.integers(1, 8)), draw(st.booleans())
    absolute = draw(st.booleans())
    scale = draw(st.sampled_from(["1", "1/2", "1/8", "1/3"]))
    position = draw(st.sampled_from(sorted(POSITIONS)))
    similarity = draw(st.sampled_from(sorted(SIMILARITIES)))
    layers = [
        *(attention(tokens, heads, position, similarity, scale),) * 3,
        *({"kind": "mask", "attention": kind, "heads": heads} for kind in MASKS),
    ]
    residual = draw(st.sampled_from([("or", "iand", "xor"), ("add",), ("membrane",)]))
    first = draw(st.sampled_from(["linear", "linear", "none"]))
    fraction = draw(st.sampled_from([0, 1, 4, 8]))
    groups = draw(st.sampled_from([n for n in (1, 2, 3, 4, 5) if tokens % n == 0]))
    encoder = {
        **{"inputs": draw(st.integers(1, 6)), "bits": bits, "signed": signed},
        "weight_bits": draw(st.sampled_from(WIDTHS)),
        "position": "absolute" if absolute else "none",
        "position_shift": draw(st.integers(0, 7)) if absolute else 0,
        "fraction": draw(st.sampled_from([0, fraction])),
    }
    if first == "none":
        encoder = {"kind": "none", "inputs": dim, "bits": 1, "signed": False}
        if residual == ("add",):
            encoder["bits"] = draw(st.integers(1, 2))
        if residual == ("membrane",):
            encoder |= {"bits": 8, "signed": signed, "fraction": min(fraction, 2)}
    encoder["coding"] = draw(st.sampled_from(["direct", "steps"]))
    readout = {"neurons": draw(st.sampled_from(["tokens", "sum", "none"]))}
    if residual != ("membrane",):
        readout = {}
    if readout.get("neurons") == "sum":
        groups = 1
    readout["steps"] = draw(st.sampled_from(["all", "all", "last"]))
    grid = draw(st.sampled_from([None, *(n for n in range(1, 7) if tokens % n == 0)]))
    return {
        **{"kind": "network", "name": "drawn", "tokens": tokens, "dim": dim},
        **{"steps": draw(st.integers(1, 4)), "fraction": fraction},
        **draw(st.sampled_from(NEURONS)),
        "encoder": encoder,
        "blocks": [
            {
                "residual": draw(st.sampled_from(residual)),
                "weight_bits": draw(st.sampled_from(WIDTHS)),
                "hidden": draw(st.integers(1, 12)),
                "attention": draw(st.sampled_from(layers)),
                "grid": grid,
                "mlp_position": draw(st.sampled_from(["none", "none", "absolute"])),
            }
            for _ in range(draw(st.integers(1, 2)))
        ],
        "readout": {
            **{"outputs": draw(st.integers(1, 4)), "groups": groups, **readout},
            "weight_bits": draw(st.sampled_from(WIDTHS)),
        },
    }


def compare(data, seed, length=None):
    """Compare every layer of a network with plain Python; give the numbers and the spikes."""
    arrays = draw_arrays(data, seed)
    design = Design.from_dict({**data, "weights": arrays})
    x = draw_input(design, seed, length)
    found = trace(design, x)
    restated = plain.Network(data, arrays)
    want = restated.logits(x.tolist())
    for name, spikes in found.spikes.items():
        assert spikes.tolist() == restated.found[name], name
    assert set(restated.found) == set(found.spikes)
    assert found.logits.tolist() == want
    return design, x, found


@settings(max_examples=60)
@given(data=networks(), seed=st.integers(0, 1000), share=st.floats(0, 1))
def test_networks_in_plain_python(data, seed, share):
    length = max(1, round(share * data["tokens"]))
    compare(data, seed, length)


@pytest.mark.parametrize("position", POSITIONS)
@pytest.mark.parametrize("similarity", SIMILARITIES)
def test_every_similarity_with_every_position(similarity, position):
    scale = "1/2" if similarity == "and" else "1/3"
    data = keys(blocks=[block(attention=attention(5, 2, position, similarity, scale))])
    _, _, found = compare(data, 1)
    assert 0 < found.spikes["blocks.0.attention"].mean() < 1


@pytest.mark.parametrize("bits", WIDTHS)
@pytest.mark.parametrize("residual", ["or", "iand"])
def test_every_width_of_weights(bits, residual):
    data = keys(
        steps=3,
        encoder={"weight_bits": bits},
        blocks=[block(weight_bits=bits, residual=residual)],
        readout={"weight_bits": bits},
    )
    _, _, found = compare(data, 5)
    for name, spikes in found.spikes.items():
        assert spikes.any(), name


@pytest.mark.parametrize("layer", ["attention", *MASKS])
@pytest.mark.parametrize("residual", ["xor", "add", "membrane"])
def test_every_residual_with_every_attention(residual, layer):
    made = (lambda **keys: block(**keys)) if layer == "attention" else partial(masked, layer)
    blocks = [made(residual=residual, weight_bits=4), block(residual=residual, weight_bits=4)]
    for one in blocks:
        one["attention"] = {**one["attention"], "threshold": "1/4"}
    _, _, found = compare(keys(blocks=blocks, steps=3), 4)
    for name, array in found.spikes.items():
        assert len(np.unique(array)) > 1, name
    assert ("blocks.0.value" in found.spikes) == (layer in ("attention", "sdsa"))
    if residual == "add":
        assert found.spikes["blocks.1.out"].max() > 2


@pytest.mark.parametrize("neuron", NEURONS[2:])
@pytest.mark.parametrize("residual", ["or", "membrane"])
def test_every_neuron(residual, neuron):
    data = keys(steps=4, blocks=[block(residual=residual, weight_bits=4)], **neuron)
    _, _, found = compare(data, 4)
    other = compare(keys(steps=4, blocks=data["blocks"]), 4)[2]
    assert any((found.spikes[name] != array).any() for name, array in other.spikes.items())


@pytest.mark.parametrize("neurons", ["tokens", "sum", "none"])
@pytest.mark.parametrize("length", [1, 4, 5])
def test_read_outs_of_membranes(neurons, length):
    data = keys(blocks=[block(residual="membrane")], readout={"neurons": neurons})
    _, _, found = compare(data, 4, length)
    if neurons != "none":
        count = 1 if neurons == "sum" else length
        assert found.spikes["readout"].shape == (2, count, 12)


@pytest.mark.parametrize("residual", ["or", "membrane"])
@pytest.mark.parametrize("length", [1, 4, 6])
def test_convolutions_of_the_attention(residual, length):
    one = block(residual=residual, grid=3, weight_bits=4)
    _, _, found = compare(keys(tokens=6, blocks=[one]), 4, length)
    assert found.spikes["blocks.0.x"].any()


@pytest.mark.parametrize("residual", ["add", "membrane"])
def test_positions_of_the_mlp(residual):
    one = block(residual=residual, mlp_position="absolute")
    _, _, found = compare(keys(blocks=[one]), 4, 4)
    assert found.spikes["blocks.0.expand"].any()


@pytest.mark.parametrize("residual", ["or", "membrane"])
def test_read_out_of_the_last_step(residual):
    data = keys(steps=3, blocks=[block(residual=residual)], readout={"steps": "last"})
    _, _, found = compare(data, 4)
    other = compare(keys(steps=3, blocks=[block(residual=residual)]), 4)[2]
    assert found.logits.tolist() != other.logits.tolist()


@pytest.mark.parametrize("coding", ["direct", "steps"])
@pytest.mark.parametrize(
    ("residual", "encoder"),
    [
        ("or", {"inputs": 7, "bits": 1, "signed": False, "fraction": 4}),
        ("xor", {"kind": "none", "inputs": 12, "bits": 1, "signed": False}),
        ("add", {"kind": "none", "inputs": 12, "bits": 2, "signed": False}),
        ("membrane", {"kind": "none", "inputs": 12, "bits": 11, "fraction": 2}),
    ],
)
def test_encoders(residual, encoder, coding):
    encoder = {"kind": "linear", **encoder, "coding": coding}
    data = keys(blocks=[block(residual=residual)], encoder=encoder)
    design, x, found = compare(data, 5)
    first = found.spikes["encoder"]
    if encoder["kind"] == "none":
        assert (first >> encoder.get("fraction", 0) == x).all()
    assert (x.ndim == 3) == (coding == "steps")
    assert (first != first[:1]).any() or encoder["kind"] == "none"


@pytest.mark.parametrize("length", range(1, 8))
def test_groups_of_tokens_keep_their_place(length):
    data = keys(tokens=7, readout={"groups": 7})
    design, x, found = compare(data, 1, length)
    out, weight = found.spikes["blocks.0.out"], design.weights["readout.weight"]
    sums = sum(weight[n] @ out[:, n].sum(axis=0).astype(int) for n in range(length))
    assert found.logits.tolist() == (sums + length * design.weights["readout.bias"]).tolist()


@pytest.mark.parametrize("similarity", SIMILARITIES)
@pytest.mark.parametrize("position", ["none", "gray", "log", "shift", "table"])
def test_tokens_that_are_not_there_change_nothing(position, similarity):
    """A network of more tokens answers the same, if its positions are those of the small one."""
    layer, more = (attention(count, 2, position, similarity, "1/8") for count in (4, 9))
    if position == "gray":
        layer["gray"] = more["gray"] = {"bits": 4}
    if position == "table":
        (count,) = {len(row) for row in layer["table"]["values"]}
        more["table"]["values"] = [[*range(5), *row, *range(5)] for row in layer["table"]["values"]]
        assert count + 10 == 2 * 9 - 1
    small = keys(tokens=4, blocks=[block(attention=layer)])
    arrays = draw_arrays(small)
    design = Design.from_dict({**small, "weights": arrays})
    wide = np.vstack([arrays["encoder.position"], np.full((5, 12), 7)])
    large = Design.from_dict(
        {
            **keys(tokens=9, blocks=[block(attention=more)]),
            "weights": {**arrays, "encoder.position": wide},
        }
    )
    for length in range(1, 5):
        x = draw_input(design, length, length)
        one, other = trace(design, x), trace(large, x)
        assert one.logits.tolist() == other.logits.tolist()
        for name, spikes in one.spikes.items():
            assert spikes.tolist() == other.spikes[name].tolist(), name


def test_attention_looks_at_tokens_that_are_there_only():
    design = make(blocks=[block(attention={"similarity": "xnor", "scale": "1/8"})])
    rng = np.random.default_rng(0)
    names = ("query", "key", "value")
    spikes = {name: rng.integers(0, 2, (2, 3, 12)).astype(np.uint8) for name in names}
    answer = attend(design, 0, spikes)
    assert answer.shape == (2, 3, 12)
    assert answer.any()


@settings(max_examples=300)
@given(
    drives=st.lists(st.integers(-200, 200), min_size=1, max_size=6),
    theta=st.integers(1, 300),
)
def test_lif_is_that_of_spikingjelly_in_floating_point(drives, theta):
    v, want = 0.0, []
    for x in drives:
        v = v + (x - v) / 2.0
        want.append(int(v - theta / 2.0 >= 0.0))
        v = 0.0 if want[-1] else v
    found = lif(np.array(drives).reshape(-1, 1, 1), np.array([theta]))
    assert found.ravel().tolist() == want
    assert plain.lif(drives, theta) == want


@settings(max_examples=100)
@given(st.data())
def test_lif_halves_downwards(data):
    """The contract's own words: w = 0 if s else a >> 1, for each channel with its threshold."""
    drives = data.draw(st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1))
    theta = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    found = lif(np.array(drives).reshape(-1, 1, 2), np.array(theta))
    for c in range(2):
        w = 0
        for t, pair in enumerate(drives):
            a = w + pair[c]
            assert found[t, 0, c] == (a >= theta[c])
            w = 0 if a >= theta[c] else a >> 1


def test_network_is_the_end_of_a_trace():
    design = make()
    x = draw_input(design)
    assert network(design, x).tolist() == trace(design, x).logits.tolist()
    assert trace(design, x).logits.dtype == np.int64
