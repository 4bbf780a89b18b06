"""Spikformer for pictures, as its authors published it and as SpikingJelly has it.

Ref: ZK-Zhou/spikformer, ``cifar10/model.py`` and ``imagenet/model.py``; SpikingJelly 2,
``activation_based/model/spikformer.py``.
"""

from collections.abc import Iterable
from typing import Final

from spikeloom.importing.families.family import Family
from spikeloom.importing.families.names import Names, count
from spikeloom.importing.families.pictures import (
    add_block,
    embed,
    eps_of,
    fused,
    head_of,
    heads_of,
    self_attention,
    side_of,
    steps_of,
)
from spikeloom.importing.families.source import Source
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.model import Block, PublishedModel, Stage

__all__ = ["JellySpikformer", "Spikformer", "SpikformerImagenet"]

_HOST: Final = "patch embedding: five convolutions with normalisation, neurons and pooling"
_PROJECTIONS: Final = {"query": "q", "key": "k", "value": "v", "project": "proj"}
_DEPTH: Final = ("depths", "layer")
_DIM: Final = ("dim", "embed_dims")


class Spikformer(Family):
    """Spikformer of CIFAR: linear layers, and pooling behind two convolutions."""

    title = "Spikformer (CIFAR)"
    anchor = "block.0.attn.q_linear.weight"
    layer: str = "linear"
    pools: tuple[str, ...] = ("l", "l", "lp", "lp")
    side: int = 32
    heads: int = 12

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names()
        for place in ("", "1", "2", "3"):
            names.linear(f"patch_embed.proj_conv{place}", bias=False)
            names.norm(f"patch_embed.proj_bn{place}")
        names.linear("patch_embed.rpe_conv", bias=False).norm("patch_embed.rpe_bn")
        biased = self.layer == "linear"
        for n in range(count(given, "block")):
            at = f"block.{n}"
            for name in _PROJECTIONS.values():
                bias = biased or name == "proj"
                names.linear(f"{at}.attn.{name}_{self.layer}", bias=bias)
                names.norm(f"{at}.attn.{name}_bn")
            for m in (1, 2):
                names.linear(f"{at}.mlp.fc{m}_{self.layer}", bias=True)
                names.norm(f"{at}.mlp.fc{m}_bn")
            norms = [f"{at}.norm{m}.{part}" for m in (1, 2) for part in ("weight", "bias")]
            names.left("the published forward never uses it", *norms)
        return names.maybe("head.weight", "head.bias")

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        eps, steps = eps_of(source), steps_of(source)
        dim, channels = source.shape("patch_embed.rpe_conv.weight", 4)[0], _channels(source)
        depth = count(source.names, "block")
        source.agree("the number of blocks", _DEPTH, depth)
        source.agree("the width", _DIM, dim)
        patch = 2 ** sum("p" in pool for pool in self.pools)
        side = side_of(source, self.side, patch)
        stem = Stem(source, eps)
        x = stem.do("repeat", "data", steps=steps)
        stages = [
            (f"patch_embed.proj_conv{n}", f"patch_embed.proj_bn{n}", then)
            for n, then in zip(("", "1", "2", "3"), self.pools, strict=True)
        ]
        x = embed(stem, x, stages)
        z = embed(stem, x, [("patch_embed.rpe_conv", "patch_embed.rpe_bn", "l")])
        host = stem.end(stem.do("tokens", stem.do("add", x, z)))
        heads = heads_of(source, dim, self.heads)
        blocks = tuple(self._block(source, n, heads, dim, eps) for n in range(depth))
        stage = Stage(
            source.options.name, (side // patch) ** 2, host, 2, None, blocks, head_of(source, dim)
        )
        return PublishedModel(self.title, steps, (stage,), (channels, side, side), (_HOST,))

    def _block(self, source: Source, n: int, heads: int, dim: int, eps: float) -> Block:
        own, at = f"block.{n}", f"blocks.{n}"
        layers = {
            layer: (f"{own}.attn.{name}_{self.layer}", f"{own}.attn.{name}_bn")
            for layer, name in _PROJECTIONS.items()
        }
        for layer, name in (("expand", "fc1"), ("contract", "fc2")):
            layers[layer] = (f"{own}.mlp.{name}_{self.layer}", f"{own}.mlp.{name}_bn")
        return add_block(source, at, layers, self_attention(source, heads), dim, eps)


class SpikformerImagenet(Spikformer):
    """Spikformer of ImageNet: convolutions of one place, and pooling behind four convolutions."""

    title = "Spikformer (ImageNet)"
    anchor = "block.0.attn.q_conv.weight"
    layer = "conv"
    pools = ("lp", "lp", "lp", "lp")
    side = 224
    heads = 8


class JellySpikformer(Family):
    """SpikingJelly's Spikformer: queries, keys and values in one convolution."""

    title = "SpikingJelly Spikformer"
    anchor = "blocks.0.attn.qkv_conv_bn.0.weight"

    _STEMS: Final = tuple(f"patch_embed.stages.{n}.conv_bn.block" for n in range(4))
    _PLACE: Final = "patch_embed.positional_encoding.conv_bn.block"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names()
        for base in (*self._STEMS, self._PLACE):
            names.linear(f"{base}.0", bias=False).norm(f"{base}.1")
        for n in range(count(given, "blocks")):
            at = f"blocks.{n}"
            for name in ("attn.qkv_conv_bn", "attn.proj_conv_bn", "mlp.fc1", "mlp.fc2"):
                names.linear(f"{at}.{name}.0", bias=False).norm(f"{at}.{name}.1")
        return names.maybe("head.weight", "head.bias")

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        eps, steps = eps_of(source), steps_of(source)
        dim = source.shape(f"{self._PLACE}.0.weight", 4)[0]
        channels = source.shape(f"{self._STEMS[0]}.0.weight", 4)[1]
        depth = count(source.names, "blocks")
        source.agree("the number of blocks", _DEPTH, depth)
        source.agree("the width", _DIM, dim)
        patch = source.count("the side of a patch", ("patch_size",), 16)
        if patch not in (4, 16):
            key, found = source.find("patch_size") or ("patch_size", patch)
            raise source.contradiction(key, found, "must be 4 or 16, as SpikingJelly has it")
        side = side_of(source, 224, patch)
        stem = Stem(source, eps)
        x = stem.do("repeat", "data", steps=steps)
        pools = ("l", "l", "pl", "pl") if patch == 4 else ("pl",) * 4
        stages = [
            (f"{base}.0", f"{base}.1", then) for base, then in zip(self._STEMS, pools, strict=True)
        ]
        x = embed(stem, x, stages)
        z = embed(stem, x, [(f"{self._PLACE}.0", f"{self._PLACE}.1", "l")])
        host = stem.end(stem.do("tokens", stem.do("add", x, z)))
        heads = heads_of(source, dim, 8)
        blocks = tuple(jelly_block(source, f"blocks.{n}", n, heads, dim, eps) for n in range(depth))
        stage = Stage(
            source.options.name, (side // patch) ** 2, host, 2, None, blocks, head_of(source, dim)
        )
        return PublishedModel(self.title, steps, (stage,), (channels, side, side), (_HOST,))


def jelly_block(source: Source, own: str, n: int, heads: int, dim: int, eps: float) -> Block:
    """Return a block of self-attention of SpikingJelly's."""
    at = f"blocks.{n}"
    names = ("query", "key", "value")
    dense = dict(
        fused(source, at, f"{own}.attn.qkv_conv_bn.0", f"{own}.attn.qkv_conv_bn.1", names, dim, eps)
    )
    base = f"{own}.attn.proj_conv_bn"
    dense["project"] = source.dense(f"{at}.project", f"{base}.0", f"{base}.1", dim, dim, eps=eps)
    inputs, rows = dim, None
    for layer, name in (("expand", "fc1"), ("contract", "fc2")):
        base = f"{own}.mlp.{name}"
        dense[layer] = source.dense(
            f"{at}.{layer}", f"{base}.0", f"{base}.1", rows, inputs, eps=eps
        )
        inputs, rows = len(dense[layer].weight), dim
    return Block(dense, self_attention(source, heads))


def _channels(source: Source) -> int:
    """Return the channels of a picture."""
    return source.shape("patch_embed.proj_conv.weight", 4)[1]
