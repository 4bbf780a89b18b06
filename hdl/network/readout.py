"""The read-out of a network: sums over all tokens and steps, and their beats."""

from typing import Final

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component

__all__ = ["Readout"]


class Readout(Component):
    """Add up what all units give, number after number, and send the numbers.

    Behind the last row of a number its bias is added once for each token.

    Parameters
    ----------
    width : int
        Bits of a number on its way.
    beats : int
        Beats of a number.
    part, bias : int
        Bits of what is added in a cycle, and of a bias.
    tokens : int
        Most tokens.

    Members
    -------
    part : In(signed)
        What is added while ``en``.
    en, first, double, twice : In(1)
        With the part: whether it counts, and what becomes of the sum before it.
    last, final : In(1)
        With the last part of a number: it is complete; it is the last number.
    bias : In(signed)
        Of the number, from its last part on until it is given.
    length : In(range(tokens + 1))
        Tokens.
    given : Out(1)
        High for one cycle when a number is complete and its beats wait to be sent.
    o : Out(stream)
        Beats.
    """

    def __init__(self, width: int, *, beats: int, part: int, bias: int, tokens: int):
        self.width: Final = width
        self.beats: Final = beats
        super().__init__(
            {
                "part": In(signed(part)),
                "en": In(1),
                "first": In(1),
                "double": In(1),
                "twice": In(1),
                "last": In(1),
                "final": In(1),
                "bias": In(signed(bias)),
                "length": In(range(tokens + 1)),
                "given": Out(1),
                "o": Out(beat_stream(BEAT)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = Signal(signed(self.width))
        left = Signal(self.length.shape())
        waits, ends = Signal(), Signal()
        before = Signal(signed(self.width))
        m.d.comb += before.eq(Mux(self.double, Mux(self.twice, total << 2, total << 1), total))
        with m.If(self.en):
            m.d.sync += total.eq(Mux(self.first, 0, before) + self.part)
            with m.If(self.last):
                m.d.sync += [waits.eq(1), left.eq(self.length), ends.eq(self.final)]
        with m.Elif(waits & (left != 0)):
            m.d.sync += [total.eq(total + self.bias), left.eq(left - 1)]

        word = Signal(signed(self.beats * BEAT))
        count, final = Signal(range(self.beats + 1)), Signal()
        m.d.comb += [
            self.given.eq(waits & (left == 0) & (count == 0)),
            self.o.valid.eq(count != 0),
            self.o.payload.data.eq(word),
            self.o.payload.last.eq(final & (count == 1)),
        ]
        with m.If(self.given):
            m.d.sync += [word.eq(total), count.eq(self.beats), final.eq(ends), waits.eq(0)]
        with m.Elif(self.o.valid & self.o.ready):
            m.d.sync += [word.eq(word >> BEAT), count.eq(count - 1)]
        return m
