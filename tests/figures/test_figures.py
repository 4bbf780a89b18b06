import json
from pathlib import Path

import pytest

from spikeloom.boards.ice40 import SynthOptions
from spikeloom.figures.compare import compare, refuse_other_tools, stale
from spikeloom.figures.goals import GOALS, Goal, Limit, closest, judge
from spikeloom.figures.model import (
    BenchError,
    Cells,
    Count,
    Result,
    Results,
    load_results,
    save_results,
)
from spikeloom.figures.points import POINTS, QUICK_SEEDS, LayerPoint, UnitPoint, select
from spikeloom.figures.render import fill, markdown, readme_tables, result_tables, simple_table
from spikeloom.report.tables import Row, Table

ROOT = Path(__file__).resolve().parents[2]
TOOLS = {"yosys": "0.70", "nextpnr-ice40": "0.11.1"}
TINY = {
    "tokens": 32, "dim": 64, "heads": 4, "steps": 4, "similarity": "and", "position": "none",
    "neuron": "lif", "order": "state", "rows": 1, "lanes": 8, "beat": 8,
}  # fmt: skip


def cells(logic_cells=200, **more):
    return Cells(**{"logic_cells": logic_cells, "lut4": 150, "ff": 90, "carry": 20} | more)


def counts(full=8000, fifth=2800):
    made = {}
    for rate, steps in (("100", full), ("20", fifth)):
        made[rate] = Count(compute_cycles=4 * steps, cycles=4 * steps + 9, interval=4 * steps + 1)
    return made


def layer(family="layers", logic_cells=200, full=8000, fifth=2800, fmax=50.0, **settings):
    return Result(
        family=family,
        settings=TINY | settings,
        source="s0",
        cells=cells(logic_cells, ebr=4),
        fmax_mhz={"1": fmax, "2": fmax + 2},
        counts=counts(full, fifth),
    )


def unit(width=16, latency=1, logic_cells=28, fmax=45.0, kind="xnor"):
    settings = {"width": width, "kind": kind, "latency": latency, "technology": "ice40"}
    return Result(
        family="units",
        settings=settings,
        source="s1",
        cells=cells(logic_cells),
        fmax_mhz={"1": fmax},
    )


def of(**points):
    return Results(tools=TOOLS, options=SynthOptions().to_dict(), points=points)


def verdict(results, start):
    (found,) = [v for v in judge(results) if v.title.startswith(start)]
    return found


@pytest.fixture
def everything():
    too_large = layer("workloads").model_copy(
        update={"cells": None, "fmax_mhz": {}, "counts": {}, "shortage": "needs 64 EBR"}
    )
    return of(
        a=unit(),
        b=layer(),
        c=layer(similarity="xnor"),
        **{f"n{n}": layer("growth", tokens=n, full=250 * n, fifth=90 * n) for n in (32, 64, 1024)},
        w=too_large,
    )


# The points.


def test_names_of_points_are_unique_and_files_exist():
    names = [point.name for point in POINTS]
    assert len(set(names)) == len(names)
    for point in POINTS:
        if isinstance(point, LayerPoint):
            assert (ROOT / point.file).is_file()
            assert point.recorded is None or (ROOT / point.recorded).is_file()


@pytest.mark.parametrize(
    "point", [p for p in POINTS if isinstance(p, LayerPoint)], ids=lambda p: p.name
)
def test_every_layer_is_a_design(point, monkeypatch):
    monkeypatch.chdir(ROOT)
    design = point.design()
    for key, value in point.changes.get("folding", {}).items():
        assert getattr(design.folding, key) == value
    for key, value in point.changes.get("target", {}).items():
        assert getattr(design.target, key) == value
    # Only what is named is replaced.
    assert design.target.device == "up5k-sg48"


