"""State order on small integers: S = K^T V first, then q S, one set bit a cycle."""

from itertools import pairwise
from typing import Any, Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.counting import delays, encode, fit, widen
from spikeloom.hdl.frame.memory import LayerMemory, add_memory
from spikeloom.hdl.frame.stage import Engine
from spikeloom.hdl.integer.events import IntegerSequencer
from spikeloom.hdl.integer.plan import IntegerPlan
from spikeloom.hdl.neuron import NeuronBank
from spikeloom.hdl.neuron.lane import saturating

__all__ = ["IntegerEngine"]


class IntegerEngine(Engine):
    """Compute one head and step at a time, one set bit of k or q a cycle, ``lanes`` channels of v.

    A row of k (one channel, over the tokens) adds up the values of its tokens, each shifted by the
    weight of the bit, and leaves a row of state. The row is kept once for each bit of q, doubled
    from one to the next by the accumulator itself: a bit of q then picks its row, and nothing as
    wide as the state is ever shifted. A row of q (one token, over the channels) adds up the rows
    of state, on top of what the query starts from, and leaves outputs.

    For multispike an accumulator starts below zero by the highest threshold and steps up from
    threshold to threshold; its top bit is counted. No comparator, any thresholds.

    Cycles: see :class:`~spikeloom.hdl.integer.events.IntegerSequencer`. Cost: an accumulator a
    lane, of the width that the range analysis gives, with a gate a bit in front.

    Parameters
    ----------
    plan : IntegerPlan
        Geometry of the layer.

    Members
    -------
    ready, done, busy, bank, bank_out, v_addr, v_data, o_addr, o_data, o_en
        As :class:`~spikeloom.hdl.frame.stage.Engine`.
    written : Out(1)
        High for one cycle when the output bank is complete.
    entry_addr, entry_en, entry : Out, Out, In
        Entry to read; the entry, one cycle later and until the next is read.
    r_addr, r_en, r_data : In, In, Out
        Word of accumulated drives to read while the engine rests: pass, token; read enable; its
        drives, each in whole beats, one cycle later. Absent elsewhere.
    """

    def __init__(self, plan: IntegerPlan):
        self.plan: Final = plan
        own: dict[str, Any] = {
            "written": Out(1),
            "entry_addr": Out(range(plan.memory("entries").depth)),
            "entry_en": Out(1),
            "entry": In(plan.entry),
        }
        if plan.accumulate:
            own |= {
                "r_addr": In(range(plan.o.depth)),
                "r_en": In(1),
                "r_data": Out(plan.lanes * plan.out.field),
            }
        super().__init__(plan, own, parts=0 if plan.accumulate else plan.out.shared)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        m.submodules.events = events = IntegerSequencer(plan)
        m.d.comb += [
            events.ready.eq(self.ready),
            events.entry.eq(self.entry),
            self.entry_addr.eq(Cat(events.addr, self.bank)),
            self.entry_en.eq(events.en),
            self.done.eq(events.done),
            self.busy.eq(events.busy),
            self.written.eq(events.done),
        ]
        if plan.accumulate:
            # Drives are complete with the last step alone.
            m.d.comb += self.written.eq(events.done & events.last_step)

        # A slot finds what it adds one cycle after its addresses, and adds it then or one later.
        begin = self._late(m, events.start, "begin", 1)
        planes = Signal(plan.planes)
        m.d.sync += planes.eq(Mux(events.event & ~events.query, events.plane, 0))
        load = self._late(m, events.load, "load")
        double = self._late(m, events.extra & ~events.query, "double")
        number = self._late(m, events.number, "number")
        state, write = self._state(m, events)
        values = self._values(m, events, planes)
        drain, query, row, turn = self._open(m, events, load)
        copy = Mux(double, number, plan.copies - 1)
        m.d.comb += [
            write.w_addr.eq(Cat(fit(row, plan.rows), copy[: ceil_log2(plan.copies)])),
            write.w_en.eq((drain | double) & ~query),
        ]
        ends = Signal()
        m.d.comb += ends.eq(drain & query)
        words = self._kept(m, events, ends, row, turn)
        neurons = None if plan.spec is None else NeuronBank(m, plan.neuron, plan.lanes)
        starts = self._starts(m, events, neurons, begin, words)
        steps = self._levels(m, events)

        accs = []
        for lane in range(plan.lanes):
            acc = Signal(plan.acc_shape, name=f"acc{lane}", reset_less=True)
            found = Signal(plan.acc_shape, name=f"found{lane}", reset_less=True)
            addend = Signal(plan.acc_shape, name=f"addend{lane}")
            domain = "sync" if plan.registered else "comb"
            part = state.word_select(lane, len(acc))
            m.d[domain] += found.eq(part | values[lane] | starts[lane] | steps)
            again = acc & double.replicate(len(acc)) if plan.copies > 1 else Const(0)
            m.d.comb += addend.eq(found | again)
            total = saturating(acc, addend) if plan.saturating else acc + addend
            m.d.sync += acc.eq(Mux(load, addend, total))
            accs.append(acc)
        m.d.comb += write.w_data.eq(Cat(accs))
        self._output(m, events, accs, neurons, load, ends, row, turn)
        return m

    def _late(self, m: Module, value: Value, name: str, cycles: int = 0) -> Value:
        """Delay by the cycles from a slot to its addition, or so many."""
        return delays(m, value, cycles or 1 + self.plan.registered, name)[-1]

    def _state(self, m: Module, events: IntegerSequencer) -> tuple[Value, LayerMemory]:
        """Read the row of state of a set bit of q, or zeros."""
        plan = self.plan
        shape = plan.memory("state")
        store = add_memory(m, shape)
        used = Signal()
        copy = encode(list(events.plane[: plan.copies]))
        m.d.comb += [
            used.eq(events.event & events.query),
            store.r_en.eq(1),
            store.r_addr.eq(Cat(widen(events.index, ceil_log2(plan.rows)), copy, ~used)),
        ]
        if not plan.gated:
            return store.r_data, store
        reads = Signal()
        m.d.sync += reads.eq(used)
        return store.r_data & reads.replicate(shape.width), store

    def _values(self, m: Module, events: IntegerSequencer, planes: Value) -> list[Value]:
        """Weigh the values of the token of a set bit of k."""
        plan = self.plan
        width = plan.design.value_bits
        token = widen(events.index, ceil_log2(plan.tokens))
        m.d.comb += self.v_addr.eq(Cat(plan.v.word(events.turn), token, self.bank))
        word = plan.v.select(events.turn, self.v_data)
        weighed: list[Value] = []
        for lane in range(plan.lanes):
            value = word[lane * width : (lane + 1) * width]
            number = value if plan.design.v_bits is None else value.as_signed()
            total = Signal(plan.acc_shape, name=f"value{lane}")
            # Wide enough for the sticky bit to see what does not fit below it.
            wide = Signal(max(len(total), width + plan.planes + plan.fraction), name=f"wide{lane}")
            chosen: Value = Const(0)
            for plane in range(plan.planes):
                chosen |= Mux(planes[plane], number << plane + plan.fraction, 0)
            m.d.comb += wide.eq(chosen)
            if plan.saturating:
                m.d.comb += total.eq(Cat(wide[: plan.top], wide[plan.top :].any()))
            else:
                m.d.comb += total.eq(wide)
            weighed.append(total)
        return weighed

    def _open(
        self, m: Module, events: IntegerSequencer, load: Value
    ) -> tuple[Value, Value, Value, Value]:
        """Remember what the accumulators hold: it is written when the next row is loaded."""
        holds, query = Signal(), Signal()
        row, turn = (
            Signal.like(events.row, name="open_row"),
            Signal.like(events.turn, name="open_turn"),
        )
        flush = self._late(m, events.flush, "flush")
        now = [
            self._late(m, part, f"now_{part.name}")
            for part in (events.query, events.row, events.turn)
        ]
        drain = Signal()
        m.d.comb += drain.eq((load | flush) & holds)
        with m.If(load):
            m.d.sync += [holds.eq(1), query.eq(now[0]), row.eq(now[1]), turn.eq(now[2])]
        with m.If(flush):
            m.d.sync += holds.eq(0)
        return drain, query, row, turn

    def _kept(
        self, m: Module, events: IntegerSequencer, ends: Value, row: Value, turn: Value
    ) -> Value:
        """Read what is kept of the query that starts."""
        plan = self.plan
        self._store: LayerMemory | None = None
        if not plan.keeps:
            width = 0 if plan.spec is None else plan.neuron.membrane_shape.width
            return Const(0, max(1, plan.lanes * width))
        store = add_memory(m, plan.memory("membrane"))
        m.d.comb += [
            store.r_addr.eq(Cat(events.turn, fit(events.row, plan.tokens))),
            store.r_en.eq(events.start),
        ]
        if plan.accumulate:
            m.d.comb += store.r_en.eq(events.start | self.r_en)
            with m.If(~events.start):
                m.d.comb += store.r_addr.eq(self.r_addr)
        m.d.comb += [
            store.w_addr.eq(Cat(turn, fit(row, plan.tokens))),
            store.w_en.eq(ends),
        ]
        self._store = store
        return store.r_data

    def _starts(
        self,
        m: Module,
        events: IntegerSequencer,
        neurons: NeuronBank | None,
        begin: Value,
        words: Value,
    ) -> list[Value]:
        """Give what the accumulators of the query that starts begin with."""
        plan = self.plan
        first = Signal(name="first")
        m.d.comb += first.eq(events.first_step if plan.keeps else 1)
        starts: list[Value] = []
        for lane in range(plan.lanes):
            start = Signal(plan.acc_shape, name=f"start{lane}")
            if neurons is not None:
                m.d.comb += start.eq(Mux(begin, neurons.start(lane, words, first), 0))
            elif plan.keeps:
                kept = words.word_select(lane, plan.keeps)
                m.d.comb += start.eq(Mux(begin & ~first, kept, 0))
            starts.append(start)
        return starts

    def _levels(self, m: Module, events: IntegerSequencer) -> Value:
        """Give what all accumulators add on the way from threshold to threshold."""
        plan = self.plan
        if not plan.levels:
            return Const(0)
        steps = [above - below for below, above in pairwise(plan.levels)]
        step = Signal(plan.acc_shape, name="step")
        m.d.sync += step.eq(Mux(events.start, plan.offset, 0))
        with m.If(events.extra & events.query):
            with m.Switch(events.number):
                for number, difference in enumerate(reversed(steps)):
                    with m.Case(number):
                        m.d.sync += step.eq(difference)
        return step

    def _output(
        self,
        m: Module,
        events: IntegerSequencer,
        accs: list[Signal],
        neurons: NeuronBank | None,
        load: Value,
        ends: Value,
        row: Value,
        turn: Value,
    ) -> None:
        """Let finished accumulators through the neurons, and write what comes out."""
        plan = self.plan
        if plan.accumulate:
            self._sums(m, accs)
            return
        spikes: Value = Const(0)
        if neurons is not None:
            spikes = neurons.fire(accs, None if self._store is None else self._store.w_data)
        rise = self._late(m, events.extra & events.query, "rise")
        outputs: list[Value] = []
        for lane, acc in enumerate(accs):
            out = Signal(plan.out.field, name=f"out{lane}")
            if neurons is not None:
                m.d.comb += out.eq(spikes[lane])
            elif plan.levels:
                reached = acc[-1] if plan.saturating or not plan.acc_shape.signed else ~acc[-1]
                count = Signal(plan.out.field, name=f"count{lane}")
                with m.If(load):
                    m.d.sync += count.eq(0)
                with m.Elif(rise):
                    m.d.sync += count.eq(count + reached)
                m.d.comb += out.eq(count + reached)
            else:
                m.d.comb += out.eq(acc)
            outputs.append(self._mask(m, out, lane, turn))
        m.d.comb += [
            self.o_data.eq(widen(Cat(outputs).replicate(plan.out.shared), len(self.o_data))),
            self.o_addr.eq(Cat(plan.out.word(turn), fit(row, plan.tokens), self.bank_out)),
            self.o_en.eq(plan.out.enables(turn, ends)),
        ]

    def _sums(self, m: Module, accs: list[Signal]) -> None:
        """Keep what the drives are so far, and extend what is read of it to whole beats."""
        plan = self.plan
        assert self._store is not None
        m.d.comb += self._store.w_data.eq(Cat(accs))
        for lane in range(plan.lanes):
            drive = Signal(plan.acc_shape, name=f"sum{lane}")
            m.d.comb += [
                drive.eq(self._store.r_data.word_select(lane, plan.keeps)),
                self.r_data.word_select(lane, plan.out.field).eq(drive),
            ]

    def _mask(self, m: Module, out: Signal, lane: int, turn: Value) -> Value:
        """Clear channels beyond the head's last one, whatever the padding of v held."""
        plan = self.plan
        if (plan.passes - 1) * plan.lanes + lane < plan.values:
            return out
        masked = Signal.like(out, name=f"masked{lane}")
        m.d.comb += masked.eq(Mux(turn == plan.passes - 1, 0, out))
        return masked
