import json
import os
import threading
from argparse import Namespace
from pathlib import Path

import pytest

from spikeloom.boards.ice40 import SynthOptions
from spikeloom.boards.tools import MissingToolError
from spikeloom.boards.units import measure
from spikeloom.cli import main
from spikeloom.figures import measure as bench_measure
from spikeloom.figures import points as bench_points
from spikeloom.figures import run as bench
from spikeloom.figures.model import (
    BenchError,
    Cells,
    Result,
    load_results,
    save_results,
)
from spikeloom.figures.points import LayerPoint, UnitPoint
from spikeloom.golden.attention.model import AttentionModel
from spikeloom.hdl.popcount.pairs import PairPopcount
from spikeloom.sim.traffic import SimulationError

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {"yosys": "0.70", "nextpnr-ice40": "0.11.1"}


def cells(logic_cells):
    return Cells(logic_cells=logic_cells, lut4=150, ff=90, carry=20)


# Runs, on stubs in place of tools.


STUBS = (
    UnitPoint("unit/a", 16, "xnor", "ice40", 1, "cells", quick=True),
    UnitPoint("unit/b", 32, "xnor", "ice40", 1, "cells"),
    UnitPoint("unit/c", 64, "xnor", "ice40", 1, "cells", quick=True),
)


class Stub:
    """In place of all tools: figures that follow from the point."""

    def __init__(self):
        self.tools = dict(TOOLS)
        self.measured = []
        self.broken = {}
        self.logic_cells = 10
        self.sources = {}

    def measure(self, point, *, options, say):
        self.measured.append(point.name)
        if point.name in self.broken:
            raise self.broken[point.name]
        return Result(
            family="units",
            settings={"width": point.width, "kind": "xnor", "latency": 1},
            source=bench_measure.digest(self.rtlil(point)),
            cells=cells(self.logic_cells + point.width),
            fmax_mhz={str(seed): 40.0 + seed for seed in point.seeds},
        )

    def rtlil(self, point):
        return self.sources.get(point.name, point.name)


@pytest.fixture
def stub(monkeypatch):
    made = Stub()
    monkeypatch.setattr(bench_points, "POINTS", STUBS)
    monkeypatch.setattr(bench_measure, "measure", made.measure)
    monkeypatch.setattr(bench_measure, "rtlil", made.rtlil)
    monkeypatch.setattr(bench_measure, "tool_versions", lambda: made.tools)
    return made


@pytest.fixture
def file(tmp_path):
    folder = tmp_path / "docs"
    folder.mkdir()
    marks = "bench: begin {0}\n.. bench: end {0}\n"
    (folder / "results.rst").write_text(f"Results\n\n.. {marks.format('units')}")
    (tmp_path / "README.md").write_text(f"<!-- {marks.format('results')}")
    return folder / "results.json"


def run(file, **changes):
    options = {"quick": False, "check": False, "json": True, "only": None, "jobs": 1}
    lines = []
    code, answer = bench.bench(Namespace(**options | {"output": file} | changes), lines.append)
    return code, answer, lines


def test_a_run_writes_figures_and_documents(stub, file):
    code, answer, lines = run(file)
    assert (code, answer["points"], answer["failures"]) == (0, 3, {})
    results = load_results(file)
    assert list(results.points) == ["unit/a", "unit/b", "unit/c"]
    assert results.points["unit/b"].fmax_mhz == {"1": 41.0, "2": 42.0, "3": 43.0, "4": 44.0}
    assert results.tools == TOOLS
    assert "``unit/b``" in file.with_suffix(".rst").read_text()
    assert "LC" in (file.parent.parent / "README.md").read_text()
    assert sum(line.startswith("[") for line in lines) == 3
    assert run(file, check=True)[:2] == (0, answer | {"checked": True, "seconds": 0.0})


def test_figures_are_written_after_each_point(stub, file, monkeypatch):
    seen = []

    def save(path, results):
        save_results(path, results)
        seen.append(list(load_results(path).points))

    monkeypatch.setattr(bench, "save_results", save)
    run(file)
    assert seen == [["unit/a"], ["unit/a", "unit/b"], ["unit/a", "unit/b", "unit/c"]]


