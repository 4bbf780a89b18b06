"""Accumulators of the score engine: a chain of rows with the neurons at its ends."""

from typing import Final

from amaranth.hdl import Array, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.channels import channel_tables
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.norm import ChannelFire, ChannelPreset, ChannelRom
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import delays
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.neuron import NeuronAdd, NeuronFire, NeuronPreset

__all__ = ["AccumulatorChain"]


class AccumulatorChain(Component):
    """Sum the scores of the spiking channels, for ``rows`` queries and ``lanes`` channels at once.

    In a shift slot the oldest row leaves through its neurons, one a lane, and the next row enters
    with its membranes as initial values; so one neuron a lane serves all rows, and no accumulator
    is ever cleared. In every other cycle each row adds its score in the lanes whose channel of v
    spikes. Where channels have gains and offsets, ROMs give each lane the numbers of the row that
    enters and of the one that leaves.

    Cost: ``rows * lanes`` accumulators of the width that the range analysis gives; the membrane
    memory.

    Parameters
    ----------
    design : AttentionDesign
        The layer.

    Members
    -------
    shift : In(1)
        Shift slot.
    v : In(lanes)
        Channels of v that spike.
    scores : In(score).array(rows)
        Score of each row.
    done : In(1)
        High in the last slot of a run: the next run is the next step, or chunk of steps.
    later : In(1)
        The row that enters is of a later step than the first of its chunk; absent without chunks.
    head : In(range(heads))
        Head of the run; absent where neither heads nor channels differ in their thresholds.
    in_addr : In
        Membranes (pass, token) of the row to enter in the next cycle.
    out_addr, out_en : In
        Where the membranes of the row that leaves go, and whether they do.
    spikes : Out(lanes)
        Spikes of the row that leaves; absent where the layer has no neuron.
    drives : Out(drive).array(lanes)
        Drives of the row that leaves; absent where the layer has a neuron.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = Plan(design)
        depth = plan.membrane_depth
        ports = {
            "shift": In(1),
            "v": In(plan.lanes),
            "scores": In(plan.score_shape).array(plan.rows),
            "done": In(1),
            "in_addr": In(range(depth)),
            "out_addr": In(range(depth)),
            "out_en": In(1),
        }
        if design.chunk > 1:
            ports["later"] = In(1)
        if plan.spec is not None and (plan.neuron.by_head or plan.neuron.by_channel):
            ports["head"] = In(range(plan.design.heads))
        if plan.spec is None:
            ports["drives"] = Out(plan.drive_shape).array(plan.lanes)
        else:
            ports["spikes"] = Out(plan.lanes)
        super().__init__(ports)

    @property
    def _stages(self) -> int:
        """Registers in a division.

        None in a chunk, whose next step may want the membrane soon, nor behind a norm.
        """
        neuron = self._plan.neuron
        return 0 if self.design.chunk > 1 or neuron.by_channel else neuron.stages

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._plan.spec is None:
            self._sum(m)
        else:
            self._integrate(m)
        return m

    def _sum(self, m: Module) -> None:
        """Accumulate without a neuron: rows enter as zeros and leave as they are."""
        plan = self._plan
        for lane in range(plan.lanes):
            chain: Value = Const(0)
            for row in reversed(range(plan.rows)):
                total = Signal(plan.drive_shape, name=f"drive{row}_{lane}", reset_less=True)
                with m.If(self.shift):
                    m.d.sync += total.eq(chain)
                with m.Elif(self.v[lane]):
                    m.d.sync += total.eq(total + self.scores[row])
                chain = total
            m.d.comb += self.drives[lane].eq(chain)

    def _integrate(self, m: Module) -> None:
        """Accumulate on top of the membranes and fire at the end of the chain."""
        plan = self._plan
        spec = plan.neuron.spec
        width = len(Signal(plan.neuron.membrane_shape))
        membranes: Value = Signal(width * plan.lanes, name="no_membranes")
        first: Value = Signal(init=1, name="first_step")
        write = None
        by_head = plan.neuron.by_head
        by_channel = plan.neuron.by_channel
        domain = "sync" if by_head or by_channel or spec.odd > 1 else "comb"
        if plan.has_membranes:
            store = add_block(m, "membrane", width * plan.lanes, plan.membrane_depth)
            read = store.read_port()
            write = store.write_port()
            membranes = read.data
            m.d.comb += read.addr.eq(self.in_addr)
            # An offset that is no constant, and a division, make the path to the memory long:
            # registers cut it, and the next run reads what was written cycles later.
            stages = self._stages
            addr, en = self.out_addr, delays(m, self.out_en, stages, "out_en")[stages]
            for stage in range(stages):
                later = Signal.like(addr, name=f"out_addr{stage + 1}")
                m.d.sync += later.eq(addr)
                addr = later
            m.d[domain] += [write.addr.eq(addr), write.en.eq(en)]
            step = Signal(range(plan.design.chunks))
            with m.If(self.done):
                m.d.sync += step.eq(Mux(step == plan.design.chunks - 1, 0, step + 1))
            first = step == 0
            if self.design.chunk > 1:
                first = first & ~self.later

        if by_head:
            offset = Signal(plan.neuron.offset_shape, init=plan.neuron.offsets[0])
            m.d.sync += offset.eq(Array(plan.neuron.offsets)[self.head])
        if by_channel:
            starts, thresholds = self._roms(m)
        for lane in range(plan.lanes):
            preset: NeuronPreset | ChannelPreset
            fire: NeuronFire | ChannelFire
            if by_channel:
                preset = ChannelPreset(plan.neuron, starts.table)
                fire = ChannelFire(plan.neuron, thresholds.table)
                m.d.comb += [
                    preset.start.eq(starts.numbers[lane]),
                    preset.negative.eq(starts.negative[lane]),
                    fire.threshold.eq(thresholds.numbers[lane]),
                    fire.negative.eq(thresholds.negative[lane]),
                ]
            else:
                preset = NeuronPreset(plan.neuron)
                fire = NeuronFire(plan.neuron, stages=self._stages)
            m.submodules[f"preset{lane}"] = preset
            m.submodules[f"fire{lane}"] = fire
            membrane = membranes.word_select(lane, width)
            if plan.passes_on and plan.has_membranes:
                membrane = Mux(self.later, fire.membrane, membrane)
            m.d.comb += [preset.membrane.eq(membrane), preset.first.eq(first)]
            if by_head:
                m.d.comb += [preset.offset.eq(offset), fire.offset.eq(offset)]
            chain: Value = preset.acc
            for row in reversed(range(plan.rows)):
                acc = Signal(plan.neuron.acc_shape, name=f"acc{row}_{lane}", reset_less=True)
                m.submodules[f"add{row}_{lane}"] = add = NeuronAdd(plan.neuron)
                m.d.comb += [
                    add.acc.eq(acc),
                    add.score.eq(self.scores[row]),
                    add.en.eq(self.v[lane]),
                ]
                m.d.sync += acc.eq(Mux(self.shift, chain, add.o))
                chain = acc
            m.d.comb += [fire.acc.eq(chain), self.spikes[lane].eq(fire.spike)]
            if write is not None:
                m.d[domain] += write.data.word_select(lane, width).eq(fire.membrane)

    def _roms(self, m: Module) -> list[ChannelRom]:
        """Read the numbers of the row that enters next, and of the one that leaves."""
        plan = self._plan
        turn = ceil_log2(plan.passes)
        roms = []
        # The pass of the rows that leave stands for a cycle and more before the first of them.
        tables = channel_tables(self.design, plan.neuron)
        for table, address in zip(tables, (self.in_addr, self.out_addr), strict=True):
            m.submodules[table.name] = rom = ChannelRom(table)
            m.d.comb += [rom.head.eq(self.head), rom.turn.eq(address[:turn])]
            roms.append(rom)
        return roms
