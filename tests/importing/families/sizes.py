"""Checkpoints of published sizes, of random weights, under their published names."""

import numpy as np

from spikeloom.importing.checkpoint import Checkpoint
from spikeloom.importing.config import Config
from spikeloom.importing.families import recognise
from spikeloom.importing.imported import Options


class Tensors(dict):
    """Tensors by name, drawn one after the other."""

    def __init__(self, seed=0):
        super().__init__()
        self._rng = np.random.default_rng(seed)

    def linear(self, base, rows, inputs, *more, bias=True):
        wide = (inputs * int(np.prod(more))) ** -0.5
        self[f"{base}.weight"] = self._draw("normal", 0, 2 * wide, (rows, inputs, *more))
        if bias:
            self[f"{base}.bias"] = self._draw("normal", 0, 0.1, rows)

    def norm(self, base, rows):
        ends = {"weight": (1, 2), "bias": (-0.5, 1.2), "running_mean": (-0.2, 0.2)}
        for name, (low, high) in {**ends, "running_var": (0.5, 1.5)}.items():
            self[f"{base}.{name}"] = self._draw("uniform", low, high, rows)

    def _draw(self, kind, *arguments):
        return getattr(self._rng, kind)(*arguments).astype(np.float32)


def seqsnn(depth=1, dim=256, hidden=1024, channels=207, steps=4):
    """SeqSNN's Spikformer."""
    found = Tensors()
    found.linear("temporal_encoder.encoder.0", steps, 1, 1, 3)
    found.norm("temporal_encoder.encoder.1", steps)
    found.linear("encoder", dim, channels)
    # No normalisation makes these larger.
    found["encoder.weight"] *= 8
    for n in range(depth):
        for name in ("q", "k", "v", "last"):
            found.linear(f"blocks.{n}.attn.{name}_m", dim, dim)
            found.norm(f"blocks.{n}.attn.{name}_bn", dim)
        for m, rows, inputs in ((1, hidden, dim), (2, dim, hidden)):
            found.linear(f"blocks.{n}.mlp.fc{m}", rows, inputs)
            found.norm(f"blocks.{n}.mlp.bn{m}", rows)
    return found


def spikformer(depth=4, dim=384, ratio=4, classes=10):
    """Spikformer of CIFAR."""
    found, sizes = Tensors(), (3, dim // 8, dim // 4, dim // 2, dim)
    for n, (before, behind) in enumerate(zip(sizes, sizes[1:], strict=False)):
        found.linear(f"patch_embed.proj_conv{n or ''}", behind, before, 3, 3, bias=False)
        found.norm(f"patch_embed.proj_bn{n or ''}", behind)
    found.linear("patch_embed.rpe_conv", dim, dim, 3, 3, bias=False)
    found.norm("patch_embed.rpe_bn", dim)
    for n in range(depth):
        for name in ("q", "k", "v", "proj"):
            found.linear(f"block.{n}.attn.{name}_linear", dim, dim)
            found.norm(f"block.{n}.attn.{name}_bn", dim)
        for m, rows, inputs in ((1, ratio * dim, dim), (2, dim, ratio * dim)):
            found.linear(f"block.{n}.mlp.fc{m}_linear", rows, inputs)
            found.norm(f"block.{n}.mlp.fc{m}_bn", rows)
    found.linear("head", classes, dim)
    return found


def metaformer(dims=(96, 192, 384, 480), depths=(6, 2), ratio=4, classes=1000):
    """Spike-driven Transformer V2."""
    found, half = Tensors(), dims[0] // 2

    def down(base, rows, inputs, size):
        found.linear(f"{base}.encode_conv", rows, inputs, size, size)
        found.norm(f"{base}.encode_bn", rows)

    def mixed(at, dim):
        found.linear(f"{at}.Conv.pwconv1", 2 * dim, dim, 1, 1, bias=False)
        found.norm(f"{at}.Conv.bn1", 2 * dim)
        found.linear(f"{at}.Conv.dwconv", 2 * dim, 1, 7, 7, bias=False)
        found.linear(f"{at}.Conv.pwconv2", dim, 2 * dim, 1, 1, bias=False)
        found.norm(f"{at}.Conv.bn2", dim)
        for m, rows, inputs in ((1, ratio * dim, dim), (2, dim, ratio * dim)):
            found.linear(f"{at}.conv{m}", rows, inputs, 3, 3, bias=False)
            found.norm(f"{at}.bn{m}", rows)

    def attended(at, dim):
        for name in ("q", "k", "v", "proj"):
            base = f"{at}.attn.{name}_conv"
            found.linear(f"{base}.0.body.0", dim, dim, 1, 1, bias=False)
            found.linear(f"{base}.0.body.2.0", dim, 1, 3, 3, bias=False)
            found.linear(f"{base}.0.body.2.1", dim, dim, 1, 1, bias=False)
            for norm in ("0.body.1.bn", "0.body.2.2", "1"):
                found.norm(f"{base}.{norm}", dim)
        for m, rows, inputs in ((1, ratio * dim, dim), (2, dim, ratio * dim)):
            found.linear(f"{at}.mlp.fc{m}_conv", rows, inputs, 1)
            found.norm(f"{at}.mlp.fc{m}_bn", rows)

    down("downsample1_1", half, 3, 7)
    mixed("ConvBlock1_1.0", half)
    down("downsample1_2", dims[0], half, 3)
    mixed("ConvBlock1_2.0", dims[0])
    down("downsample2", dims[1], dims[0], 3)
    mixed("ConvBlock2_1.0", dims[1])
    mixed("ConvBlock2_2.0", dims[1])
    for stage, depth, dim, before in zip((3, 4), depths, dims[2:], dims[1:], strict=False):
        down(f"downsample{stage}", dim, before, 3)
        for n in range(depth):
            attended(f"block{stage}.{n}", dim)
    found.linear("head", classes, dims[3])
    return found


def main():
    """Import Meta-SpikeFormer 8-384 at 224 x 224, and say what its report says."""
    checkpoint = Checkpoint("metaformer.pth", "", metaformer(), {}, {}, ())
    config = Config("config.yml", {"T": 1, "num_heads": 8, "img_size": 224})
    print(recognise(checkpoint).convert(checkpoint, config, Options()).report.text())


if __name__ == "__main__":
    main()
