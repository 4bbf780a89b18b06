import numpy as np
import pytest

from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.packing import check_beats, groups, planes

T, N, H, D = 2, 3, 2, 5
AXES = {"step": T, "token": N, "head": H, "channel": D}


def spec(name, low=0, high=1):
    return ArraySpec(name, "(T, N, D)", (T, N, H * D), low, high)


def draw(part, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(part.spec.low, part.spec.high, part.spec.shape, endpoint=True)


def word(bits):
    return sum(int(bit) << place for place, bit in enumerate(bits))


def chunks(bits, size):
    return [word(bits[start : start + size]) for start in range(0, len(bits), size)]


def stream(*parts, loop=("head", "step")):
    return Stream(Loop(loop, parts))


def there_and_back(made, arrays, expected):
    """Beats as a restatement has them, counted, and read again."""
    beats = made.pack(arrays)
    assert beats.dtype == np.uint64
    assert beats.tolist() == expected
    assert made.count == len(expected)
    found = made.unpack(beats)
    assert found.keys() == arrays.keys()
    for name, array in arrays.items():
        assert np.array_equal(found[name], array)


@pytest.mark.parametrize("beat", [1, 2, 8, 64])
def test_spikes_by_token(beat):
    part = Part(spec("q"), AXES, "channel", ("token", "beat"), 1, beat)
    x = draw(part)
    expected = []
    for head, t, n in np.ndindex(H, T, N):
        expected += chunks(x[t, n, head * D : head * D + D], beat)
    there_and_back(stream(part), {"q": x}, expected)


@pytest.mark.parametrize("beat", [1, 2, 8])
def test_spikes_by_channel(beat):
    part = Part(spec("k"), AXES, "token", ("channel", "beat"), 1, beat)
    x = draw(part)
    expected = []
    for head, t, c in np.ndindex(H, T, D):
        expected += chunks(x[t, :, head * D + c], beat)
    there_and_back(stream(part), {"k": x}, expected)


@pytest.mark.parametrize("beat", [2, 8, 64])
@pytest.mark.parametrize("high", [1, 2, 5, 255, 510])
def test_bit_planes(high, beat):
    part = Part(spec("x", high=high), AXES, "channel", ("beat", "bit"), high.bit_length(), beat)
    x = draw(part)
    expected = []
    for t, n, head in np.ndindex(T, N, H):
        row = x[t, n, head * D : head * D + D]
        for start in range(0, D, beat):
            for bit in range(high.bit_length()):
                expected.append(word(row[start : start + beat] >> bit & 1))
    there_and_back(stream(part, loop=("step", "token", "head")), {"x": x}, expected)


@pytest.mark.parametrize(("low", "high"), [(0, 7), (-8, 7), (-3, 2), (0, 1000), (-700, 900)])
@pytest.mark.parametrize("beat", [1, 8, 64])
def test_numbers_in_whole_beats(low, high, beat):
    width = (max(-low - 1, high)).bit_length() + (low < 0)
    part = Part(spec("y", low, high), AXES, "channel", ("token", "channel", "beat"), width, beat)
    x = draw(part)
    whole = -(-width // beat) * beat
    expected = []
    for head, t, n, c in np.ndindex(H, T, N, D):
        number = int(x[t, n, head * D + c]) % (1 << whole)
        expected += chunks([number >> place & 1 for place in range(whole)], beat)
    there_and_back(stream(part), {"y": x}, expected)


def test_an_array_that_may_be_negative_without_a_sign():
    """Answers of drives have a type with a sign even where no drive has one."""
    part = Part(spec("y", -1, 3), AXES, "channel", ("token", "channel", "beat"), 2, 2, signed=False)
    x = draw(Part(spec("y", 0, 3), AXES, "channel", (), 2, 2))
    made = stream(part)
    assert np.array_equal(made.unpack(made.pack({"y": x}))["y"], x)


@pytest.mark.parametrize(("width", "per"), [(3, 2), (4, 2), (1, 8), (3, 1)])
def test_values_side_by_side(width, per):
    made = spec("v", -(1 << width - 1), (1 << width - 1) - 1)
    part = Part(made, AXES, "channel", ("token", "beat"), width, width * per)
    x = draw(part)
    expected = []
    for head, t, n in np.ndindex(H, T, N):
        row = [int(value) % (1 << width) for value in x[t, n, head * D : head * D + D]]
        for start in range(0, D, per):
            expected.append(sum(v << width * i for i, v in enumerate(row[start : start + per])))
    there_and_back(stream(part), {"v": x}, expected)


def test_values_that_lie_in_two_beats():
    part = Part(spec("x", high=7), AXES, "channel", ("token", "beat"), 3, 8)
    x = draw(part)
    expected = []
    for head, t, n in np.ndindex(H, T, N):
        row = x[t, n, head * D : head * D + D]
        expected += chunks([value >> bit & 1 for value in row for bit in range(3)], 8)
    there_and_back(stream(part), {"x": x}, expected)


def test_beats_of_two_arrays_in_turn_then_a_third():
    q, k, v = (Part(spec(n), AXES, "channel", (), 1, 2) for n in "qkv")
    last = Part(spec("q"), AXES, "channel", ("token", "beat"), 1, 2)
    x = {
        name: draw(part, seed)
        for seed, (name, part) in enumerate(zip("qkv", (q, k, v), strict=True))
    }
    expected = []
    for head, t in np.ndindex(H, T):
        channels = slice(head * D, head * D + D)
        for n in range(N):
            rows = (chunks(x[name][t, n, channels], 2) for name in "kv")
            expected += [beat for pair in zip(*rows, strict=True) for beat in pair]
        for n in range(N):
            expected += chunks(x["q"][t, n, channels], 2)
    there_and_back(stream(Loop(("token", "beat"), (k, v)), last), x, expected)


def test_planes_of_two_arrays_in_turn():
    parts = [
        Part(spec(name, high=high), AXES, "channel", (), high.bit_length(), 4, at=bit)
        for bit in range(2)
        for name, high in (("x", 3), ("z", 1))
        if bit < high.bit_length()
    ]
    x = {"x": draw(parts[0]), "z": draw(parts[1], 1)}
    expected = []
    for t, n, head in np.ndindex(T, N, H):
        rows = {name: x[name][t, n, head * D : head * D + D] for name in "xz"}
        for start in (0, 4):
            for name, bit in (("x", 0), ("z", 0), ("x", 1)):
                expected.append(word(rows[name][start : start + 4] >> bit & 1))
    there_and_back(stream(*parts, loop=("step", "token", "head", "beat")), x, expected)


def test_description():
    part = Part(spec("q"), AXES, "channel", ("token", "beat"), 1, 8)
    said = {"array": "q", "for": ["token", "beat"], "beat": "channel", "bits": 1}
    assert stream(part).describe() == {
        "for": ["head", "step"],
        "parts": [said | {"signed": False, "used": 8}],
    }


def test_refusals():
    part = Part(spec("q"), AXES, "channel", ("token", "beat"), 1, 8)
    with pytest.raises(ValueError, match=r"^q must be of shape \(T, N, D\) = \(2, 3, 10\), not "):
        stream(part).pack({"q": np.zeros((2, 3, 9), dtype=np.uint8)})
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(12,\), not \(11,\)$"):
        stream(part).unpack([0] * 11)
    with pytest.raises(ValueError, match=r"^High must be an integer of at least 1, not 0$"):
        planes(0)
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(3,\), not \(2,\)$"):
        check_beats([1, 2], 3)
    assert [groups(channels, 8) for channels in (1, 8, 9)] == [1, 1, 2]
