"""Similarity with a worth of a pair of zeros that changes at run time: an alpha for each head.

Ref: alpha-XNOR, CVPR 2025.
"""

from collections.abc import Collection
from typing import Final

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In
from amaranth.utils import ceil_log2

from spikeloom.design.similarity import Similarity as Numbers
from spikeloom.hdl.popcount.pairs import Technology
from spikeloom.hdl.ratio import signed_digits
from spikeloom.hdl.similarity.similarity import PairScore

__all__ = ["AlphaSimilarity"]


class AlphaSimilarity(PairScore):
    """Score two words of spikes: ``ones * p + weight * z + each * width``, with weight an input.

    p counts the positions where both bits are set, z those where neither is. Both products are sums
    of shifted copies, ``weight * z`` of one for each bit that any of the weights has; the copies of
    bits that not all weights have are gated. Everything is added in a tree with a register behind
    every addition.

    The weight must not change while a score is under way. Costs two counts
    (:class:`~spikeloom.hdl.popcount.pairs.PairPopcount`) and an addition for each copy, and one in
    a cycle of its own where ``each`` is not 0.
    :class:`~spikeloom.hdl.similarity.similarity.Similarity` serves a layer with one alpha and takes
    fewer additions.

    Parameters
    ----------
    width, saturate, technology
        As :class:`~spikeloom.hdl.similarity.similarity.PairScore`.
    ones : int
        Worth of a pair of ones.
    zeros : collection of int
        Worths of a pair of zeros that ``weight`` takes, each at least 0, one of them or ``ones``
        above 0.
    each : int
        What every channel adds.

    Members
    -------
    q, k, o
        As :class:`~spikeloom.hdl.similarity.similarity.PairScore`.
    weight : In(range(max(ones, *zeros) + 1))
        Worth of a pair of zeros: one of ``zeros``; not registered here.
    """

    def __init__(
        self,
        width: int,
        ones: int,
        zeros: Collection[int],
        each: int = 0,
        *,
        saturate: int | None = None,
        technology: Technology = "portable",
    ):
        if not zeros or not all(isinstance(worth, int) and worth >= 0 for worth in zeros):
            raise TypeError(f"Zeros must be non-negative integers, not {zeros!r}")
        self.zeros: Final = tuple(sorted(set(zeros)))
        self.ones: Final = ones
        self.each: Final = each
        super().__init__(
            width,
            [Numbers(ones, worth, each) for worth in self.zeros],
            saturate=saturate,
            technology=technology,
            more={"weight": In(range(max(ones, *self.zeros) + 1))},
        )
        self._both, self._neither = self._counter("and"), self._counter("and")

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its score."""
        levels = ceil_log2(len(signed_digits(self.ones)) + len(self._powers))
        return self._both.latency + levels + int(self.each != 0) + int(self._clips)

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
        for sign, power in signed_digits(self.ones):
            counted = self._both.o << power
            terms.append(counted if sign > 0 else -counted)
        for power in self._powers:
            always = all(worth >> power & 1 for worth in self.zeros)
            shifted = self._neither.o << power
            terms.append(shifted if always else Mux(self.weight[power], shifted, 0))
        constant = self.each * self.width
        low, high = (end - constant for end in self._span)

        def add(parts: list[Value], name: str) -> Value:
            # The last sum is in the range; those before it may wrap, and it unwraps them.
            total = Signal(range(low, high + 1), name=name, reset_less=True)
            m.d.sync += total.eq(sum(parts[1:], parts[0]))
            return total

        score: Value = Signal(range(low, high + 1), name="score")
        m.d.comb += score.eq(self._add_up(terms, add))
        if constant:
            moved = Signal(range(self._span[0], self._span[1] + 1), reset_less=True)
            m.d.sync += moved.eq(score + constant)
            score = moved
        m.d.comb += self.o.eq(self._clip(m, score) if self._clips else score)
        return m