def test_a_quick_run_is_small_and_meets_both_orders():
    quick = select(POINTS, quick=True)
    assert {p.seeds for p in quick} == {QUICK_SEEDS}
    assert {p.family for p in quick} == {"units", "layers"}
    orders = {p.changes["folding"]["order"] for p in quick if isinstance(p, LayerPoint)}
    assert orders == {"state", "score"}
    assert {p.width for p in quick if isinstance(p, UnitPoint)} == {16, 32}
    assert len(quick) <= 8


def test_select_by_pattern():
    units = select(POINTS, pattern="unit/*")
    assert units == tuple(p for p in POINTS if p.family == "units")
    assert {p.family for p in select(POINTS, pattern="metr")} == {"workloads"}
    with pytest.raises(BenchError, match=r"^--only: nothing: must be the pattern of a point's"):
        select(POINTS, pattern="nothing")


# The file.


def test_results_survive_the_file(everything, tmp_path):
    file = tmp_path / "results.json"
    save_results(file, everything)
    assert load_results(file) == everything
    assert list(load_results(file).points) == list(everything.points)
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]
    json.loads(file.read_text())
    # A change of one figure is a change of one line.
    before = file.read_text().splitlines()
    more = everything.points | {"b": layer(full=8001)}
    save_results(file, everything.model_copy(update={"points": more}))
    after = file.read_text().splitlines()
    assert sum(one != two for one, two in zip(before, after, strict=True)) == 1


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "must be a file of figures"),
        ("{", "must be as bench writes it"),
        ('{"tools": {}}', "options: must be as bench writes it"),
        ('{"layout": 7, "tools": {}, "options": {}}', "layout: 7: must be 1"),
        ('{"tools": {}, "options": {}, "points": {"a": {}}}', "points.a.family: must be"),
    ],
)
def test_files_that_are_refused(text, words, tmp_path):
    file = tmp_path / "results.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(BenchError) as error:
        load_results(file)
    assert words in str(error.value)
    assert "\n" not in str(error.value)


# Figures and comparison.


def test_figures():
    result = layer()
    assert result.worst_mhz == 50
    assert result.per_step("20") == 2800
    assert result.product("100") == 200 * 8000
    assert result.figure("product 20") == 200 * 2800
    assert result.figure("cycles 50") is None
    assert result.figure("ebr") == 4
    failed = result.model_copy(update={"fmax_mhz": {"1": 50.0, "2": None}})
    assert failed.worst_mhz is None


def test_equal_figures_do_not_differ(everything):
    assert compare(everything.points, everything.points, whole=True) == []
    # A quick run has fewer seeds.
    few = everything.points["b"].model_copy(update={"fmax_mhz": {"1": 50.0}})
    assert compare(everything.points, {"b": few}) == []


@pytest.mark.parametrize(
    ("change", "figure", "published", "measured"),
    [
        ({"cells": cells(201, ebr=4)}, "logic_cells", "200", "201"),
        ({"cells": cells(ebr=5)}, "ebr", "4", "5"),
        ({"fmax_mhz": {"1": 50.01, "2": 52.0}}, "fmax_mhz of seed 1", "50.0", "50.01"),
        ({"fmax_mhz": {"1": 50.0, "2": None}}, "fmax_mhz of seed 2", "52.0", "none"),
        ({"fmax_mhz": {"1": 50.0, "2": 52.0, "3": 51.0}}, "fmax_mhz of seed 3", "(none)", "51.0"),
        ({"counts": counts(fifth=2799)}, "compute_cycles at 20", "11200", "11196"),
    ],
)
def test_every_figure_is_compared(change, figure, published, measured):
    now = layer().model_copy(update=change)
    found = {d.figure: (d.published, d.measured) for d in compare({"b": layer()}, {"b": now})}
    assert found[figure] == (published, measured)
    assert not {"lut4", "ff"} & set(found)


