"""State order: S = K^T V first, then q S, one spike a cycle and none for a zero."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..design import Design
from .counting import fit, following
from .neuron import NeuronFire, NeuronPreset
from .output import OutputWriter
from .state_plan import StatePlan

__all__ = ["StateEngine"]


class StateEngine(wiring.Component):
    """Compute one head and step at a time, one spike of k or q a cycle, ``lanes`` channels of v.

    Both halves are the same sum over the spikes of a row: a row of k (one channel, over the tokens) adds up the
    values of its tokens and leaves a row of state; a row of q (one token, over the channels) adds up the rows of
    state of its channels, on top of the token's membranes, and leaves spikes. One set of accumulators does both.

    A run takes, for each of the ``passes``, one cycle a spike of k and q, one for every row of k without a spike,
    one for every query that starts from a membrane (or has no spike), and a few to change over; see
    :func:`spikeloom.hdl.cycles.state_cycles`.

    Parameters
    ----------
    design : Design
        The layer, with ``folding.order`` "state".

    Members
    -------
    ready : In(1)
        High while inputs are complete and the output bank is free.
    done : Out(1)
        High for one cycle when the output bank is complete and the inputs are no longer needed.
    busy : Out(1)
        High while it works.
    chunk_addr, chunk_en, chunk : Out, Out, In
        Chunk to read; the chunk, one cycle later and until the next is read.
    v_addr, v_data : Out, In
        Word of v to read; the word, one cycle later.
    o_addr, o_data, o_en : Out
        Output word to write; one enable bit for every pass that the word holds.
    """

    ready: Signal
    done: Signal
    busy: Signal
    chunk_addr: Signal
    chunk_en: Signal
    chunk: data.View
    v_addr: Signal
    v_data: Signal
    o_addr: Signal
    o_data: Signal
    o_en: Signal

    def __init__(self, design: Design):
        self._design = design
        self._plan = plan = StatePlan(design)
        depth = {shape.name: shape.depth for shape in plan.memories}
        super().__init__(
            {
                "ready": In(1),
                "done": Out(1),
                "busy": Out(1),
                "chunk_addr": Out(range(depth["chunks"])),
                "chunk_en": Out(1),
                "chunk": In(plan.entry),
                "v_addr": Out(range(depth["v"])),
                "v_data": In(plan.memory("v").width),
                "o_addr": Out(range(depth["o"])),
                "o_data": Out(plan.memory("o").width),
                "o_en": Out(1 if plan.spec is None else plan.passes_per_word),
            }
        )

    @property
    def design(self) -> Design:
        """The layer."""
        return self._design

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan

        # Chunks: one in the memory's output register, one being worked through.
        bits = Signal(plan.chunk)
        place = Signal(plan.entry["place"].width)
        first, query, last = Signal(), Signal(), Signal()
        valid, waiting, flush, settle = Signal(), Signal(), Signal(), Signal()
        turn = Signal(range(plan.passes))
        step = Signal(range(plan.steps))
        count = Signal(len(self.chunk_addr) - (plan.in_banks - 1).bit_length())
        bank = Signal(range(plan.in_banks))
        final = last & (turn == plan.passes - 1)

        several = (bits & (bits - 1)[: plan.chunk]).any()
        start = Signal()
        fresh_step = step == 0
        if plan.starts:
            always = plan.neuron.offset != 0
            m.d.comb += start.eq(valid & first & query & (1 if always else ~fresh_step))
        finish = valid & Mux(start, ~bits.any(), ~several)
        boundary = last | (self.chunk.query & ~query)
        take = Signal()
        m.d.comb += [
            take.eq(waiting & ~flush & ~settle & (~valid | (finish & ~boundary))),
            self.chunk_addr.eq(Cat(count, bank)),
            self.chunk_en.eq(self.busy & (~waiting | (take & ~self.chunk.last)) & ~last),
        ]
        with m.If(self.chunk_en):
            m.d.sync += [waiting.eq(1), count.eq(count + 1)]
        with m.Elif(take):
            m.d.sync += waiting.eq(0)
        with m.If(take):
            m.d.sync += [
                valid.eq(1),
                bits.eq(self.chunk.bits),
                place.eq(self.chunk.place),
                first.eq(self.chunk.first),
                query.eq(self.chunk.query),
                last.eq(self.chunk.last),
            ]
        with m.Elif(valid):
            m.d.sync += first.eq(0)
            with m.If(~start):
                m.d.sync += bits.eq(bits & (bits - 1)[: plan.chunk])
            with m.If(finish):
                m.d.sync += [valid.eq(0), flush.eq(1)]

        # A phase ends with a slot that pushes the last row out, and one in which it is written.
        with m.If(flush):
            m.d.sync += [flush.eq(0), settle.eq(1)]
        with m.If(settle):
            m.d.sync += settle.eq(0)
            with m.If(last):
                m.d.sync += [count.eq(0), last.eq(0), turn.eq(following(turn, plan.passes))]
        m.d.comb += self.done.eq(settle & final)
        with m.If(~self.busy & self.ready):
            m.d.sync += self.busy.eq(1)
        with m.If(self.done):
            m.d.sync += [
                self.busy.eq(0),
                bank.eq(following(bank, plan.in_banks)),
                step.eq(following(step, plan.steps)),
            ]

        event = Signal()
        m.d.comb += event.eq(valid & ~start & bits.any())
        index = Cat(_lowest(bits), place) if plan.chunk > 1 else place
        self._lanes(m, valid, first, start, flush, settle, event, query, index, turn, bank, fresh_step)
        return m

    def _lanes(
        self,
        m: Module,
        valid: Value,
        first: Value,
        start: Value,
        flush: Value,
        settle: Value,
        event: Value,
        query: Value,
        index: Value,
        turn: Value,
        bank: Value,
        fresh_step: Value,
    ) -> None:
        """Add up what the slots address; write finished rows as the next row comes in."""
        plan = self._plan
        width = plan.lane_shape.width

        state = memory.Memory(
            shape=width * plan.lanes, depth=plan.state_depth, init=[], attrs={"ram_style": "block"}
        )
        m.submodules.state = state
        read, write = state.read_port(), state.write_port()
        channels = fit(index, plan.width)
        word_bits = ceil_log2(plan.passes_per_word)
        v_addr = Cat(turn[word_bits:], fit(index, plan.tokens), bank)
        m.d.comb += [
            # A half of the memory stays zero: what is not to be added is read from there.
            read.addr.eq(Cat(_extend(channels, ceil_log2(plan.width)), ~(event & query))),
            self.v_addr.eq(Cat(v_addr, ~(event & ~query)) if plan.v_zero else v_addr),
        ]
        load, adds_v, begin = Signal(), Signal(), Signal()
        m.d.sync += [load.eq(valid & first), adds_v.eq(event & ~query), begin.eq(start)]
        values = (
            self.v_data.word_select(turn[:word_bits], plan.lanes)
            if word_bits
            else self.v_data[: plan.lanes]
        )

        # A row is written when the next one is loaded, the last of a phase when it is flushed.
        pending = Signal()
        row = Signal(range(max(plan.width, plan.tokens)))
        drain = Signal()
        m.d.comb += drain.eq((load & pending) | settle)
        with m.If(load):
            m.d.sync += pending.eq(1)
        with m.If(drain):
            m.d.sync += row.eq(row + 1)
        with m.If(settle):
            m.d.sync += [pending.eq(0), row.eq(0)]
        output = OutputWriter(plan)
        bank_out = Signal(range(plan.out_banks))
        with m.If(self.done):
            m.d.sync += bank_out.eq(following(bank_out, plan.out_banks))
        m.d.comb += [
            write.addr.eq(fit(row, plan.width)),
            write.en.eq(drain & ~query),
            self.o_addr.eq(output.address(turn, row, bank_out)),
            self.o_en.eq(output.enables(turn, drain & query)),
        ]

        starts = self._membranes(m, start, begin, settle, drain & query, turn, row, fresh_step)
        accs = []
        for lane in range(plan.lanes):
            acc = Signal(plan.lane_shape, name=f"acc{lane}", reset_less=True)
            addend = Signal(plan.lane_shape, name=f"addend{lane}")
            value = values[lane] if plan.v_zero else values[lane] & adds_v
            fraction = 0 if plan.spec is None else plan.spec.fraction
            part = read.data.word_select(lane, width) | (value << fraction)
            m.d.comb += addend.eq(part | starts[lane])
            m.d.sync += acc.eq(Mux(load, addend, self._sum(acc, addend)))
            m.d.comb += write.data.word_select(lane, width).eq(acc)
            accs.append(acc)
        if plan.spec is None:
            m.d.comb += self.o_data.eq(output.drives(m, accs))
        else:
            spikes = self._fire(m, accs)
            m.d.comb += self.o_data.eq(output.spikes(m, turn, spikes))

    def _sum(self, acc: Signal, addend: Signal) -> Value:
        plan = self._plan
        if plan.spec is None or not plan.neuron.saturating:
            return acc + addend
        total = acc[:-1] + addend[:-1]
        return Cat(total[:-1], acc[-1] | addend[-1] | total[-1])

    def _membranes(
        self,
        m: Module,
        start: Value,
        begin: Value,
        settle: Value,
        write_en: Value,
        turn: Value,
        row: Value,
        fresh_step: Value,
    ) -> list[Value]:
        """Read the membranes of the query that starts; give what its accumulators start from."""
        plan = self._plan
        if not plan.starts:
            return [Const(0)] * plan.lanes
        spec, ranges = plan.spec, plan.ranges
        words: Value = Const(0, plan.neuron.membrane_shape.width * plan.lanes)
        self._membrane_write = None
        if plan.has_membranes:
            m.submodules.membrane = store = memory.Memory(
                shape=len(words),
                depth=plan.membrane_depth,
                init=[],
                attrs={"ram_style": "block"},
            )
            read, write = store.read_port(), store.write_port()
            token = Signal(range(plan.tokens))
            with m.If(start):
                m.d.sync += token.eq(token + 1)
            with m.If(settle):
                m.d.sync += token.eq(0)
            m.d.comb += [
                read.addr.eq(Cat(turn, token)),
                write.addr.eq(Cat(turn, fit(row, plan.tokens))),
                write.en.eq(write_en),
            ]
            words = read.data
            self._membrane_write = write
        starts: list[Value] = []
        for lane in range(plan.lanes):
            m.submodules[f"preset{lane}"] = preset = NeuronPreset(spec, ranges)
            gated = Signal(plan.lane_shape, name=f"start{lane}")
            m.d.comb += [
                preset.membrane.eq(words.word_select(lane, plan.neuron.membrane_shape.width)),
                preset.first.eq(fresh_step),
                gated.eq(Mux(begin, preset.acc, 0)),
            ]
            starts.append(gated)
        return starts

    def _fire(self, m: Module, accs: list[Signal]) -> Value:
        """Let the finished accumulators through the neurons."""
        plan = self._plan
        spikes = Signal(plan.lanes)
        for lane, acc in enumerate(accs):
            m.submodules[f"fire{lane}"] = fire = NeuronFire(plan.spec, plan.ranges)
            m.d.comb += [fire.acc.eq(acc), spikes[lane].eq(fire.spike)]
            if plan.has_membranes:
                width = plan.neuron.membrane_shape.width
                m.d.comb += self._membrane_write.data.word_select(lane, width).eq(fire.membrane)
        return spikes


def _lowest(bits: Value) -> Value:
    """Encode the place of the lowest set bit."""
    place: Value = Const(len(bits) - 1, range(len(bits)))
    for n in reversed(range(len(bits) - 1)):
        place = Mux(bits[n], Const(n, range(len(bits))), place)
    return place


def _extend(value: Value, width: int) -> Value:
    """Pad with zeros, so that what is concatenated above keeps its place."""
    return Cat(value, Const(0, max(0, width - len(value))))
