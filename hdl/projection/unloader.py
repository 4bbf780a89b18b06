"""Output side of a projection: memory reads in, beats out."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design.projection import ProjectionDesign
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.projection.plan import ProjectionPlan

__all__ = ["ProjectionUnloader"]


class ProjectionUnloader(wiring.Component):
    """Send the words of a token as beats, bank after bank.

    The memory's own output register holds the word while its beats go out, and the next word is
    read together with the last of them: one beat a cycle while ``o.ready`` is high, one cycle of
    latency at the start of a bank.

    Parameters
    ----------
    design : ProjectionDesign
        The projection.

    Members
    -------
    o : Out(stream)
        Beats; ``last`` marks the end of an inference.
    full : In(1)
        High while a bank waits to be sent.
    free : Out(1)
        High for one cycle after that bank's last word has been read.
    bank : In(1)
        That bank.
    addr : Out(range(depth))
        Word to read: bank above word.
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

    def __init__(self, design: ProjectionDesign):
        self._design = design
        self._plan = plan = ProjectionPlan(design)
        shape = plan.memory("o")
        super().__init__(
            {
                "o": Out(beat_stream(plan.beat)),
                "full": In(1),
                "free": Out(1),
                "bank": In(1),
                "addr": Out(range(shape.depth)),
                "en": Out(1),
                "data": In(shape.width),
            }
        )

    @property
    def design(self) -> ProjectionDesign:
        """The projection."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan

        word, run = Signal(range(plan.words)), Signal(range(plan.runs))
        complete, over = Signal(), Signal()
        m.d.comb += [
            self.addr.eq(Cat(word, self.bank)),
            complete.eq(odometer(m, self.en, (word, plan.words))),
            over.eq(complete & (run == plan.runs - 1)),
        ]
        odometer(m, complete, (run, plan.runs))
        # A bank is free a cycle after its last word was read, which keeps that path short.
        m.d.sync += self.free.eq(complete)

        held, short, final = Signal(), Signal(), Signal()
        beat = Signal(range(plan.slices))
        last_beat = beat == plan.slices - 1
        if plan.tail != plan.slices:
            last_beat = Mux(short, beat == plan.tail - 1, last_beat)
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
            m.d.sync += [held.eq(1), short.eq(complete), final.eq(over)]
        with m.If(self.o.ready & held):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
        return m
