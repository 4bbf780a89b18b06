"""Input side in state order: beats in, chunks with spikes in them out."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.counting import fit, less_lowest
from spikeloom.hdl.frame.stage import Loader

__all__ = ["ChunkLoader"]


class ChunkLoader(Loader):
    """Keep the chunks of k and q that hold a spike, and write v, bank after bank.

    A beat of k or q is taken apart into chunks, one a cycle; a beat of v is written as it is. A row
    without any spike leaves one empty chunk, and the last chunk of k and of q is kept even if
    empty, so that rows and phases can be told from the chunks alone.

    Throughput: a beat of v a cycle, a chunk of k or q a cycle. Checked against
    :func:`spikeloom.golden.attention.beats.pack`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state".
    lengths : bool
        Whether sequences may have fewer tokens; without a position only.

    Members
    -------
    i, free, full, bank
        As :class:`~spikeloom.hdl.frame.stage.Loader`.
    addr, entry, en : Out
        Chunk to write: bank and place, what, whether.
    v_addr, beat, v_en : Out
        Beat of v to write: bank, token, word; the beat; a write enable for each slice of the word.
    v_place, v_first : Out
        Which beat of its token it is; whether the token is the first.
    end : In(range(tokens))
        Last token that there is, as long as a run is worked on. With ``lengths`` only.
    """

    def __init__(self, design: AttentionDesign, *, lengths: bool = False):
        self.design: Final = design
        self.lengths: Final = lengths
        self._plan = plan = StatePlan(design)
        super().__init__(
            plan,
            {
                "addr": Out(range(plan.memory("chunks").depth)),
                "entry": Out(plan.entry),
                "en": Out(1),
                "v_addr": Out(range(plan.memory("v").depth)),
                "beat": Out(plan.beat),
                "v_en": Out(plan.v.slices),
                "v_place": Out(range(plan.beats)),
                "v_first": Out(1),
                **({"end": In(range(design.tokens))} if lengths else {}),
            },
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        keys, queries = plan.chunks
        parts = plan.beat // plan.chunk

        section = Signal(2)
        row = Signal(range(max(plan.tokens, plan.design.channels + plan.windowed)))
        place = Signal(range(max(keys, queries, plan.query_beats * parts)))
        count = Signal(len(self.addr) - (plan.in_banks - 1).bit_length())
        fresh = Signal(init=1)
        in_v, in_q = section[0], section[1]
        part = place[: (parts - 1).bit_length()]
        bits = Signal(plan.chunk)
        last_part = part == parts - 1
        # A bank is full a cycle after its last beat, which keeps the path to that news short. So is
        # the sender's: whether a beat is taken is known from the cycle before.
        accept, opened = Signal(), Signal()
        m.d.comb += [
            bits.eq(self.i.payload.data.word_select(part, plan.chunk)),
            accept.eq(self.i.valid & opened),
        ]
        ones = Signal(init=1)
        if plan.windowed:
            # Before the keys comes a row with a spike for every token, which no beat carries.
            with m.If(ones):
                m.d.comb += [bits.eq(-1), accept.eq(opened)]
                beyond = keys * plan.chunk - plan.tokens
                with m.If(place == keys - 1):
                    m.d.comb += bits.eq((1 << plan.chunk - beyond) - 1)

        # A beat of v is one step; a beat of k or q is one step a chunk, and ends the row early
        # where the row does.
        end_row = Signal()
        with m.If(in_v):
            m.d.comb += end_row.eq(place == plan.beats - 1)
        with m.Elif(in_q):
            m.d.comb += end_row.eq(place == queries - 1)
        with m.Else():
            last_key = self.end[exact_log2(plan.chunk) :] if self.lengths else keys - 1
            m.d.comb += end_row.eq(place == last_key)
        last_row = plan.design.channels - 1 + plan.windowed
        last_token = self.end if self.lengths else plan.tokens - 1
        end_section = row == Mux(section == 0, last_row, last_token)
        waits = ones if plan.windowed else Const(0)
        row_done, section_done = Signal(), Signal()
        m.d.comb += [
            row_done.eq(accept & end_row),
            section_done.eq(row_done & end_section),
            self.i.ready.eq(opened & ~waits & (in_v | last_part | end_row)),
        ]
        m.d.sync += [
            self.full.eq(section_done & in_q),
            opened.eq(self.free & ~self.full & ~(section_done & in_q)),
        ]
        m.d.sync += [place.eq(place + accept), row.eq(row + row_done)]
        with m.If(row_done):
            m.d.sync += [place.eq(0), ones.eq(0)]
        with m.If(section_done):
            m.d.sync += [row.eq(0), section.eq(Mux(in_q, 0, section + 1)), ones.eq(in_q)]

        spikes = bits.any()
        entry = data.View(plan.entry, Signal(plan.entry.size, name="kept"))
        keep = Signal()
        m.d.comb += [
            entry.bits.eq(bits),
            entry.place.eq(place),
            entry.first.eq(fresh),
            entry.end.eq(end_row & end_section),
            keep.eq(accept & ~in_v & (spikes | (end_row & (fresh | end_section)))),
            self.addr.eq(Cat(count, self.bank)),
        ]
        if plan.counted:
            m.d.comb += [entry.single.eq(~less_lowest(bits).any()), entry.empty.eq(~spikes)]
        if plan.windowed:
            m.d.comb += entry.ones.eq(ones)
        # Long addresses are counted a cycle late, when it is known whether the chunk is kept.
        late = plan.windowed or len(count) > 8
        domain = "sync" if late else "comb"
        m.d[domain] += [self.entry.eq(entry), self.en.eq(keep)]
        with m.If(accept & ~in_v):
            m.d.sync += fresh.eq(end_row | (fresh & ~spikes))
        m.d.sync += count.eq(count + self.en)
        with m.If(self.full):
            m.d.sync += count.eq(0)

        word, slices = plan.v.arrival(place, accept & in_v)
        m.d.comb += [
            self.beat.eq(self.i.payload.data),
            self.v_addr.eq(Cat(word, fit(row, plan.tokens), self.bank)),
            self.v_en.eq(slices),
            self.v_place.eq(place),
            self.v_first.eq(row == 0),
        ]
        return m
