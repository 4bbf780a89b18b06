"""Sums of all values of a channel, counted as the values come in."""

from typing import Final

from amaranth.hdl import Array, Cat, Const, Module, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_block

__all__ = ["ValueSums"]


class ValueSums(Component):
    """Count the values of every channel of a head, less one.

    Each counts :attr:`~spikeloom.hdl.attention.state.plan.Weights.kept`, r.

    Less one, so that what is read can be taken away without a gate: the complement of ``r u - 1``
    is ``- r u``, and that of -1, which half of the memory holds and keeps, is 0.

    A sum is there two cycles after the last value, and until its bank is filled again. One adder
    for each bit of a beat.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state" and a similarity of more than pairs of ones.

    Members
    -------
    beat : In(B)
        Beat of v.
    en : In(slices)
        Whether there is one, and which slice of a word it is.
    first : In(1)
        Whether it belongs to the first token.
    place, word, bank : In
        Which beat of its token it is; the word and the bank that it belongs to.
    head : In(range(heads))
        Head that is loaded; absent where one weight counts for all.
    addr : In
        Word to read: the word, its bank, and whether -1 is wanted instead.
    sums : Out
        Sums of the channels of that word, one cycle later.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = StatePlan(design)
        sums = plan.memory("sums")
        super().__init__(
            {
                "beat": In(plan.beat),
                "en": In(plan.v.slices),
                "first": In(1),
                "place": In(range(plan.beats)),
                "word": In(range(plan.v.words)),
                "bank": In(range(plan.in_banks)),
                **({"head": In(range(plan.design.heads))} if plan.weighed else {}),
                "addr": In(range(sums.depth)),
                "sums": Out(sums.width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Read, count, write back: a beat's sums while the next beat's are read."""
        m = Module()
        plan = self._plan
        shape = plan.sum_shape
        width = plan.beat * shape.width

        store = _memory(m, "store", width * plan.v.slices, plan.memory("sums").depth)
        write, read = store.write_port(granularity=width), store.read_port()
        m.d.comb += [read.addr.eq(self.addr), self.sums.eq(read.data)]

        beat = Signal(plan.beat, reset_less=True)
        place = Signal(range(plan.beats), reset_less=True)
        counted = Signal(width)
        m.d.sync += [
            beat.eq(self.beat),
            place.eq(self.place),
            write.addr.eq(Cat(self.word, self.bank)),
            write.en.eq(self.en),
        ]
        m.d.comb += write.data.eq(counted.replicate(plan.v.slices))
        before = Signal(width)
        if plan.beats == 1:
            with m.If(self.en.any() & self.first):
                m.d.sync += before.eq(-1)
            with m.Elif(write.en.any()):
                m.d.sync += before.eq(counted)
        else:
            counts = _memory(m, "counts", width, plan.memory("counts").depth)
            last, next_ = counts.write_port(), counts.read_port()
            m.d.comb += [
                next_.addr.eq(Cat(self.place, self.first)),
                before.eq(next_.data),
                last.addr.eq(place),
                last.data.eq(counted),
                last.en.eq(write.en.any()),
            ]
        kept = [weights.kept for weights in plan.weights]
        weight: Value = Const(kept[0])
        if plan.weighed:
            weight = Array(kept)[self.head]
        for n in range(plan.beat):
            part = before.word_select(n, shape.width)
            total = counted.word_select(n, shape.width)
            step = beat[n].replicate(max(kept).bit_length())
            m.d.comb += total.eq(part + (step & weight))
        return m


def _memory(m: Module, name: str, width: int, depth: int) -> memory.Memory:
    """Add a memory whose upper half is -1."""
    init = [0] * (depth // 2) + [(1 << width) - 1] * (depth // 2)
    return add_block(m, name, width, depth, init)
