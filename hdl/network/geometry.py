"""Geometry of a network: where spikes lie, and how wide numbers get."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import ceil
from typing import Final

import numpy as np
from amaranth.lib.data import StructLayout
from amaranth.utils import ceil_log2
from numpy.typing import NDArray

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.design.read import DesignError, show
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.network.encoding import Encoding, encoding
from spikeloom.hdl.network.limits import built_attention
from spikeloom.hdl.network.program.words import DEST, FLAGS, ROW, WIDE_DEST

__all__ = ["HALVES", "Geometry", "Tensor"]

HALVES: Final = NeuronSpec("lif", 1, 0, 1, "hard")
"""The neuron of tau 2 and a hard reset, whatever its threshold."""


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


class Geometry:
    """Where the spikes of a network lie, and how wide its numbers get.

    Parameters
    ----------
    design : NetworkDesign
        The network.

    Attributes
    ----------
    inner : AttentionDesign or None
        The attention layer of all blocks that have one.

    Raises
    ------
    DesignError
        The network cannot be built.
    """

    def __init__(self, design: NetworkDesign):
        self.design: Final = design
        self.inner: Final = built_attention(design)
        if self.depth > 1 << ROW or self.slot_count > 1 << DEST["slot"].width:
            allowed = f"must be greater: {self.slot_count} slots of {1 << self.row_bits} rows"
            room = f"more than the {1 << ROW} rows that a program can name"
            raise DesignError("folding.lanes", show(self.lanes), f"{allowed} are {room}")

    @cached_property
    def unit(self) -> NeuronSpec:
        """The neuron of all layers, whatever its threshold."""
        return NeuronSpec.from_design(self.design)

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
    def encoding(self) -> Encoding:
        """Where the bits of the input lie."""
        return encoding(self.design)[0]

    @property
    def encoder_weight(self) -> NDArray[np.int64]:
        """Weights of these bits, (outputs, lanes), of a network with an encoder."""
        found = encoding(self.design)[1]
        assert found is not None
        return found

    @property
    def place_lanes(self) -> range | None:
        """Lanes of a token's place, of which one is set; None without."""
        start = self.encoding.place * BEAT
        return range(start, start + self.design.tokens) if self.encoding.places else None

    @property
    def copies_input(self) -> bool:
        """Whether the input becomes x by being copied: of tokens that are not there it is old.

        Groups of tokens, and tokens at once, are read out as a whole, and x must be zero there.
        """
        design = self.design
        given = design.encoder.kind == "none" and not design.membrane
        return given and (design.readout.groups > 1 or self.at_once > 1)

    @property
    def keeps_input(self) -> bool:
        """Whether the input is needed until the end, and not by the first layer alone."""
        given = self.design.encoder.kind == "none" and not self.copies_input
        return self.design.membrane or given

    @property
    def layer(self) -> AttentionDesign:
        """The attention layer of a network that has one."""
        assert self.inner is not None
        return self.inner

    @property
    def head_words(self) -> int:
        """Words of a token of one head of the attention layer."""
        return ceil(self.layer.head_dim / BEAT)

    @property
    def head_channels(self) -> int:
        """Channels of all of its heads, each in words of its own."""
        return self.layer.heads * self.head_words * BEAT

    @property
    def by_head(self) -> NDArray[np.int64]:
        """Where the channels of its heads lie in these words."""
        channel, head = np.arange(self.design.dim), self.layer.head_dim
        return channel // head * (self.head_words * BEAT) + channel % head

    @property
    def gathers(self) -> bool:
        """Whether a block has a mask of channels, which looks at all tokens at once."""
        layers = (block.attention for block in self.design.blocks)
        return any(isinstance(one, MaskDesign) and one.attention != "qk-token" for one in layers)

    @property
    def spread(self) -> int:
        """Bits of a row's number that say which step's units hold its tokens of the input.

        Where all steps have the same input, each may take other tokens, and so a pass over it takes
        the fewer rows. Cells for that are there where many are, and only for 2, 4, ... steps.
        """
        design = self.design
        same = design.encoder.kind == "linear" and design.encoder.coding == "direct"
        if not (same and self.buffered) or design.membrane or design.steps.bit_count() > 1:
            return 0
        return ceil_log2(design.steps)

    @property
    def flags(self) -> StructLayout:
        """Flags of a pass."""
        found = dict(FLAGS.members)
        if self.gathers:
            found["stays"] = 1
        if self.spread:
            found["spread"] = 1
        return StructLayout(found)

    @property
    def dest(self) -> StructLayout:
        """Where spikes go."""
        return WIDE_DEST if self.gathers else DEST

    @property
    def keys_turned(self) -> bool:
        """Whether k goes to the attention layer channel by channel."""
        return self.inner is not None and self.inner.order == "state"

    @property
    def lengths(self) -> bool:
        """Whether the attention layer goes through the tokens that there are, and no others.

        Positions are made for sequences of one length, and so is what takes several spikes a cycle.
        """
        inner = self.inner
        if inner is None:
            return False
        return not inner.position and not inner.masked and inner.folding.spikes == 1

    @cached_property
    def tensors(self) -> Mapping[str, Tensor]:
        """Where spikes lie: what is not needed any more is written over.

        k is gone when the answer of the attention comes, q and v before the MLP begins.
        """
        design = self.design
        at, planes = self.encoding, 1
        if design.encoder.kind == "none":
            planes = at.planes
        found = {"input": Tensor(0, at.slots // planes, planes)}
        end = found["input"].end
        for name, slots in self._kept():
            planes = design.encoder.bits if name == "x" and self.copies_input else 1
            found[name] = Tensor(end, slots, planes)
            end = found[name].end
        found.setdefault("x", found["input"])
        head = self.slots(design.dim if self.inner is None else self.head_channels)
        if any(isinstance(block.attention, MaskDesign) for block in design.blocks):
            head = max(head, self.slots(design.dim))
        for n, name in enumerate(("attention", "query", "value")):
            found[name] = Tensor(end + n * head, head)
        found["key"] = found["attention"]
        if not design.membrane:
            hidden = self.slots(max(block.hidden for block in design.blocks))
            found["expand"] = Tensor(end, hidden)
        return found

    def _kept(self) -> Iterator[tuple[str, int]]:
        """Give tensors that nothing is written over, and their slots."""
        design = self.design
        wide = self.slots(design.dim)
        if design.membrane or not self.keeps_input:
            yield "x", wide
        for n, block in enumerate(design.blocks):
            if block.residual == "add":
                yield f"blocks.{n}.project", wide
                yield f"blocks.{n}.contract", wide
            if block.membrane:
                yield f"blocks.{n}.expand", self.slots(block.hidden)
                if n < design.depth - 1:
                    yield f"blocks.{n}.attention", wide
        if any(block.residual == "xor" for block in design.blocks):
            yield "branch", wide
            yield "both", wide
        masks = [block.attention for block in design.blocks]
        heads = [one.heads for one in masks if isinstance(one, MaskDesign)]
        if heads:
            yield "mask", wide if self.gathers else self.slots(max(heads))

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

    @property
    def buffered(self) -> bool:
        """Whether parameters of an output are kept apart while those of the next are read.

        Where an output takes many passes there is time to read them when they are needed.
        """
        return self.lanes > BEAT
