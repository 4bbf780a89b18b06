"""Output side of a layer: memory reads in, beats out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.counting import odometer

__all__ = ["Unloader"]


class Unloader(wiring.Component):
    """Send the words of one head and step as beats, bank after bank.

    The memory's own output register holds the word while its beats go out, and the next word is
    read together with the last of them: one beat a cycle while ``o.ready`` is high, one cycle of
    latency at the start of a bank.

    Parameters
    ----------
    design : AttentionDesign
        The layer.

    Members
    -------
    o : Out(stream)
        Beats, in the order of :mod:`spikeloom.golden.attention.beats`; ``last`` marks the end of an
        inference.
    full : In(1)
        High while a bank waits to be sent.
    free : Out(1)
        High for one cycle after that bank's last word has been read.
    bank : In(range(out_banks))
        That bank.
    addr : Out(range(depth))
        Word to read: bank, token, word.
    en : Out(1)
        Read enable.
    data : In(width)
        The word, one cycle after ``en``.
    """

    o: stream.Interface
    full: Signal
    free: Signal
    bank: Signal
    addr: Signal
    en: Signal
    data: Signal

    def __init__(self, design: AttentionDesign):
        self._design = design
        self._plan = plan = Plan(design)
        super().__init__(
            {
                "o": Out(beat_stream(plan.beat)),
                "full": In(1),
                "free": Out(1),
                "bank": In(range(plan.out_banks)),
                "addr": Out(range(plan.o.depth)),
                "en": Out(1),
                "data": In(plan.o.width),
            }
        )

    @property
    def design(self) -> AttentionDesign:
        """The layer."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        slices = plan.o.width // plan.beat
        tail = plan.out_beats - (plan.out_words - 1) * slices

        token = Signal(range(plan.tokens))
        word = Signal(range(plan.out_words))
        part = Signal(range(plan.heads * plan.steps))
        last_word = word == plan.out_words - 1
        m.d.comb += [
            self.addr.eq(Cat(word, token, self.bank)),
        ]
        # A bank is free a cycle after its last word was read, which keeps that path short.
        complete = Signal()
        m.d.comb += complete.eq(odometer(m, self.en, (word, plan.out_words), (token, plan.tokens)))
        m.d.sync += self.free.eq(complete)
        last_part = part == plan.heads * plan.steps - 1
        odometer(m, self.free, (part, plan.heads * plan.steps))

        held = Signal()
        short = Signal()
        final = Signal()
        beat = Signal(range(slices))
        last_beat = Mux(short, beat == tail - 1, beat == slices - 1)
        done = self.o.ready & held & last_beat
        m.d.comb += [
            self.en.eq(self.full & ~self.free & (~held | done)),
            self.o.valid.eq(held),
            self.o.payload.data.eq(self.data.word_select(beat, plan.beat)),
            self.o.payload.last.eq(final & last_beat),
        ]
        with m.If(done):
            m.d.sync += held.eq(0)
        with m.If(self.en):
            m.d.sync += [
                held.eq(1),
                short.eq(last_word if tail != slices else 0),
                final.eq(complete & last_part),
            ]
        with m.If(self.o.ready & held):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
        return m
