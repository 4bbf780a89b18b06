"""Words that are visited in turn: read, changed and left behind, one a cycle."""

from typing import Final

from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.frame.counting import following
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.mask.plan import MaskPlan

__all__ = ["BeatMask", "MaskWords"]

_FEW = 32


class MaskWords(Component):
    """A ring of words of which one is at hand, and is replaced when the ring turns on.

    A short ring is registers, a word of which each turn rewrites. A longer one is a block memory
    that reads the word that comes next while the present one is written; as these are never the
    same word, two words are the least. The words begin with no value in particular.

    Latency 0: the word at hand follows a turn by one cycle.

    Parameters
    ----------
    name : str
        Name of the memory.
    width : int
        Bits of a word, at least 1.
    depth : int
        Words, at least 1.

    Members
    -------
    en : In(1)
        Whether to turn on.
    next : In(width)
        What the word at hand becomes with the turn.
    data : Out(width)
        Word at hand.
    last : Out(1)
        High at the last of the words: after it comes the first.
    """

    def __init__(self, name: str, width: int, depth: int):
        self.name: Final = name
        self.width: Final = natural("Width", width)
        self.depth: Final = natural("Depth", depth)
        super().__init__({"en": In(1), "next": In(width), "data": Out(width), "last": Out(1)})

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """The block memory, where the words are one."""
        shape = MemoryShape(self.name, self.width, self.depth)
        return (shape,) if (self.depth - 1) * self.width > _FEW else ()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        index, ahead = Signal(range(self.depth)), Signal(range(self.depth))
        m.d.comb += [
            self.last.eq(index == self.depth - 1),
            ahead.eq(following(index, self.depth)),
        ]
        with m.If(self.en):
            m.d.sync += index.eq(ahead)

        if not self.memories:
            words = [
                Signal(self.width, name=f"word{n}", reset_less=True) for n in range(self.depth)
            ]
            with m.If(self.en):
                for word, source in zip(words, [*words[1:], self.next], strict=True):
                    m.d.sync += word.eq(source)
            m.d.comb += self.data.eq(words[0])
            return m

        store = add_memory(m, self.memories[0])
        store.write(m, index, self.next, self.en)
        m.d.comb += self.data.eq(store.read(m, ahead, self.en))
        return m


class BeatMask(Component):
    """What a mask shows to its layer, a beat at a time.

    Parameters
    ----------
    plan : MaskPlan
        The layer's geometry.
    words : MaskWords or None
        What the mask keeps in words.

    Members
    -------
    data : In(beat)
        Beat at hand.
    en : In(1)
        Whether it is taken.
    ready : Out(1)
        High when a beat may be taken.
    passes : Out(1)
        High when the beat at hand is one of those that pass.
    bits : Out(beat)
        Which of its spikes pass.
    last : Out(1)
        High when the last beat of an inference is taken.
    """

    def __init__(self, plan: MaskPlan, words: MaskWords | None):
        self.design: Final = plan.design
        self.plan: Final = plan
        self.words: Final = words
        super().__init__(
            {
                "data": In(plan.beat),
                "en": In(1),
                "ready": Out(1),
                "passes": Out(1),
                "bits": Out(plan.beat),
                "last": Out(1),
            }
        )
