import numpy as np
import pytest

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.attention import formula as golden

torch = pytest.importorskip("torch", reason="needs the extra 'torch' (PyTorch)")

from spikeloom.torch.attention import Attention  # noqa: E402

SHAPE = {"tokens": 6, "dim": 16, "heads": 2, "steps": 3}
LAYERS = [
    {"similarity": "and", "scale": 1 / 8},
    {"similarity": "and", "scale": [1 / 8, 1 / 4]},
    {"similarity": "xnor", "scale": 1 / 16},
    {"similarity": "xnor", "scale": "2/25"},
    {"similarity": "alpha-xnor", "alpha": "3/8", "scale": 1 / 8},
    {"similarity": "alpha-xnor", "alpha": ["3/8", "1/8"], "scale": "2/17"},
    {"similarity": "hamming", "scale": 1 / 4},
    {"similarity": "xnor", "causal": True, "window": 3, "scale": 1 / 8},
    {"similarity": "and", "position": "shift", "shift": {"groups": 2}},
    {"similarity": "xnor", "position": "gray", "scale": 1 / 16},
    # Of 6 tokens the distances would be the same in every step.
    {
        "similarity": "xnor",
        "position": "gray",
        "gray": {"index": "t*L+l"},
        "tokens": 11,
        "scale": 1 / 32,
    },
    {"similarity": "and", "position": "log", "scale": 1 / 16},
    {"similarity": "alpha-xnor", "alpha": "3/8", "position": "log", "scale": 1 / 16},
    {
        "similarity": "and",
        "position": "table",
        "table": {"values": [[*range(-5, 6)], [*range(11)]]},
    },
    {"similarity": "xnor", "position": ["gray", "log", "shift"], "scale": 1 / 32},
]


def case(keys):
    design = AttentionDesign.from_dict({**SHAPE, **keys})
    spikes = np.random.default_rng(0).random((3, 4, 3, design.tokens, 16)) < 0.4
    wanted = [golden.attention(design, *sample) for sample in spikes.transpose(1, 0, 2, 3, 4)]
    return design, torch.from_numpy(spikes.astype(float)).transpose(1, 2), np.stack(wanted, axis=1)


@pytest.mark.parametrize("keys", LAYERS, ids=range(len(LAYERS)))
def test_integers_are_those_of_golden(keys):
    design, spikes, wanted = case(keys)
    layer = Attention(design).eval()
    assert (layer(*spikes).numpy() == wanted).all()
    assert 0.05 < wanted.mean() < 0.95
    sums = [golden.drive(design, *sample) for sample in spikes.transpose(0, 2).transpose(1, 2)
            .numpy().astype(np.uint8)]  # fmt: skip
    found = layer.drive(*spikes).transpose(2, 3).flatten(3)
    assert (found.numpy() == np.stack(sums, axis=1)).all()


@pytest.mark.parametrize("keys", LAYERS, ids=range(len(LAYERS)))
def test_training_has_the_same_spikes(keys):
    design, spikes, wanted = case(keys)
    found = Attention(design).train()(*spikes).numpy()
    assert (found == wanted).all()


@pytest.mark.parametrize("keys", [LAYERS[0], LAYERS[8], LAYERS[11], LAYERS[14]])
def test_fewer_tokens_are_those_that_are_there(keys):
    design, spikes, _ = case(keys)
    padded = spikes.clone()
    padded[:, :, :, 4:] = 0
    layer = Attention(design).eval()
    short = layer(*(x[:, :, :4] for x in spikes))
    assert torch.equal(short, layer(*padded)[:, :, :4])
