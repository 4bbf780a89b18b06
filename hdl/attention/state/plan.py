"""Geometry of a layer in state order: chunks of spikes, state and membranes."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil, gcd
from typing import ClassVar

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.utils import ceil_log2

from spikeloom.design.similarity import Similarity
from spikeloom.golden import position
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.memory_map import MemoryShape, ebr_blocks
from spikeloom.hdl.neuron import NeuronFormat

__all__ = ["StatePlan", "Weights"]


@dataclass(frozen=True)
class Weights:
    """How the drive follows from the state, with u the sum of all values of a channel.

    A row of state is ``key`` times the sum of the values of the tokens whose key spikes, less
    ``zeros`` times u; the drive of a query is the sum of its channels' rows and a base, to which
    every row of k gives ``base`` times u less ``zeros`` times the values of its spikes. See
    docs/cores/attention/state.rst for the proof.

    ``kept`` times u is what is counted as values come in; u enters a row of state ``taken`` times
    that, with a minus, and the base ``added`` times.
    """

    key: int
    zeros: int
    base: int

    @classmethod
    def of(cls, how: Similarity) -> "Weights":
        """Take the numbers of a similarity."""
        return cls(how.ones + how.zeros, how.zeros, how.zeros + how.each)

    @property
    def kept(self) -> int:
        """The greatest number that both of u's weights are multiples of; 0 where both are 0."""
        return gcd(self.zeros, self.base)

    @property
    def taken(self) -> int:
        """How often ``kept`` goes into ``zeros``."""
        return self.zeros // self.kept if self.kept else 1

    @property
    def added(self) -> int:
        """How often ``kept`` goes into ``base``."""
        return self.base // self.kept if self.kept else 1


