"""Pictures of a report: what is drawn where, and in which colour."""

import re

import pytest

from spikeloom.report.html import render_html
from spikeloom.report.model import Module
from spikeloom.report.pictures.draw import picture, text
from spikeloom.report.pictures.floorplan import draw_floorplan
from spikeloom.report.pictures.memories import draw_memories
from spikeloom.report.pictures.palette import GREY, Palette
from spikeloom.report.pictures.timeline import draw_activity
from spikeloom.report.pictures.treemap import draw_treemap

from .makers import make, pictured


def modules(**cells):
    zero = {"ffs": 0, "carries": 0, "ebr": 0, "spram": 0, "dsp": 0}
    return [
        Module(path=path.replace("__", "."), logic_cells=count, **zero)
        for path, count in cells.items()
    ]


def test_large_parts_are_opened_up_and_small_ones_are_grey():
    small = {f"layer__small{n}": 5 for n in range(12)}
    palette = Palette(modules(layer=10, layer__a=200, layer__a__b=150, **small))
    assert palette.colour("layer.a.b") != palette.colour("layer.a") != GREY
    assert len({palette.colour(path) for path in ("layer", "layer.a", "layer.a.b")}) == 3
    assert palette.colour("layer.small11") == palette.colour("(packer)") == GREY
    assert sum(part.logic_cells for part in palette.parts) == 10 + 200 + 150 + 60
    assert palette.label("layer.a.b$12") == "a.b"


def test_lanes_have_one_colour():
    palette = Palette(modules(layer=0, **{f"layer__lane{n}": 20 for n in range(16)}))
    assert {palette.colour(f"layer.lane{n}") for n in range(16)} == {palette.colour("layer")}


def test_every_cell_is_drawn_once_in_the_colour_of_its_module():
    report = pictured()
    palette = Palette(report.modules)
    drawn = draw_floorplan(report.floorplan, palette, report.seeds[0].worst)
    shapes = re.findall(r'<path class="cell (c\w)" d="([^"]*)"', drawn)
    counts = {colour: shape.count("M ") for colour, shape in shapes}
    assert counts == {GREY: 1, palette.colour("layer"): 2, palette.colour("layer.engine"): 3}
    assert "EBR X6 Y3: engine.state" in drawn
    # Tile (4, 1) of 26 x 32: its middle, counted from the upper left corner.
    assert 'points="81,549 135,531"' in drawn
    assert "layer.count: logic 5.60 ns" in drawn


def test_areas_are_those_of_the_modules():
    report = make()
    drawn = draw_treemap(report.modules, Palette(report.modules)).partition("phone")[0]
    sizes = {
        title: float(width) * float(height)
        for width, height, title in re.findall(
            r'width="([\d.]+)" height="([\d.]+)"><title>([^<]*)', drawn
        )
    }
    total = sum(sizes.values())
    assert sizes["engine: 300 logic cells"] / total == pytest.approx(0.75, abs=0.02)
    assert sizes["layer: 70 logic cells"] / total == pytest.approx(0.175, abs=0.02)


def test_memories_have_the_colours_of_their_places():
    report = pictured()
    palette = Palette(report.modules)
    drawn = draw_memories(report.memories, report.floorplan, palette).partition("phone")[0]
    assert "state: 8,192 bits in 2 EBR, 100%; X6 Y3" in drawn
    assert drawn.count(f"cell {palette.colour('layer.engine')}") == 2
    assert "16,384 x 16 bits in 1 SPRAM, 100% used; X0 Y0</text>" in drawn


def test_shades_say_how_busy_a_bin_was():
    activity = pictured().activity
    drawn = draw_activity(activity, 500).partition("phone")[0]
    found = re.findall(r'class="load s(\d)".*?<title>([^<]*)', drawn)
    assert found == [
        ("4", "cycles 0 to 64: beats accepted in 64"),
        ("2", "cycles 64 to 128: beats accepted in 32"),
        ("4", "cycles 192 to 256: beats accepted in 64"),
    ]
    assert drawn.count('class="compute s4"') == 1


def test_text_is_no_markup():
    drawn = picture(10, 10, 'a "<b>', [text(0, 0, "<i> & co")])
    assert 'aria-label="a &quot;&lt;b&gt;"' in drawn
    assert "&lt;i&gt; &amp; co" in drawn


@pytest.mark.parametrize("field", ["floorplan", "activity"])
def test_what_is_not_known_is_not_drawn(field):
    page = render_html([pictured(**{field: None})])
    assert ("<h2>Floorplan</h2>" in page) == (field != "floorplan")
    assert ("Two inferences back to back" in page) == (field != "activity")
    assert page.count("<svg") < render_html([pictured()]).count("<svg")
