"""Place and route for iCE40: counts by module, clock by seed, and what does not fit."""

import hashlib

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out

from spikeloom.boards import place
from spikeloom.boards.devices import DEVICES, DoesNotFitError, Resources, check_fit
from spikeloom.boards.floorplan import FLOORS
from spikeloom.boards.ice40 import synthesize
from spikeloom.boards.place import pack, pack_bitstream, place_and_route, place_seeds
from spikeloom.boards.tools import MissingToolError, ToolError
from spikeloom.design import schema

DEVICE = DEVICES["up5k-sg48"]


class Sum(wiring.Component):
    """Sum of the words that come out of ``copies`` memories, each filled from the one before."""

    def __init__(self, copies=1, pins=8):
        self.copies, self.pins = copies, pins
        super().__init__({"i": In(pins), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        address = Signal(9)
        m.d.sync += address.eq(address + 1)
        m.submodules.adder = adder = Adder()
        data = self.i
        for copy in range(self.copies):
            m.submodules[f"store{copy}"] = store = Memory(shape=8, depth=512, init=[])
            write, read = store.write_port(), store.read_port()
            m.d.comb += [write.addr.eq(address), write.data.eq(data), write.en.eq(1)]
            m.d.comb += read.addr.eq(address + 1)
            data = read.data
        m.d.comb += [adder.i.eq(data), self.o.eq(~adder.o)]
        return m


class Adder(wiring.Component):
    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        m.d.sync += self.o.eq(self.o + self.i)
        return m


def netlist_of(component, folder):
    source = folder / "sum.il"
    source.write_text(rtlil.convert(component, name="sum", emit_src=False))
    return synthesize(source, "sum", device=DEVICE)


@pytest.fixture(scope="module")
def netlist(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place") / "a b"
    folder.mkdir()
    return netlist_of(Sum(), folder)


def test_devices_are_those_of_the_design_files():
    listed = schema()["$defs"]["Target"]["properties"]["device"]["enum"]
    assert list(DEVICES) == listed
    assert DEVICE.total == Resources(logic_cells=5280, ebr=30, spram=4, dsp=8, pins=39)


def test_dies_hold_what_their_devices_do():
    for device in DEVICES.values():
        floor = FLOORS[device.die]
        logic = (floor.columns - 2 - len(floor.memory_columns)) * (floor.rows - 2)
        # Of the 4K parts less is promised than the die holds.
        whole = DEVICES["hx8k-ct256"].total if device.die == "hx4k" else device.total
        assert (8 * logic, floor.rows - 2) == (whole.logic_cells, whole.ebr)


def test_every_shortage_is_named():
    message = (
        r"^x: target\.device: up5k-sg48: "
        r"needs 6120 logic cells and 5280 are available \(840 too many\); "
        r"needs 31 EBR and 30 are available \(1 too many\)$"
    )
    with pytest.raises(DoesNotFitError, match=message) as error:
        check_fit("x", Resources(6120, 31, 4, 8, 39), DEVICE)
    assert [short.resource for short in error.value.shortages] == ["logic_cells", "ebr"]
    check_fit("x", DEVICE.total, DEVICE)


def test_a_cell_belongs_to_the_longest_path_that_it_begins_with():
    def cell(kind, ff=0, carry=0):
        return {"type": kind, "parameters": {"DFF_ENABLE": str(ff), "CARRY_ENABLE": str(carry)}}

    cells = {
        "a.x_SB_LUT4_O_LC": cell("ICESTORM_LC", ff=1),
        "a.b.x_LC": cell("ICESTORM_LC", carry=1),
        "a10.x_LC": cell("ICESTORM_LC"),
        "ab.x_LC": cell("ICESTORM_LC"),
        "a9.store.0.0_RAM": cell("ICESTORM_RAM"),
        "$nextpnr_ICESTORM_LC_0": cell("ICESTORM_LC"),
        "clk$sb_io": cell("SB_IO"),
    }
    modules = place._by_module(cells, ["a", "a.b", "a10", "a9", "c", "d", "d.e"])
    assert [module.path for module in modules] == ["", "a", "a.b", "a9", "a10", "(packer)"]
    found = {module.path: (module.logic_cells, module.ffs, module.carries) for module in modules}
    assert found["a"] == (1, 1, 0)
    assert found["a.b"] == (1, 0, 1)
    assert found[""] == found["a10"] == found["(packer)"] == (1, 0, 0)
    assert modules[3].ebr == 1


@pytest.mark.synth
def test_cells_of_the_modules_sum_to_the_total(netlist):
    packing = pack(netlist, DEVICE)
    modules = {module.path: module for module in packing.modules}
    assert set(modules) == {"", "adder", "(packer)"}
    assert sum(module.logic_cells for module in packing.modules) == packing.used.logic_cells
    # Each bit of the sum is one cell: LUT, carry and flip-flop together.
    assert modules["adder"].logic_cells == modules["adder"].ffs == 8
    assert modules[""].ffs == 9
    assert modules[""].ebr == packing.used.ebr == 1
    assert sum(module.ffs for module in packing.modules) == netlist.cells.ffs
    assert packing.used.pins == netlist.pins == 18
    assert packing.used.logic_cells >= max(netlist.cells.luts, netlist.cells.ffs)


@pytest.mark.synth
def test_seeds(netlist):
    said = []
    first = place_seeds(netlist, DEVICE, seeds=(3, 1), clock_mhz=48, progress=said.append)
    assert [placement.seed for placement in first] == [3, 1]
    assert sorted(line.partition(":")[0] for line in said) == ["seed 1", "seed 3"]
    used = pack(netlist, DEVICE).used
    for placement in first:
        assert placement.used == used
        inner = placement.paths[0]
        assert (inner.source, inner.target) == ("clk", "clk")
        assert 1000 / inner.total_ns == pytest.approx(placement.fmax_mhz, rel=0.01)
        # The address counter, nine bits long, is the longest carry chain.
        assert inner.levels >= 8
        assert inner.start.endswith("addr")
        assert {(path.source, path.target) for path in placement.paths[1:]} <= {
            ("clk", "pin"), ("pin", "clk"), ("pin", "pin")
        }  # fmt: skip
    digest = [hashlib.sha256(placement.asc.read_bytes()).digest() for placement in first]
    assert digest[0] != digest[1]
    again = place_and_route(netlist, DEVICE, seed=3, clock_mhz=48)
    assert hashlib.sha256(again.asc.read_bytes()).digest() == digest[0]
    assert again.paths == first[0].paths

    bitstream = netlist.work / "sum.bin"
    assert pack_bitstream(again.asc, bitstream) == "yowasp-icepack sum.seed3.asc sum.bin"
    assert bitstream.stat().st_size == 104_090


@pytest.mark.synth
def test_missing_the_clock_is_a_result(netlist):
    placement = place_and_route(netlist, DEVICE, seed=1, clock_mhz=1000)
    assert 1 < placement.fmax_mhz < 1000
    assert not placement.error


@pytest.mark.synth
def test_what_does_not_fit(tmp_path):
    netlist = netlist_of(Sum(copies=33, pins=40), tmp_path)
    message = (
        r"needs 33 EBR and 30 are available \(3 too many\); "
        r"needs 50 I/O pins and 39 are available \(11 too many\)$"
    )
    with pytest.raises(DoesNotFitError, match=message):
        pack(netlist, DEVICE)


@pytest.mark.synth
def test_failing_seeds_are_kept_apart_from_those_that_do_not(netlist, monkeypatch):
    run = place.run_tool

    def failing(command, **kwargs):
        if command[command.index("--seed") + 1] in bad:
            raise ToolError("nextpnr: ERROR: no room", "ERROR: no room")
        return run(command, **kwargs)

    monkeypatch.setattr(place, "run_tool", failing)
    bad = {"2"}
    good, failed = place_seeds(netlist, DEVICE, seeds=(1, 2), clock_mhz=48)
    assert good.fmax_mhz is not None
    assert (failed.fmax_mhz, failed.error) == (None, "nextpnr: ERROR: no room")
    bad = {"1", "2"}
    message = r"^sum: target.device: up5k-sg48: no seed of \[1, 2\] could be placed and routed; "
    with pytest.raises(ToolError, match=message):
        place_seeds(netlist, DEVICE, seeds=(1, 2), clock_mhz=48)


@pytest.mark.synth
def test_missing_tool(netlist, monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(MissingToolError, match="nextpnr-ice40: this tool must be installed"):
        pack(netlist, DEVICE, native=True)
    with pytest.raises(MissingToolError, match="nextpnr-ice40: this tool must be installed"):
        place_seeds(netlist, DEVICE, seeds=(1,), clock_mhz=48, native=True)


@pytest.mark.parametrize(
    ("seeds", "message"),
    [
        ((), "Seeds must be at least one, not none"),
        ((1, 1), r"Seeds must differ from each other, not \[1, 1\]"),
    ],
)
def test_seeds_must_make_sense(seeds, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        place_seeds(None, DEVICE, seeds=seeds, clock_mhz=48)
