"""Similarity of a query and a key as an integer score.

Ref: Spikformer (and); arXiv 2501.16745, equation 9 (xnor); arXiv 2505.10352 (hamming).
"""

from dataclasses import dataclass
from typing import Literal

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.popcount.pairs import PairPopcount

__all__ = ["KINDS", "Similarity", "signed_digits"]

KINDS = ("and", "xnor", "alpha-xnor", "hamming")

_GATES: dict[str, Literal["and", "xnor"]] = {"p": "and", "m": "xnor", "z": "and"}


@dataclass(frozen=True)
class _Term:
    """A term of an alpha-xnor score: sign, magnitude, its greatest value, and what it counts."""

    sign: int
    value: Value
    most: int
    source: str


def signed_digits(value: int) -> list[tuple[int, int]]:
    """Return the canonical signed digits of ``value`` as (sign, power of two) pairs, lowest first.

    No two neighbouring digits are set, so a multiplication by ``value`` takes the fewest adders
    that shifts and additions of one number allow.

    Parameters
    ----------
    value : int
        Non-negative integer.

    >>> signed_digits(7), signed_digits(10), signed_digits(0)
    ([(-1, 0), (1, 3)], [(1, 1), (1, 3)], [])
    """
    if not isinstance(value, int) or value < 0:
        raise TypeError(f"Value must be a non-negative integer, not {value!r}")
    digits = []
    power = 0
    while value:
        if value & 1:
            sign = 2 - (value & 3)
            digits.append((sign, power))
            value -= sign
        value >>= 1
        power += 1
    return digits


