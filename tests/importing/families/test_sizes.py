"""Published sizes, of random weights: through golden, with the report of what does not fit."""

import numpy as np
import pytest

from spikeloom.design.network.design import NetworkDesign
from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.compare import draw, whole_pass
from spikeloom.importing.config import Config
from spikeloom.importing.families import recognise
from spikeloom.importing.imported import Options

from . import sizes
from .opened import convert

# SeqSNN's Electricity and Metr-la, D = 256; Spikformer 4-384 of CIFAR.
SIZES = [
    ("seqsnn", {"depth": 2, "channels": 321}, {"data.window": 168, "network.heads": 8}, 1572864),
    ("seqsnn", {"channels": 207}, {"data.window": 12, "network.heads": 8}, 786432),
    ("spikformer", {}, {"time_step": 4, "num_heads": 12, "layer": 4, "dim": 384}, 7077888),
]


@pytest.mark.parametrize(("name", "keywords", "keys", "weights"), SIZES)
def test_through_golden(name, keywords, keys, weights):
    tensors = getattr(sizes, name)(**keywords)
    checkpoint = Checkpoint("m.pth", "", tensors, {}, {}, ())
    imported = recognise(checkpoint).convert(checkpoint, Config("config.yml", keys), Options())
    (part,), report = imported.parts, imported.report
    blocks = [array for at, array in part.weights.items() if at.startswith("blocks.")]
    assert sum(array.size for array in blocks if array.ndim == 2) == weights
    (fit,) = report.fits
    assert not fit.fits
    assert fit.needed > 8 * weights
    assert fit.text.endswith("kbit too many; not one block fits, at any width")
    design = NetworkDesign.from_dict({**part.design, "weights": part.weights})
    shape = (design.tokens, design.encoder.inputs) if name == "seqsnn" else (3, 32, 32)
    (trace,) = whole_pass((part,), [design], draw(shape)[0])
    for at, spikes in trace.spikes.items():
        # With residual add x and out are sums of spikes.
        most = 1 if at.endswith((".x", ".out")) else 0.9
        assert 0.01 < np.count_nonzero(spikes) / spikes.size <= most, at
    assert 0 < report.share < 0.15


def test_more_tokens_than_hardware_has():
    report = convert("qkformer-imagenet", "grid", config={"img_size": 224}).report
    assert report.verdict == "same spikes, on 2 drawn samples"
    assert [fit.design.tokens for fit in report.fits] == [3136, 784, 196]
    refused = "there is no hardware for tokens: 3136: must be at most 1024 to be built"
    assert refused in report.fits[0].text
    assert "no hardware" not in report.fits[1].text
