"""The way from a design to a report: results, what stays on failure, what is refused."""

import json

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom import flow
from spikeloom.boards.devices import DoesNotFitError
from spikeloom.boards.tools import MissingToolError
from spikeloom.boards.yosys import run_yosys
from spikeloom.design import Design
from spikeloom.flow import BuildError, build
from spikeloom.report.files import load, problems


def design(**changes):
    base = {"name": "small-one", "tokens": 2, "dim": 4, "heads": 2, "steps": 2}
    return Design.from_dict(base | changes)


class Counter(wiring.Component):
    """Stands for a layer where only the flow around it is looked at."""

    def __init__(self):
        super().__init__({"i": In(8), "o": Out(8)})

    def elaborate(self, platform):
        m = Module()
        count = Signal(8)
        m.d.sync += count.eq(count + self.i)
        m.d.sync += self.o.eq(count)
        return m


FILES = {
    "small-one.asc", "small-one.bin", "small-one.il", "small-one.netlist.v", "small-one.seed1.log",
    "small-one.synth.json", "small-one.v", "small-one.yosys.log", "small-one.ys",
    "report.html", "report.json", "report.md",
}  # fmt: skip


def names(folder):
    return {file.name for file in folder.iterdir()}


@pytest.mark.synth
def test_layer(tmp_path):
    out, said = tmp_path / "some where" / "out", []
    measured = {"cycles": 400, "compute_cycles": 77, "interval": 200}
    report = build(design(), out, seeds=(1, 2), progress=said.append,
                   cycles=lambda: {"measured": measured, "stimulus": "ones"})  # fmt: skip
    assert names(out) == FILES | {"small-one.seed2.log"}
    assert names(out.parent) == {"out"}
    assert load(out) == report
    assert [seed.seed for seed in report.seeds] == [1, 2]
    assert report.area.logic_cells.used == sum(module.logic_cells for module in report.modules)
    assert report.area.pins.used == 25
    assert any(module.path == "layer.engine" for module in report.modules)
    assert report.measured.model_dump() == measured
    # The layer's own formula, which the made-up measurement does not meet.
    assert report.predicted.compute_cycles > 0
    assert len(problems(report)) == (report.predicted.compute_cycles != 77)
    assert report.checks == ()
    # Where it lies is what it takes.
    plan = report.floorplan
    cells = {module.path: len(plan.places(module.path)) for module in report.modules}
    assert cells == {module.path: module.logic_cells for module in report.modules}
    places = [place for path in plan.cells for place in plan.places(path)]
    assert len(places) == len(set(places)) == report.area.logic_cells.used
    assert not {x for x, _, _ in places} & {0, *plan.memory_columns, plan.columns - 1}
    kinds = [block.kind for block in plan.blocks]
    assert (kinds.count("ebr"), kinds.count("pins")) == (report.area.ebr.used, 25)
    assert {block.name for block in plan.blocks} >= {"layer.k.store", "m_axis_tdata[7]", "clk"}
    # Paths go from cell to cell, and their signals are those of the source.
    for path in (path for seed in report.seeds for path in seed.paths):
        total = sum(step.delay_ns for step in path.steps)
        assert total == pytest.approx(path.total_ns, abs=0.02)
        known = [path.start, path.end, *(step.signal for step in path.steps)]
        assert not [name for name in known if "$signal" in name or "_SB_" in name]
    best = max(report.seeds, key=lambda seed: seed.fmax_mhz)
    assert report.bitstream_seed == best.seed
    assert report.commands[-1] == f"yowasp-icepack small-one.seed{best.seed}.asc small-one.bin"
    assert set(report.tools) == {"yosys", "nextpnr-ice40", "amaranth", "spikeloom"}
    assert said[0] == "generate"
    for file in ("small-one.v", "small-one.netlist.v", "small-one.synth.json", "report.json"):
        text = (out / file).read_text()
        assert str(tmp_path) not in text
        assert "site-packages" not in text

    # The commands of the report make the same netlist again.
    netlist = (out / "small-one.netlist.v").read_bytes()
    (out / "small-one.netlist.v").unlink()
    run_yosys((out / "small-one.ys").read_text(), out)
    assert (out / "small-one.netlist.v").read_bytes() == netlist


