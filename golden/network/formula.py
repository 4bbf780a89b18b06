"""A spiking transformer in integers: encoder, blocks, read-out.

Ref: Z. Zhou et al., Spikformer: when spiking neural network meets transformer, ICLR 2023, eq. 2 to
10, with batch normalisation folded into weights, biases and thresholds.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.attention.formula import attention
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.residual import residual

__all__ = ["Trace", "lif", "network", "trace"]

_Spikes = NDArray[np.uint8]


@dataclass(frozen=True)
class Trace:
    """What every layer of a network gives for one inference.

    Parameters
    ----------
    spikes : mapping
        Spikes of each layer by its name, (T, n, outputs), in the order in which they are computed:
        ``encoder``; for each block ``blocks.i.`` and query, key, value, attention, project, x,
        expand, contract, out, where x and out are what a residual connection gives.
    logits : numpy.ndarray
        Numbers of the read-out, (O,), int64.
    """

    spikes: Mapping[str, _Spikes]
    logits: NDArray[np.int64]


def lif(drive: NDArray[np.int64], threshold: NDArray[np.int64]) -> _Spikes:
    """Return the spikes of a drive (T, n, channels), for thresholds (channels,).

    With tau 2 and a hard reset: a = W + X, fires when a >= threshold, W' = 0 or floor(a / 2).

    >>> lif(np.array([5, 6, 1, 9]).reshape(4, 1, 1), np.array([8])).ravel().tolist()
    [0, 1, 0, 1]
    """
    neuron = NeuronSpec("lif", 1, 0, 1, "hard")
    return neuron.run(drive, tuple(threshold.tolist()))


def dense(design: NetworkDesign, name: str, x: _Spikes) -> _Spikes:
    """Return the spikes of a linear layer of a block for spikes (T, n, inputs)."""
    weight, bias, threshold = (
        design.weights[f"{name}.{part}"] for part in ("weight", "bias", "threshold")
    )
    drive = (x.astype(np.int64) @ weight.T << design.fraction) + bias
    return lif(drive, threshold)


def encode(design: NetworkDesign, x: NDArray[np.int64]) -> _Spikes:
    """Return the spikes (T, n, D) of integers (n, C): the same drive in every step."""
    weights, encoder = design.weights, design.encoder
    drive = x @ weights["encoder.weight"].T + weights["encoder.bias"]
    if encoder.position == "absolute":
        drive += weights["encoder.position"][: len(x)] << encoder.position_shift
    steps = np.repeat(drive[None], design.steps, axis=0)
    return lif(steps, weights["encoder.threshold"])


def attend(design: NetworkDesign, n: int, q: _Spikes, k: _Spikes, v: _Spikes) -> _Spikes:
    """Return the spikes of the attention of a block, as if there were no tokens behind these.

    A token that is not there has no spike in v and adds nothing, whatever the similarity.
    """
    beyond = ((0, 0), (0, design.tokens - q.shape[1]), (0, 0))
    whole = (np.pad(array, beyond) for array in (q, k, v))
    return attention(design.blocks[n].attention, *whole)[:, : q.shape[1]].astype(np.uint8)


def read_out(design: NetworkDesign, x: _Spikes) -> NDArray[np.int64]:
    """Return the sums over steps and tokens, the bias once a token."""
    count = x.shape[1]
    weight, bias = design.weights["readout.weight"], design.weights["readout.bias"]
    groups = np.arange(count) * design.readout.groups // design.tokens
    spikes = x.astype(np.int64).sum(axis=0)
    sums = [weight[g] @ spikes[groups == g].sum(axis=0) for g in range(design.readout.groups)]
    total: NDArray[np.int64] = np.sum(sums, axis=0) + count * bias
    return total


def trace(design: NetworkDesign, x: ArrayLike) -> Trace:
    """Return what every layer gives for the integers of n tokens, (n, C), 1 <= n <= N."""
    inputs = np.asarray(x, dtype=np.int64)
    spikes: dict[str, _Spikes] = {"encoder": encode(design, inputs)}
    out = spikes["encoder"]
    for n, block in enumerate(design.blocks):
        at = f"blocks.{n}"
        q, k, v = (dense(design, f"{at}.{name}", out) for name in ("query", "key", "value"))
        attended = attend(design, n, q, k, v)
        project = dense(design, f"{at}.project", attended)
        mixed = residual(block.residual, out, project).astype(np.uint8)
        expand = dense(design, f"{at}.expand", mixed)
        contract = dense(design, f"{at}.contract", expand)
        out = residual(block.residual, mixed, contract).astype(np.uint8)
        found = {"query": q, "key": k, "value": v, "attention": attended, "project": project}
        found |= {"x": mixed, "expand": expand, "contract": contract, "out": out}
        spikes |= {f"{at}.{name}": array for name, array in found.items()}
    return Trace(spikes, read_out(design, out))


def network(design: NetworkDesign, x: ArrayLike) -> NDArray[np.int64]:
    """Return the numbers (O,) of a network for the integers of n tokens, (n, C), 1 <= n <= N."""
    return trace(design, x).logits
