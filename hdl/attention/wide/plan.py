"""Geometry of a layer in state order that takes several spikes a cycle."""

from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import ClassVar

from amaranth.hdl import Shape
from amaranth.utils import ceil_log2

from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.memory_map import MemoryShape

__all__ = ["WidePlan"]


@dataclass(frozen=True)
class WidePlan(StatePlan):
    """What follows from a design file with ``folding.spikes`` above 1 by counting.

    Rows of k and q lie in memory as words of ``span`` bits, zeros and all. Bit n of a word belongs
    to port n mod ``ports``, and so do token n of v and row n of the state: each port has a memory
    of its own for both, with its own address.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    """

    @property
    def ports(self) -> int:
        """Spikes a cycle, of k and of q."""
        return self.design.folding.spikes

    @cached_property
    def span(self) -> int:
        """Bits of a word of k or q."""
        return max(self.ports, min(16, 1 << ceil_log2(max(self.tokens, self.places))))

    @property
    def reach(self) -> int:
        """Bits of a word that belong to one port."""
        return self.span // self.ports

    @property
    def key_rows(self) -> int:
        """Rows of k as they lie in memory: where q has padding, rows of zeros."""
        return self.places

    @property
    def key_words(self) -> int:
        """Words of a row of k, one channel over the tokens."""
        return ceil(self.tokens / self.span)

    @property
    def query_words(self) -> int:
        """Words of a row of q, one token over the channels."""
        return ceil(self.places / self.span)

    @property
    def units(self) -> int:
        """Passes of all heads and steps of an inference."""
        return self.design.heads * self.design.steps * self.passes

    @property
    def tail(self) -> int:
        """Cycles by which a stage is longer so that the output is written before it is read.

        The last word of a bank is written two cycles after the bank is given away, and read as many
        cycles after it as there are tokens at the earliest.
        """
        return 0 if self.tokens > 2 else 2

    @property
    def saturates(self) -> bool:
        """Whether state and sums may be clipped."""
        return self.spec is not None and bool(self.neuron.saturating)

    @property
    def starts(self) -> bool:
        """Whether a query's accumulator begins with something of its own."""
        return self.has_membranes or (self.spec is not None and self.neuron.offset != 0)

    @property
    def native(self) -> bool:
        """Whether the lanes are built from iCE40 cells; membranes have a half that stays zero."""
        return super().native and self.membrane_depth <= 1024

    @property
    def entry_shape(self) -> Shape:
        """Shape of a lane's entry of the state: a number of tokens, with a sticky bit on top."""
        if self.spec is not None and self.saturates:
            return Shape(self.neuron.bits - self.spec.fraction + 1)
        return Shape.cast(range(self.tokens + 1))

    @property
    def v_width(self) -> int:
        """Bits of a word of v: whole beats, or a token where a beat is wider."""
        return min(self.beat, self.design.head_dim) if self.v.slices == 1 else self.v.width

    # All are read and written in the same cycles.
    _exclusive: ClassVar[tuple[str, ...]] = ()

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        keys = ceil_log2(self.places) + ceil_log2(self.key_words)
        queries = ceil_log2(self.tokens) + ceil_log2(self.query_words)
        tokens = ceil_log2(self.key_words * self.reach) + ceil_log2(self.v.words)
        rows = ceil_log2(self.query_words * self.reach)
        shapes = [
            MemoryShape("k", self.span, in_banks << keys),
            MemoryShape("q", self.span, in_banks << queries),
            # v and the state have a half that stays zero, for what is not to be added.
            *(
                MemoryShape(f"v{port}", self.v_width, in_banks << tokens + 1, initial="zero")
                for port in range(self.ports)
            ),
            *(
                MemoryShape(
                    f"state{port}",
                    self.lanes * self.entry_shape.width,
                    4 << rows,
                    initial="zero",
                )
                for port in range(self.ports)
            ),
            MemoryShape("o", self.out.width, self._depth(self.out.words, out_banks)),
        ]
        if self.has_membranes:
            width = self.lanes * self.membrane_bits
            depth = self.membrane_depth << self.native
            initial = "zero" if self.native else "any"
            shapes.append(MemoryShape("membrane", width, depth, initial=initial))
        return tuple(shapes)
