"""State order: S = K^T V first, then q S, one spike a cycle and none for a zero."""

from typing import Final

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.output import spike_word
from spikeloom.hdl.attention.state.events import EventSequencer
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.counting import fit, head_counter, widen
from spikeloom.hdl.frame.memory import add_block, add_memory
from spikeloom.hdl.frame.stage import Engine
from spikeloom.hdl.neuron import NeuronBank
from spikeloom.hdl.neuron.lane import SaturatingLane, saturating

__all__ = ["StateEngine"]


class StateEngine(Engine):
    """Compute one head and step at a time, one spike of k or q a cycle, ``lanes`` channels of v.

    Both halves are the same sum over the spikes of a row: a row of k (one channel, over the tokens)
    adds up the values of its tokens and leaves a row of state; a row of q (one token, over the
    channels) adds up the rows of state of its channels, on top of the token's membranes, and leaves
    spikes. One set of accumulators does both.

    A run takes, for each of the ``passes``, one cycle a spike of k and q, one for every row
    without a spike, and a few to change over; see
    :func:`spikeloom.hdl.attention.cycles.state_cycles`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "state".

    Members
    -------
    ready, done, busy, bank, bank_out, v_addr, v_data, o_addr, o_data, o_en
        As :class:`~spikeloom.hdl.frame.stage.Engine`.
    chunk_addr, chunk_en, chunk : Out, Out, In
        Chunk to read; the chunk, one cycle later and until the next is read.
    sum_addr, sums : Out, In
        Word of :class:`~spikeloom.hdl.attention.state.sums.ValueSums` to read; the word, one cycle
        later.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = StatePlan(design)
        depth = {shape.name: shape.depth for shape in plan.memories}
        super().__init__(
            plan,
            {
                "chunk_addr": Out(range(depth["chunks"])),
                "chunk_en": Out(1),
                "chunk": In(plan.entry),
                "sum_addr": Out(range(depth.get("sums", 1))),
                "sums": In(plan.memory("sums").width if plan.summed else 0),
            },
            parts=plan.out.shared,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.events = events = EventSequencer(self.design)
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
        self._head_numbers(m)

        # What is not to be added is read from a half of the memory that stays zero.
        state = add_block(m, "state", plan.state_shape.width * plan.lanes, plan.state_depth)
        read, write = state.read_port(), state.write_port()
        width = ceil_log2(plan.places)
        m.d.comb += read.addr.eq(Cat(widen(events.index, width), ~(events.event & query)))
        values = self._values(m, events)
        load = Signal()
        m.d.sync += load.eq(events.load)

        # A row is written when the next one is loaded, the last of a phase when it settles. Before
        # the first row there is nothing to write: its number is negative.
        before = -2 if plan.windowed else -1
        bits = max(ceil_log2(plan.places), ceil_log2(plan.tokens), 1)
        # Set while idle rather than initialized: iCE40 registers begin at 0, or take an inverter.
        row = Signal(signed(1 + bits), reset_less=True)
        drain = Signal()
        m.d.comb += drain.eq(load | settle)
        idle = ~events.busy
        m.d.sync += row.eq(row + load)
        if plan.places > plan.design.channels:
            # The position code begins a beat of its own.
            with m.If(load & ~query & (row == plan.design.head_dim - 1)):
                m.d.sync += row.eq(plan.beats * plan.beat)
        with m.If(settle | idle):
            m.d.sync += row.eq(Mux(query | idle, before, -1))
        out = Signal()
        m.d.comb += [
            out.eq(drain & query & ~row[-1]),
            write.addr.eq(row[:width]),
            write.en.eq(drain & ~query & ~row[-1]),
            self.o_addr.eq(Cat(plan.out.word(turn), fit(row, plan.tokens), self.bank_out)),
            self.o_en.eq(plan.out.enables(turn, out)),
        ]

        neurons = None
        if plan.spec is not None:
            neurons = NeuronBank(m, plan.neuron, plan.lanes, cells=plan.native, offset=self._offset)
        words, kept = self._membranes(m, events, out, row)
        bases: list[Signal] = []
        if neurons is not None and plan.native:
            accs = self._native_lanes(m, read.data, values, neurons, words, load)
        else:
            sums = self._sums(m, events)
            starts = self._starts(m, events, neurons, words, sums)
            accs = self._portable_lanes(m, read.data, values, starts, load, events)
            bases = self._bases(m, events, values, sums)
        low = 0 if plan.spec is None or plan.neuron.saturating else plan.fraction
        m.d.comb += write.data.eq(Cat(acc[low:][: plan.state_shape.width] for acc in accs))
        drives = self._drives(m, accs, bases) if plan.based else accs
        if neurons is None:
            word = plan.out.extended(m, drives)
        else:
            word = spike_word(m, plan, turn, neurons.fire(drives, kept))
        m.d.comb += self.o_data.eq(word)
        return m

    def _head_numbers(self, m: Module) -> None:
        """Choose the neurons' offset and the weights of the similarity, where heads differ."""
        plan = self._plan
        by_head = plan.spec is not None and plan.neuron.by_head
        self._offset: Value | int = 0 if plan.spec is None else plan.neuron.offset
        first = plan.weights[0]
        self._zeros: Value | int = first.zeros
        self._taken: Value | int = first.taken
        self._added: Value | int = first.added
        if not by_head and not plan.weighed:
            return
        head = head_counter(m, self.done, plan.design.heads, plan.design.steps)
        if by_head:
            self._offset = Signal(plan.neuron.offset_shape, name="offset")
            m.d.comb += self._offset.eq(Array(plan.neuron.offsets)[head])
        if plan.weighed:
            zeros, taken, added = (
                [getattr(weights, name) for weights in plan.weights]
                for name in ("zeros", "taken", "added")
            )
            self._zeros = _of_head(m, "kappa", zeros, head)
            self._taken = _of_head(m, "taken", taken, head)
            self._added = _of_head(m, "added", added, head)

    def _portable_lanes(
        self,
        m: Module,
        state: Value,
        values: Value,
        starts: list[Value],
        load: Value,
        events: EventSequencer,
    ) -> list[Signal]:
        """Add what is read to the accumulators, or to what a row starts from."""
        plan = self._plan
        shape = plan.state_shape
        sticky = plan.spec is not None and plan.neuron.saturating
        shift = 0 if sticky else plan.fraction
        weight: Value | int = plan.weights[0].key
        if plan.weighed:
            weight = self.design.similarities[0].ones + self._zeros
        if plan.ranges.saturate is not None and sticky:
            # One such pair fires; the sticky bit must not be passed over.
            weight = min(plan.weights[0].key, plan.ranges.saturate)
        key = weight << plan.fraction
        accs = []
        for lane in range(plan.lanes):
            acc = Signal(plan.lane_shape, name=f"acc{lane}", reset_less=True)
            addend = Signal(plan.lane_shape, name=f"addend{lane}")
            before = Signal(plan.lane_shape, name=f"before{lane}")
            part = Signal(shape, name=f"state{lane}")
            value = values[lane] & ~events.query if plan.windows else values[lane]
            m.d.comb += [
                part.eq(state.word_select(lane, shape.width)),
                addend.eq((part << shift) | Mux(value, key, 0)),
                before.eq(Mux(load, starts[lane], acc)),
            ]
            m.d.sync += acc.eq(saturating(before, addend) if sticky else before + addend)
            accs.append(acc)
        return accs

    def _native_lanes(
        self,
        m: Module,
        state: Value,
        values: Value,
        neurons: NeuronBank,
        words: Value,
        load: Value,
    ) -> list[Signal]:
        """Build the lanes from cells; the membrane memory keeps the sticky bit, which clears."""
        plan = self._plan
        bits = plan.neuron.bits
        accs = []
        for lane in range(plan.lanes):
            m.submodules[f"lane{lane}"] = unit = SaturatingLane(bits)
            m.d.comb += [
                unit.addend.eq(state.word_select(lane, bits + 1) | values[lane]),
                unit.start.eq(neurons.start(lane, words, 0)),
                unit.load.eq(load),
            ]
            accs.append(unit.acc)
        return accs

    def _values(self, m: Module, events: EventSequencer) -> Value:
        """Read the values of a key's token, or of one that enters or leaves a window."""
        plan = self._plan
        key = events.event & ~events.query
        token = fit(events.index, plan.tokens)
        used: Value = key
        if plan.windows:
            token = Mux(events.query, events.window_token, token)
            used = key | events.window
        address = Cat(plan.v.word(events.turn), widen(token, ceil_log2(plan.tokens)), self.bank)
        m.d.comb += self.v_addr.eq(Cat(address, ~used) if plan.v_zero else address)
        values = plan.v.select(events.turn, self.v_data)[: plan.lanes]
        if plan.v_zero:
            return values
        reads = Signal()
        m.d.sync += reads.eq(used)
        return Mux(reads, values, 0)

    def _sums(self, m: Module, events: EventSequencer) -> list[Value]:
        """Read ``kept`` times the sum of all values, less one; -1 where no row of k begins."""
        plan = self._plan
        if not plan.summed:
            return [Const(-1)] * plan.lanes
        begins = events.load & ~events.query & ~events.ones
        address = Cat(plan.v.word(events.turn), self.bank)
        width = plan.sum_shape.width
        m.d.comb += self.sum_addr.eq(Cat(widen(address, len(self.sum_addr) - 1), ~begins))
        shared = ceil_log2(plan.v.shared)
        word = self.sums.word_select(events.turn[:shared], plan.lanes * width)
        sums: list[Value] = []
        for lane in range(plan.lanes):
            total = Signal(plan.sum_shape, name=f"sum{lane}")
            m.d.comb += total.eq((word if shared else self.sums).word_select(lane, width))
            sums.append(total)
        return sums

    def _bases(
        self, m: Module, events: EventSequencer, values: Value, sums: list[Value]
    ) -> list[Signal]:
        """Accumulate what every query has in common, and what the windows of a bias hold."""
        plan = self._plan
        if not plan.based:
            return []
        shape = signed(plan.lane_shape.width - plan.fraction)
        offset = self._offset
        one = 1 << self.design.score_fraction
        zeros, added = self._zeros, self._added
        weight: Value = Const(-zeros) if isinstance(zeros, int) else -zeros
        if plan.windowed:
            weight = self._window_weight(m, events, one, weight)
        plain = {(own.zeros, own.base) for own in plan.weights} == {(1, 1)} and not plan.windowed
        bases = []
        for lane in range(plan.lanes):
            base = Signal(shape, name=f"base{lane}", reset_less=True)
            step = Signal(shape, name=f"step{lane}", reset_less=True)
            if plain:
                # The complement of the value goes in as a carry: 1 - v, on top of a sum less one.
                m.d.sync += base.eq((Cat(1, base) + Cat(~values[lane], sums[lane]).as_signed())[1:])
            else:
                # What was read is one too little, ``added`` times.
                total = sums[lane] if isinstance(added, int) and added == 1 else sums[lane] * added
                m.d.sync += [
                    step.eq(total + Mux(values[lane], weight + added, added)),
                    base.eq(base + step),
                ]
            with m.If((events.settle & events.query) | ~events.busy):
                m.d.sync += base.eq(offset >> plan.fraction)
            bases.append(base)
        return bases

    def _window_weight(self, m: Module, events: EventSequencer, one: int, key: Value) -> Signal:
        """Weigh a value as it changes the base: in the first windows, in k, in the next windows."""
        plan = self._plan
        is_ones, leaves = Signal(), Signal()
        first = Signal(range(one * (plan.levels + 1)))
        inside = sum((events.index <= width for width in plan.reaches), Const(0))
        m.d.sync += [
            is_ones.eq(events.ones),
            leaves.eq(events.leave),
            first.eq(inside << self.design.score_fraction),
        ]
        most = max(weights.zeros.bit_length() for weights in plan.weights)
        weight = Signal(signed(1 + max(len(first), most + 1)))
        with m.If(events.query):
            m.d.comb += weight.eq(Mux(leaves, -one, one))
        with m.Elif(is_ones):
            m.d.comb += weight.eq(first)
        with m.Else():
            m.d.comb += weight.eq(key)
        return weight

    def _drives(self, m: Module, accs: list[Signal], bases: list[Signal]) -> list[Signal]:
        """Add the base to finished accumulators."""
        plan = self._plan
        offset, fraction = self._offset, plan.fraction
        low: Value = Const(0, 0)
        if fraction:
            mask = (1 << fraction) - 1
            low = Const(offset & mask, fraction) if isinstance(offset, int) else offset[:fraction]
        drives = []
        for lane, (acc, base) in enumerate(zip(accs, bases, strict=True)):
            drive = Signal(plan.lane_shape, name=f"sum_of{lane}")
            m.d.comb += drive.eq(acc + Cat(low, base))
            drives.append(drive)
        return drives

    def _membranes(
        self, m: Module, events: EventSequencer, out: Value, row: Value
    ) -> tuple[Value, Signal | None]:
        """Read what is kept of the query that starts, zero in other slots; give what to keep."""
        plan = self._plan
        if not plan.has_membranes:
            return Const(0, plan.lanes * plan.membrane_bits if plan.spec is not None else 1), None
        kept = Signal(plan.lanes * plan.membrane_bits)
        store = add_memory(m, plan.memory("membrane"))
        starts = events.load & events.query & ~events.first_step
        address = Cat(events.turn, fit(events.token, plan.tokens))
        if plan.membrane_zero:
            word = store.read(m, Cat(address, ~starts), events.load)
        else:
            word = store.read(m, address, starts)
        store.write(m, Cat(events.turn, fit(row, plan.tokens)), kept, out)
        if plan.membrane_zero:
            return word, kept
        begin = Signal()
        m.d.sync += begin.eq(starts)
        return Mux(begin, word, 0), kept

    def _starts(
        self,
        m: Module,
        events: EventSequencer,
        neurons: NeuronBank | None,
        words: Value,
        sums: list[Value],
    ) -> list[Value]:
        """Give what the accumulators of a row begin with."""
        plan = self._plan
        starts: list[Value] = []
        for lane in range(plan.lanes):
            start = Signal(plan.lane_shape, name=f"start{lane}")
            taken = ~sums[lane] * self._taken if plan.summed else Const(0)
            if neurons is None:
                m.d.comb += start.eq(taken)
                starts.append(start)
                continue
            if plan.neuron.apart:
                acc = neurons.start(lane, words, 0)
            else:
                acc = Mux(events.query, neurons.start(lane, words, events.first_step), 0)
            m.d.comb += start.eq(acc | (taken << plan.fraction))
            starts.append(start)
        return starts


def _of_head(m: Module, name: str, numbers: list[int], head: Value) -> Value | int:
    """Choose a head's number, where heads differ in it."""
    if len(set(numbers)) == 1:
        return numbers[0]
    chosen = Signal(range(min(0, *numbers), max(numbers) + 1), name=name)
    m.d.comb += chosen.eq(Array(numbers)[head])
    return chosen
