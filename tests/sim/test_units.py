"""The units' exported Verilog under a second simulator, against golden, through cocotb."""

import json

import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.gate import level
from spikeloom.hdl.neuron.stream import Neuron
from spikeloom.hdl.popcount.popcount import Popcount
from spikeloom.hdl.position.cpg import CpgRom
from spikeloom.hdl.position.gray import TokenCode
from spikeloom.hdl.position.log import LogBias
from spikeloom.hdl.position.rotate import GroupShifter, ShiftSchedule
from spikeloom.hdl.position.table import TableBias
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity
from spikeloom.sim.benches.units import CASE
from spikeloom.sim.runner import run_bench
from spikeloom.sim.traffic import SimulationError

pytestmark = pytest.mark.cocotb

LAYER = {"tokens": 12, "dim": 24, "heads": 2, "steps": 3, "similarity": "xnor"}


@pytest.fixture
def bench(tmp_path, event_simulator):
    def run(component, unit, **case):
        run_bench(
            component,
            f"spikeloom.sim.benches.{unit}",
            work=tmp_path,
            simulator=event_simulator,
            environment={CASE: json.dumps(case)},
        )

    return run


@pytest.mark.parametrize(("width", "stages"), [(9, 2), (5, 0)])
def test_popcount(bench, width, stages):
    bench(Popcount(width, stages=stages), "popcount", latency=stages)


@pytest.mark.parametrize(
    ("width", "numbers", "saturate", "technology"),
    [
        (16, (1, 0, 0), 8, "portable"),
        (16, (1, 0, 0), 8, "ice40"),
        (37, (1, 1, 0), None, "ice40"),
        (12, (8, 3, 0), 64, "portable"),
        (21, (256, 171, 0), None, "ice40"),
        (9, (2, 2, -1), None, "portable"),
        (74, (2, 2, -1), None, "ice40"),
        (13, (-3, 5, 1), None, "portable"),
        (13, (-3, 5, 1), None, "ice40"),
    ],
)
def test_similarity(bench, width, numbers, saturate, technology):
    case = {**dict(zip(("ones", "zeros", "each"), numbers, strict=True)), "saturate": saturate}
    dut = Similarity(width, technology=technology, **case)
    bench(dut, "similarity", latency=dut.latency, **case)


@pytest.mark.parametrize("technology", ["portable", "ice40"])
@pytest.mark.parametrize(
    ("width", "ones", "zeros", "each", "saturate"),
    [(12, 8, [1, 3, 6], 0, 64), (21, 256, [0, 171, 256], 0, None), (9, -3, [1, 6], -2, None)],
)
def test_alpha(bench, width, ones, zeros, each, saturate, technology):
    case = {"ones": ones, "zeros": zeros, "each": each, "saturate": saturate}
    dut = AlphaSimilarity(width, technology=technology, **case)
    bench(dut, "alpha", latency=dut.latency, **case)


@pytest.mark.parametrize("technology", ["portable", "ice40"])
@pytest.mark.parametrize(
    ("kind", "gate"), [("and", 1), ("and", 3), ("xnor", 7), ("hamming", 2), ("alpha-xnor", 4)]
)
def test_gate(bench, kind, gate, technology):
    layer = {**LAYER, "similarity": kind, "gate": gate}
    layer |= {"alpha": "3/8"} if kind == "alpha-xnor" else {}
    design = Design.from_dict(layer)
    how = design.similarities[0]
    numbers = (how.ones, how.zeros, how.each)
    dut = GatedSimilarity(design.channels, *numbers, level=level(design), technology=technology)
    bench(dut, "gate", design=layer, latency=dut.latency)


@pytest.mark.parametrize("groups", [1, 3])
def test_shifter(bench, groups):
    layer = {**LAYER, "position": "shift", "shift": {"groups": groups}}
    design = Design.from_dict(layer)
    bench(GroupShifter(groups, design.shift.group_dim(design)), "shift", design=layer)


@pytest.mark.parametrize("rom_style", ["block", "logic"])
def test_shift_schedule(bench, rom_style):
    layer = {**LAYER, "tokens": 168, "position": "shift", "shift": {"groups": 3}}
    bench(ShiftSchedule(Design.from_dict(layer), rom_style=rom_style), "shift", design=layer)


@pytest.mark.parametrize(
    "gray",
    [
        {"index": "t*L+l"},
        {"index": "t*L+l", "form": "rom"},
        {"grid": [3, 4]},
        {"grid": [4, 3]},
    ],
    ids=str,
)
def test_gray(bench, gray):
    layer = {**LAYER, "position": "gray", "gray": gray}
    dut = TokenCode(Design.from_dict(layer))
    bench(dut, "gray", design=layer, latency=dut.latency)


@pytest.mark.parametrize(
    ("tokens", "log"),
    [
        (168, {}),
        (168, {"form": "rom"}),
        (12, {"definition": "code"}),
        (20, {"length": 9}),
    ],
    ids=str,
)
def test_log(bench, tokens, log):
    layer = {**LAYER, "tokens": tokens, "position": "log", "log": log}
    dut = LogBias(Design.from_dict(layer))
    bench(dut, "log", design=layer, latency=dut.latency)


@pytest.mark.parametrize(("index", "heads"), [("difference", 2), ("xor", 1)])
def test_table(bench, index, heads):
    rng = np.random.default_rng(3)
    entries = 23 if index == "difference" else 16
    values = rng.integers(-128, 128, (heads, entries)).tolist()
    layer = {**LAYER, "position": "table", "table": {"index": index, "values": values}}
    dut = TableBias(Design.from_dict(layer))
    bench(dut, "table", design=layer, latency=dut.latency)


@pytest.mark.parametrize("rom_style", ["block", "logic"])
def test_cpg(bench, rom_style):
    table = {"positions": 48, "neurons": 11, "w_max": 10_000}
    dut = CpgRom(**table, rom_style=rom_style)
    bench(dut, "cpg", latency=dut.latency, **table)


@pytest.mark.parametrize(
    ("options", "channels"),
    [
        ({}, 1),
        ({"neuron": "if", "reset": "soft"}, 2),
        ({"tau": 4, "similarity": "hamming"}, 2),
    ],
    ids=str,
)
def test_neuron(bench, options, channels):
    layer = {**LAYER, **options}
    bench(
        Neuron(Design.from_dict(layer), channels=channels),
        "neuron",
        design=layer,
        channels=channels,
    )


def test_a_wrong_unit_fails(bench):
    """The benches can fail: a unit of another bound."""
    case = {"ones": 1, "zeros": 0, "each": 0, "saturate": 8}
    dut = Similarity(16, 1, saturate=9)
    with pytest.raises(SimulationError, match=r"must be 0x8 \(8\)"):
        bench(dut, "similarity", latency=dut.latency, **case)
