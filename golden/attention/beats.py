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
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.attention.formula import axes_of, check_spikes
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.ranges import bits, ranges

__all__ = [
    "Counts",
    "counts",
    "input_specs",
    "output_spec",
    "pack",
    "pack_output",
    "stream_in",
    "stream_out",
    "unpack",
    "unpack_input",
]

_BEYOND = 'integers above 1 are for kind = "integer-attention"'


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


def input_specs(design: AttentionDesign) -> tuple[ArraySpec, ...]:
    """Return the spikes q, k and v."""
    return tuple(
        ArraySpec(name, *axes_of(design, name), beyond=_BEYOND) for name in ("q", "k", "v")
    )


def output_spec(design: AttentionDesign) -> ArraySpec:
    """Return spikes, or without a neuron the drive."""
    if design.neuron != "none":
        return ArraySpec("spikes", *axes_of(design, "spikes"))
    low, high = ranges(design).drive
    # An answer file holds a drive as int32 even where it has no sign.
    return ArraySpec("drive", *axes_of(design, "drive"), min(low, -1), high)


def _run(design: AttentionDesign) -> tuple[str, ...]:
    """Return the axes that runs go over: with heads in parallel a head is a place in a group."""
    return ("group", "step" if design.chunk == 1 else "chunk", "place")


def _part(
    design: AttentionDesign,
    spec: ArraySpec,
    *order: str,
    row: str = "channel",
    width: int = 1,
    signed: bool = False,
) -> Part:
    side = design.folding.heads
    axes = {"step": design.steps, "token": spec.shape[1], "group": design.heads // side}
    axes |= {"place": side, "channel": design.head_dim}
    if design.chunk > 1:
        axes = {"chunk": design.chunks} | axes | {"step": design.chunk}
        order = ("step", *order)
    return Part(spec, axes, row, order, width, design.beat, signed=signed)


def stream_in(design: AttentionDesign) -> Stream:
    """Return the order of the beats in."""
    q, k, v = input_specs(design)
    if design.order == "state":
        keys = _part(design, k, "channel", "beat", row="token")
    else:
        keys = _part(design, k, "token", "beat")
    rows = (_part(design, spec, "token", "beat") for spec in (v, q))
    return Stream(Loop(_run(design), (keys, *rows)))


def stream_out(design: AttentionDesign) -> Stream:
    """Return the order of the beats out."""
    spec = output_spec(design)
    if design.neuron != "none":
        return Stream(Loop(_run(design), (_part(design, spec, "token", "beat"),)))
    width, signed = bits(*ranges(design).drive)
    order = ("token", "channel", "beat")
    part = _part(design, spec, *order, width=width, signed=signed)
    return Stream(Loop(_run(design), (part,)))


def counts(design: AttentionDesign) -> Counts:
    """Count the beats of every section."""
    k, v, q = (part.count(_run(design)) for part in stream_in(design).root.parts)
    runs = design.heads * design.chunks
    return Counts(k, v, q, stream_out(design).count // runs, runs)


def pack(design: AttentionDesign, q: ArrayLike, k: ArrayLike, v: ArrayLike) -> NDArray[np.uint64]:
    """Return the input beats of one inference, from q, k, v of shape (T, N, D) in {0, 1}."""
    arrays = {"q": q, "k": k, "v": v}
    return stream_in(design).pack({n: check_spikes(design, n, a) for n, a in arrays.items()})


def unpack_input(design: AttentionDesign, beats: ArrayLike) -> tuple[NDArray[np.uint8], ...]:
    """Return (q, k, v) from the input beats of one inference: the inverse of :func:`pack`."""
    found = stream_in(design).unpack(beats)
    return tuple(found[name].astype(np.uint8) for name in ("q", "k", "v"))


def pack_output(design: AttentionDesign, answer: ArrayLike) -> NDArray[np.uint64]:
    """Return the output beats of one inference, from spikes or a drive of shape (T, N, D)."""
    spec = output_spec(design)
    return stream_out(design).pack({spec.name: np.asarray(answer)})


def unpack(design: AttentionDesign, beats: ArrayLike) -> NDArray:
    """Return the answer, (T, N, D), from the output beats of one inference.

    Spikes as uint8; with neuron ``none`` the drive as int32, or int64 where its range needs it.
    """
    spec = output_spec(design)
    return stream_out(design).unpack(beats)[spec.name].astype(spec.dtype)
