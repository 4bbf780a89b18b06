"""Activations of a time step and of some tokens, and what counts them."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.popcount.pairs import PairPopcount, Technology

__all__ = ["Unit"]


class Unit(Component):
    """A memory of spikes, and counters of those whose weight has a bit set.

    ``part`` follows an address after ``latency`` cycles: low minus or plus, and twice high.

    Parameters
    ----------
    shape : MemoryShape
        The memory; a word is a row of lanes.
    planes : int
        Bits of a weight at once, 1 or 2.
    stages : int
        Ranks of registers of a counter.
    cells : str
        How counters are written, ``"portable"`` or ``"ice40"``.

    Members
    -------
    addr, en : In
        Row to read.
    row : Out(lanes)
        That row, one cycle later.
    low, high : In(lanes)
        Weight bits, one cycle after the address.
    minus_low, minus_high : In(1)
        Whether what they count is taken away, ``latency - 1`` cycles after the address.
    part : Out(signed)
        What is added to the sum.
    w_addr, w_mask, w_bit, w_word, w_words : In
        Row to write, its lanes, and what is written: a bit, or with ``w_words`` a word.
    """

    def __init__(self, shape: MemoryShape, *, planes: int, stages: int, cells: Technology):
        self.shape: Final = shape
        self.planes: Final = planes
        self.stages: Final = stages
        self.cells: Final = cells
        lanes = shape.width
        super().__init__(
            {
                "addr": In(range(shape.depth)),
                "en": In(1),
                "row": Out(lanes),
                "low": In(lanes),
                "high": In(lanes),
                "minus_low": In(1),
                "minus_high": In(1),
                "part": Out(range(-3 * lanes if planes == 2 else -lanes, 3 * lanes + 1)),
                "w_addr": In(range(shape.depth)),
                "w_mask": In(lanes),
                "w_bit": In(1),
                "w_word": In(BEAT),
                "w_words": In(1),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from an address to what is added."""
        return 2 + self.stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        lanes = self.shape.width
        store = add_memory(m, self.shape, 1)
        word = Signal(BEAT)
        m.d.comb += word.eq(Mux(self.w_words, self.w_word, self.w_bit.replicate(BEAT)))
        store.write(m, self.w_addr, word.replicate(lanes // BEAT), self.w_mask)
        m.d.comb += self.row.eq(store.read(m, self.addr, self.en))

        counts = []
        for name, weights in (("low", self.low), ("high", self.high))[: self.planes]:
            count = PairPopcount(
                lanes, kind="and", technology=self.cells, stages=self.stages, prefer="clock"
            )
            m.submodules[name] = count
            m.d.comb += [count.a.eq(self.row), count.b.eq(weights)]
            counts.append(count.o)
        # The minus of a count is its complement and one more, which is a carry in.
        low = Mux(self.minus_low, -counts[0], counts[0])
        part = low
        if self.planes == 2:
            twice = Cat(0, counts[1])
            part = Mux(self.minus_high, low - twice, low + twice)
        m.d.sync += self.part.eq(part)
        return m
