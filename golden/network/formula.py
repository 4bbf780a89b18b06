"""A spiking transformer in integers: encoder, blocks, read-out.

Ref: Z. Zhou et al., Spikformer: when spiking neural network meets transformer, ICLR 2023, eq. 2 to
10, with batch normalisation folded into weights, biases and thresholds. Membrane shortcuts: M. Yao
et al., Spike-driven transformer, NeurIPS 2023 (``MS_SSA_Conv`` and ``MS_MLP_Conv`` of its code),
and C. Zhou et al., Spikingformer, arXiv 2304.11954.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.attention.formula import attention
from spikeloom.golden.mask import mask
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.residual import residual

__all__ = ["Trace", "fire", "lif", "network", "trace"]

_Spikes = NDArray[np.uint8]
_Drive = NDArray[np.int64]
_TAU_2 = NeuronSpec("lif", 1, 0, 1, "hard")


@dataclass(frozen=True)
class Trace:
    """What every layer of a network gives for one inference.

    Parameters
    ----------
    spikes : mapping
        What each layer gives by its name, (T, n, outputs), in the order in which they are computed:
        ``encoder``; for each block ``blocks.i.`` and query, key, value, attention, project, x,
        expand, contract, out, where x and out are what a residual connection gives. uint8: spikes,
        or with residual add small numbers. A mask of queries and keys has no value.

        With residual membrane, encoder, x and out are membranes, int64, and there is no project and
        no contract; ``blocks.i.input`` and ``blocks.i.mlp`` are the spikes of the neurons in front
        of query, key and value, and of expand; ``readout`` those of the read-out, where it has
        neurons, (T, n, D) or (T, 1, D).
    logits : numpy.ndarray
        Numbers of the read-out, (O,), int64.
    """

    spikes: Mapping[str, NDArray[Any]]
    logits: NDArray[np.int64]


def lif(drive: _Drive, threshold: NDArray[np.int64], unit: NeuronSpec = _TAU_2) -> _Spikes:
    """Return the spikes of a drive (T, n, channels), for thresholds (channels,).

    ``unit`` is the neuron with a threshold of 1. By default, with tau 2 and a hard reset: a = W +
    X, fires when a >= threshold, W' = 0 or floor(a / 2).

    >>> lif(np.array([5, 6, 1, 9]).reshape(4, 1, 1), np.array([8])).ravel().tolist()
    [0, 1, 0, 1]
    """
    steps = len(drive)
    own = {
        th: unit.at(Fraction(th), steps, unit.fraction).threshold for th in set(threshold.tolist())
    }
    return unit.run(drive, tuple(own[th] for th in threshold.tolist()))


def fire(design: NetworkDesign, at: str, drive: _Drive, count: int = 1) -> _Spikes:
    """Return the spikes of neurons of a network, whose thresholds count ``count`` times."""
    threshold = design.weights[f"{at}.threshold"] * count
    return lif(drive, threshold, NeuronSpec.from_design(design))


def drive_of(design: NetworkDesign, at: str, x: NDArray[Any]) -> _Drive:
    """Return what a linear layer of a block gives its neurons for x (T, n, inputs).

    With a ``grid`` the layers of the attention are convolutions: the 3 x 3 places of an input stand
    side by side in a row of weights.
    """
    weights, (_, n, name) = design.weights, at.split(".")
    block = design.blocks[int(n)]
    if block.grid is not None and name not in ("expand", "contract"):
        x = neighbours(x, block.grid)
    drive = (_product(x, weights[f"{at}.weight"]) << design.fraction) + weights[f"{at}.bias"]
    if f"{at}.position" in weights:
        drive += weights[f"{at}.position"][:, : x.shape[1]]
    return drive


def neighbours(x: NDArray[Any], columns: int) -> NDArray[Any]:
    """Return the 3 x 3 places around each token of pictures (T, n, C), (T, n, 9 C).

    Token i is in column i mod ``columns`` of row i // ``columns``; channel c of the place in row dy
    and column dx, 0 to 2 each, is at 9 c + 3 dy + dx. Where there is no token it is 0.

    >>> neighbours(np.arange(1, 5).reshape(1, 4, 1), 2)[0].tolist()[:2]
    [[0, 0, 0, 0, 1, 2, 0, 3, 4], [0, 0, 0, 1, 2, 0, 3, 4, 0]]
    """
    steps, count, channels = x.shape
    rows = -(-count // columns)
    beyond = ((0, 0), (0, rows * columns - count), (0, 0))
    whole = np.pad(x, beyond).reshape(steps, rows, columns, channels)
    whole = np.pad(whole, ((0, 0), (1, 1), (1, 1), (0, 0)))
    windows = np.lib.stride_tricks.sliding_window_view(whole, (3, 3), axis=(1, 2))
    return windows.reshape(steps, rows * columns, 9 * channels)[:, :count]


def dense(design: NetworkDesign, at: str, x: NDArray[Any]) -> _Spikes:
    """Return the spikes of a linear layer of a block for x (T, n, inputs)."""
    return fire(design, at, drive_of(design, at, x))


def _product(x: NDArray[Any], weight: NDArray[np.int64]) -> _Drive:
    """Return x W^T, of integers that are far from the 53 bits in which floats are exact."""
    product: _Drive = (x.astype(np.float64) @ weight.T.astype(np.float64)).astype(np.int64)
    return product


def encode(design: NetworkDesign, x: NDArray[np.int64]) -> NDArray[Any]:
    """Return what the first block takes, (T, n, D), for integers (n, C) or (T, n, C).

    Integers (n, C) are the same in every step.
    """
    weights, encoder = design.weights, design.encoder
    if encoder.coding == "direct":
        x = np.repeat(x[None], design.steps, axis=0)
    if encoder.kind == "none":
        return x << encoder.fraction if design.membrane else x.astype(np.uint8)
    drive = _product(x, weights["encoder.weight"])
    if encoder.position == "absolute":
        drive += weights["encoder.position"][: x.shape[1]] << encoder.position_shift
    drive = (drive << encoder.fraction) + weights["encoder.bias"]
    return drive if design.membrane else fire(design, "encoder", drive)


def attend(design: NetworkDesign, n: int, spikes: Mapping[str, _Spikes]) -> _Spikes:
    """Return the spikes of the attention of a block, as if there were no tokens behind these.

    A token that is not there has no spike in q, k or v. It adds nothing to others: whatever the
    similarity, its v is zero, and so is what a mask sums up of it.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    n : int
        The block.
    spikes : mapping
        query, key and, but for a mask of queries and keys, value, (T, n, D).
    """
    layer = design.blocks[n].attention
    count = spikes["query"].shape[1]
    beyond = ((0, 0), (0, design.tokens - count), (0, 0))
    names = {"q": "query", "k": "key", "v": "value"}
    whole = {k: np.pad(spikes[name], beyond) for k, name in names.items() if name in spikes}
    found = mask(layer, whole) if isinstance(layer, MaskDesign) else attention(layer, **whole)
    return found[:, :count].astype(np.uint8)


def _spiking_block(design: NetworkDesign, n: int, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
    """Return what the layers of a block give whose branches end in spikes."""
    block, at = design.blocks[n], f"blocks.{n}"
    found: dict[str, NDArray[Any]] = {
        name: dense(design, f"{at}.{name}", x) for name in block.layers[:-3]
    }
    found["attention"] = attend(design, n, found)
    found["project"] = dense(design, f"{at}.project", found["attention"])
    found["x"] = residual(block.residual, x, found["project"]).astype(np.uint8)
    found["expand"] = dense(design, f"{at}.expand", found["x"])
    found["contract"] = dense(design, f"{at}.contract", found["expand"])
    found["out"] = residual(block.residual, found["x"], found["contract"]).astype(np.uint8)
    return found


def _membrane_block(design: NetworkDesign, n: int, u: _Drive) -> dict[str, NDArray[Any]]:
    """Return what the layers of a block give whose branches end in drives."""
    block, at = design.blocks[n], f"blocks.{n}"
    found: dict[str, NDArray[Any]] = {"input": fire(design, f"{at}.input", u)}
    found |= {name: dense(design, f"{at}.{name}", found["input"]) for name in block.layers[:-3]}
    found["attention"] = attend(design, n, found)
    found["x"] = u + drive_of(design, f"{at}.project", found["attention"])
    found["mlp"] = fire(design, f"{at}.mlp", found["x"])
    found["expand"] = dense(design, f"{at}.expand", found["mlp"])
    found["out"] = found["x"] + drive_of(design, f"{at}.contract", found["expand"])
    return found


def read_out(design: NetworkDesign, x: NDArray[Any]) -> NDArray[np.int64]:
    """Return the sums over steps and tokens of x (T, n, D), the bias once a token.

    With ``readout.steps = "last"`` the last step alone is summed up.
    """
    count = x.shape[1]
    weight, bias = design.weights["readout.weight"], design.weights["readout.bias"]
    groups = np.arange(count) * design.readout.groups // design.tokens
    whole = (x[-1:] if design.readout.steps == "last" else x).astype(np.int64).sum(axis=0)
    sums = [weight[g] @ whole[groups == g].sum(axis=0) for g in range(design.readout.groups)]
    total: NDArray[np.int64] = np.sum(sums, axis=0) + count * bias
    return total


def trace(design: NetworkDesign, x: ArrayLike) -> Trace:
    """Return what every layer gives for the integers of n tokens, 1 <= n <= N.

    They are (n, C), or with ``encoder.coding = "steps"`` (T, n, C).
    """
    out = encode(design, np.asarray(x, dtype=np.int64))
    given = {"encoder": out}
    for n in range(design.depth):
        found = (_membrane_block if design.membrane else _spiking_block)(design, n, out)
        given |= {f"blocks.{n}.{name}": array for name, array in found.items()}
        out = found["out"]
    if design.membrane and design.readout.neurons != "none":
        count = 1
        if design.readout.neurons == "sum":
            count = out.shape[1]
            out = out.sum(axis=1, keepdims=True)
        given["readout"] = out = fire(design, "readout", out, count)
    return Trace(given, read_out(design, out))


def network(design: NetworkDesign, x: ArrayLike) -> NDArray[np.int64]:
    """Return the numbers (O,) of a network for the integers of n tokens, as :func:`trace`."""
    return trace(design, x).logits
