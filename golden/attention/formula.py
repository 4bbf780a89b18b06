"""The attention layer: similarity, position, values and neuron, composed."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden import causal, gate, position
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.norm import channel_neurons
from spikeloom.golden.ranges import ranges
from spikeloom.golden.similarity import scores

__all__ = ["attention", "axes_of", "check_spikes", "drive", "score_matrix"]


def axes_of(design: AttentionDesign, name: str) -> tuple[str, tuple[int, int, int]]:
    """Return the axes of an input or of the output, in words and numbers."""
    if design.crossed and name in ("k", "v"):
        return "(T, M, D)", (design.steps, design.key_tokens, design.dim)
    return "(T, N, D)", (design.steps, design.tokens, design.dim)


def check_spikes(design: AttentionDesign, name: str, array: ArrayLike) -> NDArray[np.uint8]:
    """Return an array as uint8; :exc:`ValueError` unless its shape is right and it holds 0 and 1.

    That is (T, N, D), and (T, M, D) for k and v.
    """
    spikes = np.asarray(array)
    axes, shape = axes_of(design, name)
    if spikes.shape != shape:
        raise ValueError(f"{name} must be of shape {axes} = {shape!r}, not {spikes.shape!r}")
    if spikes.dtype.kind not in "biuf" or not ((spikes == 0) | (spikes == 1)).all():
        raise ValueError(f"{name} must hold zeros and ones only, not other values")
    return spikes.astype(np.uint8)


def score_matrix(
    design: AttentionDesign, q: NDArray[np.uint8], k: NDArray[np.uint8], *, t: int, head: int
) -> NDArray[np.int64]:
    """Return what one head multiplies v by at one step, (N, M) integers, or (c N, c M) in a chunk.

    Scores with every position encoding, or the ones and zeros that a gate makes of them; 0 for a
    key that the query does not see.

    Parameters
    ----------
    q, k : array
        Spikes of the head at the step, (N, d) and (M, d); of a chunk those of all its steps.
    t, head : int
        Step, the first of its chunk, and head, which some encodings depend on.
    """
    if design.position:
        codes = position.channels(design, t)
        moved = position.permute(design, np.stack([q, k]))
        q, k = (np.concatenate([x, codes], axis=1) for x in moved)
    matrix = scores(q, k, design.similarities[head])
    bias = position.bias(design, head)
    if bias is not None:
        matrix += bias.astype(np.int64) << design.score_fraction
    if design.gate is not None:
        matrix = gate.gated(matrix, design)
    return matrix * causal.visible(design) if design.masked else matrix


def drive(design: AttentionDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike) -> NDArray[np.int64]:
    """Return the integer drive of the neurons, (T, N, D), in units of 2**-f before the scale."""
    q, k, v = (check_spikes(design, n, a) for n, a in (("q", q), ("k", k), ("v", v)))
    # The tokens of a chunk are those of its steps, one step after the other.
    q, k, v = (x.reshape(design.chunks, -1, design.dim) for x in (q, k, v))
    total = np.zeros(q.shape, dtype=np.int64)
    width = design.head_dim
    for n in range(design.chunks):
        for head in range(design.heads):
            part = slice(head * width, (head + 1) * width)
            t = n * design.chunk
            matrix = score_matrix(design, q[n, :, part], k[n, :, part], t=t, head=head)
            total[n, :, part] = matrix @ v[n, :, part].astype(np.int64)
    return total.reshape(design.steps, design.tokens, design.dim)


def attention(
    design: AttentionDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike
) -> NDArray[np.uint8] | NDArray[np.int32] | NDArray[np.int64]:
    """Return what the layer computes for q of shape (T, N, D), k and v of (T, M, D), in {0, 1}.

    Returns
    -------
    array
        Spikes (T, N, D), uint8. With neuron ``none`` the drive, int32, or int64 where the range of
        the drive needs it. Nothing is clipped on the way, and the membranes start at zero.
    """
    x = drive(design, q, k, v)
    if design.neuron != "none":
        neurons = channel_neurons(design)
        if neurons is not None:
            return neurons.run(x)
        specs = NeuronSpec.each(design)
        if len(set(specs)) == 1:
            return specs[0].run(x)
        parts = np.split(x, design.heads, axis=2)
        return np.concatenate([s.run(part) for s, part in zip(specs, parts, strict=True)], axis=2)
    low, high = ranges(design).drive
    return x.astype(np.int32) if -(1 << 31) <= low and high < 1 << 31 else x