@dataclass(frozen=True)
class StatePlan(Plan):
    """What follows from a design file in state order by counting.

    Rows of k (a channel, over the tokens) and rows of q (a token, over the channels) are kept as
    chunks: a few bits, where in the row they stand, and two flags. Chunks without a spike are not
    kept.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state".
    """

    @property
    def chunk(self) -> int:
        """Bits of a chunk."""
        return min(4, self.beat)

    @property
    def places(self) -> int:
        """Channels of k and q as they lie in memory: a position code begins a beat of its own."""
        code = self.design.code_bits
        return self.beats * self.beat + code if code else self.design.head_dim

    @property
    def key_rows(self) -> int:
        """Rows of k as they lie in memory."""
        return self.design.channels

    @property
    def query_beats(self) -> int:
        """Beats of a token of q, with those of its position code."""
        return self.beats + ceil(self.design.code_bits / self.beat)

    @property
    def chunks(self) -> tuple[int, int]:
        """Chunks of a row of k and of a row of q."""
        return ceil(self.tokens / self.chunk), ceil(self.places / self.chunk)

    @cached_property
    def entry(self) -> data.StructLayout:
        """Layout of a kept chunk.

        Whether it holds one spike or none is known where it is written and needed early where it is
        read.
        """
        return data.StructLayout(
            {
                "bits": self.chunk,
                "place": ceil_log2(max(self.chunks)),
                "first": 1,
                "end": 1,
            }
            | ({"single": 1, "empty": 1} if self.counted else {})
            | ({"ones": 1} if self.windowed else {})
        )

    @property
    def counted(self) -> bool:
        """Whether chunks say how many spikes they have: not where that makes them 17 bits wide."""
        return self.chunk + ceil_log2(max(self.chunks)) + 4 + self.windowed <= 16

    @cached_property
    def weights(self) -> tuple[Weights, ...]:
        """Weights of every head."""
        return tuple(Weights.of(how) for how in self.design.similarities)

    @property
    def weighed(self) -> bool:
        """Whether heads have alphas of their own."""
        return len(set(self.weights)) > 1

    @cached_property
    def reaches(self) -> tuple[int, ...]:
        """Half-widths of the windows that the bias is the sum of."""
        return tuple(position.windows(self.design))

    @property
    def levels(self) -> int:
        """Highest bias."""
        return len(self.reaches)

    @property
    def windows(self) -> tuple[int, ...]:
        """Half-widths of the windows that move; wider ones hold every token of every query."""
        return tuple(width for width in self.reaches if width < self.tokens - 1)

    @property
    def summed(self) -> bool:
        """Whether the sum of all values of a channel is needed."""
        return any(weights.kept for weights in self.weights)

    @property
    def windowed(self) -> bool:
        """Whether there is a bias, whose windows begin with a row of all tokens."""
        return bool(self.reaches)

    @property
    def based(self) -> bool:
        """Whether queries have something in common that no row of state holds."""
        return self.summed or self.windowed

    @cached_property
    def neuron(self) -> NeuronFormat:
        """Layout of the neurons: the rows of state have both signs unless nothing is taken away.

        The base holds the offset, where there is one.
        """
        spec = super().neuron.spec
        return NeuronFormat(spec, self.ranges, False if self.based else None, self.based)

    @property
    def native(self) -> bool:
        """Whether the lanes are built from iCE40 cells: SSA's neuron, with nothing to scale.

        They keep a bit more a membrane, which many membranes have no room for.
        """
        if self.design.target.cells != "ice40" or self.spec is None or self.based:
            return False
        if self.neuron.by_head:
            return False
        if self.membrane_depth > 2048:
            return False
        neuron = self.neuron
        spec = neuron.spec
        halves = (spec.keep, spec.divisor, spec.up) == (1, 2, False)
        plain = spec.fraction == 0 and halves and self.weights[0].key == 1
        return bool(neuron.saturating) and plain and neuron.offset == 0 and neuron.bits > 1

    @property
    def membrane_bits(self) -> int:
        """Bits that a lane keeps from step to step."""
        return self.neuron.kept_bits(cells=self.native)

    @property
    def paced(self) -> bool:
        """Whether a query takes two slots at least, since its membranes have one port."""
        return "membrane" in self.single_ported

    @property
    def lane_shape(self) -> Shape:
        """Shape of a lane's accumulator."""
        return self.drive_shape if self.spec is None else self.neuron.acc_shape

    @property
    def fraction(self) -> int:
        """Low bits of an accumulator that nothing but membranes and offset sets."""
        return 0 if self.spec is None else self.spec.fraction

    @cached_property
    def state_shape(self) -> Shape:
        """Shape of a lane's state: an accumulator's, or what a row of k can come to."""
        if self.spec is not None and self.neuron.saturating:
            return self.lane_shape
        # A token adds what its key's bit is worth: a pair of ones, or less a pair of zeros.
        worth = {0, *(weights.key - weights.zeros for weights in self.weights)}
        worth |= {-weights.zeros for weights in self.weights}
        shape = Shape.cast(range(min(worth) * self.tokens, max(worth) * self.tokens + 1))
        # Sums are modulo the accumulator, so more bits than it has are for nothing.
        return Shape(min(shape.width, self.lane_shape.width - self.fraction), shape.signed)

    @property
    def sum_shape(self) -> Shape:
        """Shape of ``kept`` times the sum of all values of a channel, less one."""
        return Shape.cast(range(-1, max(weights.kept for weights in self.weights) * self.tokens))

    @property
    def state_depth(self) -> int:
        """Words of state; the upper half is zero and stays so."""
        return 2 << ceil_log2(self.places)

    _exclusive: ClassVar[tuple[str, ...]] = ("chunks", "v", "o", "membrane")

    @property
    def v_zero(self) -> bool:
        """Whether v has a half that stays zero, from where what is not to be added is read."""
        return self._v_half and "v" not in self.single_ported

    @cached_property
    def _v_half(self) -> bool:
        """Whether that half is for nothing."""
        return _half_free(self.v.width, self._depth(self.v.words, 2))

    @property
    def membrane_zero(self) -> bool:
        """Whether membranes have such a half, for what starts from none."""
        return self._membrane_half and not self.paced

    @cached_property
    def _membrane_half(self) -> bool:
        return _half_free(self.lanes * self.membrane_bits, self.membrane_depth)

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        keys, queries = self.chunks
        values = self._depth(self.v.words, in_banks)
        chunks = (self.design.channels + self.windowed) * keys + self.tokens * queries
        shapes = [
            MemoryShape("chunks", self.entry.size, in_banks << ceil_log2(chunks)),
            MemoryShape(
                "v",
                self.v.width,
                values << self._v_half,
                initial="zero" if self._v_half else "any",
            ),
            MemoryShape("o", self.out.width, self._depth(self.out.words, out_banks)),
            MemoryShape(
                "state", self.lanes * self.state_shape.width, self.state_depth, initial="zero"
            ),
        ]
        if self.has_membranes:
            width = self.lanes * self.membrane_bits
            depth = self.membrane_depth << self._membrane_half
            # Where the preset knows the first step, it does not look at what was read.
            masked = not self.native and not self.neuron.apart
            initial = "zero" if self._membrane_half and not masked else "any"
            shapes.append(MemoryShape("membrane", width, depth, initial=initial))
        if self.summed:
            width = self.beat * self.sum_shape.width
            depth = 2 << ceil_log2(self.v.words) + ceil_log2(in_banks)
            shapes.append(MemoryShape("sums", self.v.slices * width, depth, initial="ones"))
            if self.beats > 1:
                depth = 2 << ceil_log2(self.beats)
                shapes.append(MemoryShape("counts", width, depth, initial="ones"))
        return tuple(shapes)


def _half_free(width: int, depth: int) -> bool:
    return ebr_blocks(width, 2 * depth) == ebr_blocks(width, depth)
