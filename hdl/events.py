"""Sequencer of the state order: from chunks of spikes to one slot a cycle."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..design import Design
from .counting import following, odometer
from .state_plan import StatePlan

__all__ = ["EventSequencer", "less_lowest"]


class EventSequencer(wiring.Component):
    """Read chunks and give one slot a cycle: a spike, or what a row starts from.

    A chunk lies in the memory's output register while the one before is worked through, so that no
    cycle is lost between chunks. Within a chunk the lowest spike is taken and cleared, one a cycle.
    What is to be known of the next cycle (whether a spike is the chunk's last) is kept in
    registers, which keeps the path short.

    Before its spikes a row takes, where the design needs them: ``windows`` slots of Log-PE, one
    slot that starts the accumulators and one that adds the base.

    Parameters
    ----------
    design : Design
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
        The slot is the first of a row: what it addresses replaces the accumulators.
    event : Out(1)
        The slot is a spike, of a key (``query`` low) or of a query.
    index : Out
        Token of a key's spike, channel of a query's.
    ones : Out(1)
        The row is the one of all tokens.
    start, base : Out(1)
        The slot starts a row; adds the base.
    window, leave, window_token : Out
        The slot moves a window of Log-PE: a token enters or leaves. ``window`` is low for tokens
        that do not exist.
    query : Out(1)
        Phase: rows of q.
    settle : Out(1)
        The last row of a phase is complete in this cycle.
    first_step : Out(1)
        The step is the first of a head.
    token : Out(range(tokens))
        Query that starts.
    turn : Out(range(passes))
        Pass.
    bank : In(range(in_banks))
        Bank of the inputs.
    """

    ready: Signal
    busy: Signal
    done: Signal
    chunk_addr: Signal
    chunk_en: Signal
    chunk: data.View
    load: Signal
    event: Signal
    index: Signal
    ones: Signal
    start: Signal
    base: Signal
    window: Signal
    leave: Signal
    window_token: Signal
    query: Signal
    settle: Signal
    first_step: Signal
    token: Signal
    turn: Signal
    bank: Signal

    def __init__(self, design: Design):
        self._design = design
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
                "start": Out(1),
                "base": Out(1),
                "window": Out(1),
                "leave": Out(1),
                "window_token": Out(range(plan.tokens)),
                "query": Out(1),
                "settle": Out(1),
                "first_step": Out(1),
                "token": Out(range(plan.tokens)),
                "turn": Out(range(plan.passes)),
                "bank": In(range(plan.in_banks)),
            }
        )

    @property
    def design(self) -> Design:
        """The layer."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        bits = Signal(plan.chunk)
        place = Signal(plan.entry["place"].width)
        valid, first = Signal(), Signal()
        single, empty, end = Signal(), Signal(), Signal()
        waiting, flush = Signal(), Signal()
        step = Signal(range(plan.steps))
        count = Signal(len(self.chunk_addr) - (plan.in_banks - 1).bit_length())

        # One chunk in the memory's output register, one being worked through.
        finish, take = Signal(), Signal()
        m.d.comb += [
            take.eq(waiting & ~end & (~valid | finish)),
            self.chunk_addr.eq(Cat(count, self.bank)),
            self.chunk_en.eq(self.busy & (~waiting | take)),
        ]
        m.d.sync += count.eq(count + self.chunk_en)
        with m.If(self.chunk_en):
            m.d.sync += waiting.eq(1)
        opening = self._opening(m, take, step)
        if plan.counted:
            now_single, now_empty = self.chunk.single, self.chunk.empty
        else:
            now_single, now_empty = ~less_lowest(self.chunk.bits).any(), ~self.chunk.bits.any()
        m.d.sync += [
            valid.eq(take | (valid & ~finish)),
            first.eq(Mux(take, self.chunk.first, first & self._window)),
            flush.eq(finish & end),
            self.settle.eq(flush),
        ]
        with m.If(take | ~opening):
            m.d.sync += [
                bits.eq(Mux(take, self.chunk.bits, less_lowest(bits))),
                single.eq(Mux(take, now_single, _at_most_two(bits))),
            ]
        with m.If(take):
            m.d.sync += [
                place.eq(self.chunk.place),
                empty.eq(now_empty),
                end.eq(self.chunk.end),
            ]
            if plan.based:
                m.d.sync += self.ones.eq(self.chunk.ones)
        m.d.comb += [
            finish.eq(valid & Mux(opening, self._opened & empty, single)),
            self.load.eq(first & ~self._window),
            self.event.eq(valid & ~opening & ~empty),
            self.index.eq(Cat(_lowest(bits), place)),
            self.first_step.eq(step == 0),
        ]

        # A phase ends with two slots in which its last row is written. The row of all tokens ends
        # likewise, since the next row starts from it, but is followed by the other rows of k.
        with m.If(self.settle):
            m.d.sync += [end.eq(0), self.query.eq(self.query ^ ~self.ones)]
        again = Signal()
        m.d.comb += again.eq(self.settle & self.query)
        with m.If(again):
            m.d.sync += [waiting.eq(0), count.eq(0)]
            m.d.sync += self.turn.eq(following(self.turn, plan.passes))
        m.d.comb += self.done.eq(again & (self.turn == plan.passes - 1))
        with m.If(~self.busy & self.ready):
            m.d.sync += self.busy.eq(1)
        with m.If(self.done):
            m.d.sync += [
                self.busy.eq(0),
                step.eq(following(step, plan.steps)),
            ]
        return m

    def _opening(self, m: Module, take: Value, step: Value) -> Value:
        """Go through the slots before a row's spikes; tell whether this is one of them."""
        plan = self._plan
        self._window: Value = Const(0)
        self._opened: Value = Const(1)
        opens = take & self.chunk.first
        starts: Value = Const(0)
        if plan.starts:
            # Without a threshold's offset there is nothing to start from in the first step.
            starts = self.query & (1 if plan.neuron.offset else step != 0)
        if not plan.based:
            if plan.starts:
                m.d.sync += self.start.eq(opens & starts)
            if plan.paced:
                self._opened = Const(0)
            odometer(m, self.start, (self.token, plan.tokens))
            return self.start

        odometer(m, self.base, (self.token, plan.tokens))
        ready = opens
        if plan.windows:
            slides = self.query & self._moved(m)
            ready = (opens & ~slides) | self._slide(m, opens & slides)
        keys = ~self.query & ~self.chunk.ones
        m.d.sync += [
            self.start.eq(ready & (keys | starts)),
            self.base.eq((self.start & self.query) | (ready & self.query & ~starts)),
        ]
        self._opened = self.base | (self.start & ~self.query)
        return self.start | self.base | self._window

    def _moved(self, m: Module) -> Value:
        """Tell whether a query came before: the windows stand where it had them."""
        moved = Signal()
        with m.If(self.base):
            m.d.sync += moved.eq(1)
        with m.If(self.settle):
            m.d.sync += moved.eq(0)
        # A query without a spike is followed by its successor in the cycle of its base.
        return moved | self.base

    def _slide(self, m: Module, begins: Value) -> Value:
        """Give two slots a window, for what enters and what leaves. High in the last one."""
        plan = self._plan
        sliding = Signal()
        slots = 2 * len(plan.windows)
        # The slots come a cycle late, from registers, and so does the end.
        count = Signal(range(slots + 1))
        last = sliding & (count == slots)
        with m.If(sliding):
            m.d.sync += count.eq(following(count, slots + 1))
        with m.If(last):
            m.d.sync += sliding.eq(0)
        with m.If(begins):
            m.d.sync += sliding.eq(1)
        reach = Signal(range(plan.tokens))
        with m.Switch(count[1:]):
            for n, width in enumerate(plan.windows):
                with m.Case(n):
                    m.d.comb += reach.eq(width)
        place = Signal(range(-plan.tokens, 2 * plan.tokens))
        m.d.comb += place.eq(Mux(count[0], self.token - reach - 1, self.token + reach))
        m.d.sync += [
            self.leave.eq(count[0]),
            self.window_token.eq(place),
            self.window.eq(sliding & ~last & (place >= 0) & (place < plan.tokens)),
        ]
        self._window = sliding
        return last


def less_lowest(bits: Value) -> Value:
    """Clear the lowest set bit."""
    return Cat(Const(0, 1), *(bits[n] & bits[:n].any() for n in range(1, len(bits))))


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
