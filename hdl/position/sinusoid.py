"""Positions as rates of sines, or as spikes drawn from them: a table.

Ref: ``CPGPositionalEncoding`` of SC-NeuroCore 3.16.
"""

from typing import Final

from amaranth.hdl import Cat, Module
from amaranth.lib.wiring import In, Out

from spikeloom.golden.position.sinusoid import quantized, spikes
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import check_style, look_up, packed, stacked

__all__ = ["SinusoidTable"]


class SinusoidTable(Component):
    """Give the rate of a channel at a token, or the spikes of some channels.

    One synchronous ROM, addressed by the word of the token below the token. A token is taken in
    every cycle. What comes before the first answer means nothing. Checked against
    :func:`spikeloom.golden.position.sinusoid.quantized` and
    :func:`spikeloom.golden.position.sinusoid.spikes`.

    Latency: 1 cycle. On the iCE40 ``tokens * dim * bits / 4096`` EBR for powers of two, up to the
    fit of words: 32 tokens of 64 channels take one EBR as spikes, 4 as rates of 8 bits.

    Parameters
    ----------
    tokens : int
        Tokens N.
    dim : int
        Channels D.
    bits : int
        Bits of a rate; 0 for spikes.
    lanes : int
        Channels a word, the first in the lowest bits. The last word is filled with zeros.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.

    Members
    -------
    token : In(range(tokens))
        Token.
    word : In(range(words))
        Which ``lanes`` channels of the token.
    o : Out(lanes * max(1, bits))
        Their rates, or spikes, one cycle later.
    """

    #: Cycles from an address to its answer.
    latency: Final = 1

    def __init__(
        self, tokens: int, dim: int, *, bits: int = 0, lanes: int = 1, rom_style: str = "block"
    ):
        if lanes < 1:
            raise ValueError(f"Lanes must be a positive integer, not {lanes!r}")
        if bits < 0:
            raise ValueError(f"Bits must be an integer of at least 0, not {bits!r}")
        table = quantized(tokens, dim, bits) if bits else spikes(tokens, dim)
        size, firsts = max(1, bits), range(0, dim, lanes)
        self._table = [[packed(row[n : n + lanes], size) for n in firsts] for row in table.tolist()]
        self._rom_style = check_style(rom_style)
        self.words: Final = len(firsts)
        super().__init__(
            {
                "token": In(range(tokens)),
                "word": In(range(self.words)),
                "o": Out(lanes * size),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Look up."""
        m = Module()
        words, address = stacked(self._table), Cat(self.word, self.token)
        word = look_up(m, words, address, shape=len(self.o), rom_style=self._rom_style)
        m.d.comb += self.o.eq(word)
        return m
