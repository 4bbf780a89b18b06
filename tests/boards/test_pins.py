"""Pads: what a user may ask for, and where ports go that nobody asked about."""

import sys

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.pins import Pin, PinError, check_pins, move_ports, pads, placed_pins
from spikeloom.boards.tools import run_tool
from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.design.pins import read_pcf, read_pins
from spikeloom.design.read import DesignError
from spikeloom.flow import build

DEVICE = DEVICES["up5k-sg48"]
PORTS = {"clk": "input", "d[0]": "input", "d[1]": "input", "o[0]": "output", "o[1]": "output"}
ALLOWED = r"must be set_io \[-nowarn\] \[-pullup yes\|no\] \[-pullup_resistor R\] PORT PAD"


def test_table_has_the_pads_that_the_devices_promise():
    for device in DEVICES.values():
        places = pads(device)
        assert len(places) >= device.total.pins
        assert len(set(places.values())) == len(places)
        assert set(device.open_drain) <= set(places)
    assert [name for name, device in DEVICES.items() if device.open_drain] == [
        "up5k-sg48", "up5k-uwg30",
    ]  # fmt: skip


def test_lines():
    lines = ["", "# clock", "set_io  clk   35", "set_io -nowarn -pullup yes d[0] 2 # a", "  "]
    assert read_pins("pins", lines) == ("set_io clk 35", "set_io -nowarn -pullup yes d[0] 2")
    assert check_pins(read_pins("pins", lines), PORTS, DEVICE, "x") == {"clk": "35", "d[0]": "2"}


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (7, r"^pins: 7: must be the name of a .pcf file, or a list of lines$"),
        (["set_io clk 35", 3], rf"^pins: 3: {ALLOWED}$"),
        (["set_frequency clk 12"], rf"^pins: line 1: 'set_frequency clk 12': {ALLOWED}$"),
        (["", "set_io clk"], rf"^pins: line 2: 'set_io clk': {ALLOWED}$"),
        (["set_io -pullup yes clk"], rf"^pins: line 1: 'set_io -pullup yes clk': {ALLOWED}$"),
        (["set_io -x clk 35"], rf"^pins: line 1: 'set_io -x clk 35': {ALLOWED}$"),
        (["set_io clk 35 36"], rf"^pins: line 1: 'set_io clk 35 36': {ALLOWED}$"),
    ],
)
def test_lines_that_are_refused(lines, message):
    with pytest.raises(DesignError, match=message):
        read_pins("pins", lines)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["clock 35"], "must be a port of the layer: clk, d[0] to d[1], o[0] to o[1]"),
        (["d 35"], "must be a port of the layer: clk, d[0] to d[1], o[0] to o[1]"),
        (["clk 99"], "must be a pad of up5k-sg48: 2 to 4, 6, 9 to 21, 23, 25 to 28, 31 to 32, 34"),
        (["clk 5"], "must be a pad of up5k-sg48: "),
        (["clk 35", "clk 36"], "must be the only line for clk, which has pad 35"),
        (["clk 35", "d[0] 35"], "must be a pad of its own, and clk has it"),
        (
            ["o[1] 40"],
            "must be a pad that drives high and low; 39, 40, 41 are open drain, for inputs only",
        ),
    ],
)
def test_pads_that_are_refused(lines, message):
    lines = [f"set_io {line}" for line in lines]
    with pytest.raises(PinError) as error:
        check_pins(lines, PORTS, DEVICE, "top.pcf")
    assert str(error.value).startswith(f"top.pcf: {lines[-1]}: {message}")


def test_an_input_may_be_put_on_an_open_drain_pad():
    assert check_pins(["set_io d[0] 39"], PORTS, DEVICE, "x") == {"d[0]": "39"}


def placed(**where):
    """Give what nextpnr writes, as far as it is read; ports of a letter and a pad."""
    ports = {"d": {"direction": "input"}, "o": {"direction": "output"}}
    cells = {
        f"{port[0]}[{port[1:]}]$sb_io": {
            "type": "SB_IO",
            "attributes": {"NEXTPNR_BEL": pads(DEVICE)[str(pad)]},
        }
        for port, pad in where.items()
    }
    cells["other"] = {"type": "ICESTORM_LC", "attributes": {"NEXTPNR_BEL": "X1/Y1/lc0"}}
    return {"modules": {"top": {"ports": ports, "cells": cells}}}


def where(design):
    return {pin.port[0] + pin.port[2:-1]: int(pin.pad) for pin in placed_pins(design, DEVICE)}


def test_ports_leave_open_drain_pads_for_the_nearest_free_one():
    design = placed(o0=40, d0=42, o1=3, d10=2, d2=41)
    assert move_ports(design, DEVICE)
    now = where(design)
    assert (now["d0"], now["o1"], now["d10"]) == (42, 3, 2)
    # The places beside them, of which one is taken: the other side of the corner.
    assert (now["o0"], now["d2"]) == (38, 43)
    assert list(now) == ["d0", "d2", "d10", "o0", "o1"]
    assert not move_ports(design, DEVICE)
    assert where(design) == now


def test_ports_that_were_given_stay():
    design = placed(d0=40, o0=39)
    assert move_ports(design, DEVICE, ["d[0]"])
    assert where(design)["d0"] == 40
    assert placed_pins(design, DEVICE, ["d[0]"])[0] == Pin("d[0]", "40", "input", True)


