"""Constants of single channels: a word for each pass of a head."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Shape, Value
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.neuron import NeuronFormat

__all__ = ["ChannelTable", "channel_tables"]

# Words that a look-up table of four inputs holds a bit of.
_MOST_IN_LOGIC = 16


@dataclass(frozen=True)
class ChannelTable:
    """A number and a sign for every channel, read for all lanes of a pass at a time.

    Lanes that are alike in every pass share theirs.

    Parameters
    ----------
    name : str
        Name of its memory.
    numbers : tuple of int
        Number of each channel.
    signs : tuple of int
        1 or -1 of each.
    heads, lanes : int
        Heads of the layer, and channels of a pass; those beyond a head's last channel are zeros.
    """

    name: str
    numbers: tuple[int, ...]
    signs: tuple[int, ...]
    heads: int
    lanes: int

    @property
    def number_shape(self) -> Shape:
        """Shape of a number."""
        return Shape.cast(range(min(0, *self.numbers), max(0, *self.numbers) + 1))

    @cached_property
    def _rows(self) -> list[list[int]]:
        """Numbers with their signs as lowest bit, by pass of every head."""
        width = self.number_shape.width
        coded = [
            (number & (1 << width) - 1) << 1 | (sign < 0)
            for number, sign in zip(self.numbers, self.signs, strict=True)
        ]
        head_dim = len(coded) // self.heads
        passes = -(-head_dim // self.lanes)
        rows = []
        for head in range(self.heads):
            own = coded[head * head_dim : (head + 1) * head_dim]
            turns = [own[n * self.lanes : (n + 1) * self.lanes] for n in range(passes)]
            rows += turns + [turns[0]] * ((1 << ceil_log2(passes)) - passes)
        return rows

    @cached_property
    def places(self) -> int:
        """Entries of a word: the lanes, or one that all lanes share."""
        return 1 if all(len(set(row)) == 1 for row in self._rows) else self.lanes

    @property
    def field(self) -> int:
        """Bits of an entry."""
        return self.number_shape.width + 1

    @cached_property
    def words(self) -> list[int]:
        """Words by ``Cat(pass, head)``."""
        return [
            sum(entry << self.field * place for place, entry in enumerate(row[: self.places]))
            for row in self._rows
        ]

    @property
    def constant(self) -> bool:
        """Whether all words are alike, so that no memory is needed."""
        return len(set(self.words)) == 1

    @property
    def in_block(self) -> bool:
        """Whether it lies in block memory."""
        return not self.constant and len(self.words) > _MOST_IN_LOGIC

    @property
    def memory(self) -> MemoryShape:
        """Its memory, where it lies in one."""
        return MemoryShape(self.name, self.places * self.field, len(self.words), rom=True)

    def read(self, word: Value, lane: int) -> tuple[Value, Value]:
        """Give the number of a lane, and whether its sign is negative."""
        entry = word.word_select(lane if self.places > 1 else 0, self.field)
        number = entry[1:]
        return number.as_signed() if self.number_shape.signed else number, entry[0]


def channel_tables(design: AttentionDesign, fmt: NeuronFormat) -> Sequence[ChannelTable]:
    """Make the tables of what accumulators start from, and of thresholds."""
    channels = fmt.ranges.channels
    signs = tuple(channel.sign for channel in channels)
    columns = {"starts": fmt.offsets, "thresholds": tuple(c.threshold for c in channels)}
    return tuple(
        ChannelTable(name, numbers, signs, design.heads, design.lanes)
        for name, numbers in columns.items()
    )
