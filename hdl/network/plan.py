"""A network before any cell is placed: its program and its memories."""

from functools import cached_property, lru_cache
from math import ceil

from amaranth.utils import ceil_log2

from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.hdl.attention.layer import AttentionLayer, layer_plan
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import LayerPlan
from spikeloom.hdl.network.program.lowered import Lowered

__all__ = ["NetworkPlan", "network_plan"]


class NetworkPlan(Lowered, LayerPlan):
    """What follows from the design of a network: its program, and its memories.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    """

    @cached_property
    def readout_places(self) -> int | None:
        """Bits by which sums of the read-out move up; None where it is now one, now two."""
        moves = {
            1 + one.flags.get("twice", 0)
            for one in self.program.passes
            if one.flags.get("reads_out") and one.flags.get("double")
        }
        if len(moves) > 1:
            return None
        return next(iter(moves), self.planes)

    @cached_property
    def program_shape(self) -> MemoryShape:
        """The memory of the program."""
        words = len(self.program.words)
        if not self.design.loaded:
            return MemoryShape("program", self.lanes, words, rom=True, initial="table")
        # Behind it come its CRC, and a word for frames that are too long.
        depth = 1 << ceil_log2(words + ceil(3 * BEAT / self.lanes))
        return MemoryShape("program", self.lanes, depth, single_port=True)

    @property
    def loaded(self) -> bool:
        """Whether the program is sent over the stream before the first inference."""
        return self.design.loaded

    @cached_property
    def _others(self) -> tuple[MemoryShape, ...]:
        design = self.design
        found = [
            MemoryShape(f"spikes{t}_{p}", self.lanes, self.depth)
            for t in range(design.steps)
            for p in range(self.at_once)
        ]
        width = design.steps * self.at_once * self.widths.total
        found.append(MemoryShape("sums", width, 1 << self.row_bits))
        if self.keys_turned:
            depth = 1 << ceil_log2(ceil(design.tokens / BEAT)) + ceil_log2(design.dim)
            found.append(MemoryShape("keys", design.steps * BEAT, depth))
        if self.inner is not None:
            found += layer_plan(self.inner).memories
        return tuple(found)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """All memories, those of the attention layer among them."""
        return (self.program_shape, *self._others)

    def attention(self) -> AttentionLayer:
        """Make the attention layer, of a network that has one."""
        return AttentionLayer(self.layer, lengths=self.lengths)


@lru_cache(maxsize=8)
def network_plan(design: NetworkDesign) -> NetworkPlan:
    """Return the plan of a network, whose program takes a second to write once for all."""
    return NetworkPlan(design)
