import importlib
from pathlib import Path

import pytest

from spikeloom.design import load_design
from spikeloom.design.position import POSITIONS
from spikeloom.design.similarity import SIMILARITIES
from spikeloom.figures.mechanisms import MECHANISMS, mechanism_tables
from spikeloom.figures.model import Cells, Count, Result, Results
from spikeloom.figures.points import POINTS, LayerPoint
from spikeloom.kinds import KINDS

ROOT = Path(__file__).resolve().parents[2]
DESIGNS = {point.name: point.design() for point in POINTS if isinstance(point, LayerPoint)}


def design_of(item):
    """Return what a row shows: the design of its point, or an example."""
    if item.point:
        return DESIGNS[item.point]
    (path,) = (ROOT / "examples").glob(f"**/{item.example}.toml")
    return load_design(path)


@pytest.mark.parametrize("item", MECHANISMS, ids=lambda item: item.name)
def test_what_a_row_names_is_there(item):
    for package, name in (("golden", item.golden), ("hdl", item.component)):
        module, _, thing = name.rpartition(".")
        assert hasattr(importlib.import_module(f"spikeloom.{package}.{module}"), thing)
    assert (ROOT / "docs" / "cores" / f"{item.page}.rst").is_file()
    assert bool(item.point) != bool(item.example)
    design = design_of(item)
    assert getattr(design, "dim", 64) == 64
    assert getattr(design, "tokens", 32) == 32


def test_every_kind_and_choice_has_a_row():
    shown = [design_of(item) for item in MECHANISMS]
    assert {design.kind for design in shown} == set(KINDS)
    attention = [design for design in shown if design.kind == "attention"]
    assert {design.similarity for design in attention} == set(SIMILARITIES)
    assert {name for design in attention for name in design.position} == set(POSITIONS)
    blocks = [block for design in shown if design.kind == "network" for block in design.blocks]
    assert {block.residual for block in blocks} == {"or", "add", "xor", "membrane"}
    masks = {block.attention.attention for block in blocks if block.attention.kind == "mask"}
    assert masks == {"qk-token", "sdsa"}


def test_names_are_unique():
    assert len({item.name for item in MECHANISMS}) == len(MECHANISMS)


def test_tables_show_figures_or_a_dash():
    point = MECHANISMS[0].point
    measured = Result(
        family="layers",
        settings={"steps": 4},
        source="s",
        cells=Cells(logic_cells=1234, lut4=1, ff=1, carry=1, ebr=7),
        fmax_mhz={"1": 55.55, "2": 60.0},
        counts={"100": Count(compute_cycles=400, cycles=500)},
    )
    tables = mechanism_tables(Results(tools={}, options={}, points={point: measured}))
    lines = tables["mechanism-costs"].splitlines()
    (row,) = [line for line in lines if f"``{point}``" in line]
    assert row.split()[-6:] == ["1,234", "7", "0", "55.5", "100", "\\-"]
    costs = tables["mechanism-costs"]
    for item in MECHANISMS:
        assert (f"{item.name}  " in costs) == bool(item.point)
        assert f"<cores/{item.page}>" in tables["mechanisms"]
        assert item.paper in tables["mechanisms"]
