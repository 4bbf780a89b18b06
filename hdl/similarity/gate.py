"""Binary gate: one bit a query and key, whether their score is high enough.

Ref: SC-NeuroCore, tutorial 54, as its text describes it.
"""

from collections.abc import Collection
from typing import Final, Literal

from amaranth.hdl import Module, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.design.similarity import Similarity as Numbers
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.popcount.pairs import Technology
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.similarity import Similarity

__all__ = ["GatedSimilarity"]


class GatedSimilarity(Component):
    """Say whether the score of two words of spikes is at least a level.

    The pipeline runs freely: a pair of words is taken and an answer given in every cycle,
    ``latency`` cycles apart. ``q`` and ``k`` are not registered here, ``o`` is; none of the
    registers is reset, so the first ``latency`` answers after start-up mean nothing.

    A score of one count, which ``zeros`` of 0 or of ``ones`` makes, and ``ones`` of 0, is not
    weighed: the count itself is compared. A single pair is found without counting: where one is
    enough the answer is the OR of the pairs, about ``2 * width / 3`` LUT4 and a latency of 1, and
    where all are needed it is their AND. Every other level costs a
    :class:`~spikeloom.hdl.similarity.similarity.Similarity` and a comparison with a constant
    (:func:`spikeloom.hdl.frame.compare.at_least`) in a cycle of its own, as clipping would; what
    every channel adds is taken from the level. Checked against :func:`spikeloom.golden.gate.gated`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    ones, each : int
        As :class:`~spikeloom.hdl.similarity.similarity.Similarity`.
    zeros : int or collection of int
        Worth of a pair of zeros, as :class:`~spikeloom.hdl.similarity.similarity.Similarity`
        takes it; or the worths that an input takes, as
        :class:`~spikeloom.hdl.similarity.alpha.AlphaSimilarity`.
    level : int
        Least score that gives 1.
    technology : str
        As :class:`~spikeloom.hdl.similarity.similarity.Similarity`.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    weight : In(range(max(ones, *zeros) + 1))
        Worth of a pair of zeros; absent where ``zeros`` is one number.
    o : Out(1)
        Whether the score of the pair taken ``latency`` cycles before reaches the level.
    """

    def __init__(
        self,
        width: int,
        ones: int,
        zeros: int | Collection[int] = 0,
        each: int = 0,
        *,
        level: int,
        technology: Technology = "portable",
    ):
        if not isinstance(level, int) or isinstance(level, bool):
            raise TypeError(f"Level must be an integer, not {level!r}")
        self.width: Final = natural("Width", width)
        self.level: Final = level
        self._bound = level - each * width
        self._pairs: Literal["p", "m", "z"] | None = None
        self._below = False
        self._unit: Similarity | AlphaSimilarity | None = None
        ports = {"q": In(width), "k": In(width), "o": Out(1)}
        if not isinstance(zeros, int):
            self._unit = AlphaSimilarity(width, ones, zeros, technology=technology)
            ports["weight"] = In(self._unit.weight.shape())
        else:
            ones, zeros = self._count(Numbers(ones, zeros, each))
            if self._pairs is None or self._bound not in (1, width):
                self._unit = Similarity(width, ones, zeros, technology=technology)
        super().__init__(ports)

    def _count(self, numbers: Numbers) -> tuple[int, int]:
        """Find the count that decides alone, and the least of it; return what is to be compared."""
        ones, zeros = numbers.ones, numbers.zeros
        if ones and zeros and ones != zeros:
            return ones, zeros
        self._pairs = "p" if zeros == 0 else "z" if ones == 0 else "m"
        weight = ones or zeros
        if weight > 0:
            self._bound = -(-self._bound // weight)
        else:
            # So much of the count, and the score is below the level.
            self._below = True
            self._bound = -self._bound // -weight + 1
        return int(ones != 0), int(zeros != 0)

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its answer."""
        return 1 + (0 if self._unit is None else self._unit.latency)

    def elaborate(self, platform: object) -> Module:
        """Compare, and keep one bit."""
        m = Module()
        if self._unit is None:
            q, k = self.q, self.k
            pairs = q & k if self._pairs == "p" else ~(q ^ k if self._pairs == "m" else q | k)
            reached: Value = pairs.any() if self._bound == 1 else pairs.all()
        else:
            m.submodules.score = self._unit
            m.d.comb += [self._unit.q.eq(self.q), self._unit.k.eq(self.k)]
            if isinstance(self._unit, AlphaSimilarity):
                m.d.comb += self._unit.weight.eq(self.weight)
            score = self._unit.o
            signed = score.shape().signed
            reached = score >= self._bound if signed else at_least(score, max(0, self._bound))
        kept = Signal(reset_less=True)
        m.d.sync += kept.eq(~reached if self._below else reached)
        m.d.comb += self.o.eq(kept)
        return m
