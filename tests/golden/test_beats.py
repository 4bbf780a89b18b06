import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.attention.beats import counts, pack, pack_output, unpack, unpack_input
from spikeloom.golden.attention.formula import attention


def make(beat=8, order="score", **keys):
    return Design.from_dict(
        {"tokens": 5, "dim": 12, "heads": 2, "steps": 3, "target": {"beat": beat}}
        | {"folding": {"order": order}}
        | keys
    )


def inputs(design, seed=0):
    rng = np.random.default_rng(seed)
    shape = (design.steps, design.tokens, design.dim)
    return tuple(rng.integers(0, 2, shape, dtype=np.uint8) for _ in "qkv")


def bit_by_bit(design, q, k, v):
    """The order of the beats as its description reads."""
    d, beats = design.head_dim, []

    def emit(bits):
        for start in range(0, len(bits), design.beat):
            beats.append(sum(int(b) << c for c, b in enumerate(bits[start : start + design.beat])))

    for head in range(design.heads):
        for t in range(design.steps):
            part = [x[t, :, head * d : head * d + d] for x in (k, v, q)]
            for rows in [part[0].T if design.order == "state" else part[0], *part[1:]]:
                for row in rows:
                    emit(row)
    return beats


@pytest.mark.parametrize("beat", [1, 2, 4, 8, 16, 32, 64])
@pytest.mark.parametrize("order", ["score", "state"])
def test_beats_in(beat, order):
    design = make(beat, order)
    q, k, v = inputs(design)
    beats = pack(design, q, k, v)
    assert beats.tolist() == bit_by_bit(design, q, k, v)
    assert len(beats) == counts(design).inputs
    for back, sent in zip(unpack_input(design, beats), (q, k, v), strict=True):
        assert np.array_equal(back, sent)


@pytest.mark.parametrize("beat", [1, 4, 8, 64])
def test_spikes_out(beat):
    design = make(beat)
    answer = inputs(design)[0]
    beats = pack_output(design, answer)
    assert len(beats) == counts(design).outputs
    assert np.array_equal(unpack(design, beats), answer)
    width = -(-6 // beat)
    first = sum(int(word) << beat * place for place, word in enumerate(beats[:width]))
    assert first == sum(int(bit) << c for c, bit in enumerate(answer[0, 0, :6]))


@pytest.mark.parametrize("beat", [1, 2, 8, 16, 64])
@pytest.mark.parametrize("similarity", ["and", "hamming"])
def test_numbers_out(beat, similarity):
    design = make(beat, neuron="none", similarity=similarity)
    answer = attention(design, *inputs(design))
    beats = pack_output(design, answer)
    assert len(beats) == counts(design).outputs
    back = unpack(design, beats)
    assert back.dtype == answer.dtype
    assert np.array_equal(back, answer)


def test_numbers_are_twos_complement_low_beat_first():
    design = make(4, neuron="none", similarity="hamming")
    answer = np.zeros((3, 5, 12), np.int32)
    answer[0, 0, 0] = -2
    # The range is -30 .. 30: six bits in two beats of four, the sign repeated.
    assert pack_output(design, answer)[:3].tolist() == [0b1110, 0b1111, 0]


def test_counts_of_the_headline_layer():
    design = Design.from_dict({"tokens": 32, "dim": 64, "heads": 4, "steps": 4})
    count = counts(design)
    assert (count.k, count.v, count.q, count.out) == (64, 64, 64, 64)
    assert (count.sections, count.inputs, count.outputs) == (16, 3072, 1024)


def test_a_wrong_number_of_beats_is_refused():
    design = make()
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(90,\), not \(3,\)$"):
        unpack_input(design, [0, 1, 2])
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(30,\), not \(31,\)$"):
        unpack(design, np.zeros(31))
