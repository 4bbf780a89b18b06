"""Streams through fewer pins: beats taken apart into words, and put together again."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component

__all__ = ["Narrower", "Widener"]


class _Converter(Component):
    def __init__(self, beat: int, link: int, wide_in: bool):
        if not isinstance(beat, int) or beat < 2:
            raise TypeError(f"Beat must be an integer of at least 2, not {beat!r}")
        if not isinstance(link, int) or not 1 <= link < beat or beat % link:
            raise ValueError(f"Link must divide the beat of {beat} bits and be less, not {link!r}")
        self.beat: Final = beat
        self.link: Final = link
        taken, given = (beat, link) if wide_in else (link, beat)
        super().__init__({"i": In(beat_stream(taken)), "o": Out(beat_stream(given))})

    @property
    def words(self) -> int:
        """Words of a beat."""
        return self.beat // self.link


class Widener(_Converter):
    """Put words together to beats, low word first.

    Takes a word a cycle, also in the cycle in which a beat is taken. Latency: a beat is offered
    one cycle after its last word. Cost: ``beat`` flip-flops without a LUT, and a counter.

    Parameters
    ----------
    beat : int
        Bits of a beat.
    link : int
        Bits of a word, a divisor of ``beat`` less than it.
    framed : bool
        Whether ``last`` ends a frame, and with it a beat, whatever words it has.

    Members
    -------
    i : In(stream)
        Words. ``last`` is looked at where frames end with it.
    o : Out(stream)
        Beats, ``last`` low where it is not looked at.
    """

    def __init__(self, beat: int, link: int, *, framed: bool = False):
        self.framed: Final = framed
        super().__init__(beat, link, wide_in=False)

    def elaborate(self, platform: object) -> Module:
        """Shift words in from above."""
        m = Module()
        beat = Signal(self.beat, reset_less=True)
        count = Signal(range(self.words))
        full = Signal()
        accept = Signal()
        m.d.comb += [
            self.i.ready.eq(~full | self.o.ready),
            accept.eq(self.i.valid & self.i.ready),
            self.o.valid.eq(full),
            self.o.payload.data.eq(beat),
        ]
        m.d.sync += [
            count.eq(count + accept),
            full.eq(Mux(accept, count == self.words - 1, full & ~self.o.ready)),
        ]
        with m.If(accept):
            m.d.sync += beat.eq(Cat(beat, self.i.payload.data)[self.link :])
        if self.framed:
            last = Signal(reset_less=True)
            m.d.comb += self.o.payload.last.eq(last)
            with m.If(accept):
                m.d.sync += last.eq(self.i.payload.last)
                with m.If(self.i.payload.last):
                    m.d.sync += [count.eq(0), full.eq(1)]
        return m


class Narrower(_Converter):
    """Take beats apart into words, low word first.

    Gives a word a cycle; the next beat is taken together with the last word of the one before.
    Latency 1. Cost: a cell a bit of the beat, and a counter.

    Parameters
    ----------
    beat : int
        Bits of a beat.
    link : int
        Bits of a word, a divisor of ``beat`` less than it.

    Members
    -------
    i : In(stream)
        Beats.
    o : Out(stream)
        Words; ``last`` is high on the last word of a beat whose own ``last`` is.
    """

    def __init__(self, beat: int, link: int):
        super().__init__(beat, link, wide_in=True)

    def elaborate(self, platform: object) -> Module:
        """Shift words out below."""
        m = Module()
        beat = Signal(self.beat, reset_less=True)
        last = Signal(reset_less=True)
        count = Signal(range(self.words))
        full = Signal()
        ends = Signal()
        m.d.comb += [
            ends.eq(count == self.words - 1),
            self.i.ready.eq(~full | (self.o.ready & ends)),
            self.o.valid.eq(full),
            self.o.payload.data.eq(beat),
            self.o.payload.last.eq(last & ends),
        ]
        with m.If(self.i.ready):
            m.d.sync += [
                beat.eq(self.i.payload.data),
                last.eq(self.i.payload.last),
                full.eq(self.i.valid),
            ]
        with m.Elif(self.o.ready):
            m.d.sync += beat.eq(beat[self.link :])
        m.d.sync += count.eq(count + (full & self.o.ready))
        return m
