"""Models whose shortcuts add membranes: Spikingformer, Spike-driven Transformer, Max-Former.

Ref: zhouchenlin2096/Spikingformer, ``cifar10/model.py`` and ``imagenet/model.py``;
BICLab/Spike-Driven-Transformer, ``module/ms_conv.py`` and ``module/sps.py``; bic-L/MaxFormer,
``cifar10-100/mixer_hub.py`` and ``embedding_hub.py``.
"""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Final

from spikeloom.importing.families.family import Family
from spikeloom.importing.families.names import Names, count
from spikeloom.importing.families.pictures import (
    add_block,
    eps_of,
    head_of,
    heads_of,
    mask_of,
    self_attention,
    side_of,
    steps_of,
)
from spikeloom.importing.families.source import Source
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.model import Attention, Block, PublishedModel, Stage

__all__ = [
    "MaxFormer",
    "SpikeDriven",
    "Spikingformer",
    "SpikingformerImagenet",
]

_PROJECTIONS: Final = {"query": "q", "key": "k", "value": "v", "project": "proj"}
_DEAD: Final = "the published forward never uses it"


class _Membrane(Family):
    """What these models have in common: convolutions of one place, neurons in front of them.

    Attributes
    ----------
    blocks : str
        Name of the list of blocks.
    mlp : tuple of str
        Names of the two layers of the MLP.
    neurons : str
        Whether neurons see the mean over the tokens in front of the head, or there are none.
    """

    blocks: str = "block"
    mlp: tuple[str, str] = ("fc1", "fc2")
    neurons: str = "sum"
    side: int = 32
    heads: int = 8
    embedding: str = "patch embedding: convolutions with normalisation, neurons and pooling"

    def _block_names(self, names: Names, given: Iterable[str]) -> Names:
        for n in range(count(given, self.blocks)):
            at = f"{self.blocks}.{n}"
            for name in _PROJECTIONS.values():
                names.linear(f"{at}.attn.{name}_conv", bias=name == "proj")
                names.norm(f"{at}.attn.{name}_bn")
            for name in self.mlp:
                names.linear(f"{at}.mlp.{name}_conv", bias=True).norm(f"{at}.mlp.{name}_bn")
        return names.maybe("head.weight", "head.bias")

    @abstractmethod
    def _stem(self, source: Source, stem: Stem, x: str) -> tuple[str, int]:
        """Add the patch embedding; return membranes (T, D, H, W), and the side of a patch."""

    @abstractmethod
    def _attention(self, source: Source, heads: int) -> Attention:
        """Return the attention of all blocks."""

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        eps, steps = eps_of(source), steps_of(source)
        dim = (*source.shape(f"{self.blocks}.0.attn.q_conv.weight"), 0)[0]
        depth = count(source.names, self.blocks)
        stem = Stem(source, eps)
        x, patch = self._stem(source, stem, stem.do("repeat", "data", steps=steps))
        side = side_of(source, self.side, patch)
        source.agree("the width", ("dim", "embed_dims"), dim)
        attention = self._attention(source, heads_of(source, dim, self.heads))
        blocks = tuple(self._block(source, n, attention, dim, eps) for n in range(depth))
        stage = Stage(
            name=source.options.name,
            tokens=(side // patch) ** 2,
            host=stem.end(stem.do("tokens", x)),
            most=0,
            encoder=None,
            blocks=blocks,
            head=head_of(source, dim),
            neurons="sum" if self.neurons == "sum" else "none",
        )
        shape = (self._channels(source), side, side)
        return PublishedModel(self.title, steps, (stage,), shape, (self.embedding,))

    def _channels(self, source: Source) -> int:
        return source.shape("patch_embed.proj_conv.weight", 4)[1]

    def _block(self, source: Source, n: int, attention: Attention, dim: int, eps: float) -> Block:
        own = f"{self.blocks}.{n}"
        layers = {
            layer: (f"{own}.attn.{name}_conv", f"{own}.attn.{name}_bn")
            for layer, name in _PROJECTIONS.items()
        }
        for layer, name in zip(("expand", "contract"), self.mlp, strict=True):
            layers[layer] = (f"{own}.mlp.{name}_conv", f"{own}.mlp.{name}_bn")
        block = add_block(source, f"blocks.{n}", layers, attention, dim, eps, residual="membrane")
        if self.mlp == ("fc1", "fc2") and len(block.dense["expand"].weight) == dim:
            found = f"{own}.mlp.fc1_conv.weight"
            raise source.refuse(
                found, f"must not have {dim} rows: then the MLP has a third shortcut"
            )
        return block


class Spikingformer(_Membrane):
    """Spikingformer of CIFAR."""

    title = "Spikingformer (CIFAR)"
    anchor = "patch_embed.block0_conv.weight"
    mlp = ("mlp1", "mlp2")
    neurons = "none"
    heads = 12
    bases: tuple[str, ...] = tuple(f"block{n}" for n in range(5))
    pools: tuple[bool, ...] = (False, False, False, True, True)

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names()
        for base in self.bases:
            names.linear(f"patch_embed.{base}_conv", bias=False).norm(f"patch_embed.{base}_bn")
        for n in range(count(given, self.blocks)):
            norms = [f"block.{n}.norm{m}.{part}" for m in (1, 2) for part in ("weight", "bias")]
            names.left(_DEAD, *norms)
        return self._block_names(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model."""
        depth = count(source.names, self.blocks)
        source.agree("the number of blocks", ("depths", "layer"), depth)
        return super().read(source)

    def _stem(self, source: Source, stem: Stem, x: str) -> tuple[str, int]:
        for n, (base, pools) in enumerate(zip(self.bases, self.pools, strict=True)):
            x = stem.do("lif", x, threshold=1.0) if n else x
            x = stem.do("pool", x) if pools else x
            x = stem.norm(stem.conv(x, f"patch_embed.{base}_conv"), f"patch_embed.{base}_bn")
        return x, 2 ** sum(self.pools)

    def _channels(self, source: Source) -> int:
        return source.shape(f"patch_embed.{self.bases[0]}_conv.weight", 4)[1]

    def _attention(self, source: Source, heads: int) -> Attention:
        return self_attention(source, heads)


class SpikingformerImagenet(Spikingformer):
    """Spikingformer of ImageNet: pooling in front of four convolutions."""

    title = "Spikingformer (ImageNet)"
    anchor = "patch_embed.proj4_conv.weight"
    side = 224
    heads = 8
    bases = ("proj", "proj1", "proj2", "proj3", "proj4")
    pools = (False, True, True, True, True)


class SpikeDriven(_Membrane):
    """Spike-driven Transformer, the first: a mask of keys and values, and two shortcuts."""

    title = "Spike-driven Transformer V1"
    anchor = "block.0.attn.talking_heads.weight"

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names()
        for place in ("", "1", "2", "3"):
            names.linear(f"patch_embed.proj_conv{place}", bias=False)
            names.norm(f"patch_embed.proj_bn{place}")
        names.linear("patch_embed.rpe_conv", bias=False).norm("patch_embed.rpe_bn")
        for n in range(count(given, self.blocks)):
            names.one(f"block.{n}.attn.talking_heads.weight")
            names.left(_DEAD, f"block.{n}.attn.talking_heads.weight")
        return self._block_names(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model; pooled masks and learned leaks are refused."""
        source.agree("the number of blocks", ("depths", "layer"), count(source.names, "block"))
        for names, wanted in ((("dvs_mode",), "False"), (("spike_mode",), "lif")):
            found = source.find(*names)
            if found is not None and str(found[1]) != wanted:
                allowed = f"must be {wanted}: no network design says the other"
                raise source.contradiction(found[0], found[1], allowed)
        return super().read(source)

    def _stem(self, source: Source, stem: Stem, x: str) -> tuple[str, int]:
        pools = self._pools(source)
        for n in range(4):
            place = str(n) if n else ""
            x = stem.conv(x, f"patch_embed.proj_conv{place}")
            x = stem.norm(x, f"patch_embed.proj_bn{place}")
            x = stem.do("lif", x, threshold=1.0) if n < 3 else x
            x = stem.do("pool", x) if pools[n] == "1" else x
        z = stem.conv(stem.do("lif", x, threshold=1.0), "patch_embed.rpe_conv")
        return stem.do("add", stem.norm(z, "patch_embed.rpe_bn"), x), 2 ** pools.count("1")

    def _pools(self, source: Source) -> str:
        """Return which convolutions are pooled, a digit each."""
        found = source.find("pooling_stat")
        if found is None:
            guess = "pooling_stat = 1111: pooling_stat is not in the configuration"
            source.guesses.append(guess)
            return "1111"
        pools = str(found[1]).zfill(4)
        if len(pools) != 4 or set(pools) - {"0", "1"}:
            raise source.contradiction(found[0], found[1], "must be four digits 0 or 1")
        return pools

    def _attention(self, source: Source, heads: int) -> Attention:
        return mask_of(heads, "sdsa")


class MaxFormer(_Membrane):
    """Max-Former of CIFAR: its first two stages mix by convolutions, and stay on the host."""

    title = "Max-Former (CIFAR)"
    anchor = "patch_embed2.max_embed1.embed_conv.weight"
    blocks = "stage3"
    embedding = (
        "patch embeddings, and the blocks of the first two stages, which mix by convolutions"
    )

    _FIRST: Final = ("embed1", "embed2")
    _NEXT: Final = ("max_embed1", "embed1", "max_embed2")

    def names(self, given: Iterable[str]) -> Names:
        """Return the tensors."""
        names = Names().linear("patch_embed1.proj_conv", bias=False).norm("patch_embed1.proj_bn")
        for n, own in ((1, self._FIRST), (2, self._NEXT), (3, self._NEXT)):
            for name in own:
                names.linear(f"patch_embed{n}.{name}.embed_conv", bias=False)
                names.norm(f"patch_embed{n}.{name}.embed_bn")
        for n in (1, 2):
            for m in range(count(given, f"stage{n}")):
                at = f"stage{n}.{m}"
                if n == 2:
                    names.linear(f"{at}.mixer.conv", bias=True).norm(f"{at}.mixer.conv_bn")
                for name in self.mlp:
                    names.linear(f"{at}.mlp.{name}_conv", bias=True).norm(f"{at}.mlp.{name}_bn")
        return self._block_names(names, given)

    def read(self, source: Source) -> PublishedModel:
        """Return the model: its last stage."""
        depth = sum(count(source.names, f"stage{n}") for n in (1, 2, 3))
        source.agree("the number of blocks", ("depths", "layer"), depth)
        note = "its self-attention has no neuron to reshape: issue 14 of QKFormer is not in it"
        source.notes.append(note)
        return super().read(source)

    def _stem(self, source: Source, stem: Stem, x: str) -> tuple[str, int]:
        x = stem.norm(stem.conv(x, "patch_embed1.proj_conv"), "patch_embed1.proj_bn")
        spikes = stem.do("lif", x, threshold=1.0)
        x = stem.do("add", *(self._one(stem, spikes, f"patch_embed1.{n}") for n in self._FIRST))
        for n in (1, 2):
            for m in range(count(source.names, f"stage{n}")):
                x = self._mixed(stem, x, f"stage{n}.{m}", mixes=n == 2)
            spikes = stem.do("lif", x, threshold=1.0)
            z = stem.do("pool", self._one(stem, spikes, f"patch_embed{n + 1}.max_embed1"))
            z = self._one(stem, stem.do("lif", z, threshold=1.0), f"patch_embed{n + 1}.embed1")
            own = stem.do("pool", self._one(stem, spikes, f"patch_embed{n + 1}.max_embed2"))
            x = stem.do("add", z, own)
        return x, 4

    def _one(self, stem: Stem, x: str, base: str) -> str:
        return stem.norm(stem.conv(x, f"{base}.embed_conv"), f"{base}.embed_bn")

    def _mixed(self, stem: Stem, x: str, at: str, *, mixes: bool) -> str:
        """Add a block of the host: a convolution of each channel, and an MLP."""
        if mixes:
            z = stem.conv(stem.do("lif", x, threshold=1.0), f"{at}.mixer.conv")
            x = stem.do("add", x, stem.norm(z, f"{at}.mixer.conv_bn"))
        z = x
        for name in self.mlp:
            z = stem.conv(stem.do("lif", z, threshold=1.0), f"{at}.mlp.{name}_conv")
            z = stem.norm(z, f"{at}.mlp.{name}_bn")
        return stem.do("add", x, z)

    def _channels(self, source: Source) -> int:
        return source.shape("patch_embed1.proj_conv.weight", 4)[1]

    def _attention(self, source: Source, heads: int) -> Attention:
        return self_attention(source, heads)
