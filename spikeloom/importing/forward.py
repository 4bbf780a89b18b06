"""A published network in float32, layer by layer: what its integers are compared with."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.golden.attention import formula
from spikeloom.golden.mask import sums
from spikeloom.golden.network.formula import neighbours
from spikeloom.importing.host import lif
from spikeloom.importing.model import Attention, Block, Dense, Stage

__all__ = ["Passed", "forward", "inputs_of", "layer"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class Passed:
    """What the layers of a stage give for one sample.

    Parameters
    ----------
    layers : mapping
        By the names of :class:`spikeloom.golden.network.formula.Trace`, (T, N, outputs); with
        residual membrane ``encoder``, ``x`` and ``out`` are real.
    numbers : numpy.ndarray
        Of the read-out, (O,).
    """

    layers: Mapping[str, _Array]
    numbers: _Array


def layer(attention: Attention, stage: Stage, steps: int) -> AttentionDesign | MaskDesign:
    """Return the attention of a block as a layer of its own."""
    sizes = {"tokens": stage.tokens, "dim": stage.dim, "steps": steps}
    kind = MaskDesign if attention.kind == "mask" else AttentionDesign
    return kind.from_dict({"kind": attention.kind, **sizes, **attention.section})


def forward(stage: Stage, x: _Array) -> Passed:
    """Return what a stage gives for ``x``, (T, N, C), what its host part gives."""
    steps = len(x)
    given = np.asarray(x, dtype=np.float32)
    found: dict[str, _Array] = {}
    out = given
    if stage.encoder is not None:
        out = _drive(stage.encoder, given)
        if stage.blocks[0].residual == "add":
            out = lif(out, stage.encoder.threshold)
    found["encoder"] = out
    for n, block in enumerate(stage.blocks):
        passed = (_membrane if block.residual == "membrane" else _spiking)(
            block, layer(block.attention, stage, steps), out
        )
        found |= {f"blocks.{n}.{name}": array for name, array in passed.items()}
        out = passed["out"]
    if stage.neurons != "none" and stage.blocks[0].residual == "membrane":
        if stage.neurons == "sum":
            out = out.mean(axis=1, keepdims=True)
        found["readout"] = out = lif(out)
    read = out[-1:] if stage.head.steps == "last" else out
    numbers = read.mean(axis=(0, 1)) @ stage.head.weight.T
    if stage.head.bias is not None:
        numbers = numbers + stage.head.bias
    return Passed(found, numbers)


def inputs_of(name: str, passed: Mapping[str, _Array], block: Block, at: str) -> _Array:
    """Return what a linear layer of a block takes, from what all layers gave."""
    membrane = block.residual == "membrane"
    if name == "project":
        return _seen(block, passed[f"{at}.attention"])
    if name == "contract":
        return passed[f"{at}.expand"]
    if name == "expand":
        return passed[f"{at}.mlp" if membrane else f"{at}.x"]
    if membrane:
        return _seen(block, passed[f"{at}.input"])
    n = int(at.rpartition(".")[2])
    return _seen(block, passed[f"blocks.{n - 1}.out" if n else "encoder"])


def _seen(block: Block, x: _Array) -> _Array:
    """Return what a row of a layer of the attention sees of each token."""
    return x if block.grid is None else neighbours(x, block.grid)


def _drive(dense: Dense, x: _Array) -> _Array:
    """Return what the neurons of a linear layer see, (T, N, outputs)."""
    drive: _Array = x @ dense.weight.T
    if dense.bias is not None:
        drive = drive + dense.bias
    if dense.beside is not None:
        drive = drive + dense.beside[:, : x.shape[1]]
    if dense.norm is not None:
        norm = dense.norm
        gain = norm.weight / np.sqrt(norm.var + np.float32(norm.eps))
        drive = drive * gain + (norm.bias - norm.mean * gain)
    return drive


def _fire(dense: Dense, x: _Array) -> _Array:
    return lif(_drive(dense, x), dense.threshold)


def _spiking(block: Block, attention: AttentionDesign | MaskDesign, x: _Array) -> dict[str, _Array]:
    """Return what the layers of a block give whose branches end in spikes."""
    dense, seen = block.dense, _seen(block, x)
    found = {name: _fire(dense[name], seen) for name in block.attention.layers}
    found["attention"] = _attend(attention, found, least=block.attention.least)
    found["project"] = _fire(dense["project"], _seen(block, found["attention"]))
    found["x"] = x + found["project"]
    found["expand"] = _fire(dense["expand"], found["x"])
    found["contract"] = _fire(dense["contract"], found["expand"])
    found["out"] = found["x"] + found["contract"]
    return found


def _membrane(
    block: Block, attention: AttentionDesign | MaskDesign, u: _Array
) -> dict[str, _Array]:
    """Return what the layers of a block give whose branches end in drives."""
    dense = block.dense
    found = {"input": lif(u)}
    seen = _seen(block, found["input"])
    found |= {name: _fire(dense[name], seen) for name in block.attention.layers}
    found["attention"] = _attend(attention, found, least=block.attention.least)
    found["x"] = u + _drive(dense["project"], _seen(block, found["attention"]))
    found["mlp"] = lif(found["x"])
    found["expand"] = _fire(dense["expand"], found["mlp"])
    found["out"] = found["x"] + _drive(dense["contract"], found["expand"])
    return found


def _attend(
    attention: AttentionDesign | MaskDesign, spikes: Mapping[str, _Array], *, least: bool
) -> _Array:
    """Return the spikes of the attention: sums are whole, the neuron is real."""
    tokens = spikes["query"].shape[1]
    beyond = ((0, 0), (0, attention.tokens - tokens), (0, 0))
    q, k, v = (
        np.pad(spikes[name], beyond).astype(np.uint8) if name in spikes else None
        for name in ("query", "key", "value")
    )
    scale, threshold = np.float32(attention.scales[0]), float(attention.threshold)
    if isinstance(attention, MaskDesign):
        given = {name: array for name, array in (("q", q), ("k", k), ("v", v)) if array is not None}
        fired = lif(sums(attention, given).astype(np.float32) * scale, threshold)
        passing = given["q" if attention.attention == "sdsa" else "k"]
        heads = passing.reshape(*passing.shape[:2], attention.heads, -1) * fired
        return heads.reshape(passing.shape)[:, :tokens].astype(np.float32)
    assert q is not None
    assert k is not None
    assert v is not None
    drive = formula.drive(attention, q, k, v).astype(np.float32)
    if least:
        drive -= _least(attention, q, k) * v.sum(axis=1, keepdims=True, dtype=np.float32)
    drive = drive / np.float32(1 << attention.score_fraction)
    return lif(drive * scale, threshold)[:, :tokens]


def _least(attention: AttentionDesign, q: _Array, k: _Array) -> int:
    """Return the least score of all steps, heads and tokens."""
    wide = attention.head_dim
    return min(
        int(formula.score_matrix(attention, q[t, :, part], k[t, :, part], t=t, head=head).min())
        for t in range(attention.steps)
        for head in range(attention.heads)
        for part in (slice(head * wide, (head + 1) * wide),)
    )
