"""What families of picture models have in common: sizes, patch embeddings, heads, blocks."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal

import numpy as np

from spikeloom.design.read import DesignError, show
from spikeloom.importing.families.source import Source
from spikeloom.importing.families.stem import Stem
from spikeloom.importing.model import Attention, Block, Dense, Head

__all__ = [
    "EPS",
    "STEPS",
    "Layers",
    "add_block",
    "embed",
    "eps_of",
    "features",
    "fused",
    "head_of",
    "heads_of",
    "mask_of",
    "self_attention",
    "side_of",
    "steps_of",
]

EPS: Final = ("eps", "norm_eps", "bn_eps")

Layers = Mapping[str, tuple[str, str]]
"""Linear layer and normalisation of each layer of a block, by the layer's name."""

STEPS: Final = ("time_step", "time_steps", "T", "num_steps")
_HEADS: Final = ("num_heads", "heads")
_SIDE: Final = ("img_size", "img_size_h")


def eps_of(source: Source) -> float:
    """Return the eps of batch normalisations: PyTorch's default where no file says another."""
    return 1e-5 if source.find(*EPS) is None else source.number("eps", EPS, 1e-5, 0)


def steps_of(source: Source) -> int:
    """Return T."""
    return source.count("T", STEPS, 4)


def heads_of(source: Source, dim: int, default: int, stage: int = 0) -> int:
    """Return the heads of a stage, of width ``dim``."""
    found = source.find(*_HEADS)
    heads = default
    if found is not None and isinstance(found[1], (list, tuple)):
        heads = found[1][min(stage, len(found[1]) - 1)] if found[1] else 0
        if type(heads) is not int or heads < 1:
            allowed = "must be whole numbers from 1"
            raise source.contradiction(found[0], found[1], allowed)
    else:
        heads = source.count("heads", _HEADS, default)
    if dim % heads:
        allowed = f"must divide the width ({dim})"
        if found is None:
            raise DesignError(_HEADS[0], str(heads), f"{allowed}, and was a guess")
        raise source.contradiction(found[0], heads, allowed)
    return heads


def side_of(source: Source, default: int, patch: int) -> int:
    """Return the side of a picture, which patches must divide."""
    if source.options.data is not None:
        shape = source.options.data.shape
        if len(shape) != 4 or shape[2] != shape[3]:
            allowed = "must be square pictures, (samples, channels, H, W)"
            raise DesignError("data", f"shape {show(shape)}", allowed)
        side = int(shape[2])
    else:
        side = source.count("the side of a picture", _SIDE, default)
    if side % patch:
        found = source.find(*_SIDE)
        key = "data" if source.options.data is not None or found is None else found[0]
        allowed = f"must be a multiple of {patch}, the side of a patch"
        raise source.contradiction(key, side, allowed)
    return side


def embed(stem: Stem, x: str, stages: Sequence[tuple[str, str, str]]) -> str:
    """Add convolutions with normalisation; each says in which order it pools and fires.

    Parameters
    ----------
    stem : Stem
    x : str
        Pictures (T, C, H, W).
    stages : sequence
        Convolution, normalisation, and letters: ``p`` pools, ``l`` fires.
    """
    for conv, norm, then in stages:
        x = stem.norm(stem.conv(x, conv), norm)
        for letter in then:
            x = stem.do("pool", x) if letter == "p" else stem.do("lif", x, threshold=1.0)
    return x


def add_block(
    source: Source,
    at: str,
    layers: Layers,
    attention: Attention,
    dim: int,
    eps: float,
    residual: Literal["add", "membrane"] = "add",
) -> Block:
    """Return a block whose layers stand one by one in the checkpoint."""
    dense: dict[str, Dense] = {}
    for layer, (linear, norm) in layers.items():
        rows: int | None = None if layer == "expand" else dim
        inputs = len(dense["expand"].weight) if layer == "contract" else dim
        dense[layer] = source.dense(f"{at}.{layer}", linear, norm, rows, inputs, eps=eps)
    ordered = (*attention.layers, "project", "expand", "contract")
    return Block({layer: dense[layer] for layer in ordered}, attention, residual)


def fused(
    source: Source, at: str, linear: str, norm: str, names: Sequence[str], dim: int, eps: float
) -> Iterator[tuple[str, Dense]]:
    """Give the layers that stand as one in the checkpoint, one behind the other."""
    whole = source.dense(f"{at}.{', '.join(names)}", linear, norm, len(names) * dim, dim, eps=eps)
    for n, name in enumerate(names):
        rows = slice(n * dim, (n + 1) * dim)
        bias = None if whole.bias is None else whole.bias[rows]
        normed = None if whole.norm is None else whole.norm.rows(rows)
        yield name, Dense(whole.weight[rows], bias, normed, whole.threshold)


def self_attention(source: Source, heads: int, scale: float = 0.125) -> Attention:
    """Return spiking self-attention: and, and neurons of half the threshold of others."""
    names = ("qk_scale", "attn_scale")
    found = source.find(*names)
    if found is not None and found[1] is not None:
        scale = source.number("qk_scale", names, scale, 1e-6)
    return Attention("attention", {"heads": heads, "scale": scale, "threshold": 0.5})


def mask_of(heads: int, kind: str) -> Attention:
    """Return Q-K attention, or the mask of Spike-driven Transformer."""
    return Attention("mask", {"attention": kind, "heads": heads, "threshold": 0.5})


def head_of(source: Source, dim: int) -> Head:
    """Return the classifier, or the features where there is none."""
    if not source.has("head.weight"):
        source.notes.append("no head: the numbers are the features, a mean of each channel")
        return features(dim)
    weight = source.take("head.weight", "the read-out", (None, dim))
    bias = None
    if source.has("head.bias"):
        bias = source.take("head.bias", "the read-out", (len(weight),))
    source.agree("the number of classes", ("num_classes",), len(weight))
    return Head(weight, bias)


def features(dim: int) -> Head:
    """Return a read-out that gives the mean of each channel."""
    return Head(np.eye(dim, dtype=np.float32))
