"""State order with several spikes a cycle: K^T V of one pass while q S of the one before runs."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.output import spike_word
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.attention.wide.reader import RowReader
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import delays, fit, following, odometer, widen
from spikeloom.hdl.frame.memory import add_block, add_memory
from spikeloom.hdl.neuron import NeuronBank
from spikeloom.hdl.neuron.lane import SaturatingLane, SaturatingSum, count, saturating

__all__ = ["WideEngine"]


class WideEngine(Component):
    """Compute a pass of a head and step at a time, ``spikes`` spikes of k and of q a cycle.

    An inference is a row of stages. In each, the state of one unit (a pass of a head and step) is
    made from its k and v, and the state of the unit before is multiplied by its q; the first stage
    has no q and the last no k. A stage begins when what it needs has been loaded and lasts as long
    as the longer of its halves; see :func:`spikeloom.hdl.attention.cycles.wide_cycles`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.spikes`` above 1.

    Members
    -------
    keys_ready : In(1)
        High while a bank of k and v is full.
    queries_ready : In(1)
        High while a bank of q is full and the output bank free.
    keys_done : Out(1)
        High for one cycle when the bank of k and v is no longer needed.
    queries_done : Out(1)
        High for one cycle when the bank of q is no longer needed and the output bank complete, but
        for what :attr:`spikeloom.hdl.attention.wide.plan.WidePlan.tail` tells.
    busy : Out(1)
        High while it works.
    keys_bank, queries_bank, bank_out : In
        Banks of k and v, of q, of the output.
    k_addr, k_en, k_word, q_addr, q_en, q_word : Out, Out, In
        Words of k and of q; a word stays until the next is read.
    v_addr, v_data : Out, In
        Word of v of every port; the words, one cycle later.
    o_addr, o_data, o_en : Out
        Output word to write; one enable bit for every pass that the word holds.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = WidePlan(design)
        depth = {shape.name: shape.depth for shape in plan.memories}
        address = ceil_log2(depth["v0"])
        super().__init__(
            {
                "keys_ready": In(1),
                "queries_ready": In(1),
                "keys_done": Out(1),
                "queries_done": Out(1),
                "busy": Out(1),
                "keys_bank": In(range(plan.in_banks)),
                "queries_bank": In(range(plan.in_banks)),
                "bank_out": In(range(plan.out_banks)),
                "k_addr": Out(range(depth["k"])),
                "k_en": Out(1),
                "k_word": In(plan.span),
                "q_addr": Out(range(depth["q"])),
                "q_en": Out(1),
                "q_word": In(plan.span),
                "v_addr": Out(data.ArrayLayout(address, plan.ports)),
                "v_data": In(data.ArrayLayout(plan.v_width, plan.ports)),
                "o_addr": Out(range(depth["o"])),
                "o_data": Out(plan.memory("o").width),
                "o_en": Out(plan.out.shared),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.keys = keys = RowReader(
            plan.places, plan.key_words, banks=plan.in_banks, span=plan.span, ports=plan.ports
        )
        m.submodules.queries = queries = RowReader(
            plan.tokens, plan.query_words, banks=plan.in_banks, span=plan.span, ports=plan.ports
        )
        m.d.comb += [
            keys.bank.eq(self.keys_bank),
            self.k_addr.eq(keys.addr),
            self.k_en.eq(keys.en),
            keys.word.eq(self.k_word),
            queries.bank.eq(self.queries_bank),
            self.q_addr.eq(queries.addr),
            self.q_en.eq(queries.en),
            queries.word.eq(self.q_word),
        ]
        parity, key_turn, query_turn, first_step = self._stages(m, keys, queries)

        # The last results of a stage are on their way when the next begins; what belongs to the
        # stage and is needed late changes with its first slot.
        key_parity, key_pass = Signal(), Signal.like(key_turn)
        with m.If(keys.first):
            m.d.sync += [key_parity.eq(parity), key_pass.eq(key_turn)]
        query_pass = Signal.like(query_turn)
        bank_out, fresh = Signal.like(self.bank_out), Signal()
        with m.If(queries.first):
            m.d.sync += [
                query_pass.eq(query_turn),
                bank_out.eq(self.bank_out),
                fresh.eq(first_step),
            ]

        # Slot, memories, sums of the ports, accumulators: three cycles from a slot to its result.
        _, _, key_load = delays(m, keys.first, 2, "key_load")
        _, _, _, key_out = delays(m, keys.last, 3, "key_out")
        _, starts, load = delays(m, queries.first, 2, "load")
        _, _, _, out = delays(m, queries.last, 3, "out")

        counts = self._counts(m, keys, key_turn, key_pass)
        entries = self._accumulate(m, counts, key_load)
        sums = self._sums(m, queries, parity, key_parity, entries, key_out)

        token = Signal(range(plan.tokens))
        odometer(m, out, (token, plan.tokens))
        neurons = None
        if plan.spec is not None:
            neurons = NeuronBank(m, plan.neuron, plan.lanes, cells=plan.native)
        words, kept = self._membranes(m, starts, out, query_pass, token, fresh)
        if neurons is not None and plan.native:
            accs = self._native_drives(m, sums, neurons, words, load)
        else:
            accs = self._drives(m, sums, neurons, words, load, fresh)
        m.d.comb += [
            self.o_addr.eq(Cat(plan.out.word(query_pass), fit(token, plan.tokens), bank_out)),
            self.o_en.eq(plan.out.enables(query_pass, out)),
        ]
        if neurons is None:
            word = plan.out.extended(m, accs)
        else:
            word = spike_word(m, plan, query_pass, neurons.fire(accs, kept))
        m.d.comb += self.o_data.eq(word)
        return m

    def _stages(
        self, m: Module, keys: RowReader, queries: RowReader
    ) -> tuple[Value, Signal, Signal, Value]:
        """Begin and end the stages; give the bank of the state, both passes, and the first step."""
        plan = self._plan
        unit = Signal(range(plan.units + 1))
        step = Signal(range(plan.design.steps))
        parity = Signal()
        key_turn, query_turn = Signal(range(plan.passes)), Signal(range(plan.passes))
        keyed, queried = Signal(), Signal()
        working, settle, begin, finish = Signal(), Signal(), Signal(), Signal()
        complete = Signal()
        m.d.comb += [
            keyed.eq(unit != plan.units),
            queried.eq(unit != 0),
            begin.eq(~working & (self.keys_ready | ~keyed) & (self.queries_ready | ~queried)),
            keys.start.eq(begin & keyed),
            queries.start.eq(begin & queried),
            complete.eq(working & keys.done & queries.done),
            # A stage ends a cycle after its last slot, which keeps that path short.
            finish.eq(working & Cat(delays(m, complete, plan.tail + 1, "complete")[1:]).all()),
            self.busy.eq(working | settle),
            self.keys_done.eq(finish & keyed & (key_turn == plan.passes - 1)),
            self.queries_done.eq(finish & queried & (query_turn == plan.passes - 1)),
        ]
        m.d.sync += [
            working.eq(begin | (working & ~finish)),
            # The cycle in which the next stage can begin is this one's.
            settle.eq(finish),
            parity.eq(parity ^ finish),
        ]
        with m.If(finish):
            m.d.sync += unit.eq(following(unit, plan.units + 1))
        with m.If(finish & keyed):
            m.d.sync += key_turn.eq(following(key_turn, plan.passes))
        with m.If(finish & queried):
            m.d.sync += query_turn.eq(following(query_turn, plan.passes))
        with m.If(self.queries_done):
            m.d.sync += step.eq(following(step, plan.design.steps))
        return parity, key_turn, query_turn, step == 0

    def _counts(self, m: Module, keys: RowReader, turn: Value, late_turn: Value) -> list[Signal]:
        """Count, lane by lane, the spikes of v that the spikes of k select."""
        plan = self._plan
        values: list[Value] = []
        for port in range(plan.ports):
            word = Cat(widen(plan.v.word(turn), ceil_log2(plan.v.words)), keys.places[port])
            m.d.comb += self.v_addr[port].eq(Cat(word, self.keys_bank, ~keys.spikes[port]))
            value = plan.v.select(late_turn, self.v_data[port])
            values.append(widen(value, plan.lanes))
        counts = []
        for lane in range(plan.lanes):
            found = Signal(range(plan.ports + 1), name=f"count{lane}", reset_less=True)
            m.d.sync += found.eq(count([value[lane] for value in values]))
            counts.append(found)
        return counts

    def _accumulate(self, m: Module, counts: list[Signal], load: Value) -> list[Value]:
        """Add up a row of state."""
        plan = self._plan
        shape = plan.entry_shape
        entries: list[Value] = []
        for lane, found in enumerate(counts):
            addend = Signal(shape, name=f"addend{lane}")
            if plan.saturates:
                low = shape.width - 1
                m.d.comb += addend.eq(Cat(widen(found, low), found[low:].any()))
            else:
                m.d.comb += addend.eq(found)
            if plan.native:
                m.submodules[f"row{lane}"] = unit = SaturatingLane(shape.width - 1, starts=False)
                m.d.comb += [unit.addend.eq(addend), unit.load.eq(load)]
                entries.append(unit.acc)
                continue
            row = Signal(shape, name=f"row{lane}", reset_less=True)
            total = saturating(row, addend) if plan.saturates else row + addend
            m.d.sync += row.eq(Mux(load, addend, total))
            entries.append(row)
        return entries

    def _sums(
        self,
        m: Module,
        queries: RowReader,
        parity: Value,
        key_parity: Value,
        entries: list[Value],
        write: Value,
    ) -> list[Signal]:
        """Keep the state, and add up the rows that the ports select."""
        plan = self._plan
        port_bits = ceil_log2(plan.ports)
        deep = ceil_log2(plan.query_words * plan.reach)
        row = Signal(range(plan.places))
        odometer(m, write, (row, plan.places))
        parts = []
        for port in range(plan.ports):
            shape = plan.memory(f"state{port}")
            store = add_block(m, shape.name, shape.width, shape.depth)
            read_port, write_port = store.read_port(), store.write_port()
            m.d.comb += [
                read_port.addr.eq(Cat(queries.places[port], ~parity, ~queries.spikes[port])),
                write_port.addr.eq(Cat(widen(row[port_bits:], deep), key_parity)),
                write_port.en.eq(write & (widen(row, port_bits) == port)),
                write_port.data.eq(Cat(entries)),
            ]
            parts.append(read_port.data)
        sums = []
        width = plan.entry_shape.width
        for lane in range(plan.lanes):
            rows = [part.word_select(lane, width) for part in parts]
            whole = range(plan.ports * plan.tokens + 1)
            total = Signal(
                plan.entry_shape if plan.saturates else whole, name=f"sum{lane}", reset_less=True
            )
            m.d.sync += total.eq(self._tree(m, rows, f"tree{lane}"))
            sums.append(total)
        return sums

    def _tree(self, m: Module, rows: list[Value], name: str) -> Value:
        """Add numbers pair by pair."""
        plan = self._plan
        if len(rows) == 1:
            return rows[0]
        half = len(rows) // 2
        low, high = self._tree(m, rows[:half], f"{name}a"), self._tree(m, rows[half:], f"{name}b")
        if plan.native:
            m.submodules[name] = unit = SaturatingSum(plan.entry_shape.width - 1)
            m.d.comb += [unit.a.eq(low), unit.b.eq(high)]
            return unit.o
        return saturating(low, high) if plan.saturates else low + high

    def _membranes(
        self, m: Module, starts: Value, out: Value, turn: Value, token: Value, fresh: Value
    ) -> tuple[Value, Signal | None]:
        """Read what is kept of the query that starts; give it, and what to write of a finished one.

        ``fresh`` says that nothing is kept yet: cells then read the half that stays zero.
        """
        plan = self._plan
        if not plan.has_membranes:
            return Const(0, plan.lanes * plan.membrane_bits if plan.starts else 1), None
        store = add_memory(m, plan.memory("membrane"))
        query = Signal(range(plan.tokens))
        odometer(m, starts, (query, plan.tokens))
        read = Cat(turn, query)
        deep = ceil_log2(plan.membrane_depth)
        m.d.comb += [
            store.r_addr.eq(Cat(widen(read, deep), fresh) if plan.native else read),
            store.r_en.eq(starts),
            store.w_addr.eq(Cat(turn, token)),
            store.w_en.eq(out),
        ]
        return store.r_data, store.w_data

    def _drives(
        self,
        m: Module,
        sums: list[Signal],
        neurons: NeuronBank | None,
        words: Value,
        load: Value,
        fresh: Value,
    ) -> list[Signal]:
        """Add what the ports gave to the query's accumulators, or to what they start from."""
        plan = self._plan
        fraction = 0 if plan.spec is None else plan.spec.fraction
        accs = []
        for lane, total in enumerate(sums):
            acc = Signal(plan.lane_shape, name=f"acc{lane}", reset_less=True)
            start: Value = Const(0)
            if neurons is not None and plan.starts:
                start = neurons.start(lane, words, fresh)
            base = Signal(plan.lane_shape, name=f"base{lane}")
            addend = Signal(plan.lane_shape, name=f"drive{lane}")
            m.d.comb += [base.eq(Mux(load, start, acc)), addend.eq(total << fraction)]
            m.d.sync += acc.eq(saturating(base, addend) if plan.saturates else base + addend)
            accs.append(acc)
        return accs

    def _native_drives(
        self, m: Module, sums: list[Signal], neurons: NeuronBank, words: Value, load: Value
    ) -> list[Signal]:
        """Do the same with cells: the sticky bit is kept too, and clears what is read."""
        plan = self._plan
        bits = plan.neuron.bits
        accs = []
        for lane, total in enumerate(sums):
            acc = Signal(bits + 1, name=f"acc{lane}", reset_less=True)
            m.submodules[f"lane{lane}"] = unit = SaturatingSum(bits)
            start = neurons.start(lane, words, 0) if plan.has_membranes else Const(0, bits)
            m.d.comb += [
                unit.a.eq(total),
                unit.b.eq(Cat(Mux(load, widen(start, bits), acc[:-1]), acc[-1])),
                unit.fresh.eq(load),
            ]
            m.d.sync += acc.eq(unit.o)
            accs.append(acc)
        return accs