def test_where_no_other_pad_is_free_inputs_stay_and_outputs_change_places():
    names = [f"d{n}" for n in range(3)] + [f"o{n}" for n in range(36)]
    order = ["39", "40", "41", *(pad for pad in pads(DEVICE) if pad not in DEVICE.open_drain)]
    design = placed(**dict(zip(names, order, strict=True)))
    assert not move_ports(design, DEVICE)
    turned = dict(zip(reversed(names), order, strict=True))
    design = placed(**turned)
    assert move_ports(design, DEVICE)
    now = where(design)
    assert {now["d0"], now["d1"], now["d2"]} == {39, 40, 41}
    assert sorted(now.values()) == sorted(map(int, order))
    outputs = placed(**dict(zip([f"o{n}" for n in range(39)], order, strict=True)))
    with pytest.raises(PinError, match="must have a pad that is not open drain; none is left$"):
        move_ports(outputs, DEVICE)


BASE = {"name": "small-one", "tokens": 2, "dim": 4, "heads": 2, "steps": 2}


def test_file_of_a_design(tmp_path):
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "top.pcf").write_text("set_io clk 35\r\n# all others are free\r\n")
    (tmp_path / "layer.toml").write_text('name = "x"\ntarget.pins = "board/top.pcf"\n'
                                         "tokens = 2\ndim = 4\nheads = 2\nsteps = 2\n")  # fmt: skip
    design = load_design(tmp_path / "layer.toml")
    assert design.target.pins == ("set_io clk 35",)
    # What NAME.json and the report hold may stand in a design file.
    written = design.target.model_dump(mode="json", exclude_none=True)
    assert Design.from_dict(BASE | {"target": written}).target == design.target
    with pytest.raises(DesignError, match=r"^target.pins: 'no.pcf': must be a file that can be re"):
        Design.from_dict(BASE | {"target": {"pins": "no.pcf"}}, folder=tmp_path)
    (tmp_path / "bad.pcf").write_text("\nset_io clk\n")
    with pytest.raises(
        DesignError, match=rf"^target.pins: bad.pcf: line 2: 'set_io clk': {ALLOWED}"
    ):
        Design.from_dict(BASE | {"target": {"pins": "bad.pcf"}}, folder=tmp_path)
    (tmp_path / "bad.pcf").write_bytes(b"\xff\xfe")
    with pytest.raises(DesignError, match=r"^--pcf: .*: byte 0: must be UTF-8 text$"):
        read_pcf("--pcf", tmp_path / "bad.pcf")


@pytest.mark.synth
def test_command_refuses_before_anything_is_made(tmp_path, capsys):
    (tmp_path / "layer.toml").write_text('name = "small-one"\ntokens = 2\ndim = 4\nheads = 2\n'
                                         'steps = 2\ntarget.pins = ["set_io rst 5"]\n')  # fmt: skip
    (tmp_path / "top.pcf").write_text("set_io m_axis_tdata[7] 39\n")
    build = ["build", str(tmp_path / "layer.toml"), "-o", str(tmp_path / "out")]
    assert main(build) == 2
    assert (
        "layer.toml: small-one: target.pins: set_io rst 5: must be a pad of up5k"
        in capsys.readouterr().err
    )
    assert main([*build, "--pcf", str(tmp_path / "top.pcf")]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1
    line = "top.pcf: --pcf: set_io m_axis_tdata[7] 39: must be a pad that drives"
    assert line in said[0]
    assert not (tmp_path / "out").exists()


class Wide(wiring.Component):
    """So many ports that a free placement meets the open-drain pads."""

    def __init__(self):
        super().__init__({"i": In(16), "o": Out(16)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(16)
        m.d.sync += [count.eq(count + self.i), self.o.eq(count)]
        return m


@pytest.mark.synth
def test_build(tmp_path):
    lines = ["set_io clk 35", "set_io i[3] 40", "set_io -nowarn o[0] 2"]
    design = Design.from_dict(BASE)
    report = build(design, tmp_path / "out", seeds=(1,), component=Wide(), pins=lines)
    found = {pin.port: pin for pin in report.pins}
    assert len(found) == 34
    assert {port: pin.pad for port, pin in found.items() if pin.given} == {
        "clk": "35", "i[3]": "40", "o[0]": "2",
    }  # fmt: skip
    taken = [pin.pad for pin in report.pins]
    assert len(set(taken)) == 34
    assert not {"39", "41"} & set(taken)
    assert (tmp_path / "out" / "small-one.pcf").read_text().splitlines() == lines
    assert r"| o\[0\] | output | 2 | given |" in (tmp_path / "out" / "report.md").read_text()
    moving = "python -m spikeloom.boards.pins up5k-sg48 small-one.seed1.placed.json small-one.pcf"
    assert moving in report.commands

    # The commands, from the netlist on, make the same placement again.
    asc = (tmp_path / "out" / "small-one.asc").read_bytes()
    start = report.commands.index(moving) - 1
    for command in report.commands[start : start + 3]:
        words = command.split()
        words[:1] = [sys.executable] if words[0] == "python" else words[:1]
        run_tool(words, cwd=tmp_path / "out")
    assert (tmp_path / "out" / "small-one.seed1.asc").read_bytes() == asc
