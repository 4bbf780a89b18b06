"""Counters of matching bit pairs, portable or built from iCE40 cells."""

from typing import Final, Literal, cast, get_args

from amaranth.hdl import Cat, Const, Instance, Module, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.popcount.cells import Carry, Lut, Netlist, build
from spikeloom.hdl.popcount.plans import Preference, plan
from spikeloom.hdl.popcount.popcount import Popcount

__all__ = ["Kind", "PairPopcount", "Technology"]

Kind = Literal["xnor", "and"]
Technology = Literal["ice40", "portable"]


class PairPopcount(Component):
    """Count the positions in which two words match.

    The words are taken and a count is given in every cycle, ``latency`` cycles apart; no register
    is ever reset. ``"portable"`` puts a :class:`spikeloom.hdl.popcount.popcount.Popcount` behind
    one row of gates. ``"ice40"`` is a list of ``SB_LUT4`` and ``SB_CARRY`` instances that a plan
    lays out (:mod:`spikeloom.hdl.popcount.plans`): 27 logic cells for 16 pairs, about ``1.9 *
    width`` above, where synthesis makes ``2.5 * width`` of the portable form. Both give the same
    counts, those of :func:`spikeloom.golden.popcount.xnor_popcount` and ``and_popcount``.
    Instances cannot be simulated by Amaranth; simulate the portable form, or the netlist after
    synthesis.

    Parameters
    ----------
    width : int
        Bits in a word, at least 1.
    kind : "xnor" or "and"
        Which positions match: those where the bits are equal, or those where both are set.
    technology : "ice40" or "portable"
        What the unit is built from.
    stages : int
        Ranks of registers, at least 0, the last one at the output; 0 makes the unit combinational.
    prefer : "cells" or "clock"
        For ``"ice40"``: fewest cells, or fewest among the structures with a short critical path.

    Members
    -------
    a, b : In(width)
        Words to compare.
    o : Out(range(width + 1))
        Number of matching positions in the words taken ``latency`` cycles before.
    """

    def __init__(
        self,
        width: int,
        *,
        kind: Kind = "xnor",
        technology: Technology = "portable",
        stages: int = 1,
        prefer: Preference = "clock",
    ):
        for name, value, allowed in (
            ("Kind", kind, get_args(Kind)),
            ("Technology", technology, get_args(Technology)),
            ("Preference", prefer, get_args(Preference)),
        ):
            if value not in allowed:
                raise ValueError(f'{name} must be "{allowed[0]}" or "{allowed[1]}", not {value!r}')
        self.width: Final = natural("Width", width)
        self.kind: Final[Kind] = kind
        self.technology: Final[Technology] = technology
        self.stages: Final = natural("Stages", stages, 0)
        self.prefer: Final[Preference] = prefer
        super().__init__({"a": In(width), "b": In(width), "o": Out(range(width + 1))})

    @property
    def latency(self) -> int:
        """Cycles from the words to their count: the number of ranks of registers."""
        return self.stages

    def netlist(self) -> Netlist:
        """Return the cells of the ``"ice40"`` unit, its output registers included."""
        text = plan(self.width, kind=self.kind, stages=self.stages, prefer=self.prefer)
        return build(self.width, self.kind, text)

    def elaborate(self, platform: object) -> Module:
        """Build the chosen form."""
        m = Module()
        if self.technology == "ice40":
            self._lay_out(m, self.netlist())
            return m
        m.submodules.count = count = Popcount(self.width, stages=self.stages)
        match = self.a & self.b if self.kind == "and" else ~(self.a ^ self.b)
        m.d.comb += [count.i.eq(match), self.o.eq(count.o)]
        return m

    def _lay_out(self, m: Module, netlist: Netlist) -> None:
        """Make an instance of each cell."""
        values: list[Value] = [Const(0, 1), *self.a, *self.b]
        for k in range(len(values), netlist.signals):
            values.append(Signal(1, name=f"n{k}", reset_less=True))
        kept = {
            pin
            for cell in netlist.cells
            if isinstance(cell, Lut)
            for pin in set(cell.inputs) - set(cell.support()) - {0}
        }
        for k, cell in enumerate(netlist.cells):
            output = cast(Signal, values[cell.output])
            if isinstance(cell, Lut):
                pins = {f"i_I{pin}": values[signal] for pin, signal in enumerate(cell.inputs)}
                table = Const(cell.table, 16)
                # Unused pins place the carry; synthesis must not take them away.
                keep = {"a_keep": 1} if cell.support() != tuple(filter(None, cell.inputs)) else {}
                m.submodules[f"lut{k}"] = Instance(
                    "SB_LUT4", p_LUT_INIT=table, **pins, o_O=output, **keep
                )
            elif isinstance(cell, Carry):
                keep = {"a_keep": 1} if cell.a in kept else {}
                m.submodules[f"carry{k}"] = Instance(
                    "SB_CARRY",
                    **keep,
                    i_I0=values[cell.a],
                    i_I1=values[cell.b],
                    i_CI=values[cell.carry],
                    o_CO=output,
                )
            else:
                m.d.sync += output.eq(values[cell.data])
        m.d.comb += self.o.eq(Cat(values[signal] for signal in netlist.outputs))
