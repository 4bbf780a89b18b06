"""State order: S = K^T V first, then q S, one spike a cycle and none for a zero."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, memory, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from ..design import Design
from .counting import fit
from .events import EventSequencer
from .memory import LayerMemory
from .neuron import NeuronFire, NeuronPreset
from .output import OutputWriter
from .state_lane import SaturatingLane
from .state_plan import StatePlan

__all__ = ["StateEngine"]


class StateEngine(wiring.Component):
    """Compute one head and step at a time, one spike of k or q a cycle, ``lanes`` channels of v.

    Both halves are the same sum over the spikes of a row: a row of k (one channel, over the tokens)
    adds up the values of its tokens and leaves a row of state; a row of q (one token, over the
    channels) adds up the rows of state of its channels, on top of the token's membranes, and leaves
    spikes. One set of accumulators does both.

    A run takes, for each of the ``passes``, one cycle a spike of k and q, one for every row of k
    without a spike, one for every query that starts from a membrane (or has no spike), and a few to
    change over; see :func:`spikeloom.hdl.cycles.state_cycles`.

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
    bank, bank_out : In
        Banks of the inputs and of the output.
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
    bank: Signal
    bank_out: Signal
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
                "bank": In(range(plan.in_banks)),
                "bank_out": In(range(plan.out_banks)),
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
        m.submodules.events = events = EventSequencer(self._design)
        m.d.comb += [
            events.ready.eq(self.ready),
            events.bank.eq(self.bank),
            self.busy.eq(events.busy),
            self.done.eq(events.done),
            self.chunk_addr.eq(events.chunk_addr),
            self.chunk_en.eq(events.chunk_en),
            events.chunk.eq(self.chunk),
        ]
        turn, query, settle = events.turn, events.query, events.settle

        # What is not to be added is read from a half of the memory that stays zero.
        state: memory.Memory = memory.Memory(
            shape=plan.lane_shape.width * plan.lanes,
            depth=plan.state_depth,
            init=[],
            attrs={"ram_style": "block"},
        )
        m.submodules.state = state
        read, write = state.read_port(), state.write_port()
        width = ceil_log2(plan.state_rows)
        preset = events.start & ~query
        m.d.comb += read.addr.eq(
            Cat(
                _widen(events.index, width) | preset.replicate(width),
                ~((events.event & query) | preset),
            )
        )
        values = self._values(m, events)
        load, begin, base = Signal(), Signal(), Signal()
        m.d.sync += [load.eq(events.load), begin.eq(events.start & query), base.eq(events.base)]

        # A row is written when the next one is loaded, the last of a phase when it settles. Before
        # the first row there is nothing to write: its number is negative.
        before = -2 if plan.based else -1
        bits = max(ceil_log2(plan.state_rows), ceil_log2(plan.tokens))
        # Set while idle rather than initialized: iCE40 registers begin at 0, or take an inverter.
        row = Signal(signed(1 + bits), reset_less=True)
        drain = Signal()
        m.d.comb += drain.eq(load | settle)
        again = Signal()
        idle = ~events.busy
        m.d.comb += again.eq((settle & ~events.ones if plan.based else settle) | idle)
        m.d.sync += row.eq(row + load)
        with m.If(again):
            m.d.sync += row.eq(Mux(query | idle, before, -1) if plan.based else -1)
        output = OutputWriter(plan)
        out = Signal()
        m.d.comb += [
            out.eq(drain & query & ~row[-1]),
            write.addr.eq(row[:width]),
            # The row of all tokens is -1 and written when it settles; the rows that start from it
            # may read it when the first of them is loaded.
            write.en.eq(~query & (settle | (load & ~row[-1]))),
            self.o_addr.eq(output.address(turn, row, self.bank_out)),
            self.o_en.eq(output.enables(turn, out)),
        ]

        words = self._membrane_words(m, events, out, row)
        if plan.native:
            accs = self._native_lanes(m, read.data, values, words, load, begin)
        else:
            starts = self._starts(m, events, begin, words)
            bases = self._bases(m, events, values, base)
            accs = self._portable_lanes(m, read.data, values, starts, bases, load)
        m.d.comb += write.data.eq(Cat(accs))
        if plan.spec is None:
            m.d.comb += self.o_data.eq(output.drives(m, accs))
        else:
            m.d.comb += self.o_data.eq(output.spikes(m, turn, self._fire(m, accs)))
        return m

    def _portable_lanes(
        self,
        m: Module,
        state: Value,
        values: Value,
        starts: list[Value],
        bases: list[Value],
        load: Value,
    ) -> list[Signal]:
        plan = self._plan
        accs = []
        for lane in range(plan.lanes):
            acc = Signal(plan.lane_shape, name=f"acc{lane}", reset_less=True)
            addend = Signal(plan.lane_shape, name=f"addend{lane}")
            part = state.word_select(lane, plan.lane_shape.width)
            m.d.comb += addend.eq(part | self._weigh(values[lane]) | starts[lane] | bases[lane])
            m.d.sync += acc.eq(Mux(load, addend, self._sum(acc, addend)))
            accs.append(acc)
        return accs

    def _native_lanes(
        self, m: Module, state: Value, values: Value, words: Value, load: Value, begin: Value
    ) -> list[Signal]:
        """Build the lanes from cells; the membrane memory keeps the sticky bit, which clears."""
        plan = self._plan
        bits = plan.neuron.bits
        accs = []
        for lane in range(plan.lanes):
            m.submodules[f"lane{lane}"] = unit = SaturatingLane(bits)
            membrane = words.word_select(lane, bits)
            m.d.comb += [
                unit.addend.eq(
                    state.word_select(lane, bits + 1)
                    | values[lane]
                    | (membrane[:-1] & begin.replicate(bits - 1))
                ),
                unit.load.eq(load),
                unit.clear.eq(begin & membrane[-1]),
            ]
            accs.append(unit.acc)
        return accs

    def _values(self, m: Module, events: EventSequencer) -> Value:
        """Read the values of a key's token, or of one that enters or leaves a window."""
        plan = self._plan
        shared = ceil_log2(plan.passes_per_word)
        key = events.event & ~events.query
        token = fit(events.index, plan.tokens)
        used: Value = key
        if plan.windows:
            token = Mux(events.query, events.window_token, token)
            used = key | events.window
        address = Cat(events.turn[shared:], _widen(token, ceil_log2(plan.tokens)), self.bank)
        m.d.comb += self.v_addr.eq(Cat(address, ~used) if plan.v_zero else address)
        self._is_ones, self._is_query, self._leaves = Signal(), Signal(), Signal()
        m.d.sync += [
            self._is_ones.eq(events.ones),
            self._is_query.eq(events.query),
            self._leaves.eq(events.leave),
        ]
        word = self.v_data.word_select(events.turn[:shared], plan.lanes)
        values = (word if shared else self.v_data)[: plan.lanes]
        if plan.v_zero:
            return values
        reads = Signal()
        m.d.sync += reads.eq(used)
        return Mux(reads, values, 0)

    def _weigh(self, value: Value) -> Value:
        """Weigh a value as what its slot adds to the accumulator."""
        plan = self._plan
        weights = plan.weights
        fraction = 0 if plan.spec is None else plan.spec.fraction
        width = plan.lane_shape.width
        key = Const(weights.key << fraction, width)
        if not plan.based:
            return Mux(value, key, 0)
        ones = Const(-weights.ones << fraction, width)
        weight = Mux(self._is_ones, ones, key)
        if plan.windows:
            weight = Mux(self._is_query, 0, weight)
        return Mux(value, weight, 0)

    def _bases(self, m: Module, events: EventSequencer, values: Value, base: Value) -> list[Value]:
        """Accumulate what every query has in common, and what the windows of Log-PE hold."""
        plan = self._plan
        if not plan.based:
            return [Const(0)] * plan.lanes
        weights = plan.weights
        fraction = 0 if plan.spec is None else plan.spec.fraction
        shape = signed(plan.lane_shape.width - fraction)
        one = 1 << self._design.score_fraction
        # One addend for all lanes; a lane takes it where its value spikes.
        addend = Signal(shape)
        first = Signal(range(weights.base_ones + one * (plan.levels + 1)))
        inside = sum((events.index <= width for width in plan.reaches), Const(0))
        m.d.sync += first.eq(weights.base_ones + (inside << self._design.score_fraction))
        m.d.comb += addend.eq(Mux(self._is_ones, first, -weights.base_key))
        if plan.windows:
            with m.If(self._is_query):
                m.d.comb += addend.eq(Mux(self._leaves, -one, one))
        bases: list[Value] = []
        for lane in range(plan.lanes):
            total = Signal(shape, name=f"base{lane}")
            gated = Signal(plan.lane_shape, name=f"based{lane}")
            with m.If(values[lane]):
                m.d.sync += total.eq(total + addend)
            with m.If(events.settle & events.query):
                m.d.sync += total.eq(0)
            m.d.comb += gated.eq(Mux(base, total << fraction, 0))
            bases.append(gated)
        return bases

    def _sum(self, acc: Signal, addend: Signal) -> Value:
        plan = self._plan
        if plan.spec is None or not plan.neuron.saturating:
            return acc + addend
        total = acc[:-1] + addend[:-1]
        return Cat(total[:-1], acc[-1] | addend[-1] | total[-1])

    def _membrane_words(self, m: Module, events: EventSequencer, out: Value, row: Value) -> Value:
        """Read what is kept of the query that starts."""
        plan = self._plan
        self._membranes: LayerMemory | None = None
        if not plan.has_membranes:
            return Const(0, plan.lanes * plan.membrane_bits if plan.starts else 1)
        shape = plan.memory("membrane")
        m.submodules.membrane = store = LayerMemory(shape, granularity=shape.width)
        m.d.comb += [
            store.r_addr.eq(Cat(events.turn, events.token)),
            store.r_en.eq(events.start & events.query),
            store.w_addr.eq(Cat(events.turn, fit(row, plan.tokens))),
            store.w_en.eq(out),
        ]
        self._membranes = store
        return store.r_data

    def _starts(self, m: Module, events: EventSequencer, begin: Value, words: Value) -> list[Value]:
        """Give what the accumulators of the query that starts begin with."""
        plan = self._plan
        if not plan.starts:
            return [Const(0)] * plan.lanes
        width = plan.membrane_bits
        starts: list[Value] = []
        for lane in range(plan.lanes):
            preset = NeuronPreset(plan.neuron.spec, plan.ranges, saturating=plan.neuron.saturating)
            m.submodules[f"preset{lane}"] = preset
            gated = Signal(plan.lane_shape, name=f"start{lane}")
            m.d.comb += [
                preset.membrane.eq(words.word_select(lane, width)),
                preset.first.eq(events.first_step if plan.neuron.offset else 0),
                gated.eq(Mux(begin, preset.acc, 0)),
            ]
            starts.append(gated)
        return starts

    def _fire(self, m: Module, accs: list[Signal]) -> Value:
        """Let the finished accumulators through the neurons."""
        plan = self._plan
        if plan.native:
            if self._membranes is not None:
                kept = Cat(acc[1:] for acc in accs)
                m.d.comb += self._membranes.w_data.eq(kept)
            return Cat(acc[-1] for acc in accs)
        spikes = Signal(plan.lanes)
        for lane, acc in enumerate(accs):
            fire = NeuronFire(plan.neuron.spec, plan.ranges, saturating=plan.neuron.saturating)
            m.submodules[f"fire{lane}"] = fire
            m.d.comb += [fire.acc.eq(acc), spikes[lane].eq(fire.spike)]
            if self._membranes is not None:
                part = self._membranes.w_data.word_select(lane, plan.membrane_bits)
                m.d.comb += part.eq(fire.membrane)
        return spikes


def _widen(value: Value, width: int) -> Value:
    """Cut or pad with zeros, so that what is concatenated above keeps its place."""
    return Cat(value, Const(0, width))[:width]
