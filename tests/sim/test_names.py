"""Signals without a name of their own are called as the source calls them."""

from pathlib import Path

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design.file import load_design
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.names import named_rtlil, spell
from spikeloom.sim.verilog import to_rtlil

ROOT = Path(__file__).resolve().parents[2]


class Pair(wiring.Component):
    def __init__(self, used):
        self.used = used
        super().__init__({"i": In(2), "o": Out(2)})

    def elaborate(self, platform):
        m = Module()
        low, high, spare = Signal(), Signal(), Signal()
        m.d.sync += [low.eq(self.i[0]), high.eq(self.i[1] ^ low)]
        m.d.comb += self.o.eq(low + high)
        if self.used:
            m.d.sync += spare.eq(~spare)
        return m


class Around(wiring.Component):
    def __init__(self, used):
        self.used = used
        super().__init__({"i": In(2), "o": Out(2)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.pair = pair = Pair(self.used)
        m.d.comb += [pair.i.eq(self.i), self.o.eq(pair.o)]
        return m


def test_variables_of_one_line_are_told_apart():
    text, names = named_rtlil(Around(used=True))
    assert "$signal" in text
    assert sorted(names.values()) == ["pair.high", "pair.low"]
    assert spell("pair.$signal RDATA", {"pair.$signal": "pair.low"}) == "pair.low RDATA"
    assert spell("pair.o", names) == "pair.o"


def test_where_it_is_not_known_which_the_line_is_named():
    _, names = named_rtlil(Around(used=False))
    assert len(names) == 2
    assert all(name.startswith("pair.(test_names.py:") for name in names.values())


def test_the_text_is_that_of_the_build():
    design = load_design(ROOT / "examples" / "tiny-32x64.toml")
    text, names = named_rtlil(AxiStreamTop(design), design.module)
    assert text == to_rtlil(AxiStreamTop(design), design.module)
    assert names["layer.engine.$signal"] == "layer.engine.running"
    assert names["layer.k.$signature__addr"] == "layer.k.addr"
