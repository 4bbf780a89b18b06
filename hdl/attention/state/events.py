"""Sequencer of the state order: from chunks of spikes to one slot a cycle."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import following, less_lowest

__all__ = ["EventSequencer"]


class EventSequencer(Component):
    """Read chunks and give one slot a cycle: a spike, or a row without any.

    A chunk lies in the memory's output register while the one before is worked through, so that no
    cycle is lost between chunks. Within a chunk the lowest spike is taken and cleared, one a cycle.
    What is to be known of the next cycle (whether a spike is the chunk's last) is kept in
    registers, which keeps the path short.

    The windows of a bias move in the shadow of a query's spikes, which are v's idle time; a query
    with fewer spikes than moves waits for them.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state".

    Members
    -------
    ready : In(1)
        High while inputs are complete and the output bank is free.
    busy, done : Out(1)
        High while it works; high in the last cycle of a run.
    chunk_addr, chunk_en, chunk : Out, Out, In
        Chunk memory.
    load : Out(1)
        The slot is the first of a row.
    event : Out(1)
        The slot is a spike, of a key (``query`` low) or of a query.
    index : Out
        Token of a key's spike, channel of a query's.
    ones : Out(1)
        The row is the one of all tokens.
    window, leave, window_token : Out
        A window of a bias moves: a token enters or leaves. ``window`` is low for tokens that do
        not exist.
    query : Out(1)
        Phase: rows of q.
    settle : Out(1)
        The last row of a phase is complete in this cycle.
    first_step : Out(1)
        The step is the first of a head.
    token : Out
        Query whose row begins: how many began before.
    turn : Out(range(passes))
        Pass.
    bank : In(range(in_banks))
        Bank of the inputs.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = StatePlan(design)
        super().__init__(
            {
                "ready": In(1),
                "busy": Out(1),
                "done": Out(1),
                "chunk_addr": Out(range(plan.memory("chunks").depth)),
                "chunk_en": Out(1),
                "chunk": In(plan.entry),
                "load": Out(1),
                "event": Out(1),
                "index": Out(ceil_log2(plan.chunk) + plan.entry["place"].width),
                "ones": Out(1),
                "window": Out(1),
                "leave": Out(1),
                "window_token": Out(range(plan.tokens)),
                "query": Out(1),
                "settle": Out(1),
                "first_step": Out(1),
                "token": Out(range(plan.tokens + bool(plan.windows))),
                "turn": Out(range(plan.passes)),
                "bank": In(range(plan.in_banks)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        bits = Signal(plan.chunk)
        place = Signal(plan.entry["place"].width)
        valid, first = Signal(), Signal()
        single, empty, end = Signal(), Signal(), Signal()
        waiting, over, flush = Signal(), Signal(), Signal()
        step = Signal(range(plan.design.steps))
        count = Signal(len(self.chunk_addr) - (plan.in_banks - 1).bit_length())

        # One chunk in the memory's output register, one being worked through.
        finish, take = Signal(), Signal()
        moving = self._move(m, take & self.chunk.first & self.query) if plan.windows else Const(0)
        waits = moving
        if plan.paced:
            waits |= self.load & self.query & ~self.first_step
        m.d.comb += [
            take.eq(waiting & ~end & (~valid | finish) & ~(self.chunk.first & waits)),
            self.chunk_addr.eq(Cat(count, self.bank)),
            self.chunk_en.eq(self.busy & (~waiting | take)),
        ]
        m.d.sync += count.eq(count + self.chunk_en)
        with m.If(self.chunk_en):
            m.d.sync += waiting.eq(1)
        if plan.counted:
            now_single, now_empty = self.chunk.single, self.chunk.empty
        else:
            now_single, now_empty = ~less_lowest(self.chunk.bits).any(), ~self.chunk.bits.any()
        m.d.sync += [
            valid.eq(take | (valid & ~finish)),
            first.eq(take & self.chunk.first),
            bits.eq(Mux(take, self.chunk.bits, less_lowest(bits))),
            single.eq(Mux(take, now_single, _at_most_two(bits))),
        ]
        with m.If(take):
            m.d.sync += [
                place.eq(self.chunk.place),
                empty.eq(now_empty),
                end.eq(self.chunk.end),
            ]
            if plan.windowed:
                m.d.sync += self.ones.eq(self.chunk.ones)
        m.d.comb += [
            finish.eq(valid & single),
            self.load.eq(first),
            self.event.eq(valid & ~empty),
            self.index.eq(Cat(_lowest(bits), place)),
            self.first_step.eq(step == 0),
        ]
        m.d.sync += self.token.eq(self.token + (self.load & self.query))

        # A phase ends with two slots in which its last row is written, when the last windows stand.
        ended = finish & end
        if plan.windows:
            m.d.sync += over.eq((ended | over) & moving)
            ended = (ended | over) & ~moving
        m.d.sync += [flush.eq(ended), self.settle.eq(flush)]
        with m.If(self.settle):
            m.d.sync += [end.eq(0), self.query.eq(~self.query)]
        again = Signal()
        m.d.comb += again.eq(self.settle & self.query)
        with m.If(again):
            m.d.sync += [waiting.eq(0), count.eq(0), self.token.eq(0)]
            m.d.sync += self.turn.eq(following(self.turn, plan.passes))
        m.d.comb += self.done.eq(again & (self.turn == plan.passes - 1))
        with m.If(~self.busy & self.ready):
            m.d.sync += self.busy.eq(1)
        with m.If(self.done):
            m.d.sync += [
                self.busy.eq(0),
                step.eq(following(step, plan.design.steps)),
            ]
        return m

    def _move(self, m: Module, begins: Value) -> Value:
        """Give two cycles a window, for what enters and what leaves, and one to sum it.

        The windows of the first query are made by the row of all tokens. High while they move.
        """
        plan = self._plan
        moving = Signal()
        count = Signal(range(2 * len(plan.windows) + 1))
        with m.If(moving):
            m.d.sync += count.eq(following(count, 2 * len(plan.windows) + 1))
        with m.If(count == 2 * len(plan.windows)):
            m.d.sync += moving.eq(0)
        with m.If(begins & (self.token.any() | self.load)):
            m.d.sync += moving.eq(1)
        # The first cycle is that of the query's first slot, after which the next one is counted.
        reach = Signal(range(-plan.tokens - 1, plan.tokens))
        with m.Switch(count):
            for n, width in enumerate(plan.windows):
                with m.Case(2 * n):
                    m.d.comb += reach.eq(width - (n > 0))
                with m.Case(2 * n + 1):
                    m.d.comb += reach.eq(-width - 2)
        place = Signal(range(-plan.tokens - 1, 2 * plan.tokens))
        m.d.comb += place.eq(self.token + reach)
        m.d.sync += [
            self.leave.eq(count[0]),
            self.window_token.eq(place),
            self.window.eq(
                moving & (count != 2 * len(plan.windows)) & (place >= 0) & (place < plan.tokens)
            ),
        ]
        return moving


def _at_most_two(bits: Value) -> Value:
    """Tell whether at most two bits are set: at most one is left when the lowest is taken."""
    return ~less_lowest(less_lowest(bits)).any()


def _lowest(bits: Value) -> Value:
    """Encode the place of the lowest set bit."""
    width = ceil_log2(len(bits))
    place: Value = Const(len(bits) - 1, width)
    for n in reversed(range(len(bits) - 1)):
        place = Mux(bits[n], Const(n, width), place)
    return place
