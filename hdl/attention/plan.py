"""Geometry of a layer: words, addresses, banks and what the memories take.

Addresses are concatenations (bank, token, word), never products, so that no memory needs an adder.
Dimensions that are no powers of two leave gaps; an EBR is 256 words deep, so up to 256 tokens the
gaps cost nothing.
"""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import ClassVar

from amaranth.hdl import Shape

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, bits, ranges
from spikeloom.hdl.attention.channels import channel_tables
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.unloader import OutputWords
from spikeloom.hdl.frame.words import TokenWords
from spikeloom.hdl.neuron import NeuronFormat

__all__ = ["Plan"]


@dataclass(frozen=True)
class Plan(BankedPlan):
    """Everything about a layer's structure that follows from its design file by counting.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    """

    design: AttentionDesign

    @cached_property
    def spec(self) -> NeuronSpec | None:
        """Integer neuron, or None where the layer ends at the drive."""
        return None if self.design.neuron == "none" else NeuronSpec.each(self.design)[0]

    @cached_property
    def ranges(self) -> Ranges:
        """Ranges of scores, drives and membranes."""
        return ranges(self.design)

    @property
    def tokens(self) -> int:
        """Queries of a run, N, or c N where a run is a chunk of c steps."""
        return self.design.chunk_queries

    @property
    def keys(self) -> int:
        """Keys of a run, M or c M."""
        return self.design.chunk_keys

    @property
    def longest(self) -> int:
        """Tokens of the longest section of a run."""
        return max(self.tokens, self.keys)

    @property
    def beats(self) -> int:
        """Beats a token takes in one section."""
        return self.design.beats_per_token

    @property
    def rows(self) -> int:
        """Queries in parallel."""
        return self.design.folding.rows

    @property
    def passes(self) -> int:
        """Groups of ``lanes`` channels that a head's values take."""
        return ceil(self.design.head_dim / self.lanes)

    @property
    def blocks(self) -> int:
        """Groups of ``rows`` queries that the tokens take."""
        return ceil(self.tokens / self.rows)

    @cached_property
    def v(self) -> TokenWords:
        """How the values of a token lie in their memory."""
        return TokenWords(self.design.head_dim, 1, self.lanes, self.beat)

    @cached_property
    def out(self) -> TokenWords:
        """How the answer of a token lies in its memory: spikes, or drives without a neuron."""
        if self.spec is not None:
            return self.v
        drive = bits(*self.ranges.drive)[0]
        return TokenWords(self.design.head_dim, drive, self.lanes, self.beat, whole=True)

    @cached_property
    def neuron(self) -> NeuronFormat:
        """Layout of the neurons' accumulators and membranes."""
        return NeuronFormat(NeuronSpec.each(self.design)[0], self.ranges)

    @property
    def score_shape(self) -> Shape:
        """Shape of a score, clipped where that is exact."""
        low, high = self.ranges.clipped_score
        return Shape.cast(range(low, high + 1))

    @property
    def drive_shape(self) -> Shape:
        """Shape of a drive."""
        low, high = self.ranges.drive
        return Shape.cast(range(low, high + 1))

    @property
    def has_membranes(self) -> bool:
        """Whether anything is kept from step to step."""
        return (
            self.spec is not None and self.design.steps > 1 and self.neuron.membrane_shape.width > 0
        )

    @property
    def membrane_depth(self) -> int:
        """Words of the membrane memory."""
        return self._depth(self.passes, 1, self.design.tokens)

    @property
    def passes_on(self) -> bool:
        """Whether the row that enters is the token that leaves, one step of its chunk later."""
        return self.design.chunk > 1 and self.passes == 1 and self.rows == self.design.tokens

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        shapes = [
            MemoryShape("k", self.beats * self.beat, self._depth(1, in_banks, self.keys)),
            MemoryShape("q", self.beats * self.beat, self._depth(1, in_banks)),
            MemoryShape("v", self.v.width, self._depth(self.v.words, in_banks, self.keys)),
            MemoryShape("o", self.out.width, self._depth(self.out.words, out_banks)),
        ]
        if self.has_membranes:
            width = self.lanes * self.neuron.membrane_shape.width
            shapes.append(MemoryShape("membrane", width, self.membrane_depth))
        if self.spec is not None and self.neuron.by_channel:
            tables = channel_tables(self.design, self.neuron)
            shapes += [table.memory for table in tables if table.in_block]
        return tuple(shapes)

    #: Memories that may be single-ported: with one bank never read and written in one cycle.
    _exclusive: ClassVar[tuple[str, ...]] = ("k", "q", "v", "o")

    def _may_move(self, shape: MemoryShape) -> bool:
        # SPRAM writes by nibbles, and holds no zeros where nothing was written.
        whole = self.design.head_dim % self.beat == 0
        nibbles = self.beat in (4, 8, 16) and (self.v.shared == 1 or self.lanes % 4 == 0)
        alone = self._banks == (1, 1) and shape.name in self._exclusive
        return alone and nibbles and (shape.name != "o" or whole)

    @property
    def answer(self) -> OutputWords:
        """How the answer of a head and step lies there."""
        runs = self.design.heads * self.design.chunks
        return self.out.answer(self.tokens, runs, self.out_banks, self.o.depth)
