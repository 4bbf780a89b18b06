"""Input side of a projection: beats in, a list of the inputs that are not zero out."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import Out

from spikeloom.hdl.frame.counting import encode, following, less_lowest
from spikeloom.hdl.frame.stage import Loader
from spikeloom.hdl.position.cpg import CpgRom
from spikeloom.hdl.position.sinusoid import SinusoidTable
from spikeloom.hdl.projection.plan import ProjectionPlan

__all__ = ["ProjectionLoader"]


class ProjectionLoader(Loader):
    """List the events of a token, bank after bank: the bits that are set, and those of CPG-PE.

    A beat takes as many cycles as it has set bits, and at least one; then come the groups of
    CPG-PE, out of their table, likewise; and a cycle in which the last event is written, which is
    held back until it is known to be the last. Checked against
    :func:`spikeloom.golden.projection.coded`.

    Parameters
    ----------
    plan : ProjectionPlan
        Geometry of the layer.

    Members
    -------
    i, free, full, bank
        As :class:`~spikeloom.hdl.frame.stage.Loader`; beats in the order of
        :mod:`spikeloom.golden.packing`.
    empty : Out(1)
        Together with ``full``: the token has no event.
    addr, event, en : Out
        Place of an event: bank, number; the event; whether to write it.
    """

    def __init__(self, plan: ProjectionPlan):
        self.plan: Final = plan
        super().__init__(
            plan,
            {
                "empty": Out(1),
                "addr": Out(range(plan.memory("events").depth)),
                "event": Out(plan.event),
                "en": Out(1),
            },
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan

        bits = Signal(plan.beat)
        rest = Signal(plan.beat)
        found, scanned = Signal(), Signal()
        m.d.comb += [
            rest.eq(less_lowest(bits)),
            found.eq(bits.any()),
            scanned.eq(~rest.any()),
        ]

        # The chunk that is looked through, and the one that comes next.
        group, plane = Signal(range(plan.row_groups)), Signal(range(plan.planes))
        next_group, next_plane = Signal.like(group), Signal.like(plane)
        coding, ended, take, last = Signal(), Signal(), Signal(), Signal()
        ready = Signal()
        m.d.comb += [
            ready.eq(self.free & ~self.full & ~ended & scanned),
            self.i.ready.eq(ready & ~coding),
            take.eq(ready & (coding | self.i.valid)),
        ]
        last_plane = coding | (next_plane == plan.planes - 1)
        last_x = ~coding & (next_group == plan.x_groups - 1) & last_plane
        chunk = Signal(plan.beat)
        m.d.comb += chunk.eq(self.i.payload.data)
        beyond = plan.x_groups * plan.beat - plan.design.inputs
        if beyond:
            with m.If(next_group == plan.x_groups - 1):
                m.d.comb += chunk[plan.beat - beyond :].eq(0)
        if plan.code_groups:
            self._code(m, take & last, coding, next_group, chunk)
            last_code = coding & (next_group == plan.first_code_group + plan.code_groups - 1)
            m.d.comb += last.eq(last_code)
        else:
            m.d.comb += last.eq(last_x)
        m.d.sync += bits.eq(Mux(take, chunk, rest))
        with m.If(take):
            m.d.sync += [group.eq(next_group), plane.eq(Mux(coding, 0, next_plane))]
            m.d.sync += next_plane.eq(Mux(coding, 0, following(next_plane, plan.planes)))
            with m.If(last_plane):
                m.d.sync += next_group.eq(next_group + 1)
            with m.If(last_x):
                m.d.sync += [
                    coding.eq(1 if plan.code_groups else 0),
                    next_group.eq(plan.first_code_group if plan.code_groups else 0),
                ]
            with m.If(last):
                m.d.sync += [coding.eq(0), next_group.eq(0), ended.eq(1)]
        with m.If(ended & scanned):
            m.d.sync += [ended.eq(0), self.full.eq(1)]
        with m.If(self.full):
            m.d.sync += self.full.eq(0)

        held = data.View(plan.event, Signal(plan.event.size, name="held", reset_less=True))
        holds = Signal()
        count = Signal(range(plan.events))
        m.d.comb += [
            self.addr.eq(Cat(count, self.bank)),
            self.event.eq(held),
            self.event.last.eq(self.full),
            self.en.eq(holds & (found | self.full)),
            self.empty.eq(~holds),
        ]
        with m.If(found):
            m.d.sync += [
                holds.eq(1),
                held.row.eq(Cat(encode(list(bits & ~rest)), group)),
                held.plane.eq(plane),
            ]
        m.d.sync += count.eq(count + self.en)
        with m.If(self.full):
            m.d.sync += [holds.eq(0), count.eq(0)]
        return m

    def _code(self, m: Module, done: Value, coding: Signal, group: Signal, chunk: Signal) -> None:
        """Take the chunk from the table while the spikes of CPG-PE are due."""
        plan, design = self.plan, self.plan.design
        count = design.cpg_neurons
        position = Signal(range(plan.runs))
        with m.If(done):
            m.d.sync += position.eq(following(position, plan.runs))
        rom: CpgRom | SinusoidTable
        if design.cpg.table == "sinusoid":
            rom = SinusoidTable(plan.runs, count, lanes=count)
            m.d.comb += rom.token.eq(position)
        else:
            rom = CpgRom(plan.runs, count, design.cpg.w_max)
            m.d.comb += rom.position.eq(position)
        m.submodules.cpg = rom
        with m.If(coding), m.Switch(group):
            for n in range(plan.code_groups):
                with m.Case(plan.first_code_group + n):
                    m.d.comb += chunk.eq(rom.o[n * plan.beat : (n + 1) * plan.beat])
