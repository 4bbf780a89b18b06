import numpy as np
import pytest

from spikeloom.golden.packing import (
    check_beats,
    from_beats,
    from_planes,
    groups,
    planes,
    to_beats,
    to_planes,
)


def one_by_one(values, high, beat):
    """The order of the page, a bit at a time, with no arrays."""
    beats = []
    for group in range(-(-len(values) // beat)):
        for plane in range(high.bit_length()):
            word = 0
            for bit, value in enumerate(values[group * beat : group * beat + beat]):
                word |= (value >> plane & 1) << bit
            beats.append(word)
    return beats


@pytest.mark.parametrize("beat", [1, 2, 8, 64])
@pytest.mark.parametrize("high", [1, 2, 3, 5, 15, 255, 510])
def test_there_and_back(high, beat):
    rng = np.random.default_rng(high)
    for channels in (1, 3, 8, 13):
        values = rng.integers(0, high, (2, 5, channels), endpoint=True)
        beats = to_planes(values, high, beat)
        assert beats.shape == (2, 5, groups(channels, beat), planes(high))
        assert (from_planes(beats, high, beat, channels) == values).all()
        for token, row in zip(beats.reshape(10, -1), values.reshape(10, -1), strict=True):
            assert token.tolist() == one_by_one(row.tolist(), high, beat)


def test_spikes_are_the_case_of_one_plane():
    spikes = np.random.default_rng(0).integers(0, 2, (7, 21)).astype(np.uint8)
    assert (to_planes(spikes, 1, 8)[..., 0] == to_beats(spikes, 8)).all()
    assert (from_beats(to_beats(spikes, 8), 8, 21) == spikes).all()


def test_refuses():
    with pytest.raises(ValueError, match=r"^High must be an integer of at least 1, not 0$"):
        planes(0)
    with pytest.raises(ValueError, match=r"^Beats must be of shape \(3,\), not \(2,\)$"):
        check_beats([1, 2], 3)
