"""Reads a network's program: flags, weights and parameters of the pass that comes next."""

from typing import Final

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.network.words import FLAGS, ROW, Sections

__all__ = ["Fetcher", "ProgramRom"]


class Fetcher(Component):
    """Read words of the program ahead, while the pass before them is computed.

    A pass is ready as many cycles after the one before it was taken as it has words, and one more,
    and one more for each in which its parameters would take the place of those before.

    Parameters
    ----------
    sections : Sections
        Words of a pass.
    layout : StructLayout
        Flags of a pass.

    Members
    -------
    rewind : In(1)
        Begin again, at the first word.
    en : Out(1)
        The next word is to be read.
    data : In(sections.width)
        That word, one cycle later.
    ready : Out(1)
        A pass is there: ``flags``, ``row``, ``weights``, and behind a last one ``parameters``.
    take : In(1)
        It is taken; the next is read.
    free : In(1)
        Parameters of the pass before are not needed any more.
    """

    def __init__(self, sections: Sections, layout: StructLayout = FLAGS):
        self.sections: Final = sections
        self.layout: Final = layout
        super().__init__(
            {
                "rewind": In(1),
                "en": Out(1),
                "data": In(sections.width),
                "ready": Out(1),
                "flags": Out(layout),
                "row": Out(ROW),
                "weights": Out(sections.weights * sections.width),
                "parameters": Out(sections.parameters * sections.width),
                "take": In(1),
                "free": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sections, width = self.sections, self.sections.width
        body = sections.head + sections.weights
        word, there = Signal(range(body + sections.parameters)), Signal()
        tail, special = Signal(), Signal()
        flags = self.layout(self.data[: self.layout.size])
        taken = Signal()
        m.d.comb += [
            tail.eq(word >= body),
            special.eq((word == 0) & (flags.attends | flags.ends)),
            taken.eq(there & ~self.ready & ~(tail & ~self.free)),
            self.en.eq(~self.rewind & (~there | taken)),
        ]
        with m.If(self.en):
            m.d.sync += there.eq(1)

        whole = ((word == body - 1) & ~self.flags.last) | (word == body + sections.parameters - 1)
        with m.If(taken):
            m.d.sync += [word.eq(word + 1), self.ready.eq(special | whole)]
            with m.If(word == 0):
                m.d.sync += self.flags.eq(flags)
                if sections.head == 1:
                    m.d.sync += self.row.eq(self.data[16:])
            if sections.head > 1:
                with m.If(word == 1):
                    m.d.sync += self.row.eq(self.data)
            with m.If((word >= sections.head) & ~tail):
                m.d.sync += self.weights.eq(Cat(self.weights, self.data)[width:])
            with m.If(tail):
                m.d.sync += self.parameters.eq(Cat(self.parameters, self.data)[width:])
        with m.If(self.take):
            m.d.sync += [self.ready.eq(0), word.eq(0)]
        with m.If(self.rewind):
            m.d.sync += [there.eq(0), self.ready.eq(0), word.eq(0)]
        return m


class ProgramRom(Component):
    """A program that comes with the bitstream, read from its first word on.

    Parameters
    ----------
    words : tuple of int
        Its words.
    width : int
        Bits of a word.

    Members
    -------
    rewind, en, data
        As :class:`Fetcher`, seen from the other side.
    """

    def __init__(self, words: tuple[int, ...], width: int):
        self.words: Final = words
        self.width: Final = width
        super().__init__({"rewind": In(1), "en": In(1), "data": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        store = add_block(m, "program", self.width, len(self.words), self.words, rom=True)
        port = store.read_port()
        at = Signal(range(len(self.words)))
        m.d.comb += [port.addr.eq(at), port.en.eq(self.en), self.data.eq(port.data)]
        with m.If(self.en):
            m.d.sync += at.eq(at + 1)
        with m.If(self.rewind):
            m.d.sync += at.eq(0)
        return m