class Similarity(wiring.Component):
    """Score how alike two words of spikes are.

    With p the positions where both bits are set, z those where neither is, and m = p + z, the
    score is p for ``and``, m for ``xnor``, ``2**alpha_bits * p + kappa * z`` for ``alpha-xnor``
    and ``2 * m - width`` for ``hamming``. It may be clipped from above.

    The pipeline runs freely: a pair of words is taken and a score given in every cycle,
    ``latency`` cycles apart. ``q`` and ``k`` are not registered here, ``o`` comes from registers;
    none of them is reset, so the first ``latency`` scores after start-up mean nothing.

    ``and`` and ``xnor`` cost one :class:`~spikeloom.hdl.popcount.pairs.PairPopcount`. With
    technology ``"portable"`` it has a register behind every addition, a latency of
    ``max(1, ceil(log2(width)))``; with ``"ice40"`` it takes little more than half the cells and
    half the cycles, 3 from 17 to 128 channels.
    ``hamming`` adds a subtraction of a constant and one cycle. ``alpha-xnor`` takes two counts and
    shifted additions in a tree, a cycle a level; it counts p and z, or m and z where that needs
    fewer additions, or p and m with ``"ice40"``, and only one of them where ``kappa`` is 0 or
    ``2**alpha_bits``. Clipping adds one cycle, unless no score exceeds the bound. Checked against
    :func:`spikeloom.golden.similarity.scores`.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1, Gray bits included.
    kind : str
        ``"and"``, ``"xnor"``, ``"alpha-xnor"`` or ``"hamming"``.
    kappa : int
        Weight of a pair of zeros, from 0 to ``2**alpha_bits``; for ``alpha-xnor``, otherwise 0.
    alpha_bits : int
        Binary logarithm of the weight of a pair of ones, for ``alpha-xnor``, otherwise 0.
    saturate : int or None
        Bound at which scores are clipped, at least 1; not for ``hamming``, whose scores may be
        negative. None clips nothing.
    technology : str
        ``"portable"``, or ``"ice40"`` for counters made of iCE40 cells, which Amaranth's own
        simulator does not know.

    Members
    -------
    q, k : In(width)
        Words to compare, from registers.
    o : Out(range(low, high + 1))
        Score of the pair taken ``latency`` cycles before; the range is ``score_range``.
    """

    q: Signal
    k: Signal
    o: Signal

    def __init__(
        self,
        width: int,
        kind: str,
        *,
        kappa: int = 0,
        alpha_bits: int = 0,
        saturate: int | None = None,
        technology: Literal["portable", "ice40"] = "portable",
    ):
        if not isinstance(width, int) or width < 1:
            raise TypeError(f"Width must be a positive integer, not {width!r}")
        if kind not in KINDS:
            raise ValueError(f"Kind must be one of {', '.join(KINDS)}, not {kind!r}")
        if not isinstance(alpha_bits, int) or alpha_bits < 0:
            raise TypeError(f"Alpha bits must be a non-negative integer, not {alpha_bits!r}")
        if not isinstance(kappa, int) or not 0 <= kappa <= 1 << alpha_bits:
            raise TypeError(f"Kappa must be an integer from 0 to 2**{alpha_bits}, not {kappa!r}")
        if kind != "alpha-xnor" and (kappa or alpha_bits):
            raise ValueError(
                f"Kappa and alpha bits must be 0 for {kind}, not {kappa} and {alpha_bits}"
            )
        if saturate is not None:
            if not isinstance(saturate, int) or saturate < 1:
                raise TypeError(f"Saturate must be a positive integer or None, not {saturate!r}")
            if kind == "hamming":
                raise ValueError(f"Saturate must be None for hamming, not {saturate!r}")
        self._width = width
        self._kind = kind
        self._kappa = kappa
        self._alpha_bits = alpha_bits
        self._saturate = saturate
        self._technology: Literal["portable", "ice40"] = technology
        # A register behind every portable addition: on iCE40 most of them share the addition's
        # cells, so the clock is half as fast again as with two additions a stage, for hardly any
        # area. The cells' plans keep that clock with a register for every two levels, and up to
        # seven levels with three registers.
        levels = ceil_log2(width)
        if technology == "ice40":
            levels = min((levels + 1) // 2, max(3, levels // 2))
        stages = max(1, levels)
        self._counters = {
            name: PairPopcount(width, kind=_GATES[name], technology=technology, stages=stages)
            for name, _, _ in self._counts()
        }
        low, high = self.score_range
        super().__init__({"q": In(width), "k": In(width), "o": Out(range(low, high + 1))})

    @property
    def width(self) -> int:
        """Bits in a word."""
        return self._width

    @property
    def kind(self) -> str:
        """Name of the similarity."""
        return self._kind

    @property
    def kappa(self) -> int:
        """Weight of a pair of zeros in an alpha-xnor score."""
        return self._kappa

    @property
    def alpha_bits(self) -> int:
        """Binary logarithm of the weight of a pair of ones in an alpha-xnor score."""
        return self._alpha_bits

    @property
    def saturate(self) -> int | None:
        """Bound at which scores are clipped."""
        return self._saturate

    @property
    def technology(self) -> Literal["portable", "ice40"]:
        """What the counters are built from."""
        return self._technology

    @property
    def score_range(self) -> tuple[int, int]:
        """Lowest and highest score."""
        low, high = 0, self._width << self._alpha_bits
        if self._kind == "hamming":
            low = -self._width
        elif self._saturate is not None:
            high = min(high, self._saturate)
        return low, high

    @property
    def latency(self) -> int:
        """Cycles from a pair of words to its score."""
        latency = max(counter.latency for counter in self._counters.values())
        latency += int(self._kind == "hamming")
        terms = sum(len(signed_digits(weight)) for _, weight, _ in self._counts())
        while terms > 1:
            terms = -(-terms // 2)
            latency += 1
        return latency + int(self._clips)

    @property
    def _clips(self) -> bool:
        """Whether a score may exceed the bound."""
        return self._saturate is not None and self._saturate < self._width << self._alpha_bits

    def _counts(self) -> list[tuple[str, int, int]]:
        """Return the counts that make the score: name, magnitude of the weight, its sign."""
        if self._kind == "and":
            return [("p", 1, 1)]
        if self._kind != "alpha-xnor":
            return [("m", 1, 1)]
        one = 1 << self._alpha_bits
        if self._kappa == 0:
            return [("p", one, 1)]
        if self._kappa == one:
            return [("m", one, 1)]
        if self._technology == "ice40":
            # Inverted inputs, which z takes, would cost cells there.
            return [("m", self._kappa, 1), ("p", one - self._kappa, 1)]
        # 2**f p + kappa z is also 2**f m - (2**f - kappa) z.
        if len(signed_digits(one - self._kappa)) < len(signed_digits(self._kappa)):
            return [("m", one, 1), ("z", one - self._kappa, -1)]
        return [("p", one, 1), ("z", self._kappa, 1)]

    def elaborate(self, platform: object) -> Module:
        """Count, weigh, and clip, each from registers to registers."""
        m = Module()

        terms: list[_Term] = []
        for name, weight, sign in self._counts():
            count = self._counters[name]
            m.submodules[f"count_{name}"] = count
            words = (~self.q, ~self.k) if name == "z" else (self.q, self.k)
            m.d.comb += [count.a.eq(words[0]), count.b.eq(words[1])]
            for digit, power in signed_digits(weight):
                shifted: Value = Cat(Const(0, power), count.o) if power else count.o
                terms.append(_Term(sign * digit, shifted, self._width << power, name))

        level = 0
        while len(terms) > 1:
            level += 1
            terms = [
                self._add(m, terms[first : first + 2], f"sum{level}_{first // 2}")
                for first in range(0, len(terms), 2)
            ]
        score = terms[0].value

        if self._kind == "hamming":
            # 2 m - width needs no adder for its lowest bit, which is that of width.
            upper = Signal(range(-((self._width + 1) // 2), self._width // 2 + 1), reset_less=True)
            m.d.sync += upper.eq(score - (self._width + 1) // 2)
            score = Cat(Const(self._width & 1, 1), upper).as_signed()

        if self._saturate is not None and self._clips:
            whole = Signal(range((self._width << self._alpha_bits) + 1))
            clipped = Signal(range(self._saturate + 1), reset_less=True)
            m.d.comb += whole.eq(score)
            m.d.sync += clipped.eq(Mux(at_least(whole, self._saturate), self._saturate, whole))
            score = clipped

        m.d.comb += self.o.eq(score)
        return m

    def _add(self, m: Module, terms: list[_Term], name: str) -> _Term:
        """Register the sum of one or two terms and return it as a term."""
        # Greatest first. Digits of one weight fall fast enough that no difference of their sums
        # is negative. A sum of both counts may be; it is kept modulo the width of the score.
        first, *others = sorted(terms, key=lambda term: term.most, reverse=True)
        value, most, source = first.value, first.most, first.source
        for other in others:
            if first.sign == other.sign:
                value, most = value + other.value, most + other.most
            else:
                value = value - other.value
            source = source if source == other.source else "both"
        width = (self._width << self._alpha_bits if source == "both" else most).bit_length()
        total = Signal(width, name=name, reset_less=True)
        m.d.sync += total.eq(value)
        return _Term(first.sign, total, most, source)
