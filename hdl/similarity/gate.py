"""Binary gate: one bit a query and key, whether their score is high enough.

Ref: SC-NeuroCore, tutorial 54, as its text describes it.
"""

from collections.abc import Collection
from typing import Literal

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.similarity import KINDS, Similarity

__all__ = ["GatedSimilarity"]


class GatedSimilarity(wiring.Component):
    """Say whether the score of two words of spikes is at least the gate.

    The pipeline runs freely: a pair of words is taken and an answer given in every cycle,
    ``latency`` cycles apart. ``q`` and ``k`` are not registered here, ``o`` is; none of the
    registers is reset, so the first ``latency`` answers after start-up mean nothing.

    One equal pair is found without counting: for ``and`` with a gate of 1 the answer is the OR of
    ``q & k``, about ``2 * width / 3`` LUT4 and a latency of 1, and so it is for ``xnor`` with the
    OR of the pairs that are equal. A gate that only a full score reaches takes the AND instead.
    Every other gate costs a :class:`~spikeloom.hdl.similarity.similarity.Similarity` and a
    comparison with a constant (:func:`spikeloom.hdl.frame.compare.at_least`) in a cycle of its
    own, as clipping would; for ``hamming`` the count of equal pairs is compared, with the gate
    moved accordingly, so that its subtraction is not needed. Checked against
    :func:`spikeloom.golden.gate.gated`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    kind : str
        ``"and"``, ``"xnor"``, ``"alpha-xnor"`` or ``"hamming"``.
    gate : int
        Least score that gives 1, without fraction bits.
    kappa : int or collection of int
        Weight of a pair of zeros, as :class:`~spikeloom.hdl.similarity.similarity.Similarity`
        takes it; or the weights that an input takes, as
        :class:`~spikeloom.hdl.similarity.alpha.AlphaSimilarity`.
    alpha_bits, technology
        As :class:`~spikeloom.hdl.similarity.similarity.Similarity`.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    weight : In(range(2**alpha_bits + 1))
        Weight of a pair of zeros; absent where ``kappa`` is one number.
    o : Out(1)
        Whether the score of the pair taken ``latency`` cycles before reaches the gate.
    """

    q: Signal
    k: Signal
    weight: Signal
    o: Signal

    def __init__(
        self,
        width: int,
        kind: str,
        gate: int,
        *,
        kappa: int | Collection[int] = 0,
        alpha_bits: int = 0,
        technology: Literal["portable", "ice40"] = "portable",
    ):
        if kind not in KINDS:
            raise ValueError(f"Kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if not isinstance(gate, int) or isinstance(gate, bool):
            raise TypeError(f"Gate must be an integer, not {gate!r}")
        if not isinstance(width, int) or width < 1:
            raise TypeError(f"Width must be a positive integer, not {width!r}")
        self._width = width
        self._kind = kind
        self._gate = gate
        self._alpha_bits = alpha_bits
        self._unit: Similarity | AlphaSimilarity | None = None
        ports = {"q": In(width), "k": In(width), "o": Out(1)}
        if not isinstance(kappa, int):
            self._unit = AlphaSimilarity(width, kappa, alpha_bits=alpha_bits, technology=technology)
            ports["weight"] = In(range((1 << alpha_bits) + 1))
        elif kind == "alpha-xnor" or self._bound not in (1, width):
            counted = "xnor" if kind == "hamming" else kind
            self._unit = Similarity(
                width, counted, kappa=kappa, alpha_bits=alpha_bits, technology=technology
            )
        super().__init__(ports)

    @property
    def width(self) -> int:
        """Bits in a word."""
        return self._width

    @property
    def kind(self) -> str:
        """Name of the similarity."""
        return self._kind

    @property
    def gate(self) -> int:
        """Least score that gives 1."""
        return self._gate

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its answer."""
        return 1 + (0 if self._unit is None else self._unit.latency)

    @property
    def _bound(self) -> int:
        """Least count, or weighted sum of counts, that gives 1."""
        if self._kind == "hamming":
            return max(0, -(-(self._gate + self.width) // 2))
        return max(0, self._gate << self._alpha_bits)

    def elaborate(self, platform: object) -> Module:
        """Compare, and keep one bit."""
        m = Module()
        if self._unit is None:
            pairs = self.q & self.k if self._kind == "and" else ~(self.q ^ self.k)
            reached = pairs.any() if self._bound == 1 else pairs.all()
        else:
            m.submodules.score = self._unit
            m.d.comb += [self._unit.q.eq(self.q), self._unit.k.eq(self.k)]
            if isinstance(self._unit, AlphaSimilarity):
                m.d.comb += self._unit.weight.eq(self.weight)
            reached = at_least(self._unit.o, self._bound)
        kept = Signal(reset_less=True)
        m.d.sync += kept.eq(reached)
        m.d.comb += self.o.eq(kept)
        return m
