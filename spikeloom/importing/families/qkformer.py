"""QKFormer, as its authors published it and as SpikingJelly has it: three stages of two sizes.

Ref: zhouchenlin2096/QKFormer, ``cifar10/model.py`` and ``imagenet/qkformer.py``; SpikingJelly 2,
``activation_based/model/qkformer.py``.
"""

from collections.abc import Iterable
from typing import Final

from spikeloom.importing.families.family import Family
from spikeloom.importing.families.names import Names, count
from spikeloom.importing.families.pictures import (
    add_block,
    embed,
    eps_of,
    features,
    fused,
    head_of,
    heads_of,
    mask_of,
    self_attention,
    side_of,
    steps_of,
)
from spikeloom.importing.families.source import Source
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.model import Block, PublishedModel, Stage

__all__ = ["JellyQKFormer", "QKFormer", "QKFormerImagenet"]

_HOST: Final = "patch embeddings in front of the three stages"
_ISSUE: Final = (
    "self-attention is reshaped the right way: the published code mixes the samples of a batch "
    "(its issue 14), so its ImageNet checkpoints lose 4 to 6 points; for CIFAR it hardly matters"
)
_STAGES: Final = ("stage1", "stage2", "stage3")

_Stages = tuple[tuple[str, str, str], ...]


class QKFormer(Family):
    """QKFormer of CIFAR."""

    title = "QKFormer (CIFAR)"
    anchor = "stage1.0.tssa.q_conv.weight"
    last: str = "ssa"
    mlp: tuple[str, str] = ("mlp1", "mlp2")
    side: int = 32
    heads: int = 8
    fixed: bool = True
    first: int = 1
    note: str = _ISSUE

    # Main branch and shortcut of each patch embedding, behind what both have in common.
    _INIT: tuple[_Stages, _Stages, _Stages] = (
        (("proj_conv", "proj_bn", "l"),),
        (("proj1_conv", "proj1_bn", "l"),),
        (("proj_res_conv", "proj_res_bn", "l"),),
    )
    _NEXT: tuple[_Stages, _Stages, _Stages] = (
        (),
        (("proj3_conv", "proj3_bn", "l"), ("proj4_conv", "proj4_bn", "pl")),
        (("proj_res_conv", "proj_res_bn", "l"),),
    )

    def embeddings(self) -> tuple[tuple[_Stages, _Stages, _Stages], ...]:
        """Return what the three patch embeddings have in common, and their two branches."""
        return (self._INIT, self._NEXT, self._NEXT)

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names()
        for n, parts in enumerate(self.embeddings(), 1):
            for conv, norm, _ in (stage for part in parts for stage in part):
                names.linear(f"patch_embed{n}.{conv}", bias=False).norm(f"patch_embed{n}.{norm}")
        for stage in _STAGES:
            for n in range(count(given, stage)):
                self._block_names(names, stage, f"{stage}.{n}")
        return names.maybe("head.weight", "head.bias")

    def read(self, source: Source) -> PublishedModel:
        """Return the model: a network for each stage, and the host between them."""
        eps, steps = eps_of(source), steps_of(source)
        source.agree("the number of blocks", ("depths", "layer"), self._depth(source))
        channels = self._shape(source, 1)[1]
        side = side_of(source, self.side, 4 * self.first)
        wide, stages = side // self.first, []
        if self.note:
            source.notes.append(self.note)
        for n, name in enumerate(_STAGES, 1):
            dim = self._shape(source, n, out=True)[0]
            stem = Stem(source, eps)
            if n == 1:
                x = stem.do("repeat", "data", steps=steps)
            else:
                x, wide = stem.do("grid", "data", rows=wide), wide // 2
            host = stem.end(stem.do("tokens", self._embed(stem, x, n)))
            heads = self.heads if self.fixed else heads_of(source, dim, self.heads, n - 1)
            blocks = tuple(
                self._block(source, f"{name}.{m}", m, name, heads, dim, eps)
                for m in range(count(source.names, name))
            )
            head = head_of(source, dim) if n == len(_STAGES) else features(dim)
            stages.append(Stage(name, wide**2, host, 2, None, blocks, head))
        source.agree("the width", ("dim", "embed_dims"), stages[-1].dim)
        why = "its answer is x of all tokens and steps; the chip's read-out gives sums of them"
        source.left["stages before the last, on the chip"] = why
        return PublishedModel(self.title, steps, tuple(stages), (channels, side, side), (_HOST,))

    def _depth(self, source: Source) -> int:
        return sum(count(source.names, stage) for stage in _STAGES)

    def _shape(self, source: Source, n: int, *, out: bool = False) -> tuple[int, ...]:
        """Return the shape of the first convolution of a patch embedding, or of its shortcut."""
        common, main, shortcut = self.embeddings()[n - 1]
        conv = shortcut[0][0] if out else (common + main)[0][0]
        return source.shape(f"patch_embed{n}.{conv}.weight", 4)

    def _embed(self, stem: Stem, x: str, n: int) -> str:
        """Add a patch embedding: spikes of two branches are added."""
        common, main, shortcut = (
            [
                (f"patch_embed{n}.{conv}", f"patch_embed{n}.{norm}", then)
                for conv, norm, then in part
            ]
            for part in self.embeddings()[n - 1]
        )
        x = embed(stem, x, common)
        pooled = sum(then.count("p") for _, _, then in main)
        z = stem.norm(stem.conv(x, shortcut[0][0], stride=2**pooled), shortcut[0][1])
        return stem.do("add", embed(stem, x, main), stem.do("lif", z, threshold=1.0))

    def _attended(self, stage: str) -> tuple[str, tuple[str, ...]]:
        """Return the name of the attention of a stage, and its projections."""
        return (self.last, ("q", "k", "v")) if stage == "stage3" else ("tssa", ("q", "k"))

    def _block_names(self, names: Names, stage: str, at: str) -> None:
        own, projections = self._attended(stage)
        for name in projections:
            names.linear(f"{at}.{own}.{name}_conv", bias=False).norm(f"{at}.{own}.{name}_bn")
        names.linear(f"{at}.{own}.proj_conv", bias=True).norm(f"{at}.{own}.proj_bn")
        for name in self.mlp:
            names.linear(f"{at}.mlp.{name}_conv", bias=True).norm(f"{at}.mlp.{name}_bn")

    def _block(
        self, source: Source, own: str, n: int, stage: str, heads: int, dim: int, eps: float
    ) -> Block:
        name, projections = self._attended(stage)
        whole = zip(("query", "key", "value"), projections, strict=False)
        layers = {
            layer: (f"{own}.{name}.{part}_conv", f"{own}.{name}.{part}_bn")
            for layer, part in (*whole, ("project", "proj"))
        }
        for layer, part in zip(("expand", "contract"), self.mlp, strict=True):
            layers[layer] = (f"{own}.mlp.{part}_conv", f"{own}.mlp.{part}_bn")
        attention = mask_of(heads, "qk-token")
        if stage == "stage3":
            attention = self_attention(source, heads)
        return add_block(source, f"{stage}.blocks.{n}", layers, attention, dim, eps)


