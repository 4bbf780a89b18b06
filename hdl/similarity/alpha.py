"""Similarity with a worth of a pair of zeros that changes at run time: an alpha for each head.

Ref: alpha-XNOR, CVPR 2025.
"""

from collections.abc import Collection
from typing import Final, Literal

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.similarity import Similarity as Numbers
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.popcount.pairs import PairPopcount
from spikeloom.hdl.ratio import signed_digits

__all__ = ["AlphaSimilarity"]


class AlphaSimilarity(Component):
    """Score two words of spikes: ``ones * p + weight * z + each * width``, with weight an input.

    p counts the positions where both bits are set, z those where neither is. Both products are sums
    of shifted copies, ``weight * z`` of one for each bit that any of the weights has; the copies of
    bits that not all weights have are gated. Everything is added in a tree with a register behind
    every addition.

    The pipeline runs freely: a pair of words is taken and a score given in every cycle,
    ``latency`` cycles apart; the weight must not change while a score is under way. ``q``, ``k``
    and ``weight`` are not registered here, ``o`` comes from registers; none of them is reset, so
    the first ``latency`` scores after start-up mean nothing. Costs two counts
    (:class:`~spikeloom.hdl.popcount.pairs.PairPopcount`) and an addition for each copy, and one in
    a cycle of its own where ``each`` is not 0; clipping as in
    :class:`~spikeloom.hdl.similarity.similarity.Similarity`, which serves a layer with one alpha
    and takes fewer additions. Checked against :func:`spikeloom.golden.similarity.scores`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    ones : int
        Worth of a pair of ones.
    zeros : collection of int
        Worths of a pair of zeros that ``weight`` takes, each at least 0, one of them or ``ones``
        above 0.
    each : int
        What every channel adds.
    saturate : int or None
        Bound at which scores are clipped, at least 1; only for scores that are never negative. None
        clips nothing.
    technology : str
        ``"portable"`` or ``"ice40"``, as :class:`~spikeloom.hdl.similarity.similarity.Similarity`.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    weight : In(range(max(ones, *zeros) + 1))
        Worth of a pair of zeros: one of ``zeros``.
    o : Out(range(low, high + 1))
        Score of the pair taken ``latency`` cycles before; the range is ``score_range``.
    """

    def __init__(
        self,
        width: int,
        ones: int,
        zeros: Collection[int],
        each: int = 0,
        *,
        saturate: int | None = None,
        technology: Literal["portable", "ice40"] = "portable",
    ):
        if not zeros or not all(isinstance(worth, int) and worth >= 0 for worth in zeros):
            raise TypeError(f"Zeros must be non-negative integers, not {zeros!r}")
        self.width: Final = natural("Width", width)
        self.zeros: Final = tuple(sorted(set(zeros)))
        self._numbers = [Numbers(ones, worth, each) for worth in self.zeros]
        if saturate is not None:
            if not isinstance(saturate, int) or saturate < 1:
                raise TypeError(f"Saturate must be a positive integer or None, not {saturate!r}")
            if not self._numbers[0].never_negative:
                raise ValueError(f"Saturate must be None for scores below zero, not {saturate!r}")
        self.ones: Final = ones
        self.each: Final = each
        self.saturate: Final = saturate
        # As many registers as the counts of a layer with one alpha have.
        levels = ceil_log2(width)
        if technology == "ice40":
            levels = min((levels + 1) // 2, max(3, levels // 2))
        stages = max(1, levels)
        self._both = PairPopcount(width, kind="and", technology=technology, stages=stages)
        self._neither = PairPopcount(width, kind="and", technology=technology, stages=stages)
        low, high = self.score_range
        super().__init__(
            {
                "q": In(width),
                "k": In(width),
                "weight": In(range(max(ones, *self.zeros) + 1)),
                "o": Out(range(low, high + 1)),
            }
        )

    @property
    def score_range(self) -> tuple[int, int]:
        """Lowest and highest score."""
        low, high = self._span
        limit = high if self.saturate is None else self.saturate
        return min(low, limit), min(high, limit)

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its score."""
        levels = ceil_log2(len(self._digits) + len(self._powers))
        return self._both.latency + levels + int(self.each != 0) + int(self._clips)

    @property
    def _span(self) -> tuple[int, int]:
        """Lowest and highest score before it is clipped."""
        spans = [numbers.bounds(self.width) for numbers in self._numbers]
        return min(low for low, _ in spans), max(high for _, high in spans)

    @property
    def _clips(self) -> bool:
        return self.saturate is not None and self.saturate < self._span[1]

    @property
    def _digits(self) -> list[tuple[int, int]]:
        """Signed digits of the worth of a pair of ones, as (sign, power of two)."""
        sign = -1 if self.ones < 0 else 1
        return [(sign * digit, power) for digit, power in signed_digits(abs(self.ones))]

    @property
    def _powers(self) -> list[int]:
        """Bits that some weight has."""
        bits = max(self.zeros).bit_length()
        return [n for n in range(bits) if any(worth >> n & 1 for worth in self.zeros)]

    def elaborate(self, platform: object) -> Module:
        """Count, weigh, move and clip, each from registers to registers."""
        m = Module()
        m.submodules.count_p, m.submodules.count_z = self._both, self._neither
        m.d.comb += [
            self._both.a.eq(self.q),
            self._both.b.eq(self.k),
            self._neither.a.eq(~self.q),
            self._neither.b.eq(~self.k),
        ]
        terms: list[Value] = []
        for sign, power in self._digits:
            counted = self._both.o << power
            terms.append(counted if sign > 0 else -counted)
        for power in self._powers:
            always = all(worth >> power & 1 for worth in self.zeros)
            shifted = self._neither.o << power
            terms.append(shifted if always else Mux(self.weight[power], shifted, 0))
        constant = self.each * self.width
        low, high = (end - constant for end in self._span)
        level = 0
        while len(terms) > 1:
            level += 1
            sums: list[Value] = []
            for first in range(0, len(terms), 2):
                # The last sum is in the range; those before it may wrap, and it unwraps them.
                total = Signal(
                    range(low, high + 1),
                    name=f"sum{level}_{first // 2}",
                    reset_less=True,
                )
                m.d.sync += total.eq(sum(terms[first + 1 : first + 2], terms[first]))
                sums.append(total)
            terms = sums
        score: Value = Signal(range(low, high + 1), name="score")
        m.d.comb += score.eq(terms[0])
        if constant:
            moved = Signal(range(self._span[0], self._span[1] + 1), reset_less=True)
            m.d.sync += moved.eq(score + constant)
            score = moved
        if self.saturate is not None and self._clips:
            clipped = Signal(range(self.saturate + 1), reset_less=True)
            m.d.sync += clipped.eq(Mux(at_least(score, self.saturate), self.saturate, score))
            score = clipped
        m.d.comb += self.o.eq(score)
        return m
