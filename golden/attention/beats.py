"""Order of the beats on the streams: head by head, step by step.

With ``folding.heads`` in parallel the heads go in groups of as many, and for every step all heads
of a group follow each other.

In, for every head and step: k, then v, then q. Values and queries (and keys in score order) come
token by token, ceil(d/B) beats each, channel c at bit c % B of beat c // B. Keys in state order
come channel by channel, ceil(N/B) beats each, token j at bit j % B of beat j // B. Unused bits are
zero. k and v are sections of M tokens each, q is one of N.

With ``chunk`` c a chunk of steps takes the place of a step: k of its c steps, then v of all, then q
of all, each step by step. The answer of a chunk comes step by step too.

Out, for every head and step: token by token, spikes as queries. Without a neuron, channel by
channel, ceil(w/B) beats of a w-bit two's complement number, low beat first, its sign repeated in
the unused bits.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.attention.formula import check_spikes
from spikeloom.golden.packing import check_beats, from_beats, to_beats
from spikeloom.golden.ranges import bits, ranges

__all__ = ["Counts", "counts", "pack", "pack_output", "unpack", "unpack_input"]


@dataclass(frozen=True)
class Counts:
    """Beats of one head at one step, or in one chunk, by section; and of a whole inference."""

    k: int
    v: int
    q: int
    out: int
    sections: int

    @property
    def step(self) -> int:
        """Beats in, of one head at one step, or in one chunk."""
        return self.k + self.v + self.q

    @property
    def inputs(self) -> int:
        """Beats in, of an inference."""
        return self.sections * self.step

    @property
    def outputs(self) -> int:
        """Beats out, of an inference."""
        return self.sections * self.out


def _drive_width(design: AttentionDesign) -> int:
    return bits(*ranges(design).drive)[0]


def counts(design: AttentionDesign) -> Counts:
    """Count the beats of every section."""
    tokens, width, beat = design.chunk_queries, design.head_dim, design.beat
    queries = tokens * design.beats_per_token
    values = design.chunk_keys * design.beats_per_token
    keys = width * design.beats_per_channel if design.order == "state" else values
    out = queries if design.neuron != "none" else tokens * width * -(-_drive_width(design) // beat)
    return Counts(keys, values, queries, out, design.heads * design.chunks)


def _by_head(design: AttentionDesign, x: NDArray) -> NDArray:
    """(T, n, D) to (H T/c, c n, d), in the order of the stream: groups of heads, chunks, heads."""
    side, tokens = design.folding.heads, design.chunk * x.shape[1]
    shape = (design.chunks, tokens, -1, side, design.head_dim)
    ordered = x.reshape(shape).transpose(2, 0, 3, 1, 4)
    return ordered.reshape(-1, tokens, design.head_dim)


def _by_token(design: AttentionDesign, x: NDArray) -> NDArray:
    """(H T/c, c n, d), in the order of the stream, to (T, n, D)."""
    side, tokens = design.folding.heads, x.shape[1]
    runs = x.reshape(-1, design.chunks, side, tokens, design.head_dim)
    shape = (design.steps, tokens // design.chunk, design.dim)
    return np.ascontiguousarray(runs.transpose(1, 3, 0, 2, 4)).reshape(shape)


def pack(design: AttentionDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike) -> NDArray[np.uint64]:
    """Return the input beats of one inference, from q, (T, N, D), and k and v, (T, M, D)."""
    queries, keys, values = (
        _by_head(design, check_spikes(design, n, a)) for n, a in (("q", q), ("k", k), ("v", v))
    )
    if design.order == "state":
        keys = keys.swapaxes(1, 2)
    sections = [to_beats(part, design.beat) for part in (keys, values, queries)]
    runs = [part.reshape(len(part), -1) for part in sections]
    return np.concatenate(runs, axis=1).reshape(-1)


def unpack_input(design: AttentionDesign, beats: ArrayLike) -> tuple[NDArray[np.uint8], ...]:
    """Return (q, k, v) from the input beats of one inference: the inverse of :func:`pack`."""
    count = counts(design)
    width = design.head_dim
    array = check_beats(beats, count.inputs).reshape(-1, count.step)
    rows = (-1, design.chunk_keys, design.beats_per_token)
    keys, values, queries = np.split(array, [count.k, count.k + count.v], axis=1)
    shape = (-1, design.chunk_queries, design.beats_per_token)
    q = from_beats(queries.reshape(shape), design.beat, width)
    v = from_beats(values.reshape(rows), design.beat, width)
    if design.order == "state":
        shape = (-1, width, design.beats_per_channel)
        k = from_beats(keys.reshape(shape), design.beat, design.tokens).swapaxes(1, 2)
    else:
        k = from_beats(keys.reshape(rows), design.beat, width)
    return _by_token(design, q), _by_token(design, k), _by_token(design, v)


def pack_output(design: AttentionDesign, answer: ArrayLike) -> NDArray[np.uint64]:
    """Return the output beats of one inference, from spikes or a drive of shape (T, N, D)."""
    if design.neuron != "none":
        spikes = _by_head(design, check_spikes(design, "spikes", answer))
        return to_beats(spikes, design.beat).reshape(-1)
    numbers = _by_head(design, np.asarray(answer, dtype=np.int64))
    places = -(-_drive_width(design) // design.beat) * design.beat
    digits = numbers[..., None] >> np.arange(places) & 1
    return to_beats(digits.astype(np.uint8), design.beat).reshape(-1)


def unpack(design: AttentionDesign, beats: ArrayLike) -> NDArray:
    """Return the answer, (T, N, D), from the output beats of one inference.

    Spikes as uint8; with neuron ``none`` the drive as int32, or int64 where its range needs it.
    """
    array = check_beats(beats, counts(design).outputs)
    lead = (-1, design.chunk_queries)
    if design.neuron != "none":
        rows = array.reshape(*lead, design.beats_per_token)
        return _by_token(design, from_beats(rows, design.beat, design.head_dim))
    low, high = ranges(design).drive
    width, signed = bits(low, high)
    groups = array.reshape(*lead, design.head_dim, -(-width // design.beat))
    digits = from_beats(groups, design.beat, width).astype(np.int64)
    numbers = (digits << np.arange(width)).sum(axis=-1)
    if signed:
        numbers -= digits[..., -1] << width
    dtype = np.int32 if -(1 << 31) <= low and high < 1 << 31 else np.int64
    return _by_token(design, numbers.astype(dtype))
