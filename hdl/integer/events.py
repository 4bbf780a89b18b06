"""The order of work of attention on small integers: a slot a cycle, one for each set bit."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import encode
from spikeloom.hdl.integer.plan import IntegerPlan

__all__ = ["IntegerSequencer"]


class IntegerSequencer(Component):
    """Walk through the kept beats of k, then of q, once for every pass, a set bit a cycle.

    A bit of weight 2**a of value ``index`` is a slot. Rows of k are followed by a slot for each
    doubling of the row of state; rows of q begin with a slot for what the query starts from and
    are followed by one for each level of multispike but one.

    A pass takes ``plan.overhead`` cycles, and for every row its set bits (at least 1; for a query
    that starts from something none) and its other slots; see
    :func:`spikeloom.hdl.integer.layer.integer_cycles`.

    Parameters
    ----------
    plan : IntegerPlan
        Geometry of the layer.

    Members
    -------
    ready : In(1)
        High while inputs are complete and the output bank is free.
    done : Out(1)
        High for one cycle, the one after the last slot.
    busy : Out(1)
        High while it works.
    addr, en, entry : Out, Out, In
        Entry to read, without its bank; the entry, one cycle later and until the next is read.
    turn : Out(range(passes))
        Pass.
    first_step, last_step : Out(1)
        High in the first, in the last step of an inference.
    query, row : Out
        Whether this is a row of q, and which row.
    load : Out(1)
        First slot of a row.
    event, index, plane : Out
        Whether the slot has a set bit; of which value in its row; its weight, one-hot.
    start, extra, number, flush : Out
        Slot for the start of a query; for a doubling or a level, and the how many-th; for nothing
        but the end of a phase.
    """

    def __init__(self, plan: IntegerPlan):
        self.plan: Final = plan
        self._extras = (plan.copies - 1, max(len(plan.levels) - 1, 0))
        super().__init__(
            {
                "ready": In(1),
                "done": Out(1),
                "busy": Out(1),
                "addr": Out(ceil_log2(plan.entries)),
                "en": Out(1),
                "entry": In(plan.entry),
                "turn": Out(range(plan.passes)),
                "first_step": Out(1),
                "last_step": Out(1),
                "query": Out(1),
                "row": Out(range(max(plan.tokens, plan.rows))),
                "load": Out(1),
                "event": Out(1),
                "index": Out(ceil_log2(plan.per) + plan.entry["place"].width),
                "plane": Out(plan.planes),
                "start": Out(1),
                "extra": Out(1),
                "number": Out(range(max(*self._extras, 2))),
                "flush": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        keys, queries = self._extras

        current = data.View(plan.entry, Signal(plan.entry.size, name="current", reset_less=True))
        rest = self._lowest(m, current)
        # At most two bits are left, so at most one after the next slot.
        pair = Signal()
        m.d.comb += pair.eq(~_at_least(current.bits)[2])
        # The address is a register of its own, so that no path goes through a memory's address.
        begin, fetch = Signal(), Signal()
        place = Signal.like(self.addr, name="place")
        m.d.comb += [self.en.eq(begin | fetch), self.addr.eq(place)]
        m.d.sync += place.eq(place + self.en)

        fresh = Signal()
        last_row = self.row == Mux(self.query, plan.tokens - 1, plan.rows - 1)

        def end_row() -> None:
            with m.If(last_row):
                m.next = "Flush"
            with m.Else():
                m.d.sync += [self.row.eq(self.row + 1), fresh.eq(1)]
                m.next = "Run"
                if plan.starts:
                    with m.If(self.query):
                        m.next = "Start"

        def end_events() -> None:
            for query, extras in ((0, keys), (1, queries)):
                with m.If(self.query == query):
                    if extras:
                        m.next = "Extra"
                    else:
                        end_row()

        def end_phase() -> None:
            with m.If(self.query):
                m.d.sync += place.eq(0)
            with m.If(~self.query):
                m.next = "Turn"
            with m.Elif(self.turn == plan.passes - 1):
                m.d.sync += [self.done.eq(1), self.turn.eq(0)]
                m.next = "Idle"
            with m.Else():
                m.d.sync += self.turn.eq(self.turn + 1)
                m.next = "Begin"

        m.d.comb += self.busy.eq(1)
        with m.FSM(name="phase"):
            with m.State("Idle"):
                m.d.comb += self.busy.eq(0)
                m.d.sync += self.done.eq(0)
                with m.If(self.ready & ~self.done):
                    m.next = "Begin"
            with m.State("Begin"):
                m.d.comb += begin.eq(1)
                m.next = "Fetch"
            with m.State("Fetch"):
                m.d.comb += fetch.eq(1)
                m.d.sync += [self.query.eq(0), self.row.eq(0), fresh.eq(1)]
                m.next = "Run"
            with m.State("Start"):
                m.d.comb += [self.start.eq(1), self.load.eq(1)]
                m.d.sync += fresh.eq(0)
                m.next = "Run"
                if not plan.paced:
                    with m.If(current.empty):
                        m.d.comb += fetch.eq(1)
                        end_events()
            with m.State("Run"):
                m.d.comb += [self.event.eq(~current.empty), self.load.eq(fresh)]
                m.d.sync += [current.bits.eq(rest), current.single.eq(pair), fresh.eq(0)]
                with m.If(current.single):
                    m.d.comb += fetch.eq(1)
                    with m.If(current.last):
                        end_events()
            with m.State("Extra"):
                m.d.comb += self.extra.eq(1)
                m.d.sync += self.number.eq(self.number + 1)
                with m.If(self.number == Mux(self.query, queries - 1, keys - 1)):
                    m.d.sync += self.number.eq(0)
                    end_row()
            with m.State("Flush"):
                m.d.comb += self.flush.eq(1)
                if plan.registered:
                    m.next = "Settle"
                else:
                    end_phase()
            with m.State("Settle"):
                if plan.registered:
                    end_phase()
            with m.State("Turn"):
                # The last row of state is written now, and read by the next slot at the earliest.
                m.d.sync += [self.query.eq(1), self.row.eq(0), fresh.eq(1)]
                m.next = "Start" if plan.starts else "Run"
        with m.If(fetch):
            m.d.sync += current.eq(self.entry)
        self._count_steps(m)
        return m

    def _lowest(self, m: Module, current: data.View) -> Value:
        """Find the lowest set bit: its value, its weight, and what is left without it."""
        plan = self.plan
        bits = current.bits
        lowest = Signal(len(bits))
        m.d.comb += lowest.eq(bits & ~(bits - 1)[: len(bits)])
        values = [lowest.word_select(n, plan.planes) for n in range(plan.per)]
        number = encode([word.any() for word in values])
        m.d.comb += self.index.eq(Cat(number, current.place))
        for plane in range(plan.planes):
            m.d.comb += self.plane[plane].eq(Cat(word[plane] for word in values).any())
        rest = Signal(len(bits))
        m.d.comb += rest.eq(bits & ~lowest)
        return rest

    def _count_steps(self, m: Module) -> None:
        steps = self.plan.design.steps
        step = Signal(range(steps))
        m.d.comb += [self.first_step.eq(step == 0), self.last_step.eq(step == steps - 1)]
        with m.If(self.done):
            m.d.sync += step.eq(Mux(step == steps - 1, 0, step + 1))


def _at_least(bits: Value) -> tuple[Value, Value, Value]:
    """Say whether at least one, two, three bits are set: a tree, flatter than a count."""
    if len(bits) == 1:
        return bits[0], Const(0, 1), Const(0, 1)
    half = len(bits) // 2
    (a1, a2, a3), (b1, b2, b3) = _at_least(bits[:half]), _at_least(bits[half:])
    return a1 | b1, a2 | b2 | (a1 & b1), a3 | b3 | (a2 & b1) | (a1 & b2)
