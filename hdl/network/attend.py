"""Between the memories of a network and its attention layer: beats of q, k and v, and spikes."""

from typing import Final

from amaranth.hdl import Array, Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import counted_to, fit, odometer, widen
from spikeloom.hdl.network.plan import NetworkPlan

__all__ = ["Collector", "Feeder"]


def _places(plan: NetworkPlan) -> tuple[int, int]:
    """Bits of a word's column and of its slot, of all words of a token's heads."""
    columns = ceil_log2(plan.columns)
    words = plan.layer.heads * plan.head_words
    return columns, max(ceil_log2(words) - columns, 0)


def _tokens_done(
    m: Module, plan: NetworkPlan, en: Value, word: Signal, token: Signal, end: Value
) -> Value:
    """Go through the words of all tokens of a head, and say when they are over."""
    if not plan.lengths:
        return odometer(m, en, (word, plan.head_words), (token, plan.design.tokens))
    return counted_to(m, odometer(m, en, (word, plan.head_words)), token, end)


class Feeder(Component):
    """Read k, v and q, head by head and step by step, as the attention layer takes them.

    Of a network without an attention layer nothing is read. Tokens behind the end of the sequence
    are left out, or are zero where ``plan.lengths`` does not hold. A beat in every cycle in which
    the layer takes one, two cycles after its address.

    Parameters
    ----------
    plan : NetworkPlan
        Geometry of the network.

    Members
    -------
    start : In(1)
        Begin.
    end : In(range(tokens))
        Last token of the sequence.
    en : Out(1)
        Memories are to read.
    row, slot : Out
        Row of tokens and slot to read.
    rows : In
        What all units read, one cycle later: those of a step beside each other.
    key_addr : Out, keys : In
        Words of the memory of keys, where it has one: number of the word, channel.
    o : Out(stream)
        Beats.
    """

    def __init__(self, plan: NetworkPlan):
        self.plan: Final = plan
        design = plan.design
        members = {
            "start": In(1),
            "end": In(range(design.tokens)),
            "en": Out(1),
            "row": Out(plan.row_bits),
            "slot": Out(range(plan.slot_count)),
            "rows": In(design.steps * plan.at_once * plan.lanes),
            "o": Out(beat_stream(BEAT)),
        }
        if plan.keys_turned:
            shape = plan.memory("keys")
            members |= {"key_addr": Out(range(shape.depth)), "keys": In(shape.width)}
        super().__init__(members)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, design = self.plan, self.plan.design
        if plan.inner is None:
            return m
        attention = plan.inner
        column_bits, slot_bits = _places(plan)

        # Sections of a head and step: k, v and q, the token or channel and its words in each.
        works = Signal()
        word = Signal(range(plan.head_words))
        token = Signal(range(design.tokens))
        section, step = Signal(2), Signal(range(design.steps))
        head = Signal(range(attention.heads))
        base = Signal(column_bits + slot_bits)
        channel_base = Signal(ceil_log2(design.dim))
        advance, of_keys = Signal(), Signal()
        m.d.comb += of_keys.eq((section == 0) & plan.keys_turned)

        m.d.comb += advance.eq(works & self.en)
        tokens_done = _tokens_done(m, plan, advance & ~of_keys, word, token, self.end)
        keys_done: Value | int = 0
        numbers = -(-design.tokens // BEAT)
        number, channel = Signal(range(numbers)), Signal(range(attention.head_dim))
        if plan.keys_turned:
            if plan.lengths:
                word_done = counted_to(m, advance & of_keys, number, self.end[4:])
                keys_done = odometer(m, word_done, (channel, attention.head_dim))
            else:
                counts = (number, numbers), (channel, attention.head_dim)
                keys_done = odometer(m, advance & of_keys, *counts)
        section_done = Signal()
        m.d.comb += section_done.eq(tokens_done | keys_done)
        run_done = odometer(m, section_done, (section, 3))
        head_done = odometer(m, run_done, (step, design.steps))
        with m.If(head_done):
            m.d.sync += [
                base.eq(base + plan.head_words),
                channel_base.eq(channel_base + attention.head_dim),
            ]
        with m.If(odometer(m, head_done, (head, attention.heads))):
            m.d.sync += works.eq(0)
        with m.If(self.start):
            m.d.sync += [works.eq(1), base.eq(0), channel_base.eq(0)]

        parts = ceil_log2(plan.at_once)
        token_bits = widen(token, parts + plan.row_bits)
        at = Signal(column_bits + slot_bits)
        m.d.comb += at.eq(base + word)
        tensors = [plan.tensors[name].slot for name in ("key", "value", "query")]
        m.d.comb += [
            self.row.eq(token_bits[parts:]),
            self.slot.eq(Array(tensors)[section] + at[column_bits:]),
        ]
        beyond = Signal()
        if not plan.lengths:
            m.d.comb += beyond.eq(token > self.end)
        choice: list[Value] = [at[:column_bits], token_bits[:parts], fit(step, design.steps)]
        if plan.keys_turned:
            m.d.comb += self.key_addr.eq(Cat(number, channel_base + channel))
            if not plan.lengths:
                with m.If(of_keys):
                    m.d.comb += beyond.eq(number > self.end[4:])

        # Address, word, beat: all wait for the layer together.
        there, chosen = Signal(), Signal(sum(map(len, choice)))
        was_keys, zero = Signal(), Signal()
        m.d.comb += self.en.eq(~self.o.valid | self.o.ready)
        words = Signal(BEAT)
        m.d.comb += words.eq(self.rows.word_select(chosen, BEAT))
        found: Value = words
        if plan.keys_turned:
            step_of = chosen[column_bits + parts :]
            found = Mux(was_keys, self.keys.word_select(step_of, BEAT), words)
        with m.If(self.en):
            m.d.sync += [
                there.eq(works),
                chosen.eq(Cat(choice)),
                was_keys.eq(of_keys),
                zero.eq(beyond),
                self.o.valid.eq(there),
                self.o.payload.data.eq(Mux(zero, 0, found)),
            ]
        return m


class Collector(Component):
    """Write the spikes of the attention layer, head by head and step by step; none without it.

    Parameters
    ----------
    plan : NetworkPlan
        Geometry of the network.

    Members
    -------
    end : In(range(tokens))
        Last token of the sequence.
    i : In(stream)
        Beats of the attention layer; always taken.
    done : Out(1)
        High for one cycle with the last of them.
    w_en, w_row, w_slot, w_column, w_part, w_step, w_data : Out
        Word to write, and where.
    """

    def __init__(self, plan: NetworkPlan):
        self.plan: Final = plan
        steps = plan.design.steps
        super().__init__(
            {
                "end": In(range(plan.design.tokens)),
                "i": In(beat_stream(BEAT)),
                "done": Out(1),
                "w_en": Out(1),
                "w_row": Out(plan.row_bits),
                "w_slot": Out(range(plan.slot_count)),
                "w_column": Out(range(plan.columns)),
                "w_part": Out(range(plan.at_once)),
                "w_step": Out(range(steps)),
                "w_data": Out(BEAT),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, design = self.plan, self.plan.design
        if plan.inner is None:
            return m
        column_bits, slot_bits = _places(plan)
        word = Signal(range(plan.head_words))
        token = Signal(range(design.tokens))
        step, base = Signal(range(design.steps)), Signal(column_bits + slot_bits)
        run_done = _tokens_done(m, plan, self.w_en, word, token, self.end)
        with m.If(odometer(m, run_done, (step, design.steps))):
            m.d.sync += base.eq(base + plan.head_words)
        m.d.comb += self.done.eq(self.w_en & self.i.payload.last)
        with m.If(self.done):
            m.d.sync += base.eq(0)

        parts = ceil_log2(plan.at_once)
        token_bits = widen(token, parts + plan.row_bits)
        at = Signal(column_bits + slot_bits)
        m.d.comb += [
            at.eq(base + word),
            self.i.ready.eq(1),
            self.w_en.eq(self.i.valid),
            self.w_row.eq(token_bits[parts:]),
            self.w_part.eq(token_bits[:parts]),
            self.w_column.eq(at[:column_bits]),
            self.w_slot.eq(plan.tensors["attention"].slot + at[column_bits:]),
            self.w_step.eq(step),
            self.w_data.eq(self.i.payload.data),
        ]
        return m
