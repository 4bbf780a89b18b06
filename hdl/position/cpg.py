"""CPG-PE: spikes of pattern generators, from a table.

Ref: arXiv 2405.14362, as coded in SeqSNN.
"""

from typing import Final

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out

from spikeloom.golden.position.cpg import code_words
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import check_style, look_up

__all__ = ["CpgRom"]


class CpgRom(Component):
    """Look up the spikes of all pattern generators at a position.

    One synchronous ROM, a word a position, whose output is registered: latency 1, a position in
    every cycle. Checked against :func:`spikeloom.golden.position.cpg.code_words`; what comes out
    before the first look-up means nothing.

    Parameters
    ----------
    positions : int
        Positions, T*L, as :func:`spikeloom.golden.position.cpg.codes` takes them.
    neurons, w_max : int
        As there.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.

    Members
    -------
    position : In(range(positions))
        Position, t*L + l.
    o : Out(neurons)
        Spikes of the position of the cycle before; neuron c at bit c.
    """

    #: Cycles from a position to its spikes.
    latency: Final = 1

    def __init__(
        self, positions: int, neurons: int, w_max: int = 10_000, *, rom_style: str = "block"
    ):
        self._words = code_words(positions, neurons, w_max)
        self.positions: Final = positions
        self.neurons: Final = neurons
        self.w_max: Final = w_max
        self.rom_style: Final = check_style(rom_style)
        super().__init__({"position": In(range(positions)), "o": Out(neurons)})

    def elaborate(self, platform: object) -> Module:
        """Wrap the table in a memory."""
        m = Module()
        word = look_up(m, self._words, self.position, shape=self.neurons, rom_style=self.rom_style)
        m.d.comb += self.o.eq(word)
        return m
