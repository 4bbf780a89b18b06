"""Spike-driven Transformer V2, Meta-SpikeFormer: two stages of convolutions, two of attention.

Ref: M. Yao et al., Spike-driven Transformer V2, ICLR 2024;
BICLab/Spike-Driven-Transformer-V2, ``classification/models.py``.
"""

from collections.abc import Iterable
from typing import Final

from spikeloom.importing.families import repconv
from spikeloom.importing.families.family import Family
from spikeloom.importing.families.names import Names, count
from spikeloom.importing.families.pictures import (
    STEPS,
    eps_of,
    features,
    head_of,
    heads_of,
    self_attention,
    side_of,
)
from spikeloom.importing.families.source import Source
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.model import Block, Dense, PublishedModel, Stage

__all__ = ["SpikeDrivenV2"]

_HOST: Final = (
    "the first two stages, which mix by convolutions, and downsampling in front of every stage"
)
_PROJECTIONS: Final = {"query": "q", "key": "k", "value": "v", "project": "proj"}
_FRONT: Final = (
    ("downsample1_1", ("ConvBlock1_1",)),
    ("downsample1_2", ("ConvBlock1_2",)),
    ("downsample2", ("ConvBlock2_1", "ConvBlock2_2")),
    ("downsample3", ()),
)
_SECOND: Final = "the published network gives the mean of head and head_kd; numbers here are head's"
_SECOND_HEAD: Final = ("head_kd.weight", "head_kd.bias")
_STAGES: Final = (("block3", "stage3"), ("block4", "stage4"))
_PATCH: Final = 16


class SpikeDrivenV2(Family):
    """Meta-SpikeFormer: its convolution blocks on the host, its transformer blocks as networks."""

    title = "Spike-driven Transformer V2"
    anchor = "downsample1_1.encode_conv.weight"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        given, names = list(given), Names()
        for down, lists in _FRONT:
            self._down_names(names, down)
            for one in lists:
                for n in range(count(given, one)):
                    self._conv_names(names, f"{one}.{n}")
        for blocks, stage in _STAGES:
            if stage == "stage4":
                self._down_names(names, "downsample4")
            for n in range(count(given, blocks)):
                at = f"{blocks}.{n}"
                for name in _PROJECTIONS.values():
                    repconv.add_names(names, f"{at}.attn.{name}_conv")
                for m in (1, 2):
                    names.linear(f"{at}.mlp.fc{m}_conv", bias=True).norm(f"{at}.mlp.fc{m}_bn")
        return names.maybe("head.weight", "head.bias", *_SECOND_HEAD)

    def read(self, source: Source) -> PublishedModel:
        """Return the model: a network for each stage of attention, and the host in front."""
        eps, steps = eps_of(source), source.count("T", STEPS, 1)
        depth = sum(count(source.names, blocks) for blocks, _ in _STAGES)
        source.agree("the number of transformer blocks", ("depths", "layer"), depth)
        channels = source.shape("downsample1_1.encode_conv.weight", 4)[1]
        side = side_of(source, 224, _PATCH)
        wide, stages = side // _PATCH, []
        for blocks, stage in _STAGES:
            last = stage == "stage4"
            dim = source.shape(f"downsample{stage[-1]}.encode_conv.weight", 4)[0]
            stem = Stem(source, eps)
            if last:
                x = self._down(stem, stem.do("grid", "data", rows=wide), "downsample4", stride=1)
            else:
                x = self._front(source, stem, stem.do("repeat", "data", steps=steps))
            heads = heads_of(source, dim, 8, int(last))
            made = tuple(
                self._block(source, f"{blocks}.{n}", f"{stage}.blocks.{n}", heads, wide, eps)
                for n in range(count(source.names, blocks))
            )
            stages.append(
                Stage(
                    name=stage,
                    tokens=wide**2,
                    host=stem.end(stem.do("tokens", x)),
                    most=0,
                    encoder=None,
                    blocks=made,
                    head=head_of(source, dim) if last else features(dim),
                    neurons="none",
                )
            )
        source.agree("the width", ("dim", "embed_dims"), stages[-1].dim)
        why = "its answer is x of all tokens and steps; a read-out gives sums of them"
        source.left["stage 3, on the chip"] = why
        why = "convolutions of 3 x 3 tokens, which the golden model computes and no hardware"
        source.left["queries, keys, values and projections, on the chip"] = why
        for name in filter(source.has, _SECOND_HEAD):
            source.left["head_kd"] = _SECOND
            source.say(name, "left", _SECOND)
        return PublishedModel(self.title, steps, tuple(stages), (channels, side, side), (_HOST,))

    def _down_names(self, names: Names, base: str) -> None:
        names.linear(f"{base}.encode_conv", bias=True).norm(f"{base}.encode_bn")

    def _conv_names(self, names: Names, at: str) -> None:
        names.linear(f"{at}.Conv.pwconv1", bias=False).norm(f"{at}.Conv.bn1")
        names.linear(f"{at}.Conv.dwconv", f"{at}.Conv.pwconv2", bias=False)
        names.norm(f"{at}.Conv.bn2")
        for m in (1, 2):
            names.linear(f"{at}.conv{m}", bias=False).norm(f"{at}.bn{m}")

    def _front(self, source: Source, stem: Stem, x: str) -> str:
        """Add the stages of convolutions, and downsampling in front of the first attention."""
        for n, (down, lists) in enumerate(_FRONT):
            x = self._down(stem, x, down, stride=2, fires=n > 0)
            for one in lists:
                for m in range(count(source.names, one)):
                    x = self._mixed(stem, x, f"{one}.{m}")
        return x

    def _down(self, stem: Stem, x: str, base: str, *, stride: int, fires: bool = True) -> str:
        x = stem.do("lif", x, threshold=1.0) if fires else x
        x = stem.conv(x, f"{base}.encode_conv", stride=stride)
        return stem.norm(x, f"{base}.encode_bn")

    def _mixed(self, stem: Stem, x: str, at: str) -> str:
        """Add a block of convolutions: separable ones, and two that widen and narrow."""
        z = stem.conv(stem.do("lif", x, threshold=1.0), f"{at}.Conv.pwconv1")
        z = stem.do("lif", stem.norm(z, f"{at}.Conv.bn1"), threshold=1.0)
        z = stem.conv(stem.conv(z, f"{at}.Conv.dwconv"), f"{at}.Conv.pwconv2")
        x = stem.do("add", stem.norm(z, f"{at}.Conv.bn2"), x)
        z = x
        for m in (1, 2):
            z = stem.conv(stem.do("lif", z, threshold=1.0), f"{at}.conv{m}")
            z = stem.norm(z, f"{at}.bn{m}")
        return stem.do("add", x, z)

    def _block(self, source: Source, own: str, at: str, heads: int, wide: int, eps: float) -> Block:
        dim = source.shape(f"{own}.attn.q_conv.0.body.0.weight")[0]
        dense: dict[str, Dense] = {
            layer: repconv.read(source, f"{at}.{layer}", f"{own}.attn.{name}_conv", dim, eps)
            for layer, name in _PROJECTIONS.items()
        }
        inputs, rows = dim, None
        for layer, m in (("expand", 1), ("contract", 2)):
            base = f"{own}.mlp.fc{m}"
            dense[layer] = source.dense(
                f"{at}.{layer}", f"{base}_conv", f"{base}_bn", rows, inputs, eps=eps
            )
            inputs, rows = len(dense[layer].weight), dim
        return Block(dense, self_attention(source, heads), "membrane", grid=wide)
