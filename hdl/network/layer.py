"""A whole network: beats of integers in, beats of numbers out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import connect, flipped
from amaranth.utils import ceil_log2
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.golden.network.model import NetworkModel
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.network.attend import Collector, Feeder
from spikeloom.hdl.network.cycles import network_cycles, network_stages
from spikeloom.hdl.network.engine import Engine
from spikeloom.hdl.network.fetch import Fetcher, ProgramRom
from spikeloom.hdl.network.intake import Intake
from spikeloom.hdl.network.keys import KeyWords
from spikeloom.hdl.network.plan import NetworkPlan, network_plan
from spikeloom.hdl.network.readout import Readout
from spikeloom.hdl.network.store import ProgramStore, StatusFront, load_frame
from spikeloom.hdl.network.units import Unit

__all__ = ["NetworkLayer"]


class NetworkLayer(LayerComponent):
    """A whole network, from stream to stream.

    One engine computes all linear layers, pass by pass as its program says; an attention layer
    stands beside it. The next sequence is taken while one is computed, from the first block on.
    Checked against :func:`spikeloom.golden.network.formula.network`.

    Parameters
    ----------
    design : NetworkDesign
        The network.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`, but ``i.last`` ends a sequence.
    """

    exact = False
    framed = True

    def __init__(self, design: NetworkDesign):
        self.design: Final = design
        self.plan: NetworkPlan = network_plan(design)
        super().__init__(design)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles from a sequence to its numbers."""
        return network_cycles(self.plan, arrays)

    def stages(
        self, arrays: Mapping[str, ArrayLike] | None = None
    ) -> tuple[tuple[str, int, int], ...]:
        """Predict when each layer begins and ends."""
        return network_stages(self.plan, arrays)

    @property
    def preamble(self) -> tuple[NDArray[np.uint64], ...]:
        """Frames to send before the first inference."""
        plan = self.plan
        return (load_frame(plan.program.words, plan.sections.width),) if plan.loaded else ()

    @property
    def preamble_answers(self) -> tuple[NDArray[np.uint64], ...]:
        """The answer for a program that was loaded: its status, and no numbers."""
        golden = NetworkModel(self.design)
        nothing = np.zeros(golden.output.shape, int)
        return (golden.pack_answer(nothing),) if self.plan.loaded else ()

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "program": {"words": len(plan.program.words), "passes": len(plan.program.passes)},
            "lanes": plan.lanes,
            "tokens_at_once": plan.at_once,
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, design, wide = self.plan, self.design, self.plan.widths
        units = self._units(m)
        part = len(units[0].part)
        m.submodules.fetch = fetch = Fetcher(
            plan.sections, slot=plan.row_bits, planes=plan.planes, layout=plan.flags
        )
        m.submodules.engine = engine = Engine(plan, part)
        m.submodules.intake = intake = Intake(plan)
        m.submodules.feeder = feeder = Feeder(plan)
        m.submodules.collector = collector = Collector(plan)
        if plan.inner is not None:
            m.submodules.attention = attention = plan.attention()
        golden = NetworkModel(design)
        m.submodules.readout = readout = Readout(
            wide.logit,
            beats=golden.number_beats,
            part=part + ceil_log2(len(units)),
            bias=wide.bias,
            tokens=design.tokens,
            places=plan.readout_places,
        )
        end = Signal.like(intake.end)
        if plan.inner is not None:
            connect(m, feeder.o, attention.i)
            connect(m, attention.o, collector.i)
            if plan.lengths:
                m.d.comb += attention.end.eq(end)

        runs, attends, closing = Signal(), Signal(), Signal()
        loads = self._program(m, fetch, intake, readout)
        flags = fetch.flags
        special = flags.attends | flags.ends
        quiet = runs & fetch.ready & engine.idle & ~closing
        begins_attention, ended = Signal(), Signal()
        m.d.sync += ended.eq(quiet & flags.ends & ~ended)
        m.d.comb += [
            begins_attention.eq(quiet & flags.attends & ~attends),
            feeder.start.eq(begins_attention),
            fetch.rewind.eq(ended | loads),
            fetch.take.eq(engine.take | collector.done),
            fetch.free.eq(~engine.held & ~closing),
            engine.ready.eq(runs & fetch.ready & ~special),
            engine.hold.eq(closing),
            *(engine.flags.eq(flags), engine.row.eq(fetch.row)),
            *(engine.weights.eq(fetch.weights), engine.parameters.eq(fetch.parameters)),
            engine.head.eq(fetch.head),
            *(part.end.eq(end) for part in (engine, feeder, collector, readout)),
            intake.free.eq(ended if plan.keeps_input else engine.take & flags.release & flags.sync),
            self.busy.eq(runs),
        ]
        with m.If(begins_attention):
            m.d.sync += attends.eq(1)
        with m.If(collector.done):
            m.d.sync += attends.eq(0)
        with m.If(engine.take & flags.last & flags.reads_out):
            m.d.sync += closing.eq(1)
        with m.If(readout.given):
            m.d.sync += closing.eq(0)
        with m.If(ended):
            m.d.sync += runs.eq(0)
        with m.If(~runs & intake.full):
            m.d.sync += [runs.eq(1), end.eq(intake.end)]

        self._read_units(m, units, engine, feeder, attends)
        self._write_units(m, units, engine, collector, intake)
        self._read_out(m, units, engine, readout)
        if plan.keys_turned:
            self._turn_keys(m, engine, feeder)
        return m

    def _program(self, m: Module, fetch: Fetcher, intake: Intake, readout: Readout) -> Value | int:
        """Add the memory of the program, and join the streams; say when it is being loaded."""
        plan, words = self.plan, self.plan.program.words
        if not plan.loaded:
            connect(m, flipped(self.i), intake.i)
            connect(m, readout.o, flipped(self.o))
            m.submodules.program = rom = ProgramRom(words, plan.sections.width)
            m.d.comb += [
                *(rom.rewind.eq(fetch.rewind), rom.en.eq(fetch.en), fetch.data.eq(rom.data))
            ]
            return 0
        m.submodules.store = store = ProgramStore(plan.program_shape, len(words))
        m.submodules.front = front = StatusFront(NetworkModel(self.design).beats_out - 1)
        connect(m, flipped(self.i), store.i)
        connect(m, store.o, intake.i)
        connect(m, readout.o, front.i)
        connect(m, front.o, flipped(self.o))
        m.d.comb += [
            *(store.rewind.eq(fetch.rewind), store.en.eq(fetch.en), fetch.data.eq(store.data)),
            store.computed.eq(front.computed),
            *(front.good.eq(store.good), front.answers.eq(store.answers)),
            store.answered.eq(front.answered),
        ]
        return store.loads

    def _units(self, m: Module) -> list[Unit]:
        plan = self.plan
        units = []
        for t in range(self.design.steps):
            for p in range(plan.at_once):
                unit = Unit(
                    plan.memory(f"spikes{t}_{p}"),
                    planes=plan.planes,
                    stages=plan.stages,
                    cells=self.design.target.cells,
                )
                m.submodules[f"unit{t}_{p}"] = unit
                units.append(unit)
        return units

    def _read_units(
        self, m: Module, units: list[Unit], engine: Engine, feeder: Feeder, attends: Value
    ) -> None:
        addr, en = Signal.like(engine.addr), Signal()
        m.d.comb += [
            addr.eq(Mux(attends, Cat(feeder.row, feeder.slot), engine.addr)),
            en.eq(Mux(attends, feeder.en, engine.en)),
            feeder.rows.eq(Cat(unit.row for unit in units)),
        ]
        for unit in units:
            m.d.comb += [
                *(unit.addr.eq(addr), unit.en.eq(en)),
                *(unit.low.eq(engine.low), unit.high.eq(engine.high)),
                *(unit.minus_low.eq(engine.minus_low), unit.minus_high.eq(engine.minus_high)),
            ]
        m.d.comb += engine.parts.eq(Cat(unit.part for unit in units))

    def _write_units(
        self, m: Module, units: list[Unit], engine: Engine, collector: Collector, intake: Intake
    ) -> None:
        """Write what comes a cycle later: spikes first, then those of attention, then the input."""
        plan = self.plan
        dest, words = engine.w_dest, Signal()
        row, slot = Signal(plan.row_bits), Signal(range(plan.slot_count))
        lane, column, word = Signal(range(BEAT)), Signal(range(plan.columns)), Signal(BEAT)
        joins = dest.sets | dest.clears
        m.d.comb += intake.write.eq(~engine.w_en & ~collector.w_en)
        of_spikes = Mux(dest.gathers, 0, engine.w_row) if plan.gathers else engine.w_row
        m.d.sync += [words.eq(~engine.w_en), row.eq(of_spikes), slot.eq(dest.slot)]
        m.d.sync += [lane.eq(engine.w_lane[:4]), column.eq(engine.w_lane[4:])]
        for source, there in ((intake, intake.write), (collector, collector.w_en)):
            with m.If(there):
                m.d.sync += [
                    *(row.eq(source.w_row), slot.eq(source.w_slot), column.eq(source.w_column)),
                    word.eq(source.w_data),
                ]
        low, high = (Cat(words | (lane[k : k + 2] == n) for n in range(4)) for k in (0, 2))
        columns = [column == n for n in range(plan.columns)]
        mask = Cat(low[n % 4] & high[n // 4] & chosen for chosen in columns for n in range(BEAT))
        for n, unit in enumerate(units):
            t, p = divmod(n, plan.at_once)
            chosen, bit = Signal(name=f"chosen{n}"), Signal(name=f"bit{n}")
            spike = engine.spikes[n]
            given = intake.w_en & (intake.w_part == p)
            if intake.chooses:
                given &= intake.w_steps[t]
            mine = (collector.w_step == t) & (collector.w_part == p)
            m.d.sync += [
                bit.eq(spike & ~dest.clears),
                chosen.eq(
                    (engine.w_en & ~dest.turned & (spike | ~joins))
                    | (collector.w_en & mine)
                    | given
                ),
            ]
            # What is not to be written goes to the last row, which nobody reads.
            m.d.comb += [
                unit.w_addr.eq(Cat(row, slot) | ~chosen.replicate(len(unit.w_addr))),
                *(unit.w_mask.eq(mask), unit.w_bit.eq(bit)),
                *(unit.w_word.eq(word), unit.w_words.eq(words)),
            ]

    def _read_out(self, m: Module, units: list[Unit], engine: Engine, readout: Readout) -> None:
        """Add up what all units give, a cycle before it is taken."""
        level: list[Value] = [unit.part for unit in units]
        while len(level) > 1:
            pairs = [level[n : n + 2] for n in range(0, len(level), 2)]
            level = [pair[0] + pair[1] if len(pair) > 1 else pair[0] for pair in pairs]
        m.d.sync += [
            readout.part.eq(level[0]),
            *(readout.en.eq(engine.adds), readout.up.eq(engine.up)),
            *(readout.last.eq(engine.ends), readout.final.eq(engine.final)),
        ]
        m.d.comb += readout.bias.eq(engine.bias)
        if not self.plan.readout_places:
            m.d.sync += readout.twice.eq(engine.twice)

    def _turn_keys(self, m: Module, engine: Engine, feeder: Feeder) -> None:
        """Collect k channel by channel."""
        plan, design = self.plan, self.design
        m.submodules.turn = turn = KeyWords(design.steps, design.tokens, plan.at_once, design.dim)
        store = add_memory(m, plan.memory("keys"))
        m.d.comb += [
            turn.en.eq(engine.w_en & engine.w_dest.turned),
            *(turn.last.eq(engine.w_last), turn.spikes.eq(engine.spikes)),
            turn.channel.eq(engine.w_lane),
        ]
        store.write(m, turn.w_addr, turn.w_data, turn.w_en)
        m.d.comb += feeder.keys.eq(store.read(m, feeder.key_addr, feeder.en))
