"""Input side where several spikes are taken a cycle: beats in, words of k, v and q out."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import widen

__all__ = ["WideLoader"]


class WideLoader(Component):
    """Write beats of k, v and q into their memories, bank after bank, zeros and all.

    k and v share their banks, and q has its own: it is needed later. A beat that is wider than a
    word of k or q is written a word at a time.

    Throughput: a beat of v a cycle, and of k and q a beat or a word a cycle, whichever is less.
    Checked against :func:`spikeloom.golden.attention.beats.pack`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.spikes`` above 1.

    Members
    -------
    i : In(stream)
        Beats. ``last`` is not looked at.
    keys_free, queries_free : In(1)
        High while the bank of k and v, of q, that is to be filled is free.
    keys_full, queries_full : Out(1)
        High for one cycle when that bank has been filled.
    keys_bank, queries_bank : In(range(banks))
        Those banks.
    word : Out(span)
        What to write to k or q: a word, or a beat that stands in all places of a word.
    k_addr, k_en, q_addr, q_en : Out
        Word of k, of q; an enable for each beat of a word.
    v_addr, v_data : Out
        Word of v, and the beat, in all places of a word.
    v_en : Out(ArrayLayout(slices, ports))
        Enables of the beats of a word, for each port.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = WidePlan(design)
        pieces = max(1, plan.span // plan.beat)
        super().__init__(
            {
                "i": In(beat_stream(plan.beat)),
                "keys_free": In(1),
                "queries_free": In(1),
                "keys_full": Out(1),
                "queries_full": Out(1),
                "keys_bank": In(range(plan.in_banks)),
                "queries_bank": In(range(plan.in_banks)),
                "word": Out(plan.span),
                "k_addr": Out(range(plan.memory("k").depth)),
                "k_en": Out(pieces),
                "q_addr": Out(range(plan.memory("q").depth)),
                "q_en": Out(pieces),
                "v_addr": Out(range(plan.memory("v0").depth)),
                "v_data": Out(plan.v_width),
                "v_en": Out(data.ArrayLayout(plan.v.slices, plan.ports)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        pieces, parts = max(1, plan.span // plan.beat), max(1, plan.beat // plan.span)

        # Steps of a row: a beat of v; of k and q a beat, or a word where a beat holds several.
        if parts > 1:
            keys, queries = plan.key_words, plan.query_words
        else:
            keys, queries = self.design.beats_per_channel, plan.query_beats
        place = Signal(range(max(keys, queries, plan.beats)))
        row = Signal(range(max(plan.tokens, plan.places)))
        section = Signal(2)
        in_v, in_q = section[0], section[1]
        end_row, end_section, free = Signal(), Signal(), Signal()
        with m.If(in_v):
            m.d.comb += end_row.eq(place == plan.beats - 1)
        with m.Elif(in_q):
            m.d.comb += end_row.eq(place == queries - 1)
        with m.Else():
            m.d.comb += end_row.eq(place == keys - 1)
        last = Mux(section == 0, plan.places - 1, plan.tokens - 1)
        accept, row_done, section_done = Signal(), Signal(), Signal()
        whole: Value = Const(1)
        if parts > 1:
            whole = in_v | end_row | (place[: ceil_log2(parts)] == parts - 1)
        m.d.comb += [
            free.eq(Mux(in_q, self.queries_free, self.keys_free)),
            accept.eq(self.i.valid & free),
            self.i.ready.eq(free & whole),
            end_section.eq(row == last),
            row_done.eq(accept & end_row),
            section_done.eq(row_done & end_section),
        ]
        # Banks are full a cycle after their last beat, which keeps the path to that news short.
        m.d.sync += [
            self.keys_full.eq(section_done & in_v),
            self.queries_full.eq(section_done & in_q),
            place.eq(place + accept),
            row.eq(row + row_done),
        ]
        with m.If(row_done):
            m.d.sync += place.eq(0)
        with m.If(section_done):
            m.d.sync += [row.eq(0), section.eq(Mux(in_q, 0, section + 1))]

        beat = self.i.payload.data
        if parts > 1:
            m.d.comb += self.word.eq(beat.word_select(place[: ceil_log2(parts)], plan.span))
        else:
            m.d.comb += self.word.eq(beat.replicate(pieces))
        piece = ceil_log2(pieces)
        part = Signal(pieces)
        m.d.comb += part.eq(1 << place[:piece] if piece else 1)
        column = place[piece:]
        token = row[: ceil_log2(plan.tokens)]
        m.d.comb += [
            self.k_addr.eq(
                Cat(
                    widen(column, ceil_log2(plan.key_words)),
                    widen(row, ceil_log2(plan.places)),
                    self.keys_bank,
                )
            ),
            self.k_en.eq(Mux(accept & (section == 0), part, 0)),
            self.q_addr.eq(
                Cat(widen(column, ceil_log2(plan.query_words)), token, self.queries_bank)
            ),
            self.q_en.eq(Mux(accept & in_q, part, 0)),
        ]

        word, _ = plan.v.arrival(place, Const(1))
        port = ceil_log2(plan.ports)
        deep = ceil_log2(plan.key_words * plan.reach)
        m.d.comb += [
            self.v_data.eq(beat.replicate(plan.v.slices)),
            self.v_addr.eq(Cat(word, widen(row[port:], deep), self.keys_bank)),
        ]
        for n in range(plan.ports):
            chosen = accept & in_v & (widen(row, port) == n)
            m.d.comb += self.v_en[n].eq(plan.v.arrival(place, chosen)[1])
        return m