def test_points_that_only_one_side_has():
    (new,) = compare({}, {"b": layer()})
    assert (new.point, new.published) == ("b", "(none)")
    assert compare({"b": layer()}, {}) == []
    (gone,) = compare({"b": layer()}, {}, whole=True)
    assert (gone.point, gone.measured) == ("b", "(none)")
    few = layer().model_copy(update={"fmax_mhz": {}})
    assert len(compare({"b": layer()}, {"b": few}, whole=True)) == 2


def test_sources_tell_what_must_be_measured_again():
    found = stale({"a": unit(), "b": layer()}, {"a": "s1", "b": "other", "c": "new"})
    assert [(d.point, d.published, d.measured) for d in found] == [
        ("b", "s0", "other"),
        ("c", "(none)", "new"),
    ]


def test_other_tools_are_refused():
    refuse_other_tools("r.json", of(), TOOLS)
    for tools in (TOOLS | {"yosys": "0.71"}, TOOLS | {"amaranth": "0.5"}, {"yosys": "0.70"}):
        with pytest.raises(BenchError, match=r"^r.json: tools\.[^\n]*different tools must not"):
            refuse_other_tools("r.json", of(), tools)


# Goals.


def test_goals_are_reached_by_one_point_at_once():
    smallest = "tiny-32x64 and LIF, smallest"
    small, fast = layer(logic_cells=190, full=9000), layer(logic_cells=400, full=2000)
    found = verdict(of(small=small, fast=fast), smallest)
    assert (found.point, found.reached) == ("small", False)
    assert "190 LC, 9,000 cycles at 100 %" in found.measured
    both = of(small=small, fast=fast, both=layer(logic_cells=200, full=8500, fifth=3000))
    assert verdict(both, smallest).point == "both"
    assert verdict(both, smallest).reached
    better = of(**both.points, best=layer(logic_cells=199))
    assert verdict(better, smallest).point == "best"
    assert verdict(of(), smallest).reached is None


def test_a_goal_without_multipliers():
    dsp = layer().model_copy(update={"cells": cells(dsp=1)})
    assert verdict(of(a=dsp), "tiny-32x64 and LIF, smallest").reached is None
    goal = Goal("x", {}, (Limit("dsp", 0),))
    assert closest(goal, of(a=dsp)) == ""
    assert closest(goal, of(a=dsp, b=layer())) == "b"


def test_a_condition_counts_more_than_a_near_miss():
    large = layer(logic_cells=1100, full=601, fifth=250)
    slow = layer(logic_cells=900, full=1200, fifth=500)
    fastest = "tiny-32x64 and LIF, fastest"
    assert verdict(of(large=large), fastest).point == "large"
    assert verdict(of(large=large, slow=slow), fastest).point == "slow"


def test_goals_take_the_layer_that_they_name():
    others = of(a=layer("growth"), b=layer(similarity="xnor"), c=layer(tokens=64), d=unit(32))
    named = [goal for goal in GOALS if goal.settings.get("similarity")]
    assert [closest(goal, others) for goal in named] == ["", "", ""]


def test_goals_of_units():
    results = of(few=unit(16, 1, 27, 38.0), fast=unit(16, 1, 31, 53.7), deep=unit(64, 4, 152, 99.0))
    assert verdict(results, "XNOR-popcount, D = 16, fewest").point == "few"
    clock = verdict(results, "XNOR-popcount, D = 16, 2 D - 1")
    assert (clock.point, clock.reached) == ("fast", True)
    deep = verdict(results, "XNOR-popcount, D = 64, pipelined, fast")
    assert (deep.point, deep.reached) == ("deep", False)
    # A unit with more stages is no unit of one stage.
    assert verdict(results, "XNOR-popcount, D = 64, fewest").reached is None


def test_cost_of_a_similarity_is_the_worst_ratio():
    points = {"and": layer(), "xnor": layer(similarity="xnor", full=8200, fifth=2900)}
    assert verdict(of(**points), "xnor against").reached
    slow = layer(similarity="xnor", full=8000, fifth=2941)
    found = verdict(of(**points, slow=slow), "xnor against")
    assert (found.reached, found.point) == (False, "slow at 20 %")
    # Other foldings are not compared, and score order is the same by construction.
    other = of(a=layer(), b=layer(similarity="xnor", lanes=4))
    assert verdict(other, "xnor against").reached is None
    score = of(a=layer(order="score"), b=layer(order="score", similarity="xnor"))
    assert verdict(score, "xnor against").reached is None


