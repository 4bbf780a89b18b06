"""The network as a model: its inputs, its beats, its ranges."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikeloom.golden.kinds import model
from spikeloom.golden.network import trace
from spikeloom.golden.network.ranges import (
    encoder_range,
    readout_range,
    stream_ranges,
    sum_range,
)

from ...networks.draws import block, draw_input, make


def whole(design, seed=0, length=None):
    """Draw the arrays of one inference."""
    length = design.tokens if length is None else length
    return {"x": draw_input(design, seed), "length": np.array(length)}


@pytest.mark.parametrize(
    ("bits", "signed", "low", "high"),
    [
        (8, True, -128, 127),
        (8, False, 0, 255),
        (1, True, -1, 0),
        (1, False, 0, 1),
        (4, True, -8, 7),
    ],
)
def test_inputs(bits, signed, low, high):
    golden = model(make(encoder={"bits": bits, "signed": signed, "position": "none"}))
    x, length = golden.inputs
    assert (x.name, x.shape, x.low, x.high) == ("x", (5, 5), low, high)
    assert (length.name, length.shape, length.low, length.high) == ("length", (), 1, 5)
    assert length.default == 5


def test_answer_is_the_network_of_the_tokens_that_there_are():
    design = make()
    golden = model(design)
    for length in range(1, 6):
        arrays = whole(design, length, length)
        answer = golden.answer(arrays)
        assert answer.tolist() == trace(design, arrays["x"][:length]).logits.tolist()
        arrays["x"][length:] = 7
        assert golden.answer(arrays).tolist() == answer.tolist()
        assert answer.dtype == golden.output.dtype == np.int32


@pytest.mark.parametrize("loaded", [False, True])
@pytest.mark.parametrize("inputs", [1, 16, 17, 40])
@pytest.mark.parametrize("signed", [False, True])
def test_beats_are_bit_planes_of_the_tokens_that_there_are(inputs, signed, loaded):
    """Bit by bit: token n's channel c in plane p is bit c mod 16 of beat floor(c / 16)."""
    design = make(
        encoder={"inputs": inputs, "bits": 3, "signed": signed},
        folding={"weights": "spram" if loaded else "ebr"},
    )
    golden, words = model(design), -(-inputs // 16)
    for length in (1, 4, 5):
        arrays = whole(design, 2, length)
        beats = golden.pack(arrays).tolist()
        if loaded:
            assert beats.pop(0) == 0
        assert len(beats) == length * 3 * words
        for n in range(length):
            for p in range(3):
                for c in range(inputs):
                    beat = beats[(n * 3 + p) * words + c // 16]
                    assert beat >> c % 16 & 1 == int(arrays["x"][n, c]) >> p & 1
        used = sum(bin(beat).count("1") for beat in beats)
        assert used == sum(bin(int(v) & 7).count("1") for v in arrays["x"][:length].ravel())


@pytest.mark.parametrize("length", [1, 3, 5])
def test_beats_of_inputs_of_every_step(length):
    """Bit by bit: token n's step t has three planes of two beats."""
    encoder = {"kind": "linear", "inputs": 20, "bits": 3, "coding": "steps"}
    design = make(encoder=encoder, steps=2)
    golden = model(design)
    x = draw_input(design, 4)
    assert x.shape == golden.inputs[0].shape == (2, 5, 20)
    beats = golden.pack({"x": x, "length": np.array(length)}).tolist()
    assert len(beats) == length * 2 * 3 * 2
    for n, t, p, c in np.ndindex(length, 2, 3, 20):
        beat = beats[((n * 2 + t) * 3 + p) * 2 + c // 16]
        assert beat >> c % 16 & 1 == int(x[t, n, c]) >> p & 1
    answer = golden.answer({"x": x, "length": np.array(length)})
    assert answer.tolist() == trace(design, x[:, :length]).logits.tolist()


def encode(numbers, beats):
    """Number by number, two's complement, low beat first."""
    return [n >> 16 * k & 0xFFFF for n in numbers for k in range(beats)]


@pytest.mark.parametrize("bits", [2, 8])
@pytest.mark.parametrize("loaded", [False, True])
def test_answers_are_unpacked(bits, loaded):
    design = make(readout={"weight_bits": bits}, folding={"weights": "spram" if loaded else "ebr"})
    golden = model(design)
    low, high = readout_range(design)
    numbers = [low, high, -1]
    beats = [1] * loaded + encode(numbers, golden.number_beats)
    assert golden.beats_out == len(beats)
    assert golden.unpack(np.array(beats, np.uint64)).tolist() == numbers
    assert low >= -(1 << 16 * golden.number_beats - 1)
    assert high < 1 << 16 * golden.number_beats - 1


def test_spikes_are_those_of_the_tokens_that_there_are():
    encoder = {"inputs": 7, "bits": 1, "signed": False, "coding": "steps", "position": "none"}
    design = make(encoder=encoder)
    x = draw_input(design, 3)
    found = model(design).spikes({"x": x, "length": np.array(4)})
    want = trace(design, x[:, :4]).spikes
    assert {name: array.tolist() for name, array in found.items()} == {
        name: array.tolist() for name, array in want.items()
    }


def test_numbers_take_as_many_beats_as_they_need():
    assert model(make()).number_beats == 1
    assert model(make(tokens=1024, readout={"weight_bits": 8})).number_beats == 2


def test_no_weights_no_numbers():
    golden = model(make(folding={"weights": "spram"}))
    beats = np.zeros(golden.beats_out, np.uint64)
    with pytest.raises(ValueError, match="status must be 1: the network has no weights"):
        golden.unpack(beats)
    beats[0] = 1
    assert golden.unpack(beats).tolist() == [0, 0, 0]


@pytest.mark.parametrize("loaded", [False, True])
def test_describe(loaded):
    design = make(folding={"weights": "spram" if loaded else "ebr"}, encoder={"inputs": 17})
    golden = model(design)
    described = json.loads(json.dumps(golden.describe()))
    into, out = described["beats"]["in"], described["beats"]["out"]
    assert [section["name"] for section in into["sections"]] == ["x"]
    assert into["sections"][0]["beats"] * design.tokens == into["beats"] == 5 * 4 * 2
    assert into["last"] == "ends a sequence, which may have fewer tokens"
    assert ("command" in into) == loaded
    assert [section["name"] for section in out["sections"]] == ["status"] * loaded + ["logits"]
    assert sum(section["beats"] for section in out["sections"]) == out["beats"]
    logits = described["numbers"]["logits"]
    assert (logits["low"], logits["high"]) == readout_range(design)
    assert -(1 << logits["bits"] - 1) <= logits["low"]
    assert logits["high"] < 1 << logits["bits"] - 1


@pytest.mark.parametrize("groups", [1, 2, 4])
@pytest.mark.parametrize("bits", [1, 2, 8])
def test_range_of_the_numbers_is_never_left(bits, groups):
    """Each output for itself, from the spikes that its own weights ask for."""
    steps, tokens = 3, 4
    design = make(
        tokens=tokens,
        steps=steps,
        encoder={"weight_bits": 8},
        readout={"weight_bits": bits, "groups": groups},
    )
    low, high = readout_range(design)
    weight, bias = design.weights["readout.weight"], design.weights["readout.bias"]
    ends = []
    for row, one in zip(weight.transpose(1, 0, 2), bias, strict=True):
        for count in range(1, tokens + 1):
            rows = [row[n * groups // tokens] for n in range(count)]
            for chosen in (np.minimum, np.maximum):
                total = steps * sum(int(chosen(r, 0).sum()) for r in rows) + count * int(one)
                ends.append(total)
    assert low <= min(ends)
    assert max(ends) <= high


def test_range_of_numbers_without_bias_is_tight():
    design = make(arrays={"readout.bias": np.zeros(3, int)})
    weight = design.weights["readout.weight"][0]
    most = 5 * 2
    want = (
        min(0, most * int(np.minimum(weight, 0).sum(axis=1).min())),
        most * int(np.maximum(weight, 0).sum(axis=1).max()),
    )
    assert readout_range(design) == want


@settings(max_examples=40)
@given(
    seed=st.integers(0, 99),
    bits=st.sampled_from([1, 3, 8]),
    signed=st.booleans(),
    placed=st.booleans(),
)
def test_encoder_stays_in_its_range_and_reaches_both_ends(seed, bits, signed, placed):
    placed = placed and bits > signed
    design = make(
        seed,
        encoder={"bits": bits, "signed": signed, "position": "absolute" if placed else "none"},
    )
    low, high = encoder_range(design)
    weight = design.weights["encoder.weight"]
    least = -(1 << bits - 1) if signed else 0
    most = least + (1 << bits) - 1
    reached = []
    for c, row in enumerate(weight):
        places = design.weights["encoder.position"][:, c] if placed else np.zeros(1, int)
        for ends in ((least, most), (most, least)):
            x = np.where(row < 0, *ends)
            reached += (int(row @ x) + places).tolist()
    assert (min(reached), max(reached)) == (low, high)


def test_sums_of_weights_that_spikes_choose():
    rows = np.array([[1, -1, 1], [-1, -1, -1], [3, 4, -2]])
    assert sum_range(rows) == (-3, 7)


@settings(max_examples=25)
@given(seed=st.integers(0, 200), tokens=st.integers(1, 6), count=st.integers(1, 6))
def test_logits_never_leave_their_range(seed, tokens, count):
    design = make(seed, tokens=tokens, readout={"weight_bits": 2}, blocks=[block(weight_bits=1)])
    low, high = readout_range(design)
    x = draw_input(design, seed)[: min(count, tokens)]
    logits = trace(design, x).logits
    assert low <= logits.min()
    assert logits.max() <= high


@settings(max_examples=30)
@given(
    seed=st.integers(0, 200),
    residual=st.sampled_from(["add", "membrane"]),
    neurons=st.sampled_from(["tokens", "sum", "none"]),
    count=st.integers(1, 5),
    more=st.sampled_from([{}, {"grid": 5}, {"mlp_position": "absolute"}]),
    steps=st.sampled_from(["all", "last"]),
)
def test_numbers_and_membranes_never_leave_their_ranges(
    seed, residual, neurons, count, more, steps
):
    readout = {"steps": steps} | ({"neurons": neurons} if residual == "membrane" else {})
    design = make(seed, blocks=[block(residual=residual, **more)] * 2, readout=readout)
    found = trace(design, draw_input(design, seed, count))
    low, high = readout_range(design)
    assert low <= found.logits.min()
    assert found.logits.max() <= high
    streams = [found.spikes[name] for name in ("encoder", "blocks.0.out", "blocks.1.out")]
    for stream, (least, most) in zip(streams, stream_ranges(design), strict=True):
        assert (least <= stream).all()
        assert (stream <= most).all()
