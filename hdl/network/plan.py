"""Geometry of a network: where activations lie, how wide numbers get, what the memories are."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Final

from amaranth.utils import ceil_log2

from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.hdl.attention.layer import AttentionLayer, layer_plan
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.network.program import Program, assemble
from spikeloom.hdl.network.widths import Widths, widths
from spikeloom.hdl.network.words import Sections

__all__ = ["NetworkPlan", "Tensor"]


@dataclass(frozen=True)
class Tensor:
    """Spikes of a layer in the memories of activations.

    A slot holds ``lanes`` channels of all tokens, row by row of tokens.

    Parameters
    ----------
    slot : int
        Its first slot.
    slots : int
        Slots of one bit of all its channels.
    planes : int
        Bits of a value; a bit of all channels after the other.
    """

    slot: int
    slots: int
    planes: int = 1

    @property
    def end(self) -> int:
        """The slot behind the last."""
        return self.slot + self.slots * self.planes


class NetworkPlan:
    """What follows from the design of a network before any cell is placed.

    Parameters
    ----------
    design : NetworkDesign
        The network.
    """

    def __init__(self, design: NetworkDesign):
        self.design: Final = design

    @property
    def lanes(self) -> int:
        """Input channels at once, L."""
        return self.design.folding.lanes

    @property
    def columns(self) -> int:
        """Words of 16 bits that the lanes take."""
        return self.lanes // BEAT

    @property
    def at_once(self) -> int:
        """Tokens at once, P."""
        return self.design.folding.tokens

    @property
    def planes(self) -> int:
        """Bits of a weight at once."""
        return self.design.folding.planes

    @property
    def rows(self) -> int:
        """Groups of tokens that are computed at once."""
        return ceil(self.design.tokens / self.at_once)

    @property
    def row_bits(self) -> int:
        """Bits of a row's number."""
        return ceil_log2(self.rows)

    def slots(self, channels: int) -> int:
        """Count the slots that a bit of so many channels takes."""
        return ceil(channels / self.lanes)

    @property
    def input_words(self) -> int:
        """Words of a bit of the inputs of a token."""
        return ceil(self.design.encoder.inputs / BEAT)

    @property
    def place_words(self) -> int:
        """Words in which the bit of a token's place is set."""
        return ceil(self.design.tokens / BEAT) if self.placed else 0

    @property
    def placed(self) -> bool:
        """Whether the encoder adds a position."""
        return self.design.encoder.position == "absolute"

    @property
    def head_words(self) -> int:
        """Words of a token of one head."""
        return ceil(self.design.blocks[0].attention.head_dim / BEAT)

    @property
    def head_channels(self) -> int:
        """Channels of all heads, each in words of its own."""
        return self.design.blocks[0].attention.heads * self.head_words * BEAT

    @property
    def keys_turned(self) -> bool:
        """Whether k goes to the attention layer channel by channel."""
        return self.design.blocks[0].attention.order == "state"

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Where spikes lie: what is not needed any more is written over.

        k is gone when the answer of the attention comes, q and v before the MLP begins.
        """
        design = self.design
        x, head = self.slots(design.dim), self.slots(self.head_channels)
        wide = (self.input_words + self.place_words) * BEAT
        found = {"input": Tensor(0, self.slots(wide), design.encoder.bits)}
        found["x"] = Tensor(found["input"].end, x)
        for name, before in (("attention", "x"), ("query", "attention"), ("value", "query")):
            found[name] = Tensor(found[before].end, head)
        found["key"] = found["attention"]
        hidden = self.slots(max(block.hidden for block in design.blocks))
        found["expand"] = Tensor(found["attention"].slot, hidden)
        return found

    @property
    def slot_count(self) -> int:
        """Slots, one more than are used: what must not be written goes to the last."""
        used = max(tensor.end for tensor in self.tensors.values())
        return 1 << ceil_log2(used + 1)

    @property
    def depth(self) -> int:
        """Rows of a memory of activations."""
        return self.slot_count << self.row_bits

    @property
    def stages(self) -> int:
        """Ranks of registers of a counter."""
        return 2 if self.lanes > 16 else 1

    @property
    def shortest(self) -> int:
        """Cycles that a pass takes at least: what it leaves must be there for the next."""
        return max(4, self.design.steps + 2)

    @cached_property
    def program(self) -> Program:
        """What the engine does, as words of its memory."""
        return assemble(self.design, self)

    @cached_property
    def widths(self) -> Widths:
        """Bits of sums, biases, thresholds and membranes."""
        return widths(self.design, self.planes)

    @cached_property
    def sections(self) -> Sections:
        """Words of a pass: as wide as there are lanes, so that few cycles read them."""
        bits = self.widths.bias + self.widths.threshold
        return Sections(self.lanes, self.planes * self.lanes, bits)

    @property
    def buffered(self) -> bool:
        """Whether parameters of an output are kept apart while those of the next are read.

        Where an output takes many passes there is time to read them when they are needed.
        """
        return self.lanes > BEAT

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
        inner = layer_plan(design.blocks[0].attention)
        return (*found, *inner.memories)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """All memories, those of the attention layer among them."""
        return (self.program_shape, *self._others)

    def shape(self, name: str) -> MemoryShape:
        """Find a memory by its name."""
        return next(shape for shape in self.memories if shape.name == name)

    def attention(self) -> AttentionLayer:
        """Make the attention layer."""
        return AttentionLayer(self.design.blocks[0].attention)
