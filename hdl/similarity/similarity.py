"""Similarity of a query and a key as an integer score.

Ref: Spikformer (and); arXiv 2501.16745, equation 9 (xnor); arXiv 2505.10352 (hamming).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Final, TypeVar

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.similarity import Similarity as Numbers
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.popcount.pairs import Kind, PairPopcount, Technology
from spikeloom.hdl.ratio import signed_digits

__all__ = ["PairScore", "Similarity"]

_GATES: dict[str, Kind] = {"p": "and", "m": "xnor", "z": "and"}
_T = TypeVar("_T")


@dataclass(frozen=True)
class _Term:
    """A term of a score: sign, magnitude, its greatest value, and what it counts."""

    sign: int
    value: Value
    most: int
    source: str


class PairScore(Component):
    """Score how alike two words of spikes are, by one of several similarities.

    The pipeline runs freely: a pair of words is taken and a score given in every cycle, ``latency``
    cycles apart. ``q`` and ``k`` are not registered here, ``o`` comes from registers; none of them
    is reset, so the first ``latency`` scores after start-up mean nothing. Scores are clipped in a
    cycle of their own, unless none exceeds the bound. Checked against
    :func:`spikeloom.golden.similarity.scores`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    numbers : sequence of Similarity
        Similarities that are chosen from.
    saturate : int or None
        Bound at which scores are clipped, at least 1; only for scores that are never negative. None
        clips nothing.
    technology : str
        ``"portable"``, or ``"ice40"`` for counters made of iCE40 cells, which Amaranth's own
        simulator does not know.
    more : mapping
        Members beside those below.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    o : Out(range(low, high + 1))
        Score of the pair taken ``latency`` cycles before; the range is ``score_range``.
    """

    def __init__(
        self,
        width: int,
        numbers: Sequence[Numbers],
        *,
        saturate: int | None,
        technology: Technology,
        more: Mapping[str, wiring.Member] | None = None,
    ):
        self.width: Final = natural("Width", width)
        spans = [each.bounds(width) for each in numbers]
        self._span: Final = min(low for low, _ in spans), max(high for _, high in spans)
        if saturate is not None:
            if not isinstance(saturate, int) or saturate < 1:
                raise TypeError(f"Saturate must be a positive integer or None, not {saturate!r}")
            if not all(each.never_negative for each in numbers):
                raise ValueError(f"Saturate must be None for scores below zero, not {saturate!r}")
        self.saturate: Final = saturate
        self.technology: Final[Technology] = technology
        low, high = self.score_range
        ports = {"q": In(width), "k": In(width), **(more or {}), "o": Out(range(low, high + 1))}
        super().__init__(ports)

    @property
    def score_range(self) -> tuple[int, int]:
        """Lowest and highest score."""
        low, high = self._span
        limit = high if self.saturate is None else self.saturate
        return min(low, limit), min(high, limit)

    @property
    def _clips(self) -> bool:
        """Whether a score may exceed the bound."""
        return self.saturate is not None and self.saturate < self._span[1]

    def _counter(self, kind: Kind) -> PairPopcount:
        """Make a counter of pairs.

        It has a register behind every portable addition: on iCE40 most of them share the addition's
        cells, so the clock is half as fast again as with two additions a stage, for hardly any
        area. The cells' plans keep that clock with a register for every two levels, and up to
        seven levels with three registers.
        """
        levels = ceil_log2(self.width)
        if self.technology == "ice40":
            levels = min((levels + 1) // 2, max(3, levels // 2))
        stages = max(1, levels)
        return PairPopcount(self.width, kind=kind, technology=self.technology, stages=stages)

    @staticmethod
    def _add_up(terms: list[_T], add: Callable[[list[_T], str], _T]) -> _T:
        """Add terms in a tree, one or two at a time, each sum under a name of its own."""
        level = 0
        while len(terms) > 1:
            level += 1
            terms = [add(terms[n : n + 2], f"sum{level}_{n // 2}") for n in range(0, len(terms), 2)]
        return terms[0]

    def _clip(self, m: Module, score: Value) -> Value:
        """Clip a score that is at least 0, in a cycle of its own."""
        assert self.saturate is not None
        clipped = Signal(range(self.saturate + 1), reset_less=True)
        m.d.sync += clipped.eq(Mux(at_least(score, self.saturate), self.saturate, score))
        return clipped


class Similarity(PairScore):
    """Score how alike two words of spikes are: ``ones * p + zeros * z + each * width``.

    p are the positions where both bits are set, z those where neither is.

    With m = p + z, one count (:class:`~spikeloom.hdl.popcount.pairs.PairPopcount`) is enough where
    ``zeros`` is 0 or ``ones`` (p, m), or ``ones`` is 0 (z). With technology ``"portable"`` it has
    a register behind every addition, a latency of ``max(1, ceil(log2(width)))``; with ``"ice40"``
    it takes little more than half the cells and half the cycles, 3 from 17 to 128 channels.
    Otherwise two counts are weighed by shifted additions in a tree, a cycle a level: p and z, m
    and z, or m and p, whichever needs the fewest additions; with ``"ice40"`` m and p. ``each``
    adds a constant in one cycle more, which a negative score takes too where its sum comes out
    with its sign turned.

    Parameters
    ----------
    width, saturate, technology
        As :class:`~spikeloom.hdl.similarity.similarity.PairScore`.
    ones, zeros, each : int
        Worth of a pair of ones, of a pair of zeros, and of any pair, as
        :class:`spikeloom.design.similarity.Similarity` has them.

    Members
    -------
    q, k, o
        As :class:`~spikeloom.hdl.similarity.similarity.PairScore`.
    """

    def __init__(
        self,
        width: int,
        ones: int,
        zeros: int = 0,
        each: int = 0,
        *,
        saturate: int | None = None,
        technology: Technology = "portable",
    ):
        self.numbers: Final = Numbers(ones, zeros, each)
        super().__init__(width, [self.numbers], saturate=saturate, technology=technology)
        self._counters = {name: self._counter(_GATES[name]) for name, _ in self._counts}

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its score."""
        counters = max(counter.latency for counter in self._counters.values())
        levels = ceil_log2(_terms(self._counts))
        return counters + levels + int(self._moves) + int(self._clips)

    @cached_property
    def _low_bits(self) -> int:
        """Low bits of a score that only the constant sets: it is added above them."""
        weights = self.numbers.ones | self.numbers.zeros
        return (weights & -weights).bit_length() - 1 if self.numbers.each else 0

    @cached_property
    def _counts(self) -> list[tuple[str, int]]:
        """Choose the counts that make the score but for its constant; name and weight of each."""
        ones, zeros = self.numbers.ones >> self._low_bits, self.numbers.zeros >> self._low_bits
        if zeros == 0:
            return [("p", ones)]
        if zeros == ones:
            return [("m", ones)]
        if ones == 0:
            return [("z", zeros)]
        both = [("m", zeros), ("p", ones - zeros)]
        if self.technology == "ice40":
            # Inverted inputs, which z takes, would cost cells there.
            return both
        forms = [[("p", ones), ("z", zeros)], [("m", ones), ("z", zeros - ones)], both]
        return min(forms, key=_terms)

    @cached_property
    def _sums(self) -> tuple[int, int]:
        """Lowest and highest sum of the weighed counts."""
        numbers = self.numbers
        low, high = Numbers(numbers.ones, numbers.zeros).bounds(self.width)
        return low >> self._low_bits, high >> self._low_bits

    @cached_property
    def _sum_bits(self) -> int:
        """Bits of a sum of both counts, which is kept modulo a power of two."""
        low, high = self._sums
        most = max(-low, high)
        return Shape.cast(range(-most if self._signed else 0, most + 1)).width

    @property
    def _signed(self) -> bool:
        """Whether a sum of both counts has two signs."""
        return self._sums[0] < 0 or self._turned

    @property
    def _moves(self) -> bool:
        """Whether the sum takes a cycle more, for a constant or to turn its sign."""
        return self.numbers.each != 0 or self._turned

    @cached_property
    def _turned(self) -> bool:
        """Whether the sum comes out with its sign turned."""
        terms = [term for count in self._counts for term in self._weigh(*count, Const(0))]
        return self._add_up(terms, lambda some, _: self._sum(some)).sign < 0

    def elaborate(self, platform: object) -> Module:
        """Count, weigh, move and clip, each from registers to registers."""
        m = Module()

        terms: list[_Term] = []
        for name, weight in self._counts:
            count = self._counters[name]
            m.submodules[f"count_{name}"] = count
            words = (~self.q, ~self.k) if name == "z" else (self.q, self.k)
            m.d.comb += [count.a.eq(words[0]), count.b.eq(words[1])]
            terms += self._weigh(name, weight, count.o)
        total = self._add_up(terms, partial(self._add, m))
        score = total.value
        if total.source == "both" and self._signed:
            score = score.as_signed()
        if self._moves:
            score = self._moved(m, score)

        if self._clips:
            whole = Signal(range(self._span[1] + 1))
            m.d.comb += whole.eq(score)
            score = self._clip(m, whole)
        m.d.comb += self.o.eq(score)
        return m

    def _moved(self, m: Module, score: Value) -> Value:
        """Add the constant to a sum, or take the sum away from it."""
        bits = self._low_bits
        low, high = self._span
        constant = self.numbers.each * self.width
        # The lowest bits are those of the constant and need no adder.
        upper = Signal(range(low >> bits, (high >> bits) + 1), reset_less=True)
        if self._turned:
            m.d.sync += upper.eq((constant >> bits) - score)
        elif constant < 0:
            m.d.sync += upper.eq(score - -(constant >> bits))
        else:
            m.d.sync += upper.eq(score + (constant >> bits))
        if not bits:
            return upper
        whole = Cat(Const(constant & ((1 << bits) - 1), bits), upper)
        return whole.as_signed() if low < 0 else whole

    def _weigh(self, name: str, weight: int, count: Value) -> list[_Term]:
        """Shift a count for each digit of its weight."""
        return [
            _Term(sign, Cat(Const(0, power), count) if power else count, self.width << power, name)
            for sign, power in signed_digits(weight)
        ]

    def _add(self, m: Module, terms: list[_Term], name: str) -> _Term:
        """Register the sum of one or two terms and return it as a term."""
        added = self._sum(terms)
        width = self._sum_bits if added.source == "both" else added.most.bit_length()
        total = Signal(width, name=name, reset_less=True)
        m.d.sync += total.eq(added.value)
        return _Term(added.sign, total, added.most, added.source)

    def _sum(self, terms: list[_Term]) -> _Term:
        """Add one or two terms."""
        # Greatest first. Digits of one weight fall fast enough that no difference of their sums
        # is negative. A sum of both counts may be; it is kept modulo a power of two.
        first, *others = sorted(terms, key=lambda term: term.most, reverse=True)
        value, most, source = first.value, first.most, first.source
        for other in others:
            if first.sign == other.sign:
                value, most = value + other.value, most + other.most
            else:
                value = value - other.value
            source = source if source == other.source else "both"
        return _Term(first.sign, value, most, source)


def _terms(counts: list[tuple[str, int]]) -> int:
    """Count the shifted copies that are added."""
    return sum(len(signed_digits(weight)) for _, weight in counts)