@pytest.mark.parametrize(
    ("cycles", "logic", "reached"),
    [
        (lambda n: 100 * n, lambda n: 200 + n.bit_length(), [True, True]),
        (lambda n: 100 * n + 100, lambda n: 200, [True, True]),
        (lambda n: 100 * n + 300, lambda n: 200, [False, True]),
        (lambda n: n * n, lambda n: 200 + n, [False, False]),
    ],
)
def test_growth(cycles, logic, reached):
    points = {
        f"n{n}": layer("growth", tokens=n, full=cycles(n), fifth=cycles(n), logic_cells=logic(n))
        for n in (1024, 32, 256)
    }
    found = [v for v in judge(of(**points)) if v.title.startswith("growth with N, and")]
    assert [v.reached for v in found] == reached
    assert "N = 32 to 1024" in found[0].title


# Tables and documents.


def test_tables_are_restructuredtext(everything):
    core = pytest.importorskip("docutils.core", reason="docutils comes with Sphinx")
    strict = {"halt_level": 2, "report_level": 2}
    for results in (everything, of()):
        for text in result_tables(results).values():
            tree = core.publish_doctree(text, settings_overrides=strict)
            assert [node.tagname for node in tree.children][:1] == ["table"]


def test_tables(everything):
    tables = result_tables(everything)
    page = (ROOT / "docs" / "results.rst").read_text()
    assert {f".. bench: begin {name}" for name in tables} == {
        line for line in page.splitlines() if "bench: begin" in line
    }
    for text in tables.values():
        # The text of every column stays within its rule.
        rule, *lines = text.splitlines()
        gaps = [at for at, mark in enumerate(rule) if mark == " "]
        for line in lines[: lines[2:].index(rule) + 2]:
            assert {line[at : at + 1] for at in gaps} <= {" ", ""}
    assert "``b``" in tables["layers"]
    assert "needs 64 EBR" in tables["workloads"]
    assert "``w``" not in tables["workload-cycles"]
    assert "1.600" in tables["cycles"]
    assert "1, 2" in tables["tools"]


def test_a_dash_is_no_list():
    text = simple_table(Table("", ("a", "b"), (Row(("", "-")),)))
    assert text.splitlines()[3].split() == ["\\-", "\\-"]


def test_readme(everything):
    text = readme_tables(everything)["results"]
    assert "| `b` | 200 | 4 | 50.0 | 8,000 | 2,800 |" in text
    assert "yosys 0.70" in text
    assert markdown(Table("", ("a", "b"), (Row(("x", "1")),))) == (
        "| a | b |\n| --- | ---: |\n| x | 1 |\n"
    )


def test_fill():
    page = "A\n.. bench: begin one\nold\n.. bench: end one\nB\n<!-- bench: begin two -->\n"
    page += "<!-- bench: end two -->\nC\n"
    made = fill(page, {"one": "1\n", "two": "2\n", "three": "3\n"}, name="p")
    assert made == (
        "A\n.. bench: begin one\n\n1\n\n.. bench: end one\nB\n<!-- bench: begin two -->\n\n2\n\n"
        "<!-- bench: end two -->\nC\n"
    )
    assert fill(made, {"one": "1\n", "two": "2\n"}, name="p") == made
    with pytest.raises(BenchError, match="p: bench: begin one: must have an end"):
        fill(".. bench: begin one\n.. bench: end two\n", {"one": ""}, name="p")
    with pytest.raises(BenchError, match="must be one of one"):
        fill(".. bench: begin two\n.. bench: end two\n", {"one": ""}, name="p")
