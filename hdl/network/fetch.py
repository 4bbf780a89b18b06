"""Reads a network's program: what the pass that comes next is, its weights and parameters."""

from typing import Any, Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.data import StructLayout
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.network.program.words import FLAGS, ROW, Sections

__all__ = ["Fetcher", "ProgramRom"]


class Fetcher(Component):
    """Read words of the program ahead, while the pass before them is computed.

    A pass is ready as many cycles after the one before it was taken as words are read for it, and
    one more, and one more for each in which its parameters would take the place of those before.
    Those words are the header of the first pass behind it, weights, and parameters of the last
    pass of an output.

    Parameters
    ----------
    sections : Sections
        Words of a program.
    slot : int
        Bits of a row's number in a slot: rows of the next slot are 2**slot on.
    planes : int
        Bits of a weight at once: places by which the sum moves up before the next digit.
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
    head : Out(sections.layout)
        The header before it, whose counts and ``sync`` change.
    take : In(1)
        It is taken; the next is read.
    free : In(1)
        Parameters of the pass before are not needed any more.
    """

    def __init__(self, sections: Sections, *, slot: int, planes: int, layout: StructLayout = FLAGS):
        self.sections: Final = sections
        self.slot: Final = slot
        self.planes: Final = planes
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
                "head": Out(sections.layout),
                "take": In(1),
                "free": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        sections, width = self.sections, self.sections.width
        body, tail_words = sections.weights, sections.parameters
        word, there = Signal(range(max(sections.head, body + tail_words))), Signal()
        heading, whole = Signal(init=1), Signal()
        tail, special, taken = Signal(), Signal(), Signal()
        given = Signal(sections.head * width)
        head: Any = sections.layout(given[: sections.layout.size])
        m.d.comb += [
            self.head.eq(head),
            tail.eq(~heading & (word >= body)),
            special.eq(~heading & (head.attends | head.ends)),
            taken.eq(there & ~whole & ~special & ~(tail & ~self.free)),
            self.en.eq(~self.rewind & (~there | taken)),
            self.ready.eq(whole | special),
        ]
        with m.If(self.en):
            m.d.sync += there.eq(1)

        done = self._counts(m, head)
        with m.If(taken):
            m.d.sync += word.eq(word + 1)
            with m.If(heading):
                m.d.sync += given.eq(Cat(given, self.data)[width:])
                with m.If(word == sections.head - 1):
                    m.d.sync += [heading.eq(0), word.eq(0)]
            with m.Elif(tail):
                m.d.sync += self.parameters.eq(Cat(self.parameters, self.data)[width:])
                m.d.sync += whole.eq(word == body + tail_words - 1)
            with m.Else():
                m.d.sync += self.weights.eq(Cat(self.weights, self.data)[width:])
                m.d.sync += whole.eq((word == body - 1) & ~self.flags.last)
        with m.If(self.take):
            m.d.sync += [whole.eq(0), word.eq(0), heading.eq(done | special)]
        with m.If(self.rewind):
            m.d.sync += [there.eq(0), whole.eq(0), word.eq(0), heading.eq(1)]
        return m

    def _counts(self, m: Module, head: Any) -> Value:
        """Count slots, digits and outputs; say of the pass what it is, and whether it is the last.

        Flags are those of the header where they have the same name.
        """
        flags, slot_bits = self.flags, len(head.slots)
        slot, digit = Signal(slot_bits), Signal(len(head.digits))
        last_slot, last_digit, done = Signal(), Signal(), Signal()
        m.d.comb += [
            last_slot.eq(slot == head.slots),
            last_digit.eq(digit == head.digits),
            done.eq(last_slot & last_digit & (head.outputs == 0)),
        ]
        with m.If(self.take):
            m.d.sync += [slot.eq(slot + 1), head.sync.eq(0)]
            with m.If(last_slot):
                m.d.sync += [slot.eq(0), digit.eq(digit + 1)]
                with m.If(last_digit):
                    m.d.sync += [digit.eq(0), head.outputs.eq(head.outputs - 1)]
        with m.If(self.rewind):
            m.d.sync += [slot.eq(0), digit.eq(0)]

        top, begins = digit == 0, slot == 0
        row = Value.cast(head.row)
        m.d.comb += [
            self.row.eq(Cat(row[: self.slot], row[self.slot :] + slot)),
            flags.first.eq(top & begins & head.begins),
            flags.double.eq(begins & Mux(top, head.moves != 0, 1)),
            flags.twice.eq(Mux(top, head.moves[1], self.planes == 2)),
            flags.minus_low.eq(Mux(top, head.top_low, head.rest)),
            flags.minus_high.eq(Mux(top, head.top_high, head.rest)),
            flags.last.eq(last_slot & last_digit & head.closes),
            flags.final.eq(done & head.closes & head.final),
        ]
        for name in self.layout.members:
            if name in self.sections.layout.members and name != "final":
                m.d.comb += flags[name].eq(head[name])
        return done


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
