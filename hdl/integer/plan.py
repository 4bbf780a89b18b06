"""Geometry of attention on small integers: entries, words, banks, accumulators."""

from dataclasses import dataclass, replace
from functools import cached_property
from math import ceil

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.utils import ceil_log2

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, bits
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.unloader import OutputWords
from spikeloom.hdl.frame.words import TokenWords
from spikeloom.hdl.neuron import NeuronFormat

__all__ = ["IntegerPlan"]


@dataclass(frozen=True)
class IntegerPlan(BankedPlan):
    """Everything about a layer's structure that follows from its design file by counting.

    Parameters
    ----------
    design : IntegerDesign
        The layer.
    accumulate : bool
        Whether drives add up over the steps: one output an inference, and v that stays. For a
        design without a neuron and with one head.
    """

    design: IntegerDesign
    accumulate: bool = False

    @cached_property
    def spec(self) -> NeuronSpec | None:
        """Integer neuron of lif and if."""
        return integer.neuron(self.design)

    @cached_property
    def levels(self) -> tuple[int, ...]:
        """Thresholds of multispike; empty for other neurons."""
        return integer.thresholds(self.design) if self.design.neuron == "multispike" else ()

    @cached_property
    def ranges(self) -> Ranges:
        """Ranges of the numbers."""
        spans = integer.ranges(self.design)
        if not self.accumulate:
            return spans
        low, high = (self.design.steps * end for end in spans.drive)
        return replace(spans, drive=(low, high), membrane=(low, high))

    @cached_property
    def neuron(self) -> NeuronFormat:
        """Layout of the neurons lif and if."""
        assert self.spec is not None
        return NeuronFormat(self.spec, self.ranges)

    @property
    def rows(self) -> int:
        """Channels of q and k a head, which are the rows of state."""
        return self.design.head_dim

    @property
    def values(self) -> int:
        """Channels of v a head."""
        return self.design.value_head_dim

    @property
    def planes(self) -> int:
        """Bits of a value of q and k."""
        return self.design.code_bits

    @property
    def copies(self) -> int:
        """Times that a row of state is kept: once for each bit of q, doubled."""
        return self.design.q_max.bit_length()

    @property
    def per(self) -> int:
        """Values of q and k in a beat."""
        return self.design.per_beat(self.planes)

    @cached_property
    def v(self) -> TokenWords:
        """How v lies in its memory."""
        return TokenWords(self.values, self.design.value_bits, self.lanes, self.beat)

    @cached_property
    def out(self) -> TokenWords:
        """How the answer lies in its memory: numbers of few bits, or drives."""
        if self.design.out_bits is not None:
            return TokenWords(self.values, self.design.out_bits, self.lanes, self.beat)
        drive = bits(*self.ranges.drive)[0]
        return TokenWords(self.values, drive, self.lanes, self.beat, whole=True)

    @property
    def passes(self) -> int:
        """Groups of ``lanes`` channels that the values of a head take."""
        return ceil(self.values / self.lanes)

    @property
    def entry(self) -> data.StructLayout:
        """Layout of a kept beat of q or k.

        Its values, the index of the first of them, and whether it is the row's last. Whether it has
        at most one set bit, or none, is known where it is written and needed early where it is
        read.
        """
        return data.StructLayout(
            {
                "bits": self.per * self.planes,
                "place": ceil_log2(ceil(max(self.tokens, self.rows) / self.per)),
                "last": 1,
                "single": 1,
                "empty": 1,
            }
        )

    @property
    def entries(self) -> int:
        """Most entries of a head and step."""
        keys, queries = ceil(self.tokens / self.per), ceil(self.rows / self.per)
        return self.rows * keys + self.tokens * queries

    @property
    def fraction(self) -> int:
        """Fraction bits of the accumulators."""
        return 0 if self.spec is None else self.spec.fraction

    @property
    def saturating(self) -> bool:
        """Whether accumulators are clipped, with a sticky bit on top."""
        return self.ranges.saturate is not None

    @property
    def top(self) -> int:
        """Bits below the sticky bit: enough for the highest threshold."""
        if self.spec is not None:
            return self.neuron.bits
        return max(1, ceil_log2(self.levels[-1]))

    @property
    def offset(self) -> int:
        """What the accumulator of a query begins with, at membrane 0.

        It fires, or reaches the highest level, where its top bit says so.
        """
        if self.spec is not None:
            return self.neuron.offset
        if not self.levels:
            return 0
        return ((1 << self.top) if self.saturating else 0) - self.levels[-1]

    @cached_property
    def acc_shape(self) -> Shape:
        """Shape of an accumulator: rows of state, and queries from their offset on."""
        if self.saturating:
            return Shape(self.top + 1)
        low, high = (end << self.fraction for end in self.ranges.drive)
        ends = [min(low, 0), max(high, 0)]
        if self.spec is not None:
            span = self.neuron.acc_shape
            signed = int(span.signed)
            ends += [-signed << span.width - 1, (1 << span.width - signed) - 1]
        elif self.levels:
            ends += [low + self.offset, high + self.offset + self.levels[-1] - self.levels[0]]
        return Shape.cast(range(min(ends), max(ends) + 1))

    @property
    def registered(self) -> bool:
        """Whether what is added goes through a register first, for the clock of long adders."""
        return self.acc_shape.width > 13

    @property
    def overhead(self) -> int:
        """Cycles of a pass beside its rows."""
        return 7 if self.registered else 5

    @property
    def starts(self) -> bool:
        """Whether queries begin with something: an offset, a membrane, the steps before."""
        return self.spec is not None or bool(self.levels) or self.accumulate

    @property
    def keeps(self) -> int:
        """Bits a channel keeps from step to step; 0 for none."""
        if self.accumulate:
            return self.acc_shape.width
        if self.spec is None or self.design.steps == 1:
            return 0
        return self.neuron.membrane_shape.width

    @property
    def gated(self) -> bool:
        """Whether state is gated where it is not to be added.

        Elsewhere it is read from a half of its memory that stays zero, which fills what an EBR
        holds anyway.
        """
        return 2 * self.state_depth > 256

    @property
    def state_depth(self) -> int:
        """Words of state: a row and its doubles."""
        return 1 << ceil_log2(self.rows) + ceil_log2(self.copies)

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        lane = self.acc_shape.width
        shapes = [
            MemoryShape("entries", self.entry.size, in_banks << ceil_log2(self.entries)),
            MemoryShape("v", self.v.width, self._depth(self.v.words, in_banks)),
        ]
        if not self.accumulate:
            shapes.append(MemoryShape("o", self.out.width, self._depth(self.out.words, out_banks)))
        if self.keeps:
            shapes.append(
                MemoryShape("membrane", self.lanes * self.keeps, self._depth(self.passes, 1))
            )
        state = self.state_depth * (1 if self.gated else 2)
        initial = "any" if self.gated else "zero"
        return (*shapes, MemoryShape("state", self.lanes * lane, state, initial=initial))

    @cached_property
    def _banks(self) -> tuple[int, int]:
        return (1, 1) if self.accumulate else super()._banks

    def _may_move(self, shape: MemoryShape) -> bool:
        # State is read while it is written, as are membranes two cycles late; SPRAM writes by
        # nibbles.
        if self._banks != (1, 1) or shape.name == "state":
            return False
        if shape.name == "membrane" and self.registered:
            return False
        part = {"v": self.v.filled, "o": self.out.part}.get(shape.name, shape.width)
        return part == shape.width or part in (4, 8, 16)

    @property
    def o(self) -> MemoryShape:
        """Memory that the output is read from."""
        return self.memory("membrane" if self.accumulate else "o")

    @property
    def answer(self) -> OutputWords:
        """How the answer of a head and step lies there; where drives accumulate, of all steps."""
        runs = 1 if self.accumulate else self.design.heads * self.design.steps
        return self.out.answer(self.tokens, runs, self.out_banks, self.o.depth)

    @property
    def paced(self) -> bool:
        """Whether every query takes two slots: membranes are not read and written at once."""
        return "membrane" in self.single_ported
