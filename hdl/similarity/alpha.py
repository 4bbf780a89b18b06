"""alpha-xnor with a weight that changes at run time: an alpha for each head.

Ref: alpha-XNOR, CVPR 2025.
"""

from collections.abc import Collection
from typing import Literal

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.popcount.pairs import PairPopcount

__all__ = ["AlphaSimilarity"]


class AlphaSimilarity(wiring.Component):
    """Score two words of spikes: ``2**alpha_bits * p + kappa * z``, with kappa an input.

    p counts the positions where both bits are set, z those where neither is. kappa z is the sum of
    shifted copies of z, one for each bit that any of the weights has; the copies of bits that not
    all weights have are gated. Everything is added in a tree with a register behind every addition.

    The pipeline runs freely: a pair of words is taken and a score given in every cycle,
    ``latency`` cycles apart; kappa must not change while a score is under way. ``q``, ``k`` and
    ``weight`` are not registered here, ``o`` comes from registers; none of them is reset, so the
    first ``latency`` scores after start-up mean nothing. Costs two counts
    (:class:`~spikeloom.hdl.popcount.pairs.PairPopcount`) and an addition for each copy; clipping as
    in :class:`~spikeloom.hdl.similarity.similarity.Similarity`, which serves a layer with one
    alpha and takes fewer additions. Checked against :func:`spikeloom.golden.similarity.scores`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    kappas : collection of int
        Weights that kappa takes, each from 0 to ``2**alpha_bits``.
    alpha_bits : int
        Binary logarithm of the weight of a pair of ones.
    saturate : int or None
        Bound at which scores are clipped, at least 1. None clips nothing.
    technology : str
        ``"portable"`` or ``"ice40"``, as :class:`~spikeloom.hdl.similarity.similarity.Similarity`.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    weight : In(range(2**alpha_bits + 1))
        kappa, the weight of a pair of zeros: one of ``kappas``.
    o : Out(range(high + 1))
        Score of the pair taken ``latency`` cycles before, at most ``width * 2**alpha_bits`` or
        ``saturate``.
    """

    q: Signal
    k: Signal
    weight: Signal
    o: Signal

    def __init__(
        self,
        width: int,
        kappas: Collection[int],
        *,
        alpha_bits: int,
        saturate: int | None = None,
        technology: Literal["portable", "ice40"] = "portable",
    ):
        if not isinstance(width, int) or width < 1:
            raise TypeError(f"Width must be a positive integer, not {width!r}")
        if not isinstance(alpha_bits, int) or alpha_bits < 0:
            raise TypeError(f"Alpha bits must be a non-negative integer, not {alpha_bits!r}")
        if not kappas or not all(
            isinstance(kappa, int) and 0 <= kappa <= 1 << alpha_bits for kappa in kappas
        ):
            raise TypeError(f"Kappas must be integers from 0 to 2**{alpha_bits}, not {kappas!r}")
        if saturate is not None and (not isinstance(saturate, int) or saturate < 1):
            raise TypeError(f"Saturate must be a positive integer or None, not {saturate!r}")
        self._width = width
        self._kappas = tuple(sorted(set(kappas)))
        self._alpha_bits = alpha_bits
        self._saturate = saturate
        # As many registers as the counts of a layer with one alpha have.
        levels = ceil_log2(width)
        if technology == "ice40":
            levels = min((levels + 1) // 2, max(3, levels // 2))
        stages = max(1, levels)
        self._both = PairPopcount(width, kind="and", technology=technology, stages=stages)
        self._neither = PairPopcount(width, kind="and", technology=technology, stages=stages)
        super().__init__(
            {
                "q": In(width),
                "k": In(width),
                "weight": In(range((1 << alpha_bits) + 1)),
                "o": Out(range(self.most + 1)),
            }
        )

    @property
    def width(self) -> int:
        """Bits in a word."""
        return self._width

    @property
    def kappas(self) -> tuple[int, ...]:
        """Weights that kappa takes, in rising order."""
        return self._kappas

    @property
    def alpha_bits(self) -> int:
        """Binary logarithm of the weight of a pair of ones."""
        return self._alpha_bits

    @property
    def saturate(self) -> int | None:
        """Bound at which scores are clipped."""
        return self._saturate

    @property
    def most(self) -> int:
        """Highest score."""
        whole = self._width << self._alpha_bits
        return whole if self._saturate is None else min(whole, self._saturate)

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its score."""
        return self._both.latency + ceil_log2(1 + len(self._powers)) + int(self._clips)

    @property
    def _clips(self) -> bool:
        return self._saturate is not None and self._saturate < self._width << self._alpha_bits

    @property
    def _powers(self) -> list[int]:
        """Bits that some weight has."""
        return [n for n in range(self._alpha_bits + 1) if any(k >> n & 1 for k in self._kappas)]

    def elaborate(self, platform: object) -> Module:
        """Count, weigh, and clip, each from registers to registers."""
        m = Module()
        m.submodules.count_p, m.submodules.count_z = self._both, self._neither
        m.d.comb += [
            self._both.a.eq(self.q),
            self._both.b.eq(self.k),
            self._neither.a.eq(~self.q),
            self._neither.b.eq(~self.k),
        ]
        terms: list[Value] = [self._both.o << self._alpha_bits]
        for power in self._powers:
            always = all(kappa >> power & 1 for kappa in self._kappas)
            shifted = self._neither.o << power
            terms.append(shifted if always else Mux(self.weight[power], shifted, 0))
        level = 0
        while len(terms) > 1:
            level += 1
            sums: list[Value] = []
            for first in range(0, len(terms), 2):
                # No partial sum is above the score, and that not above a pair of ones a channel.
                total = Signal(
                    range((self._width << self._alpha_bits) + 1),
                    name=f"sum{level}_{first // 2}",
                    reset_less=True,
                )
                m.d.sync += total.eq(sum(terms[first + 1 : first + 2], terms[first]))
                sums.append(total)
            terms = sums
        score: Value = Signal(range((self._width << self._alpha_bits) + 1), name="score")
        m.d.comb += score.eq(terms[0])
        if self._saturate is not None and self._clips:
            clipped = Signal(range(self._saturate + 1), reset_less=True)
            m.d.sync += clipped.eq(Mux(at_least(score, self._saturate), self._saturate, score))
            score = clipped
        m.d.comb += self.o.eq(score)
        return m
