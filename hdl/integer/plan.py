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

    @property
    def v_per(self) -> int:
        """Values of v in a beat."""
        return self.design.per_beat(self.design.value_bits)

    @property
    def v_beats(self) -> int:
        """Beats of a token of v."""
        return ceil(self.values / self.v_per)

    @property
    def passes(self) -> int:
        """Groups of ``lanes`` channels that the values of a head take."""
        return ceil(self.values / self.lanes)

    @property
    def slices(self) -> int:
        """Beats in a word of v: a pass, or a beat where that is wider."""
        return ceil(self.lanes / self.v_per)

    @property
    def v_words(self) -> int:
        """Words of v a token takes."""
        return ceil(self.v_beats / self.slices)

    @property
    def v_shared(self) -> int:
        """Passes in a word of v."""
        return self.v_per // self.lanes if self.lanes < min(self.v_per, self.values) else 1

    @property
    def out_bits(self) -> int:
        """Bits of an output."""
        if self.design.out_bits is not None:
            return self.design.out_bits
        return self.out_parts * self.beat

    @property
    def out_parts(self) -> int:
        """Beats of a drive."""
        return ceil(bits(*self.ranges.drive)[0] / self.beat)

    @property
    def out_per(self) -> int:
        """Outputs in a beat; 0 where an output takes whole beats."""
        return 0 if self.design.out_bits is None else self.design.per_beat(self.out_bits)

    @property
    def out_beats(self) -> int:
        """Beats of a token at the output."""
        if not self.out_per:
            return self.values * self.out_parts
        return ceil(self.values / self.out_per)

    @property
    def out_slices(self) -> int:
        """Beats in an output word."""
        return ceil(self.lanes / self.out_per) if self.out_per else self.lanes * self.out_parts

    @property
    def out_words(self) -> int:
        """Output words a token takes."""
        return ceil(self.out_beats / self.out_slices)

    @property
    def out_shared(self) -> int:
        """Passes in an output word."""
        return self.out_per // self.lanes if self.lanes < min(self.out_per, self.values) else 1

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
            MemoryShape("v", self._v_word, self._depth(self.v_words, in_banks)),
        ]
        if not self.accumulate:
            shapes.append(MemoryShape("o", self._o_word, self._depth(self.out_words, out_banks)))
        if self.keeps:
            shapes.append(
                MemoryShape("membrane", self.lanes * self.keeps, self._depth(self.passes, 1))
            )
        state = self.state_depth * (1 if self.gated else 2)
        initial = "any" if self.gated else "zero"
        return (*shapes, MemoryShape("state", self.lanes * lane, state, initial=initial))

    @property
    def _v_word(self) -> int:
        return self.slices * self.v_granularity

    @property
    def v_granularity(self) -> int:
        """Bits of a beat of v that hold values."""
        return self.v_per * self.design.value_bits

    @property
    def _o_word(self) -> int:
        return self.out_slices * self.o_beat

    @property
    def o_beat(self) -> int:
        """Bits of a beat of output that hold something."""
        return self.out_per * self.out_bits if self.out_per else self.beat

    @property
    def o_granularity(self) -> int:
        """Bits that one write enable of the output memory covers."""
        return self.lanes * self.out_bits if self.out_shared > 1 else self._o_word

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
        part = {"v": self.v_granularity, "o": self.o_granularity}.get(shape.name, shape.width)
        return part == shape.width or part in (4, 8, 16)

    @property
    def o(self) -> MemoryShape:
        """Memory that the output is read from."""
        return self.memory("membrane" if self.accumulate else "o")

    @property
    def answer(self) -> OutputWords:
        """How the answer of a head and step lies there; where drives accumulate, of all steps."""
        return OutputWords(
            beat=self.beat,
            filled=self.o_beat,
            slices=self.out_slices,
            tail=self.out_beats - (self.out_words - 1) * self.out_slices,
            words=self.out_words,
            tokens=self.tokens,
            runs=1 if self.accumulate else self.design.heads * self.design.steps,
            banks=self.out_banks,
            depth=self.o.depth,
        )

    @property
    def paced(self) -> bool:
        """Whether every query takes two slots: membranes are not read and written at once."""
        return "membrane" in self.single_ported
