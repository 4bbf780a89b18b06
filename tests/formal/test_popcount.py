import dataclasses

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.tools import ToolError
from spikeloom.boards.yosys import run_yosys
from spikeloom.hdl.popcount.cells import Lut
from spikeloom.hdl.popcount.pairs import PairPopcount

from ..tools import tool

proof = tool("popcount_proof")


class Miter(wiring.Component):
    """Compare the two technologies; ``bug`` makes the portable form miss the highest pair."""

    a: Signal
    b: Signal
    same: Signal

    def __init__(self, width, kind, prefer, bug):
        self._width, self._kind, self._prefer, self._bug = width, kind, prefer, bug
        super().__init__({"a": In(width), "b": In(width), "same": Out(1)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.cells = cells = PairPopcount(
            self._width, kind=self._kind, technology="ice40", stages=0, prefer=self._prefer
        )
        m.submodules.plain = plain = PairPopcount(self._width, kind=self._kind, stages=0)
        flip = (1 << self._width - 1) if self._bug else 0
        m.d.comb += [
            cells.a.eq(self.a),
            cells.b.eq(self.b),
            plain.a.eq(self.a),
            plain.b.eq(self.b ^ flip),
            self.same.eq(cells.o == plain.o),
        ]
        return m


# What the two primitives do, as in Yosys' ice40/cells_sim.v, without the hundred other cells.
CELLS = """
module SB_LUT4(output O, input I0, I1, I2, I3);
    parameter [15:0] LUT_INIT = 0;
    assign O = LUT_INIT >> {I3, I2, I1, I0};
endmodule
module SB_CARRY(output CO, input I0, I1, CI);
    assign CO = I0 & I1 | (I0 | I1) & CI;
endmodule
"""


def prove(path, width, kind, prefer, *, bug=False):
    """Reduce the miter by ABC, which merges equal points, and let SAT have what is left."""
    miter = Miter(width, kind, prefer, bug)
    (path / "miter.il").write_text(rtlil.convert(miter, name="miter", emit_src=False))
    (path / "cells.v").write_text(CELLS)
    script = """
        read_rtlil miter.il
        read_verilog cells.v
        hierarchy -top miter
        proc
        flatten
        techmap
        opt
        abc -g AND,XOR -script +strash;ifraig;iprove;strash
        opt_clean
        sat -verify -prove same 1 miter
    """
    run_yosys(script, path)


@pytest.mark.synth
@pytest.mark.parametrize("kind", ["xnor", "and"])
@pytest.mark.parametrize("prefer", ["cells", "clock"])
@pytest.mark.parametrize("width", [7, 16])
def test_cells_equal_the_sum(tmp_path, width, kind, prefer):
    prove(tmp_path, width, kind, prefer)


@pytest.mark.synth
def test_cells_equal_the_sum_of_32(tmp_path):
    prove(tmp_path, 32, "xnor", "cells")


@pytest.mark.synth
def test_a_wrong_sum_is_refuted(tmp_path):
    with pytest.raises(ToolError):
        prove(tmp_path, 16, "xnor", "cells", bug=True)


@pytest.mark.parametrize("kind", ["xnor", "and"])
@pytest.mark.parametrize("prefer", ["cells", "clock"])
@pytest.mark.parametrize("stages", [0, 1, 2, 5])
@pytest.mark.parametrize("width", [1, 2, 5, 16, 23, 64, 69, 128])
def test_lemmas_prove_every_width(width, stages, prefer, kind):
    netlist = PairPopcount(width, kind=kind, stages=stages, prefer=prefer).netlist()
    proof.prove(netlist)
    assert netlist.latency == stages


def test_every_plan_of_one_stage_is_proved():
    for width in range(1, 73):
        proof.prove(PairPopcount(width, prefer="cells").netlist())


def test_a_wrong_table_is_found():
    netlist = PairPopcount(64, prefer="cells").netlist()
    place, lut = next((k, c) for k, c in enumerate(netlist.cells) if isinstance(c, Lut))
    netlist.cells[place] = dataclasses.replace(lut, table=lut.table ^ 1)
    with pytest.raises(AssertionError, match="fails for vector"):
        proof.prove(netlist)


def test_a_lost_bit_is_found():
    netlist = PairPopcount(64, prefer="cells").netlist()
    netlist.outputs = (*netlist.outputs[:-2], netlist.outputs[-1], netlist.outputs[-2])
    with pytest.raises(AssertionError, match="do not sum"):
        proof.prove(netlist)


def test_a_skipped_register_is_found():
    netlist = PairPopcount(16, stages=2, prefer="cells").netlist()
    netlist.latency = 1
    with pytest.raises(AssertionError, match="latency"):
        proof.prove(netlist)
