"""Input side in state order: beats in, chunks with spikes in them out."""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from ..design import Design
from .beats import beat_stream
from .counting import following
from .state_plan import StatePlan

__all__ = ["ChunkLoader"]


class ChunkLoader(wiring.Component):
    """Keep the chunks of k and q that hold a spike, and write v, bank after bank.

    A beat of k or q is taken apart into chunks, one a cycle; a beat of v is written as it is. A row
    without any spike leaves one empty chunk, and the last chunk of k and of q is kept even if
    empty, so that rows and phases can be told from the chunks alone.

    Throughput: a beat of v a cycle, a chunk of k or q a cycle. Checked against
    :func:`spikeloom.golden.beats.pack`.

    Parameters
    ----------
    design : Design
        The layer, with ``folding.order`` "state".

    Members
    -------
    i : In(stream)
        Beats. ``last`` is not looked at.
    free : In(1)
        High while the bank to be filled is free.
    full : Out(1)
        High for one cycle when that bank has been filled.
    addr, entry, en : Out
        Chunk to write: bank and place, what, whether.
    v_addr, beat, v_en : Out
        Beat of v to write: bank, token, word; the beat; a write enable for each slice of the word.
    """

    i: stream.Interface
    free: Signal
    full: Signal
    addr: Signal
    entry: data.View
    en: Signal
    v_addr: Signal
    beat: Signal
    v_en: Signal

    def __init__(self, design: Design):
        self._design = design
        self._plan = plan = StatePlan(design)
        super().__init__(
            {
                "i": In(beat_stream(plan.beat)),
                "free": In(1),
                "full": Out(1),
                "addr": Out(range(plan.memory("chunks").depth)),
                "entry": Out(plan.entry),
                "en": Out(1),
                "v_addr": Out(range(plan.memory("v").depth)),
                "beat": Out(plan.beat),
                "v_en": Out(plan.slices),
            }
        )

    @property
    def design(self) -> Design:
        """The layer."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        keys, queries = plan.chunks
        parts = plan.beat // plan.chunk

        section = Signal(2)
        row = Signal(range(max(plan.tokens, plan.places + plan.based)))
        place = Signal(range(max(keys, queries, plan.query_beats * parts)))
        count = Signal(len(self.addr) - (plan.in_banks - 1).bit_length())
        bank = Signal(range(plan.in_banks))
        fresh = Signal(init=1)
        in_v, in_q = section[0], section[1]
        part = place[: (parts - 1).bit_length()]
        bits = Signal(plan.chunk)
        last_part = part == parts - 1
        accept = Signal()
        m.d.comb += [
            bits.eq(self.i.payload.data.word_select(part, plan.chunk)),
            accept.eq(self.i.valid & self.free),
        ]
        ones = Signal(init=1)
        if plan.based:
            # Before the keys comes a row with a spike for every token, which no beat carries.
            with m.If(ones):
                m.d.comb += [bits.eq(-1), accept.eq(self.free)]
                beyond = keys * plan.chunk - plan.tokens
                with m.If(place == keys - 1):
                    m.d.comb += bits.eq((1 << plan.chunk - beyond) - 1)
            m.d.comb += self.entry.ones.eq(ones)

        # A beat of v is one step; a beat of k or q is one step a chunk, and ends the row early
        # where the row does.
        end_row = Signal()
        with m.If(in_v):
            m.d.comb += end_row.eq(place == plan.beats - 1)
        with m.Elif(in_q):
            m.d.comb += end_row.eq(place == queries - 1)
        with m.Else():
            m.d.comb += end_row.eq(place == keys - 1)
        last_row = plan.places - 1 + plan.based
        end_section = row == Mux(section == 0, last_row, plan.tokens - 1)
        end = Signal()
        waits = ones if plan.based else Const(0)
        m.d.comb += [
            self.i.ready.eq(self.free & ~waits & (in_v | last_part | end_row)),
            end.eq(accept & end_row & end_section & in_q),
            self.full.eq(end),
        ]
        with m.If(accept):
            m.d.sync += place.eq(place + 1)
            with m.If(end_row):
                m.d.sync += [place.eq(0), row.eq(row + 1), ones.eq(0)]
                with m.If(end_section):
                    m.d.sync += [row.eq(0), section.eq(Mux(in_q, 0, section + 1)), ones.eq(in_q)]

        spikes = bits.any()
        m.d.comb += [
            self.addr.eq(Cat(count, bank)),
            self.entry.bits.eq(bits),
            self.entry.place.eq(place),
            self.entry.first.eq(fresh),
            self.entry.end.eq(end_row & (end_section | waits)),
            self.en.eq(accept & ~in_v & (spikes | (end_row & (fresh | end_section)))),
        ]
        if plan.counted:
            m.d.comb += [
                self.entry.single.eq(~(bits & (bits - 1)[: plan.chunk]).any()),
                self.entry.empty.eq(~spikes),
            ]
        with m.If(accept & ~in_v):
            m.d.sync += fresh.eq(end_row | (fresh & ~spikes))
        with m.If(self.en):
            m.d.sync += count.eq(count + 1)
        with m.If(end):
            m.d.sync += [count.eq(0), bank.eq(following(bank, plan.in_banks))]

        word_of = Array(Const(n // plan.slices, range(plan.words)) for n in range(plan.beats))
        slice_of = Array(Const(1 << n % plan.slices, plan.slices) for n in range(plan.beats))
        m.d.comb += [
            self.beat.eq(self.i.payload.data),
            self.v_addr.eq(Cat(word_of[place], row[: (plan.tokens - 1).bit_length()], bank)),
            self.v_en.eq(Mux(accept & in_v, slice_of[place], 0)),
        ]
        return m
