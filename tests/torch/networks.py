"""The contract of a network restated in NumPy, sample by sample and token by token."""

import numpy as np

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.golden.attention.formula import attention
from spikeloom.golden.mask import mask

DESIGN = {
    "kind": "network",
    "tokens": 6,
    "dim": 16,
    "steps": 2,
    "fraction": 4,
    "encoder": {
        "inputs": 5,
        "bits": 8,
        "signed": True,
        "weight_bits": 8,
        "position": "absolute",
    },
    "blocks": [
        {
            "residual": "or",
            "weight_bits": 2,
            "hidden": 24,
            "attention": {"heads": 2, "similarity": "and", "scale": 0.125, "threshold": 0.5},
        }
    ],
    "readout": {"outputs": 3, "weight_bits": 8, "groups": 1},
}


def lif(drive, threshold):
    """Restate the neuron: drive (T, ...), thresholds of its last axis."""
    w = np.zeros(drive.shape[1:], dtype=np.int64)
    spikes = np.zeros(drive.shape, dtype=np.int64)
    for t, x in enumerate(drive):
        a = w + x
        spikes[t] = a >= threshold
        w = np.where(spikes[t], 0, a >> 1)
    return spikes


def join(block, x, z):
    """Restate a residual connection."""
    return {"or": x | z, "iand": x & (1 - z), "xor": x ^ z, "add": x + z}[block["residual"]]


def logits(design, arrays, x, length):
    """Restate a network for one sample: x (N, C), or (T, N, C)."""
    steps, fraction = design["steps"], design["fraction"]
    real = slice(0, length)

    def dense(name, spikes):
        weight, bias, threshold = (
            arrays[f"{name}.{part}"] for part in ("weight", "bias", "threshold")
        )
        return lif(((spikes @ weight.T) << fraction) + bias, threshold)

    def drives(name, spikes):
        return ((spikes @ arrays[f"{name}.weight"].T) << fraction) + arrays[f"{name}.bias"]

    each = x if x.ndim == 3 else np.stack([x] * steps)
    stream = each[:, real].astype(np.int64)
    membrane = design["blocks"][0]["residual"] == "membrane"
    if design["encoder"].get("kind") == "none":
        spikes = stream
    else:
        stream = stream @ arrays["encoder.weight"].T + arrays["encoder.bias"]
        if design["encoder"]["position"] == "absolute":
            stream = stream + (
                arrays["encoder.position"][real] << design["encoder"]["position_shift"]
            )
        if not membrane:
            spikes = lif(stream, arrays["encoder.threshold"])
    for i, block in enumerate(design["blocks"]):
        sizes = {key: design[key] for key in ("tokens", "dim", "steps")}
        if membrane:
            spikes = lif(stream, arrays[f"blocks.{i}.input.threshold"])
        padded = {}
        for key, name in (("q", "query"), ("k", "key"), ("v", "value")):
            if f"blocks.{i}.{name}.weight" in arrays:
                padded[key] = np.zeros((steps, design["tokens"], design["dim"]), np.uint8)
                padded[key][:, real] = dense(f"blocks.{i}.{name}", spikes)
        if block["attention"].get("kind") == "mask":
            attended = mask(MaskDesign.from_dict({**block["attention"], **sizes}), padded)
        else:
            attended = attention(
                AttentionDesign.from_dict({**block["attention"], **sizes}), **padded
            )
        attended = attended[:, real].astype(np.int64)
        if membrane:
            stream = stream + drives(f"blocks.{i}.project", attended)
            hidden = dense(f"blocks.{i}.expand", lif(stream, arrays[f"blocks.{i}.mlp.threshold"]))
            stream = stream + drives(f"blocks.{i}.contract", hidden)
            continue
        spikes = join(block, spikes, dense(f"blocks.{i}.project", attended))
        hidden = dense(f"blocks.{i}.expand", spikes)
        spikes = join(block, spikes, dense(f"blocks.{i}.contract", hidden))
    if membrane:
        spikes = lif(stream, arrays["readout.threshold"])
    groups = design["readout"]["groups"]
    total = length * arrays["readout.bias"]
    for n in range(length):
        group = n * groups // design["tokens"]
        total = total + arrays["readout.weight"][group] @ spikes[:, n].sum(axis=0)
    return total
