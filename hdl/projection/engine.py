"""Engine of a projection: a row of weights a cycle, added to the accumulators of a pass."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import memory
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.counting import delays, odometer
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.frame.stage import Engine
from spikeloom.hdl.projection.plan import ProjectionPlan
from spikeloom.hdl.ratio import Quotient, times

__all__ = ["ProjectionEngine"]


class ProjectionEngine(Engine):
    """Compute one token at a time, one event a cycle, ``lanes`` output channels a pass.

    A lane is one adder. What it adds is a weight, or a number of the state: the membrane, the bias
    less the threshold, and behind the events the threshold again, which gives back the membrane
    where the neuron did not fire; where it did the accumulator is cleared (hard reset) or left as
    it is (soft reset). So biases and thresholds of their own cost a channel no cells. Bit plane p
    of an input is added 2**p times, which takes no cells a lane either.

    A token of E events, an input of value x being x of them, takes ``passes * (E + 1)`` cycles and
    ``rest``, and a pass one more in every step but the first, and one more in every step but the
    last. Checked against :func:`spikeloom.golden.projection.projection`.

    Parameters
    ----------
    plan : ProjectionPlan
        Geometry of the layer.

    Members
    -------
    ready, done, busy, bank, bank_out, o_addr, o_data, o_en
        As :class:`~spikeloom.hdl.frame.stage.Engine`; a run is a token.
    empty : In(1)
        High while the token to begin has no event.
    written : Out(1)
        High for one cycle when the output bank is complete.
    addr, en, event : Out, Out, In
        Event to read: bank, number; the event, one cycle later and until the next is read.
    """

    def __init__(self, plan: ProjectionPlan):
        self.plan: Final = plan
        super().__init__(
            plan,
            {
                "empty": In(1),
                "written": Out(1),
                "addr": Out(range(plan.memory("events").depth)),
                "en": Out(1),
                "event": In(plan.event),
            },
            parts=plan.out.shared,
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, design = self.plan, self.plan.design

        turn = Signal(range(plan.passes))
        place = Signal(range(design.tokens))
        step = Signal(range(design.steps))
        # Slots of a pass: its membranes, what it starts from, its events, its thresholds.
        membrane, start, adds, threshold = (
            Signal(name=name) for name in ("membrane", "start", "adds", "threshold")
        )
        final, leave = Signal(), Signal()
        m.d.comb += self.done.eq(leave & (turn == plan.passes - 1))
        odometer(m, leave, (turn, plan.passes), (place, design.tokens), (step, design.steps))
        opens = (step == 0) if plan.returns else Const(1)
        settles = (step == design.steps - 1) if plan.returns else Const(1)
        self._slots(m, opens, settles, (membrane, start, adds, threshold), final, leave)

        rows = self._memory(m, "weights", plan.weight_words).read_port()
        m.d.comb += rows.addr.eq(Cat(turn, self.event.row))
        state = self._memory(m, "state", plan.state_words)
        read = state.read_port()
        number = Signal(range(max(1, plan.places)))
        written = Signal.like(number)
        if plan.returns:
            consts = Cat(turn, threshold, Const(-1, plan.state_bits))
            m.d.comb += read.addr.eq(Mux(membrane, number, consts[: plan.state_bits]))
            odometer(m, leave, (number, plan.places))
        else:
            m.d.comb += read.addr.eq(turn)

        load = (start & opens) | membrane
        ends, stores = delays(m, final, 3, "final"), delays(m, threshold, 3, "threshold")
        loads, events = delays(m, load, 2, "load"), delays(m, adds, 1, "adds")
        leaks = delays(m, membrane, 1, "membrane")
        accs = self._lanes(m, rows.data, read.data, events[1], leaks[1], loads[2], stores[2])
        self._output(m, accs, ends[3])
        if plan.spec is not None and plan.returns:
            write = state.write_port()
            kept = [Signal(plan.state_shape, name=f"kept{lane}") for lane in range(plan.lanes)]
            for lane, (word, acc) in enumerate(zip(kept, accs, strict=True)):
                m.d.comb += word.eq(self._divide(m, acc, lane))
            m.d.comb += [
                write.addr.eq(written),
                write.data.eq(Cat(word.as_unsigned() for word in kept)),
                write.en.eq(stores[3]),
            ]
            odometer(m, stores[3], (written, plan.places))
        return m

    def _memory(self, m: Module, name: str, words: list[int]) -> memory.Memory:
        shape = self.plan.memory(name)
        return add_block(m, name, shape.width, shape.depth, words, rom=shape.rom)

    def _slots(
        self,
        m: Module,
        opens: Value,
        settles: Value,
        slots: tuple[Signal, Signal, Signal, Signal],
        final: Signal,
        leave: Signal,
    ) -> None:
        """Go through the slots of every pass of a token."""
        plan = self.plan
        membrane, start, adds, threshold = slots
        number = Signal(range(plan.events))
        m.d.comb += [
            self.addr.eq(Cat(number, self.bank)),
            self.en.eq(start | adds),
            self.busy.eq(1),
        ]
        with m.If(leave):
            m.d.sync += number.eq(0)
        with m.Elif(self.en):
            m.d.sync += number.eq(number + 1)

        again = Signal()
        if plan.planes > 1:
            count = Signal(plan.planes)
            m.d.comb += again.eq((count + 1) >> self.event.plane == 0)
            m.d.sync += count.eq(Mux(again & adds, count + 1, 0))
            m.d.comb += self.en.eq(start | (adds & ~again))

        def begin() -> None:
            with m.If(opens):
                m.next = "Start"
            with m.Else():
                m.next = "Membrane"

        def go_on() -> None:
            m.d.comb += final.eq(1)
            with m.If(settles):
                pass_on()
            with m.Else():
                m.next = "Threshold"

        def pass_on() -> None:
            m.d.comb += leave.eq(1)
            with m.If(self.done):
                m.next = "Rest0"
            with m.Else():
                begin()

        with m.FSM():
            with m.State("Wait"):
                m.d.comb += self.busy.eq(0)
                with m.If(self.ready):
                    begin()
            with m.State("Membrane"):
                m.d.comb += membrane.eq(1)
                m.next = "Start"
            with m.State("Start"):
                m.d.comb += start.eq(1)
                with m.If(self.empty):
                    go_on()
                with m.Else():
                    m.next = "Add"
            with m.State("Add"):
                m.d.comb += adds.eq(1)
                with m.If(self.event.last & ~again):
                    go_on()
            with m.State("Threshold"):
                m.d.comb += threshold.eq(1)
                pass_on()
            for n in range(plan.rest):
                with m.State(f"Rest{n}"):
                    m.next = "Wait" if n == plan.rest - 1 else f"Rest{n + 1}"
                    if n == plan.rest - 1:
                        with m.If(self.ready):
                            begin()

    def _lanes(
        self,
        m: Module,
        weights: Value,
        state: Value,
        is_weight: Value,
        is_membrane: Value,
        load: Value,
        settle: Value,
    ) -> list[Signal]:
        plan = self.plan
        width = plan.design.weights.bits
        accs = []
        for lane in range(plan.lanes):
            weight = weights.word_select(lane, width).as_signed()
            kept = state.word_select(lane, plan.state_shape.width)
            number: Value = kept.as_signed() if plan.state_shape.signed else kept
            if plan.spec is not None and plan.spec.keep > 1:
                number = Mux(is_membrane, times(number, plan.spec.keep), number)
            addend = Signal(plan.acc_shape, name=f"addend{lane}", reset_less=True)
            acc = Signal(plan.acc_shape, name=f"acc{lane}", reset_less=True)
            m.d.sync += addend.eq(Mux(is_weight, weight << plan.fraction, number))
            total = Mux(load, addend, acc + addend)
            if plan.spec is None or not plan.returns:
                m.d.sync += acc.eq(total)
            elif plan.spec.reset == "hard":
                m.d.sync += acc.eq(total)
                with m.If(settle & ~acc[-1]):
                    m.d.sync += acc.eq(0)
            elif plan.spec.up:
                # What a neuron that fired has lost is one above its threshold.
                m.d.sync += acc.eq(Mux(settle & ~acc[-1], acc + 1, total))
            else:
                with m.If(~(settle & ~acc[-1])):
                    m.d.sync += acc.eq(total)
            accs.append(acc)
        return accs

    def _divide(self, m: Module, acc: Signal, lane: int) -> Value:
        """Give the membrane that follows from what an accumulator has come to."""
        spec = self.plan.spec
        assert spec is not None
        risen = acc + spec.rise if spec.rise else acc
        shifted = risen >> spec.shift
        if spec.odd == 1:
            return shifted
        m.submodules[f"quotient{lane}"] = quotient = Quotient(shifted.shape(), spec.odd)
        m.d.comb += quotient.i.eq(shifted)
        return quotient.o

    def _output(self, m: Module, accs: list[Signal], en: Value) -> None:
        """Write what a pass ends with into its part of an output word."""
        plan = self.plan
        turn = Signal(range(plan.passes), name="out_turn")
        m.d.comb += self.written.eq(en & (turn == plan.passes - 1))
        odometer(m, en, (turn, plan.passes))
        m.d.comb += [
            self.o_addr.eq(Cat(plan.out.word(turn), self.bank_out)),
            self.o_en.eq(plan.out.enables(turn, en)),
        ]
        if plan.spec is not None:
            spikes = Cat(~acc[-1] for acc in accs)
            m.d.comb += self.o_data.eq(spikes.replicate(plan.out.shared))
            return
        m.d.comb += self.o_data.eq(plan.out.extended(m, accs))
