"""Output side of a layer: memory reads in, beats out."""

from dataclasses import dataclass
from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import counted_to, odometer

__all__ = ["OutputWords", "Unloader"]


@dataclass(frozen=True)
class OutputWords:
    """How the answer of a run lies in the output memory, and how it is sent.

    Parameters
    ----------
    beat : int
        Bits of a beat.
    filled : int
        Bits of a beat that words hold, from the lowest on.
    slices : int
        Beats of a word.
    tail : int
        Beats of a token's last word, which may be fewer.
    words : int
        Words of a token.
    tokens : int
        Tokens of a run.
    runs : int
        Runs of an inference.
    banks : int
        Banks of the memory, which hold a run each.
    depth : int
        Words of the memory.
    """

    beat: int
    filled: int
    slices: int
    tail: int
    words: int
    tokens: int
    runs: int
    banks: int
    depth: int


class Unloader(Component):
    """Send the words of a run as beats, bank after bank.

    The memory's own output register holds the word while its beats go out, and the next word is
    read together with the last of them: one beat a cycle while ``o.ready`` is high, one cycle of
    latency at the start of a bank.

    Parameters
    ----------
    form : OutputWords
        Where the words lie.
    lengths : bool
        Whether runs may have fewer tokens.

    Members
    -------
    o : Out(stream)
        Beats; ``last`` marks the end of an inference.
    full : In(1)
        High while a bank waits to be sent.
    free : Out(1)
        High for one cycle after that bank's last word has been read.
    bank : In(range(banks))
        That bank.
    addr : Out(range(depth))
        Word to read: bank, token, word.
    en : Out(1)
        Read enable.
    data : In(slices * filled)
        The word, one cycle after ``en``.
    end : In(range(tokens))
        Last token that there is, as long as a run is worked on. With ``lengths`` only.
    """

    def __init__(self, form: OutputWords, *, lengths: bool = False):
        self.form: Final = form
        self.lengths: Final = lengths
        super().__init__(
            {
                "o": Out(beat_stream(form.beat)),
                "full": In(1),
                "free": Out(1),
                "bank": In(range(form.banks)),
                "addr": Out(range(form.depth)),
                "en": Out(1),
                "data": In(form.slices * form.filled),
                **({"end": In(range(form.tokens))} if lengths else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        form = self.form
        token = Signal(range(form.tokens))
        word = Signal(range(form.words))
        run = Signal(range(form.runs), name="part")
        complete = Signal()
        m.d.comb += self.addr.eq(Cat(word, token, self.bank))
        if self.lengths:
            m.d.comb += complete.eq(
                counted_to(m, odometer(m, self.en, (word, form.words)), token, self.end)
            )
        else:
            m.d.comb += complete.eq(odometer(m, self.en, (word, form.words), (token, form.tokens)))
        # A bank is free a cycle after its last word was read, which keeps that path short.
        m.d.sync += self.free.eq(complete)
        odometer(m, self.free, (run, form.runs))

        held = Signal()
        short = Signal()
        final = Signal()
        beat = Signal(range(form.slices))
        last_beat = Mux(short, beat == form.tail - 1, beat == form.slices - 1)
        done = self.o.ready & held & last_beat
        m.d.comb += [
            self.en.eq(self.full & ~self.free & (~held | done)),
            self.o.valid.eq(held),
            self.o.payload.data.eq(self.data.word_select(beat, form.filled)),
            self.o.payload.last.eq(final & last_beat),
        ]
        with m.If(done):
            m.d.sync += held.eq(0)
        with m.If(self.en):
            m.d.sync += [
                held.eq(1),
                short.eq(word == form.words - 1 if form.tail != form.slices else 0),
                final.eq(complete & (run == form.runs - 1)),
            ]
        with m.If(self.o.ready & held):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
        return m
