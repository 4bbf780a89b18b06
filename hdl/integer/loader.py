"""Input side of attention on small integers."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.counting import fit
from spikeloom.hdl.frame.stage import Loader
from spikeloom.hdl.integer.plan import IntegerPlan

__all__ = ["IntegerLoader"]


class IntegerLoader(Loader):
    """Keep the beats of k and q that hold a value above zero, and write v, bank after bank.

    A row of k (a channel) or q (a token) leaves its beats that are not zero, or one that is if all
    are, the last of them marked. An entry is written when the next one comes, so that the last is
    known; the last of all follows two cycles after its bank's last beat, before it can be read.

    Throughput: a beat a cycle, and one cycle a bank. Checked against
    :meth:`spikeloom.golden.integer.model.IntegerModel.pack`.

    Parameters
    ----------
    plan : IntegerPlan
        Geometry of the layer.

    Members
    -------
    i, free, full, bank
        As :class:`~spikeloom.hdl.frame.stage.Loader`.
    addr, entry, en : Out
        Entry to write.
    v_addr, beat, v_en : Out
        Beat of v to write: bank, token, word; its values; a write enable for each slice of a word.
    """

    def __init__(self, plan: IntegerPlan):
        self.plan: Final = plan
        super().__init__(
            plan,
            {
                "addr": Out(range(plan.memory("entries").depth)),
                "entry": Out(plan.entry),
                "en": Out(1),
                "v_addr": Out(range(plan.memory("v").depth)),
                "beat": Out(plan.v.filled),
                "v_en": Out(plan.v.slices),
            },
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        keys, queries = -(-plan.tokens // plan.per), -(-plan.rows // plan.per)

        in_v, in_q = Signal(), Signal()
        row = Signal(range(max(plan.tokens, plan.rows)))
        place = Signal(range(max(keys, queries, plan.v.beats)))
        accept, end_row, end_section = Signal(), Signal(), Signal()
        # Whether a value is taken is known from the cycle before: the sender's path is short.
        opened = Signal()
        row_done, done = Signal(), Signal()
        last_place = Mux(in_v, plan.v.beats - 1, Mux(in_q, queries - 1, keys - 1))
        last_row = Mux(in_v | in_q, plan.tokens - 1, plan.rows - 1)
        m.d.comb += [
            self.i.ready.eq(opened),
            accept.eq(self.i.valid & self.i.ready),
            end_row.eq(place == last_place),
            end_section.eq(row == last_row),
            row_done.eq(accept & end_row),
            done.eq(row_done & end_section),
        ]
        m.d.sync += [
            self.full.eq(done & in_q),
            opened.eq(self.free & ~self.full & ~(done & in_q)),
            place.eq(Mux(end_row, 0, place + 1) if keys * queries * plan.v.beats > 1 else 0),
        ]
        with m.If(~accept):
            m.d.sync += place.eq(place)
        with m.If(row_done):
            m.d.sync += row.eq(Mux(end_section, 0, row + 1))
        skip: Value = Const(0)
        if plan.accumulate:
            later = Signal()
            step = Signal(range(plan.design.steps))
            with m.If(self.full):
                last_step = step == plan.design.steps - 1
                m.d.sync += [step.eq(Mux(last_step, 0, step + 1)), later.eq(~last_step)]
            skip = later
        with m.If(done):
            m.d.sync += [in_v.eq(~in_v & ~in_q & ~skip), in_q.eq(in_v | (~in_q & skip))]

        # Values beyond the row's last one are not looked at.
        width = plan.per * plan.planes
        bits = Signal(width)
        ends = [(plan.rows - 1) % plan.per + 1, (plan.tokens - 1) % plan.per + 1]
        masks = [(1 << plan.planes * count) - 1 for count in ends]
        mask = Mux(end_row, Mux(in_q, masks[0], masks[1]), (1 << width) - 1)
        m.d.comb += bits.eq(self.i.payload.data & mask)

        held = data.View(plan.entry, Signal(plan.entry.size, name="held"))
        waiting = Signal()
        count = Signal(ceil_log2(plan.entries) or 1)
        first = place == 0
        take, push = Signal(), Signal()
        bank = Signal.like(self.bank, name="bank_late")
        m.d.comb += [
            take.eq(accept & ~in_v & (first | bits.any())),
            push.eq((take & waiting & (first | held.bits.any())) | self.full),
            self.addr.eq(Cat(count[: ceil_log2(plan.entries)], bank)),
        ]
        # Written and counted a cycle late, when it is known whether there is an entry.
        m.d.sync += [
            bank.eq(self.bank),
            self.en.eq(push),
            self.entry.bits.eq(held.bits),
            self.entry.place.eq(held.place),
            self.entry.last.eq(first | self.full),
            self.entry.single.eq(~(held.bits & (held.bits - 1)).any()),
            self.entry.empty.eq(~held.bits.any()),
        ]
        with m.If(take):
            m.d.sync += [held.bits.eq(bits), held.place.eq(place), waiting.eq(1)]
        ended = Signal()
        m.d.sync += [count.eq(count + self.en), ended.eq(self.full)]
        with m.If(ended):
            m.d.sync += count.eq(0)
        with m.If(self.full):
            m.d.sync += waiting.eq(0)

        word, slices = plan.v.arrival(place, accept & in_v)
        m.d.comb += [
            self.beat.eq(self.i.payload.data),
            self.v_addr.eq(Cat(word, fit(row, plan.tokens), self.bank)),
            self.v_en.eq(slices),
        ]
        return m
