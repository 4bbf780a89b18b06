"""Where the bits of an input lie: weights of the bits give W x + P, in the fewest passes."""

import numpy as np
import pytest

from spikeloom.hdl.network.encoding import Encoding, encoding

from ...networks.draws import draw_input, make


@pytest.mark.parametrize("position", ["absolute", "none"])
@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("lanes", [16, 32, 64])
@pytest.mark.parametrize(("inputs", "bits", "weight_bits"), [(5, 5, 4), (20, 8, 8), (35, 1, 2)])
def test_weights_of_bits_are_the_layer(inputs, bits, weight_bits, lanes, signed, position):
    design = make(
        **{"tokens": 18, "folding": {"lanes": lanes}},
        encoder={
            **{"inputs": inputs, "bits": bits, "signed": signed, "weight_bits": weight_bits},
            **{"position": position, "position_shift": 2},
        },
    )
    at, weight = encoding(design)
    assert weight.shape == (design.dim, at.slots * lanes)
    x = draw_input(design, 1)
    spikes = np.zeros((len(x), weight.shape[1]), dtype=int)
    for n, token in enumerate(x):
        for c, value in enumerate(token):
            for plane in range(bits):
                spikes[n, at.lane(plane, c)] += int(value) >> plane & 1
        if position == "absolute":
            spikes[n, at.place * 16 + n] += 1
    # No two bits share a lane.
    assert spikes.max() <= 1
    weights = design.weights
    want = x.astype(int) @ weights["encoder.weight"].astype(int).T
    if position == "absolute":
        want += weights["encoder.position"].astype(int) << 2
    assert (spikes @ weight.T == want).all()


def test_planes_share_a_slot_where_that_takes_fewer_passes():
    keys = {"inputs": 12, "bits": 5, "weight_bits": 4, "position_shift": 3}
    design = make(tokens=32, dim=64, encoder=keys, folding={"lanes": 64, "planes": 2})
    at, _ = encoding(design)
    # Three planes behind an empty column, then two and the place, which counts as the fourth.
    assert (at.offset, at.stride, at.slots, at.place) == (1, 1, 2, 6)


def test_without_an_encoder_every_plane_begins_a_slot():
    encoder = {"kind": "none", "inputs": 12, "bits": 3, "signed": False, "coding": "steps"}
    design = make(encoder=encoder, blocks=[{**make_block(), "residual": "add"}])
    at, weight = encoding(design)
    assert weight is None
    assert at == Encoding(words=1, planes=3, places=0, offset=0, stride=1, columns=1)


def make_block():
    """Keys of a block."""
    return {
        "hidden": 5,
        "attention": {"heads": 2, "similarity": "and", "scale": "1/4", "threshold": "1/2"},
    }
