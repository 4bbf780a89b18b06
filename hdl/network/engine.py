"""The engine of a network: passes over tokens, one row of them a cycle."""

from typing import Any, Final

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import delays
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.network.neuron import StepNeurons
from spikeloom.hdl.network.plan import NetworkPlan
from spikeloom.hdl.network.program.words import LANE

__all__ = ["Engine"]


class Engine(Component):
    """Take passes, and turn what the units count into sums, spikes and numbers.

    A pass issues a row a cycle, ``max(rows, plan.shortest)`` cycles; the next follows at once. A
    row's sum is written ``stages + 4`` cycles after its address, its spikes ``stages + 5 + steps``.

    Parameters
    ----------
    plan : NetworkPlan
        Geometry of the network.

    Members
    -------
    ready, take : In(1), Out(1)
        A pass is there; it is taken.
    flags, row, weights, parameters : In
        The pass.
    head : In(plan.sections.layout)
        The header before it: where the spikes of its layer go, from the first output on.
    held : Out(1)
        The parameters of a pass that was taken are still looked at.
    end : In(range(tokens))
        Last token of the sequence.
    hold : In(1)
        No pass may begin.
    idle : Out(1)
        Everything that was begun is written.
    addr, en : Out
        Row that units read.
    low, high, minus_low, minus_high : Out
        Weight bits for it a cycle later, and signs.
    parts : In
        What the units give, those of a step beside each other.
    adds, up, twice, ends, final : Out(1)
        With the parts: those are for the read-out, and how; twice only where the read-out needs it.
    bias : Out(signed)
        Of the output.
    w_en : Out(1), w_dest : Out(plan.dest), w_lane, w_row : Out, w_last : Out(1)
        Spikes are there: where they go, and whether they are the last of the sequence. The lane is
        counted through all slots.
    spikes : Out(steps * at_once)
        Spikes, those of a step beside each other; none of a token that is not there.
    """

    def __init__(self, plan: NetworkPlan, part: int):
        self.plan: Final = plan
        self.part: Final = part
        design, wide = plan.design, plan.widths
        units = design.steps * plan.at_once
        super().__init__(
            {
                "ready": In(1),
                "take": Out(1),
                "flags": In(plan.flags),
                "row": In(ceil_log2(plan.depth)),
                "weights": In(plan.planes * plan.lanes),
                "parameters": In(plan.sections.parameters * plan.sections.width),
                "head": In(plan.sections.layout),
                "held": Out(1),
                "end": In(range(design.tokens)),
                "hold": In(1),
                "idle": Out(1),
                "addr": Out(range(plan.depth)),
                "en": Out(1),
                "low": Out(plan.lanes),
                "high": Out(plan.lanes),
                "minus_low": Out(1),
                "minus_high": Out(1),
                "parts": In(units * part),
                "adds": Out(1),
                "up": Out(1),
                **({} if plan.readout_places else {"twice": Out(1)}),
                "ends": Out(1),
                "final": Out(1),
                "bias": Out(signed(wide.bias)),
                "w_en": Out(1),
                "w_dest": Out(plan.dest),
                "w_lane": Out(LANE),
                "w_row": Out(plan.row_bits),
                "w_last": Out(1),
                "spikes": Out(units),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, stages, steps = self.plan, self.plan.stages, self.plan.design.steps
        flags, valid, begins, ends = self._issue(m)

        # The unit gives what is added ``reach`` cycles after an address; sums are there one cycle
        # later, spikes ``end`` cycles after the address.
        reach, end = stages + 2, stages + 4 + steps
        fires = valid & flags.last & ~flags.reads_out
        valids = delays(m, valid, reach + 1, "valid")
        firing = delays(m, fires, end, "fires")
        first_rows = delays(m, begins, end, "begins")
        last_rows = delays(m, ends, end, "ends")
        later = [plan.flags(value) for value in delays(m, flags.as_value(), reach + 1, "flags")]
        m.d.comb += [
            self.minus_low.eq(later[reach - 1].minus_low),
            self.minus_high.eq(later[reach - 1].minus_high),
            self.adds.eq(valids[reach] & later[reach].reads_out),
            self.up.eq(first_rows[reach] & later[reach].double),
            self.ends.eq(last_rows[reach] & later[reach].last),
            self.final.eq(later[reach].final),
        ]
        if not plan.readout_places:
            m.d.comb += self.twice.eq(later[reach].twice)
        written = Signal()
        m.d.sync += written.eq(firing[end])
        m.d.comb += self.idle.eq(~(Cat(valids, firing).any() | written | valid))

        params = self._parameters(m, first_rows, later, reach, firing[end] & last_rows[end])
        sums = self._sums(m, valids, last_rows, later, reach)
        spikes = []
        for p in range(plan.at_once):
            neurons = StepNeurons(
                *(steps, plan.design.fraction, plan.widths),
                steady=not plan.buffered,
                unit=plan.unit,
            )
            m.submodules[f"neurons{p}"] = neurons
            m.d.comb += [
                neurons.bias.eq(self.bias),
                neurons.threshold.eq(params[plan.widths.bias :]),
                neurons.whole.eq(later[reach + 1].whole),
            ]
            for t in range(steps):
                m.d.comb += getattr(neurons, f"sum{t}").eq(sums[t * plan.at_once + p])
            spikes.append(neurons.spikes)
        self._write(m, spikes, firing[end], last_rows[end])
        return m

    def _issue(self, m: Module) -> tuple[Any, Signal, Value, Value]:
        """Take passes and go through their rows; say which row there is, and of what pass."""
        plan = self.plan
        runs, valid, begins = Signal(), Signal(), Signal()
        flags: Any = Signal(plan.flags)
        # Rows that follow, and cycles: counted down, for that is soon compared.
        left, rest = Signal(range(plan.rows)), Signal(range(max(plan.rows, plan.shortest)))
        parts = ceil_log2(plan.at_once)
        limit, groups = Signal(range(plan.rows)), plan.design.readout.groups
        # Some groups may have no token: all rows are gone through, where nothing is.
        every = self.end[parts:] if groups == 1 else Const(plan.rows - 1, range(plan.rows))
        m.d.comb += limit.eq(every)
        if groups > 1:
            with m.If(self.flags.group):
                m.d.comb += limit.eq(plan.rows // groups - 1)
        if plan.spread:
            with m.If(self.flags.spread & ~self.flags.last):
                m.d.comb += limit.eq(every[plan.spread :])
        ending, over = Signal(), Signal()
        m.d.comb += [
            ending.eq(left == 0),
            over.eq(rest == 0),
            self.take.eq(
                self.ready & ~self.hold & (~runs | over) & (~self.flags.sync | (self.idle & ~runs))
            ),
        ]
        turn = Signal(plan.spread)
        with m.If(runs):
            goes_on: Value | int = ~flags.stays if plan.gathers else 1
            if plan.spread:
                goes_on &= ~flags.spread | ~flags.last | turn.all()
            m.d.sync += [
                *(left.eq(left - 1), rest.eq(rest - 1), begins.eq(0), turn.eq(turn + 1)),
                self.addr.eq(self.addr + goes_on),
            ]
            with m.If(ending):
                m.d.sync += valid.eq(0)
            with m.If(over):
                m.d.sync += runs.eq(0)
        with m.If(self.take):
            m.d.sync += [
                *(runs.eq(1), valid.eq(1), begins.eq(1), turn.eq(0), left.eq(limit)),
                rest.eq(Mux(limit < plan.shortest, plan.shortest - 1, limit)),
                *(self.addr.eq(self.row), flags.eq(self.flags)),
            ]
        # Weights are there with the row, a cycle behind its address.
        taken = Signal()
        m.d.sync += taken.eq(self.take)
        with m.If(taken):
            m.d.sync += Cat(self.low, self.high)[: len(self.weights)].eq(self.weights)
        m.d.comb += self.en.eq(valid)
        return flags, valid, valid & begins, valid & ending

    def _parameters(
        self, m: Module, first_rows: list[Value], later: list[Any], reach: int, over: Value
    ) -> Value:
        """Take the parameters of an output when its sums come; give bias and threshold."""
        wide = self.plan.widths
        params = self.parameters[: wide.bias + wide.threshold]
        now = first_rows[reach] & later[reach].last
        if not self.plan.buffered:
            # Those of the read-out are looked at for longer, and that is known elsewhere.
            now = over | (now & later[reach].reads_out)
        else:
            kept = Signal(wide.bias + wide.threshold, name="kept_parameters")
            with m.If(now):
                m.d.sync += kept.eq(params)
            params = kept
        with m.If(self.take & self.flags.last):
            m.d.sync += self.held.eq(1)
        with m.Elif(now):
            m.d.sync += self.held.eq(0)
        m.d.comb += self.bias.eq(params[: wide.bias])
        return params

    def _sums(
        self,
        m: Module,
        valids: list[Value],
        last_rows: list[Value],
        later: list[Any],
        reach: int,
    ) -> list[Signal]:
        """Add what units give to the sums so far; give the sums."""
        plan, total = self.plan, self.plan.widths.total
        store = add_memory(m, plan.memory("sums"))
        row = Signal(plan.row_bits)
        with m.If(valids[reach - 1]):
            m.d.sync += row.eq(row + 1)
            with m.If(last_rows[reach - 1]):
                m.d.sync += row.eq(0)
        at: Value = row
        if plan.spread:
            then = later[reach - 1]
            at = Mux(then.spread & then.last, row[plan.spread :], row)
        rows = delays(m, at, 2, "row")
        before = store.read(m, at)
        flags = later[reach]
        sums = []
        quadruple = any(
            one.flags.get("twice") and not one.flags.get("reads_out") for one in plan.program.passes
        )
        for n in range(plan.design.steps * plan.at_once):
            old = before.word_select(n, total).as_signed()
            part = self.parts.word_select(n, self.part).as_signed()
            twice = Mux(flags.twice, old << 2, old << 1) if quadruple else old << 1
            kept = Signal(signed(total), name=f"kept{n}")
            m.d.comb += kept.eq(Mux(flags.first, 0, Mux(flags.double, twice, old)))
            summed = Signal(signed(total), name=f"total{n}", reset_less=True)
            m.d.sync += summed.eq(kept + part)
            sums.append(summed)
        goes_on = valids[reach + 1] & ~later[reach + 1].last
        store.write(m, rows[2], Cat(sums), goes_on)
        if not plan.spread:
            return sums
        # Of sums that every step has for other tokens, one after the other is for all steps.
        steps, width = plan.design.steps, plan.at_once
        turn = delays(m, row[: plan.spread], 2, "turn")[2]
        chosen = []
        for n, own in enumerate(sums):
            each = Array(sums[t * width + n % width] for t in range(steps))
            step = Mux(later[reach + 1].spread, turn, n // width)
            one = Signal.like(own, name=f"chosen{n}")
            m.d.comb += one.eq(each[step])
            chosen.append(one)
        return chosen

    def _write(self, m: Module, spikes: list[Signal], fires: Value, ends: Value) -> None:
        """Give the spikes of a row, none of tokens that are not there, and where they go."""
        plan = self.plan
        lanes = ceil_log2(plan.lanes)
        place = Signal(max(len(self.head.place), lanes + 1))
        with m.If(fires & ends):
            m.d.sync += place.eq(place + 1)
        # Nothing is on its way when a layer begins.
        with m.If(self.take & self.flags.sync):
            m.d.sync += place.eq(self.head.place)
            for name in plan.dest.members:
                if name in self.head.shape().members:
                    m.d.sync += self.w_dest[name].eq(self.head[name])
        m.d.comb += [self.w_dest.slot.eq(place[lanes:]), self.w_lane.eq(place)]
        parts = ceil_log2(plan.at_once)
        with m.If(fires):
            m.d.sync += self.w_row.eq(self.w_row + 1)
            with m.If(ends):
                m.d.sync += self.w_row.eq(0)
        full, rest = self.end[parts:], self.end[:parts]
        m.d.comb += [self.w_en.eq(fires), self.w_last.eq(ends)]
        for p, bits in enumerate(spikes):
            there = (self.w_row < full) | ((self.w_row == full) & (p <= rest))
            for t in range(plan.design.steps):
                m.d.comb += self.spikes[t * plan.at_once + p].eq(bits[t] & there)
