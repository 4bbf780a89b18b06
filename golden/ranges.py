"""Ranges of every number in a layer, from the design alone: what the hardware's widths rest on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden import causal, gate, position
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.norm import ChannelNeuron, ChannelNeurons, channel_neurons
from spikeloom.golden.similarity import Similarity, scores

__all__ = ["ChannelRange", "Ranges", "bits", "membrane_range", "ranges"]

_BLOCK = 256
_MOST_PAIRS = 1 << 27


@dataclass(frozen=True)
class ChannelRange:
    """What the neuron of a channel counts with, and how far it gets.

    Parameters
    ----------
    sign, offset : int
        As :class:`~spikeloom.golden.norm.ChannelNeuron`.
    threshold : int
        That of the neuron, or for one that no input lets fire the least that is out of its reach.
    drive : tuple of int
        Drives of the neuron: ``(sign X << shift) + offset``.
    membrane : tuple of int
        Membranes between steps.
    """

    sign: int
    offset: int
    threshold: int
    drive: tuple[int, int]
    membrane: tuple[int, int]


@dataclass(frozen=True)
class Ranges:
    """Least and greatest value of each number; none of them is ever left.

    Parameters
    ----------
    score : tuple of int
        What v is multiplied by: a score with its bias, in units of 2**-f, or what a gate makes of
        it. Both ends are reached by some input.
    drive : tuple of int
        A sum over tokens of scores, before the neuron. Both ends are reached by some input.
    membrane : tuple of int
        The membrane between steps (W of :class:`~spikeloom.golden.neuron.NeuronSpec`);
        (0, 0) without a neuron.
    saturate : int or None
        Scores, their partial sums and the drive may be clipped to at most this without changing
        a spike; None where that is not so (soft reset, scores below zero, no neuron).
    before_gate : tuple of int or None
        A score with its bias before the gate; None without a gate.
    heads : tuple of (int, (int, int))
        Threshold and membrane of every head, where heads differ in the threshold; else empty.
    channels : tuple of ChannelRange
        That of every channel, with a norm or scales below zero; else empty.
    shift : int
        Fraction bits that the offsets of channels add to those of a drive.
    """

    score: tuple[int, int]
    drive: tuple[int, int]
    membrane: tuple[int, int]
    saturate: int | None
    before_gate: tuple[int, int] | None = None
    heads: tuple[tuple[int, tuple[int, int]], ...] = ()
    channels: tuple[ChannelRange, ...] = ()
    shift: int = 0

    @property
    def summed_score(self) -> tuple[int, int]:
        """Range of a score with its bias, before any gate."""
        return self.score if self.before_gate is None else self.before_gate

    @property
    def clipped_score(self) -> tuple[int, int]:
        """Range of a score that is clipped to ``saturate``, where that is allowed."""
        return self._clip(self.score)

    @property
    def clipped_drive(self) -> tuple[int, int]:
        """Range of a drive that is clipped to ``saturate``, where that is allowed."""
        return self._clip(self.drive)

    def _clip(self, span: tuple[int, int]) -> tuple[int, int]:
        limit = self.saturate
        return span if limit is None else (min(span[0], limit), min(span[1], limit))


def bits(low: int, high: int) -> tuple[int, bool]:
    """Return the width, at least 1, and the signedness of a register for ``low`` .. ``high``.

    >>> bits(0, 8), bits(-8, 7), bits(0, 0)
    ((4, False), (4, True), (1, False))
    """
    if low > high:
        raise ValueError(f"Range must not be empty, not {(low, high)!r}")
    if low >= 0:
        return max(1, high.bit_length()), False
    return max((-low - 1).bit_length(), max(high, 0).bit_length()) + 1, True


@lru_cache(maxsize=64)
def ranges(design: AttentionDesign) -> Ranges:
    """Return the ranges of a design.

    Scores and drives are exact: the part of a score that the positions fix is known for every pair
    of tokens, and for one query every key can be chosen alone. (Above 2**27 pairs, over steps and
    heads, the fixed part is bounded and not enumerated; no range is then too small.)
    """
    score, drive, before = _spans(design)
    if design.neuron == "none":
        return Ranges(score, drive, (0, 0), None, before)
    neurons = channel_neurons(design)
    if neurons is not None:
        channels = _channels(neurons, drive, design.steps)
        lows, highs = zip(*(channel.membrane for channel in channels), strict=True)
        span = min(lows), max(highs)
        return Ranges(score, drive, span, None, before, (), channels, neurons.shift)
    specs = NeuronSpec.each(design)
    # What is clipped at the greatest threshold reaches that of every other head as well.
    greatest = max(specs, key=lambda spec: spec.threshold)
    # Where fixed codes alone outweigh scores of both signs, nothing is gained.
    signed = not all(how.never_negative for how in design.similarities) and design.gate is None
    saturate = greatest.saturate if score[0] >= 0 and not signed else None
    spans = {spec: membrane_range(spec, drive, design.steps) for spec in dict.fromkeys(specs)}
    membrane = min(low for low, _ in spans.values()), max(high for _, high in spans.values())
    heads = tuple((spec.threshold, spans[spec]) for spec in specs) if len(spans) > 1 else ()
    return Ranges(score, drive, membrane, saturate, before, heads)


def membrane_range(spec: NeuronSpec, drive: tuple[int, int], steps: int) -> tuple[int, int]:
    """Bound the membrane after 0, 1, ... ``steps`` steps of a drive within a range."""
    low = high = least = most = 0
    for _ in range(steps):
        bottom = spec.keep * low + (drive[0] << spec.fraction)
        top = spec.keep * high + (drive[1] << spec.fraction)
        kept = [min(a, spec.threshold - 1) for a in (bottom, top) if bottom < spec.threshold]
        if top >= spec.threshold:
            fired = (max(bottom, spec.threshold), top)
            kept += [0] if spec.reset == "hard" else [a - spec.subtracted for a in fired]
        low, high = spec.divide(min(kept)), spec.divide(max(kept))
        least, most = min(least, low), max(most, high)
    return least, most


def _channels(
    neurons: ChannelNeurons, sums: tuple[int, int], steps: int
) -> tuple[ChannelRange, ...]:
    """Bound the numbers of every channel, for sums within a range."""

    def bound(channel: ChannelNeuron) -> ChannelRange:
        threshold = min(channel.spec.threshold, channel.reach(sums, steps) + 1)
        span = channel.span(sums)
        membrane = membrane_range(channel.spec, span, steps)
        return ChannelRange(channel.sign, channel.offset, threshold, span, membrane)

    found = {channel: bound(channel) for channel in set(neurons.channels)}
    return tuple(found[channel] for channel in neurons.channels)


_Span = tuple[int, int]
# A head, what positions add to the scores of some of its rows, and which keys these see.
_Block = tuple[int, NDArray[np.int64], NDArray[np.bool_]]


def _spans(design: AttentionDesign) -> tuple[_Span, _Span, _Span | None]:
    """Range of what v is multiplied by, of a drive, and of a score before a gate."""
    steps = design.steps if design.by_step else 1
    heads = _kinds(design)
    spans = {head: design.similarities[head].bounds(design.head_dim) for head in heads}
    keys = (1, design.chunk_keys)
    seen = causal.visible(design) if design.masked else np.ones(keys, dtype=np.bool_)
    # Without positions all queries are alike, but that some see more keys than others.
    widest = seen[[np.argmax(seen.sum(axis=1))]]
    nothing = np.zeros(keys, dtype=np.int64)
    blocks: Iterable[_Block] = [(head, nothing, widest) for head in heads]
    if design.code_bits or design.biases:
        if steps * len(heads) * design.tokens**2 > _MOST_PAIRS:
            for head, (low, high) in spans.items():
                least, most = _loosely(design, design.similarities[head])
                spans[head] = low + least, high + most
        else:
            blocks = _fixed(design, steps, heads, seen)
    scores_, drives, before = [] if seen.all() else [0], [], []
    for head, fixed, sees in blocks:
        below, above = fixed + spans[head][0], fixed + spans[head][1]
        before += [int(below.min()), int(above.max())]
        if design.gate is not None:
            below, above = gate.gated(below, design), gate.gated(above, design)
        scores_ += [int(below[sees].min()), int(above[sees].max())]
        drives += [
            int((np.minimum(below, 0) * sees).sum(axis=1).min()),
            int((np.maximum(above, 0) * sees).sum(axis=1).max()),
        ]
    span, whole = (min(scores_), max(scores_)), (min(before), max(before))
    return span, (min(drives), max(drives)), None if design.gate is None else whole


def _kinds(design: AttentionDesign) -> list[int]:
    """Return one head of each kind: another alpha or another bias makes another kind."""
    own = any(part.own_heads for part in design.parts)
    kinds = {(how, head if own else 0): head for head, how in enumerate(design.similarities)}
    return sorted(kinds.values())


def _fixed(
    design: AttentionDesign, steps: int, heads: list[int], seen: NDArray[np.bool_]
) -> Iterator[_Block]:
    """Yield what the positions add to the scores, in blocks of rows, for every head and step."""
    seen = np.broadcast_to(seen, (design.tokens, design.tokens))
    for head in heads:
        how = design.similarities[head]
        bias = position.bias(design, head)
        for t in range(steps):
            codes = position.channels(design, t)
            for start in range(0, design.tokens, _BLOCK):
                block = scores(codes[start : start + _BLOCK], codes, how)
                if bias is not None:
                    block += bias[start : start + _BLOCK].astype(np.int64) << how.fraction
                yield head, block, seen[start : start + _BLOCK]


def _loosely(design: AttentionDesign, how: Similarity) -> tuple[int, int]:
    """Bound what the positions add to a score, without looking at pairs of tokens."""
    low, high = how.bounds(design.code_bits)
    least, most = design.biases or (0, 0)
    return low + (least << how.fraction), high + (most << how.fraction)
