"""Reader of rows of spikes: several a cycle, at most one for each port."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import odometer

__all__ = ["RowReader"]


class RowReader(Component):
    """Read rows of words and give, slot by slot, the place of the next spike of every port.

    A word takes as many slots as the port with the most spikes in it has, and at least one. The
    next word waits in the memory's output register, so no cycle is lost between words. The first
    slot comes three cycles after ``start``.

    Parameters
    ----------
    rows, words : int
        Rows, and words of a row.
    banks : int
        Banks of the memory.
    span, ports : int
        Bits of a word, and ports: bit n belongs to port n mod ``ports``. Both powers of two.

    Members
    -------
    start : In(1)
        Begin with the first row. Only when nothing is being read.
    bank : In(range(banks))
        Bank to read.
    addr, en, word : Out, Out, In
        Memory: word and row and bank; the word comes one cycle later and stays until the next.
    spikes : Out(ports)
        Ports that have a spike in this slot.
    places : Out(ArrayLayout(reach, ports))
        Place of each port's spike in its row: bit ``place * ports + port``.
    first, last : Out(1)
        The slot is the first of a row; the last.
    done : Out(1)
        Nothing is left after this slot.
    """

    def __init__(self, rows: int, words: int, *, banks: int, span: int, ports: int):
        self.rows: Final = rows
        self.words: Final = words
        self._span = span
        self._ports = ports
        reach = span // ports
        super().__init__(
            {
                "start": In(1),
                "bank": In(range(banks)),
                "addr": Out(ceil_log2(rows) + ceil_log2(words) + ceil_log2(banks)),
                "en": Out(1),
                "word": In(span),
                "spikes": Out(ports),
                "places": Out(data.ArrayLayout(ceil_log2(words) + ceil_log2(reach), ports)),
                "first": Out(1),
                "last": Out(1),
                "done": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        column, row = Signal(range(self.words)), Signal(range(self.rows))
        active, reading, waiting = Signal(), Signal(), Signal()
        take, single, final = Signal(), Signal(), Signal()

        # One word in the memory's output register, one being worked through. Without any left,
        # no port has a second spike.
        m.d.comb += [
            take.eq(waiting & single),
            self.en.eq(reading & (~waiting | take)),
            self.addr.eq(Cat(column, row, self.bank)),
            # Not the counters' own carry, which comes late.
            final.eq((column == self.words - 1) & (row == self.rows - 1)),
        ]
        odometer(m, self.en, (column, self.words), (row, self.rows))
        m.d.sync += [
            reading.eq(self.start | (reading & ~(self.en & final))),
            waiting.eq(self.en | (waiting & ~take)),
        ]

        # What is known of a word when it is read goes with it.
        opens, closes, ends = Signal(), Signal(), Signal()
        at, here = Signal.like(column), Signal.like(column)
        closing, ending = Signal(), Signal()
        with m.If(self.en):
            m.d.sync += [
                opens.eq(column == 0),
                closes.eq(column == self.words - 1),
                ends.eq(final),
                at.eq(column),
            ]
        m.d.sync += [
            self.first.eq(take & opens),
            closing.eq(Mux(take, closes, closing & ~single)),
            ending.eq(Mux(take, ends, ending & ~single)),
        ]
        with m.If(take):
            m.d.sync += here.eq(at)
        end = Signal()
        m.d.comb += [
            self.last.eq(closing & single),
            end.eq(ending & single),
            self.done.eq(~active | end),
        ]
        m.d.sync += active.eq(self.start | (active & ~end))

        several = []
        for port in range(self._ports):
            left = Signal(self._span // self._ports, name=f"left{port}")
            rest = _less_lowest(left)
            word = self.word[port :: self._ports]
            # Whenever a word is taken, nothing is left of the one before but what goes now.
            m.d.sync += left.eq((word & take.replicate(len(word))) | rest)
            several.append(_several(left))
            m.d.comb += [
                self.spikes[port].eq(left.any()),
                self.places[port].eq(Cat(_lowest(left), here)),
            ]
        m.d.comb += single.eq(~Cat(several).any())
        return m


# All of them by halves, as the path through them is the layer's longest.


def _halves(bits: Value) -> tuple[Value, Value]:
    return bits[: len(bits) // 2], bits[len(bits) // 2 :]


def _lowest(bits: Value) -> Value:
    """Encode the place of the lowest set bit."""
    if len(bits) == 1:
        return Const(0, 0)
    low, high = _halves(bits)
    return Cat(Mux(low.any(), _lowest(low), _lowest(high)), ~low.any())


def _less_lowest(bits: Value) -> Value:
    """Clear the lowest set bit."""
    if len(bits) == 1:
        return Const(0, 1)
    low, high = _halves(bits)
    return Cat(_less_lowest(low), Mux(low.any(), high, _less_lowest(high)))


def _several(bits: Value) -> Value:
    """Tell whether more than one bit is set."""
    if len(bits) == 1:
        return Const(0, 1)
    low, high = _halves(bits)
    return _several(low) | _several(high) | (low.any() & high.any())
