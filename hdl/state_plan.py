"""Geometry of a layer in state order: chunks of spikes, state and membranes."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.utils import ceil_log2

from .plan import MemoryShape, Plan, ebr_blocks

__all__ = ["StatePlan"]


@dataclass(frozen=True)
class StatePlan(Plan):
    """What follows from a design file in state order by counting.

    Rows of k (a channel, over the tokens) and rows of q (a token, over the channels) are kept as chunks: a few bits,
    where in the row they stand, and two flags. Chunks without a spike are not kept.

    Parameters
    ----------
    design : Design
        The layer, with ``folding.order`` "state".
    """

    @property
    def chunk(self) -> int:
        """Bits of a chunk."""
        return min(4, self.beat)

    @property
    def chunks(self) -> tuple[int, int]:
        """Chunks of a row of k and of a row of q."""
        return ceil(self.tokens / self.chunk), ceil(self.width / self.chunk)

    @cached_property
    def entry(self) -> data.StructLayout:
        """Layout of a kept chunk: the first of its row, a row of q, the last of all."""
        return data.StructLayout(
            {
                "bits": self.chunk,
                "place": ceil_log2(max(self.chunks)),
                "first": 1,
                "query": 1,
                "last": 1,
            }
        )

    @property
    def lane_shape(self) -> Shape:
        """Shape of a lane's accumulator, and of its state."""
        return self.drive_shape if self.spec is None else self.neuron.acc_shape

    @property
    def starts(self) -> bool:
        """Whether a query's accumulator has to be loaded with something before its first spike."""
        return self.has_membranes or (self.spec is not None and self.neuron.offset != 0)

    @property
    def state_depth(self) -> int:
        """Words of state; the upper half is zero and stays so."""
        return 2 << ceil_log2(self.width)

    @cached_property
    def v_zero(self) -> bool:
        """Whether a half of v that stays zero is for nothing."""
        width, depth = self.slices * self.beat, self._depth(self.words, 2)
        return ebr_blocks(width, 2 * depth) == ebr_blocks(width, depth)

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        keys, queries = self.chunks
        values = self._depth(self.words, in_banks)
        chunks = self.head_dim * keys + self.tokens * queries
        shapes = [
            MemoryShape("chunks", self.entry.size, in_banks << ceil_log2(chunks)),
            MemoryShape("v", self.slices * self.beat, values << self.v_zero),
            MemoryShape("o", self.out_slices * self.beat, self._depth(self.out_words, out_banks)),
            MemoryShape("state", self.lanes * self.lane_shape.width, self.state_depth),
        ]
        if self.has_membranes:
            width = self.lanes * self.neuron.membrane_shape.width
            shapes.append(MemoryShape("membrane", width, self.membrane_depth))
        return tuple(shapes)
