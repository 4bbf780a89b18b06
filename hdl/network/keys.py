"""Keys of a network, turned: words of tokens for each channel."""

from math import ceil
from typing import Final

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.network.program.words import LANE

__all__ = ["KeyWords"]


class KeyWords(Component):
    """Collect the spikes of a channel, token by token, to words of 16 tokens.

    The words of all steps are written together once their tokens are there; behind the last token
    of a sequence what is missing is zero. Latency: none, a word is written with its last spikes.

    Parameters
    ----------
    steps, tokens, at_once, dim : int
        Time steps, most tokens, tokens at once, channels.

    Members
    -------
    en, last : In(1)
        Spikes are there; they are the last of the sequence.
    spikes : In(steps * at_once)
        Those of the tokens of a step beside each other, step after step.
    channel : In(LANE)
        Their channel.
    w_addr, w_data, w_en : Out
        Words to write, those of the first step lowest: number of the word, channel.
    """

    def __init__(self, steps: int, tokens: int, at_once: int, dim: int):
        self.steps: Final = steps
        self.at_once: Final = at_once
        self.bits: Final = (ceil_log2(ceil(tokens / BEAT)), ceil_log2(dim))
        super().__init__(
            {
                "en": In(1),
                "last": In(1),
                "spikes": In(steps * at_once),
                "channel": In(LANE),
                "w_addr": Out(sum(self.bits)),
                "w_data": Out(steps * BEAT),
                "w_en": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rows = BEAT // self.at_once
        row, word = Signal(range(rows)), Signal(self.bits[0])
        m.d.comb += [
            self.w_en.eq(self.en & (self.last | (row == rows - 1))),
            self.w_addr.eq(Cat(word, self.channel[: self.bits[1]])),
        ]
        for t in range(self.steps):
            new = self.spikes.word_select(t, self.at_once)
            held, joined = Signal(BEAT, name=f"held{t}"), Signal(BEAT, name=f"joined{t}")
            places = Cat(new & (row == n).replicate(self.at_once) for n in range(rows))
            m.d.comb += [joined.eq(held | places), self.w_data.word_select(t, BEAT).eq(joined)]
            with m.If(self.en):
                m.d.sync += held.eq(joined)
            with m.If(self.w_en):
                m.d.sync += held.eq(0)
        with m.If(self.en):
            m.d.sync += row.eq(row + 1)
        with m.If(self.w_en):
            m.d.sync += [row.eq(0), word.eq(word + 1)]
            with m.If(self.last):
                m.d.sync += word.eq(0)
        return m
