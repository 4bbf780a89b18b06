"""Synthesis for iCE40: what is counted, and that the files are the same everywhere."""

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Cat, Module
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.ice40 import Cells, SynthOptions, synthesis_script, synthesize

DEVICE = DEVICES["up5k-sg48"]


class Store(wiring.Component):
    """A counter that addresses a memory, inside a module of its own."""

    def __init__(self):
        super().__init__({"i": In(16), "en": In(1), "o": Out(16)})

    def elaborate(self, platform):
        m = Module()
        m.submodules.count = count = Count()
        m.submodules.store = store = Memory(shape=16, depth=256, init=[])
        write, read = store.write_port(), store.read_port()
        m.d.comb += [
            write.addr.eq(count.o),
            write.data.eq(self.i),
            write.en.eq(self.en),
            read.addr.eq(~count.o),
            self.o.eq(read.data),
        ]
        return m


class Count(wiring.Component):
    def __init__(self):
        super().__init__({"o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + 1)
        return m


class ArrayPorts(wiring.Component):
    """Array ports make aliases of single bits, which ABC9 once stumbled over."""

    def __init__(self):
        layout = data.ArrayLayout(1, 4)
        super().__init__({"i": In(layout), "o": Out(layout)})

    def elaborate(self, platform):
        m = Module()
        for bit in range(4):
            m.d.sync += self.o[bit].eq(self.i[bit] ^ Cat(self.i[bit - 1]))
        return m


def write(component, path, name="top"):
    path.parent.mkdir(exist_ok=True)
    path.write_text(rtlil.convert(component, name=name, emit_src=False))
    return path


def test_kinds_of_cells():
    cells = Cells.from_types(
        {"SB_MAC16": 1, "SB_DFFE": 2, "SB_DFF": 3, "SB_LUT4": 4, "SB_CARRY": 5, "SB_RAM40_4K": 6}
        | {"SB_SPRAM256KA": 7, "SB_GB": 8}
    )
    assert (cells.luts, cells.carries, cells.ebr, cells.spram, cells.dsp) == (4, 5, 6, 7, 1)
    assert cells.flip_flops == {"SB_DFF": 3, "SB_DFFE": 2}
    assert (cells.ffs, cells.special) == (5, {"SB_GB": 8})


def test_a_cell_of_no_known_kind_is_an_error():
    with pytest.raises(ValueError, match=r"^Cell type must be an iCE40 primitive, not '\$_AND_'$"):
        Cells.from_types({"SB_LUT4": 1, "$_AND_": 1})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mapper": "flowmap"}, "Mapper must be 'abc9' or 'abc', not 'flowmap'"),
        ({"mapper": "abc", "dff": True}, "Option dff must go with mapper 'abc9', not 'abc'"),
        ({"dffe_min_ce_use": 0}, "dffe_min_ce_use must be a positive integer, not 0"),
    ],
)
def test_options(options, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        SynthOptions(**options)


@pytest.mark.synth
@pytest.mark.parametrize("mapper", ["abc9", "abc"])
def test_counter_and_memory(tmp_path, mapper):
    source = write(Store(), tmp_path / "a b" / "store-x.il")
    netlist = synthesize(
        source, "top", device=DEVICE, options=SynthOptions(mapper=mapper, dff=mapper == "abc9")
    )
    cells = netlist.cells
    assert (cells.ebr, cells.ffs, cells.spram, cells.dsp) == (1, 8, 0, 0)
    # 8 bits count, and 8 inverters stand before the read address; the carry of the top bit and
    # the first are not needed.
    assert (cells.luts, cells.carries) == (16, 6)
    assert netlist.scopes == ("count",)
    assert netlist.ports == {"clk": 1, "en": 1, "i": 16, "o": 16, "rst": 1}
    assert netlist.pins == 35
    assert {file.name for file in source.parent.iterdir()} == {
        f"store-x.{end}" for end in ("il", "ys", "yosys.log", "synth.json", "netlist.v")
    }
    assert netlist.verilog.read_text().count("SB_RAM40_4K ") == 1


@pytest.mark.synth
def test_read_write_collisions_cost_logic_unless_excluded(tmp_path):
    source = write(Store(), tmp_path / "store.il")
    safe = synthesize(source, "top", device=DEVICE, options=SynthOptions(no_rw_check=False)).cells
    assert safe.ffs > 8
    assert safe.luts > 16


@pytest.mark.synth
def test_files_are_the_same_everywhere(tmp_path):
    made = []
    for folder in ("one", "two"):
        netlist = synthesize(write(Store(), tmp_path / folder / "x.il"), "top", device=DEVICE)
        made.append((netlist.json.read_text(), netlist.verilog.read_text(), netlist.script))
    assert made[0] == made[1]
    for text in made[0]:
        assert str(tmp_path) not in text
        assert "site-packages" not in text


@pytest.mark.synth
def test_array_ports(tmp_path):
    source = write(ArrayPorts(), tmp_path / "x.il")
    assert synthesize(source, "top", device=DEVICE).cells.luts == 4


def test_script_follows_the_source_and_the_device():
    script = synthesis_script("x.v", "top", DEVICES["hx8k-ct256"], SynthOptions(dsp=True))
    assert script.startswith("read_verilog x.v\nread_verilog -D ICE40_HX ")
    assert "synth_ice40 -top top -device hx -no-rw-check -dsp -dff -dffe_min_ce_use 2\n" in script