class QKFormerImagenet(QKFormer):
    """QKFormer of ImageNet: pooling in front of the neurons, and other names in the blocks."""

    title = "QKFormer (ImageNet)"
    anchor = "stage3.0.attn.q_conv.weight"
    last = "attn"
    mlp = ("fc1", "fc2")
    side = 224
    heads = 6
    fixed = False
    first = 4

    _INIT = (
        (("proj_conv", "proj_bn", "pl"),),
        (("proj1_conv", "proj1_bn", "pl"), ("proj2_conv", "proj2_bn", "l")),
        (("proj_res_conv", "proj_res_bn", "l"),),
    )
    _NEXT = (
        (),
        (("proj3_conv", "proj3_bn", "pl"), ("proj4_conv", "proj4_bn", "l")),
        (("proj_res_conv", "proj_res_bn", "l"),),
    )


class JellyQKFormer(QKFormer):
    """SpikingJelly's QKFormer: projections in one convolution, kernels with biases."""

    title = "SpikingJelly QKFormer"
    anchor = "stage1.0.attn.qk_conv_bn.0.weight"
    side = 224
    heads = 6
    fixed = False
    first = 4
    note = ""

    _INIT = (
        (("conv1", "bn1", "pl"),),
        (("conv2", "bn2", "pl"), ("conv3", "bn3", "l")),
        (("shortcut.0", "shortcut.1", "l"),),
    )
    _NEXT = (
        (),
        (("conv1", "bn1", "pl"), ("conv2", "bn2", "l")),
        (("shortcut.0", "shortcut.1", "l"),),
    )

    def _block_names(self, names: Names, stage: str, at: str) -> None:
        for name in (self._fused(stage), "attn.proj_conv_bn"):
            names.linear(f"{at}.{name}.0", bias=False).norm(f"{at}.{name}.1")
        for n in (1, 2):
            names.linear(f"{at}.mlp.fc{n}", bias=True).norm(f"{at}.mlp.bn{n}")

    def _fused(self, stage: str) -> str:
        return "attn.qkv_conv_bn" if stage == "stage3" else "attn.qk_conv_bn"

    def _block(
        self, source: Source, own: str, n: int, stage: str, heads: int, dim: int, eps: float
    ) -> Block:
        at, base = f"{stage}.blocks.{n}", f"{own}.{self._fused(stage)}"
        kind = source.word(("qka_type",)) or "token"
        attention = mask_of(heads, f"qk-{kind}")
        if stage == "stage3":
            attention = self_attention(source, heads)
        dense = dict(fused(source, at, f"{base}.0", f"{base}.1", attention.layers, dim, eps))
        base = f"{own}.attn.proj_conv_bn"
        dense["project"] = source.dense(
            f"{at}.project", f"{base}.0", f"{base}.1", dim, dim, eps=eps
        )
        inputs, rows = dim, None
        for layer, m in (("expand", 1), ("contract", 2)):
            dense[layer] = source.dense(
                f"{at}.{layer}", f"{own}.mlp.fc{m}", f"{own}.mlp.bn{m}", rows, inputs, eps=eps
            )
            inputs, rows = len(dense[layer].weight), dim
        return Block(dense, attention)