@pytest.mark.synth
def test_built_again(tmp_path):
    out = tmp_path / "out"
    build(design(), out, seeds=(1, 2), component=Counter())
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    build(design(), tmp_path / "again", seeds=(1, 2), component=Counter())
    for file in (tmp_path / "again").iterdir():
        assert file.suffix == ".log" or file.read_bytes() == first[file.name], file.name
    (out / "notes.txt").write_text("mine")
    (out / "sub").mkdir()
    build(design(), out, seeds=(1,), component=Counter())
    # What only the first build made is gone; what others put there is not.
    assert names(out) == FILES | {"notes.txt", "sub"}
    # Nothing depends on the run.
    for name in ("small-one.v", "small-one.netlist.v", "small-one.synth.json"):
        assert (out / name).read_bytes() == first[name]
    made = json.loads((out / "small-one.synth.json").read_text())
    assert set(made["modules"]["small_one"]["ports"]) == {"clk", "rst", "i", "o"}


@pytest.mark.synth
@pytest.mark.parametrize("there", [True, False])
def test_a_build_that_is_interrupted_leaves_what_was_there(tmp_path, there):
    out = tmp_path / "out"
    earlier = '{"name": "small-one", "made_by": "spikeloom 0.1.0"}'
    if there:
        out.mkdir()
        (out / "report.json").write_text(earlier)

    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build(design(), out if there else out / "below", seeds=(1,), component=Counter(),
              cycles=stop)  # fmt: skip
    assert names(tmp_path) == ({"out"} if there else set())
    if there:
        assert names(out) == {"report.json"}
        assert (out / "report.json").read_text() == earlier


def test_the_report_is_moved_last(tmp_path, monkeypatch):
    work, out = tmp_path / "work", tmp_path / "out"
    for folder in (work, out):
        folder.mkdir()
        for name in ("a.v", "report.html", "report.json", "report.md", "z.bin"):
            (folder / name).write_text(folder.name)
    moved, replace = [], flow.os.replace

    def note(source, target):
        moved.append(target.name)
        replace(source, target)

    monkeypatch.setattr(flow.os, "replace", note)
    flow._move(work, out)
    assert moved == ["a.v", "z.bin", "report.html", "report.md", "report.json"]
    assert {file.read_text() for file in out.iterdir()} == {"work"}


def test_a_design_that_cannot_fit_is_refused_before_synthesis(tmp_path, monkeypatch):
    monkeypatch.setattr(flow, "synthesize", None)
    too_wide = design(target={"beat": 32})
    message = r"^small-one: target.device: up5k-sg48: needs 73 I/O pins and 39 are available \(34 "
    with pytest.raises(DoesNotFitError, match=message):
        build(too_wide, tmp_path / "out")
    too_long = design(name="long", tokens=4096, dim=512, heads=2)
    with pytest.raises(DoesNotFitError, match=r"^long: .* needs \d+ EBR and 30 are available"):
        build(too_long, tmp_path / "out")
    assert names(tmp_path) == set()


@pytest.mark.parametrize("seeds", [(), (1, 1), (-1,)])
def test_seeds(tmp_path, seeds):
    with pytest.raises(BuildError, match="^seeds: .*: must be different integers of at least 0$"):
        build(design(), tmp_path / "out", seeds=seeds)
    assert names(tmp_path) == set()


def test_out_dir_must_be_a_directory(tmp_path):
    (tmp_path / "file").write_text("")
    for target in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(BuildError, match=": must be a directory, or not exist yet$"):
            build(design(), target, component=Counter())
    assert names(tmp_path) == {"file"}


def test_missing_tools_are_named_before_anything_is_done(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", "")
    flow.yosys_version.cache_clear()
    with pytest.raises(MissingToolError, match="^yosys: this tool must be installed"):
        build(design(), tmp_path / "out", native=True)
    assert names(tmp_path) == set()