def test_a_stopped_run_leaves_what_it_measured(stub, file):
    stub.broken["unit/c"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        run(file)
    assert list(load_results(file).points) == ["unit/a", "unit/b"]


def test_only_replaces_what_it_measures(stub, file):
    run(file)
    stub.logic_cells = 20
    stub.measured.clear()
    run(file, only="unit/b")
    assert stub.measured == ["unit/b"]
    found = {name: p.cells.logic_cells for name, p in load_results(file).points.items()}
    assert found == {"unit/a": 26, "unit/b": 52, "unit/c": 74}


def test_a_whole_run_drops_points_that_are_listed_no_longer(stub, file, monkeypatch):
    run(file)
    monkeypatch.setattr(bench_points, "POINTS", STUBS[1:])
    run(file, only="unit/b")
    assert list(load_results(file).points) == ["unit/b", "unit/c", "unit/a"]
    run(file)
    assert list(load_results(file).points) == ["unit/b", "unit/c"]


def test_a_point_that_fails_does_not_stop_the_others(stub, file):
    run(file)
    stub.broken["unit/a"] = SimulationError("unit/a: the RTL must answer as golden\nmore")
    code, answer, lines = run(file)
    assert code == 1
    assert answer["failures"] == {
        "unit/a": "SimulationError: unit/a: the RTL must answer as golden"
    }
    assert list(load_results(file).points) == ["unit/b", "unit/c"]
    assert "[1/3] unit/a: FAILED: SimulationError" in lines[0]
    _, text, _ = run(file, json=False)
    assert "unit/a: SimulationError" in text


@pytest.mark.parametrize("error", [MissingToolError("yosys: gone"), BenchError("x.npz: gone")])
def test_what_would_fail_every_point_ends_the_run(error, stub, file):
    stub.broken["unit/a"] = error
    with pytest.raises(type(error)):
        run(file)
    assert not file.exists()


def test_check_tells_every_difference_and_writes_nothing(stub, file):
    run(file)
    before = file.read_bytes()
    stub.logic_cells = 11
    code, answer, _ = run(file, check=True)
    assert code == 1
    assert [d["point"] for d in answer["differences"]] == ["unit/a", "unit/b", "unit/c"]
    assert answer["differences"][0] == {
        "point": "unit/a", "figure": "logic_cells", "published": "26", "measured": "27"
    }  # fmt: skip
    _, text, _ = run(file, check=True, json=False)
    assert "3 figures differ" in text
    assert ["unit/a", "logic_cells", "26", "27"] in [line.split() for line in text.splitlines()]
    assert file.read_bytes() == before


def test_quick_measures_few_points_and_looks_at_the_sources_of_all(stub, file):
    run(file)
    stub.measured.clear()
    assert run(file, quick=True)[0] == 0
    assert stub.measured == ["unit/a", "unit/c"]
    stub.sources["unit/b"] = "another engine"
    code, answer, _ = run(file, quick=True)
    assert code == 1
    assert [(d["point"], d["figure"]) for d in answer["differences"]] == [("unit/b", "source")]
    # A change of names alone does not change a figure that was measured just now.
    stub.sources = {"unit/a": "renamed"}
    assert run(file, quick=True)[0] == 0


def test_quick_finds_documents_that_show_other_figures(stub, file):
    run(file)
    page = file.with_suffix(".rst")
    page.write_text(page.read_text().replace("26", "25"))
    code, answer, _ = run(file, quick=True)
    assert code == 1
    assert [d["point"] for d in answer["differences"]] == ["results.rst"]


def test_quick_refuses_without_figures_and_with_other_tools(stub, file):
    with pytest.raises(BenchError, match="must be a file of figures"):
        run(file, quick=True)
    run(file)
    stub.measured.clear()
    stub.tools["yosys"] = "0.71"
    with pytest.raises(BenchError, match=r"tools\.yosys: 0\.70: here it is 0\.71"):
        run(file, quick=True)
    with pytest.raises(BenchError, match="different tools must not"):
        run(file, only="unit/a")
    assert stub.measured == []
    # All of them anew is what other tools are for.
    run(file)
    assert load_results(file).tools["yosys"] == "0.71"


def test_two_at_a_time(stub, file, monkeypatch):
    both = threading.Barrier(2, timeout=20)
    seen = set()

    def measure(point, *, options, say):
        if point.name != "unit/c":
            both.wait()
        seen.add(point.name)
        return stub.measure(point, options=options, say=say)

    monkeypatch.setattr(bench_measure, "measure", measure)
    assert run(file, jobs=2)[0] == 0
    assert seen == {"unit/a", "unit/b", "unit/c"}
    assert list(load_results(file).points) == ["unit/a", "unit/b", "unit/c"]


# The measurement itself, on the smallest of points.


@pytest.fixture
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.synth
def test_a_unit_is_measured_once(cache, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    point = UnitPoint("unit/x", 4, "xnor", "ice40", 1, "cells", seeds=(1, 2))
    lines = []
    first = bench_measure.measure(point, options=SynthOptions(), say=lines.append)
    unit = PairPopcount(4, technology="ice40", stages=1, prefer="cells")
    assert first.cells is not None
    assert first.cells.logic_cells == measure(unit, seeds=()).logic_cells
    assert set(first.fmax_mhz) == {"1", "2"}
    assert first.settings["width"] == 4
    assert len(lines) == 2

    def never(*arguments, **named):
        raise AssertionError("measured again")

    monkeypatch.setattr(bench_measure.units, "measure", never)
    monkeypatch.setattr(bench_measure, "place_and_route", never)
    assert bench_measure.measure(point, options=SynthOptions(), say=lines.append) == first
    other = UnitPoint("unit/y", 5, "xnor", "ice40", 1, "cells")
    with pytest.raises(AssertionError, match="measured again"):
        bench_measure.measure(other, options=SynthOptions(), say=lines.append)
    # Other tools, other figures.
    monkeypatch.setattr(bench_measure, "tool_versions", lambda: {"yosys": "another"})
    with pytest.raises(AssertionError, match="measured again"):
        bench_measure.measure(point, options=SynthOptions(), say=lines.append)


@pytest.fixture
def small(tmp_path):
    file = tmp_path / "small.toml"
    file.write_text("tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n[target]\nclock_mhz = 24\n")
    changes = {"folding": {"order": "score", "lanes": 4}, "target": {"beat": 4}}
    return LayerPoint("small", "layers", file, changes, seeds=(), rates=("100", "20"))


@pytest.mark.synth
def test_a_layer_is_measured_and_equals_golden(cache, small, monkeypatch):
    assert small.design().target.clock_mhz == 24
    lines = []
    result = bench_measure.measure(small, options=SynthOptions(), say=lines.append)
    assert result.cells is not None
    assert result.cells.logic_cells >= result.cells.lut4 / 2
    assert result.settings["order"] == "score"
    assert set(result.counts) == {"100", "20"}
    assert result.counts["100"] == result.counts["20"]
    assert result.counts["100"].interval is not None
    assert all("equal to golden" in line for line in lines)
    assert result.source == bench_measure.digest(bench_measure.rtlil(small))
    # Only netlists and figures are kept, and beside them what an entry holds.
    kept = {path.name for path in cache.glob("bench-*/*/*")}
    assert kept == {"about.json", "layer.synth.json", "count.json", "entry.json"}

    lines.clear()
    assert bench_measure.measure(small, options=SynthOptions(), say=lines.append) == result
    assert lines == []

    # Were the golden model another, everything would be compared again.
    monkeypatch.setattr(bench_measure, "_sources", lambda: "changed")
    monkeypatch.setattr(AttentionModel, "answer", lambda self, arrays: 1 - arrays["v"])
    with pytest.raises(SimulationError, match="small at 100: the RTL must answer as the golden"):
        bench_measure.measure(small, options=SynthOptions(), say=lines.append)


def test_recorded_spikes_must_be_there(small, tmp_path):
    point = LayerPoint("x", "layers", small.file, rates=(), recorded=tmp_path / "none.npz")
    with pytest.raises(BenchError, match="none.npz: must be there"):
        bench_measure._counts(point, point.design(), "", print)


@pytest.mark.skipif(
    not (ROOT / "docs" / "results.json").exists(), reason="figures are not published yet"
)
def test_documents_show_the_published_figures():
    file = ROOT / "docs" / "results.json"
    for path, text in bench.documents(file, load_results(file)):
        assert path.read_text() == text, f"{os.path.basename(path)}: run spikeloom bench"


# The command line.


def test_command(stub, file, capfd):
    only = ["bench", "-o", str(file), "--only"]
    assert main([*only, "unit/a", "--jobs", "1", "--json"]) == 0
    out, err = capfd.readouterr()
    assert json.loads(out)["points"] == 1
    assert "[1/1] unit/a: 26 LC, 41.0 MHz" in err
    assert main([*only, "unit/a", "--check"]) == 0
    stub.logic_cells = 11
    assert main([*only, "unit/a", "--check"]) == 1
    assert "1 figure differs" in capfd.readouterr().out
    stub.tools = {"yosys": "0.1"}
    for request in ([*only, "none"], ["bench", "-o", str(file), "--quick"]):
        assert main(request) == 2
        out, err = capfd.readouterr()
        assert out == ""
        assert len(err.splitlines()) == 1
        assert err.startswith("spikeloom: ")
