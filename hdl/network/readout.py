"""The read-out of a network: sums over all tokens and steps, and their beats."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib.wiring import In, Out

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component

__all__ = ["Readout"]


class Readout(Component):
    """Add up what all units give, number after number, and send the numbers.

    Behind the last row of a number its bias is added once for each token; then its beats are sent,
    and it is zero again.

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
    places : int or None
        Bits that a sum moves up before a part of the next place value; None where ``twice`` says
        whether it is one or two.

    Members
    -------
    part : In(signed)
        What is added while ``en``.
    en, up, twice : In(1)
        With the part: whether it counts, whether the sum moves up before, and where ``places`` does
        not say it, whether by two bits.
    last, final : In(1)
        With the last part of a number: it is complete; it is the last number.
    bias : In(signed)
        Of the number, from its last part on until it is given.
    end : In(range(tokens))
        The last token.
    given : Out(1)
        High for one cycle with the last beat of a number.
    o : Out(stream)
        Beats.
    """

    def __init__(
        self, width: int, *, beats: int, part: int, bias: int, tokens: int, places: int | None
    ):
        self.width: Final = width
        self.beats: Final = beats
        self.places: Final = places
        super().__init__(
            {
                "part": In(signed(part)),
                "en": In(1),
                "up": In(1),
                "last": In(1),
                "final": In(1),
                "bias": In(signed(bias)),
                "end": In(range(tokens)),
                "given": Out(1),
                "o": Out(beat_stream(BEAT)),
                **({"twice": In(1)} if places is None else {}),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        total = Signal(signed(self.width))
        left = Signal(self.end.shape())
        waits, final, adds = Signal(), Signal(), Signal()
        added, before = Signal(signed(self.width)), Signal(signed(self.width))
        if self.places is None:
            moved = Mux(self.twice, total << 2, total << 1)
        else:
            moved = total << self.places
        m.d.comb += [
            before.eq(Mux(self.up, moved, total)),
            added.eq(Mux(waits, self.bias, self.part)),
        ]
        with m.If(self.en | adds):
            m.d.sync += total.eq(before + added)
        with m.If(self.en & self.last):
            m.d.sync += [waits.eq(1), adds.eq(1), left.eq(self.end), final.eq(self.final)]
        with m.If(adds):
            m.d.sync += [left.eq(left - 1), adds.eq(left != 0)]

        count = Signal(range(self.beats))
        ends = count == self.beats - 1
        m.d.comb += [
            self.o.valid.eq(waits & ~adds),
            self.o.payload.data.eq(Cat(total, total[-1].replicate(BEAT)).word_select(count, BEAT)),
            self.o.payload.last.eq(final & ends),
            self.given.eq(self.o.valid & self.o.ready & ends),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += count.eq(Mux(ends, 0, count + 1))
        with m.If(self.given):
            m.d.sync += [waits.eq(0), total.eq(0)]
        return m
