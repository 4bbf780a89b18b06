"""Reports in a terminal: ten lines, or everything; and colour."""

import pytest

from spikeloom.cli import main
from spikeloom.report.text import render_text

from .makers import make, save


def test_ten_lines():
    lines = render_text([make(budget={"cells": 500})], full=False).splitlines()
    assert len(lines) <= 10
    assert lines[0] == "tiny on up5k-sg48"
    found = {line[2:15].strip(): line[15:].strip() for line in lines[1:]}
    assert found["logic cells"] == "400 of 5,280 (7.6 %)"
    assert found["clock"].startswith("60.0 to 66.0 MHz over 2 seeds; target 48 MHz reached")
    assert found["worst path"] == (
        "layer.engine.a_b to layer.count: 7.0 ns of logic, 8.0 ns of routing"
    )
    assert found["budget"] == "kept: cells"
    assert found["warnings"] == "1: --full shows them"
    assert len(render_text([make()]).splitlines()) > 30


def test_what_is_over_budget_is_told():
    text = render_text([make(budget={"cells": 300, "cycles": 100})], full=False)
    assert "cells: 400 logic cells, at most 300 allowed: 100 too many (and 1 more)" in text


@pytest.mark.parametrize("full", [True, False])
def test_colour_is_for_what_is_good_or_bad(full):
    before = make(
        area={**make().area.model_dump(), "logic_cells": {"used": 380, "available": 5280}}
    )
    plain = render_text([make()], [before], full=full)
    assert "\x1b" not in plain
    text = render_text([make()], [before], full=full, colour=True)
    assert "\x1b[31m+20 (+5.3 %)\x1b[0m" in text
    assert any("clock" in line and line.startswith("\x1b[32m") for line in text.splitlines())
    slow = render_text([make(clock_mhz=62.0)], full=full, colour=True)
    assert any("NOT reached" in line and line.startswith("\x1b[31m") for line in slow.splitlines())


def test_command(tmp_path, capfd):
    folder = str(tmp_path / "out")
    save(make(), tmp_path / "out")
    assert main(["report", folder]) == 0
    short = capfd.readouterr().out
    assert main(["report", folder, "--full"]) == 0
    whole = capfd.readouterr().out
    assert len(short.splitlines()) <= 10 < len(whole.splitlines())
    # No terminal, no colour.
    assert "\x1b" not in short + whole
