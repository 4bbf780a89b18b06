"""Reports: what is judged, what is shown, and what is refused."""

import json
from html.parser import HTMLParser
from types import SimpleNamespace

import pytest

from spikeloom.report.files import ReportError, find, load, problems, show

from .makers import make, pictured, save

CLOCK_SHORT = (
    "tiny: budget.clock_mhz: 60.00 MHz on the worst seed, at least 61 MHz allowed: 1.00 MHz short"
)


def test_what_follows_from_the_counts():
    report = make()
    assert (report.fmax_worst_mhz, report.fmax_best_mhz, report.clock_met) == (60.0, 66.0, True)
    assert report.cycles_per_step == 2000
    assert report.latency_us == 200.0
    assert report.inferences_per_s == pytest.approx(48e6 / 8400, abs=0.1)


def test_a_seed_that_failed_is_not_met():
    report = make(seeds=[{"seed": 1, "fmax_mhz": 66}, {"seed": 2, "fmax_mhz": None, "error": "x"}])
    assert report.fmax_worst_mhz == 66
    assert not report.clock_met


def test_written_and_loaded_again(tmp_path):
    report = make()
    assert load(save(report, tmp_path / "a")) == report
    assert load(tmp_path / "a" / "report.json") == report
    written = json.loads((tmp_path / "a" / "report.json").read_text())
    assert written["fmax_worst_mhz"] == 60.0
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == [
        "report.html", "report.json", "report.md"
    ]  # fmt: skip


def test_no_problem():
    assert problems(make()) == []
    limits = {"cells": 400, "clock_mhz": 60, "cycles": 8000}
    assert problems(make(budget=limits)) == []
    assert problems(make(measured=None)) == []


def test_cycles_must_be_those_of_the_formula():
    measured = {"cycles": 9600, "compute_cycles": 8004, "interval": 8400}
    message = "tiny: compute_cycles: measured 8004, predicted 8000: they must agree"
    assert problems(make(measured=measured)) == [message]


def test_an_estimate_need_not_be_met(tmp_path):
    measured = {"cycles": 9600, "compute_cycles": 8004, "interval": 8400}
    report = make(measured=measured, exact=False)
    assert problems(report) == []
    assert "8,004 8,000 estimate" in " ".join(show(save(report, tmp_path / "a"))[0].split())


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        ({"cells": 399}, "tiny: budget.cells: 400 logic cells, at most 399 allowed: 1 too many"),
        (
            {"clock_mhz": 61},
            CLOCK_SHORT,
        ),
        (
            {"cycles": 7000},
            "tiny: budget.cycles: 8000 compute cycles, at most 7000 allowed: 1000 too many",
        ),
    ],
)
def test_budgets(limits, message):
    assert problems(make(budget=limits)) == [message]
    # The same limits from a design, or from a design's section, over those of the report.
    section = SimpleNamespace(**({"cells": None, "clock_mhz": None, "cycles": None} | limits))
    assert problems(make(), SimpleNamespace(budget=section)) == [message]
    assert problems(make(budget={"cells": 1}), section) == [message]


def test_a_budget_of_the_unknown_is_not_kept():
    report = make(measured=None, predicted=None, budget={"cycles": 1})
    assert "neither measured nor predicted" in problems(report)[0]
    report = make(seeds=[{"seed": 7, "fmax_mhz": None}, {"seed": 8, "fmax_mhz": 90}],
                  budget={"clock_mhz": 48})  # fmt: skip
    assert problems(report)[0].endswith("seed 7 could not be placed")


def test_text(tmp_path):
    text, found = show(save(make(budget={"cells": 300}), tmp_path / "a"))
    assert found == ["tiny: budget.cells: 400 logic cells, at most 300 allowed: 100 too many"]
    lines = [" ".join(line.split()) for line in text.splitlines()]
    for line in (
        "layer 32 tokens x 64 dims, 4 heads, 4 time steps",
        "logic cells 400 of 5,280",
        "clock 60.0 to 66.0 MHz over 2 seeds; target 48 MHz reached by every seed",
        "cycles a time step 2,000",
        "latency 200.0 us at 48 MHz",
        "logic cells, packed 400 5,280 7.6 % [##..................]",
        "1 66.00 layer.engine.a_b layer.count 7.00 8.00 6",
        "compute_cycles an engine works 8,000 8,000 yes",
        "layer 370 70 0 0 0 0 0 [##################..]",
        "yosys -s tiny.ys",
        "log with and: <unusual>",
    ):
        assert line in lines, line
    assert "change" not in text
    assert text.isascii()


def test_changes(tmp_path):
    old = save(make(), tmp_path / "old")
    area = make().area.model_dump() | {"logic_cells": {"used": 420, "available": 5280}}
    new = save(make(area=area, predicted=None,
                    measured={"cycles": 9600, "compute_cycles": 7600, "interval": 8400}),
               tmp_path / "new")  # fmt: skip
    text, _ = show(new, against=old)
    rows = {line.split("  ")[1]: line for line in text.splitlines() if line.startswith("  ")}
    assert "+20 (+5.0 %)" in rows["logic cells"]
    assert "-100 (-5.0 %)" in rows["cycles a time step"]
    assert rows["pins"].split()[-2] == "="


def test_several_designs_are_one_table(tmp_path):
    for place, cells in (("new", 410), ("old", 400)):
        area = make().area.model_dump() | {"logic_cells": {"used": cells, "available": 5280}}
        save(make(area=area), tmp_path / place / "a")
    save(make(name="more", budget={"cells": 1}), tmp_path / "new" / "b")
    save(make(name="less"), tmp_path / "old" / "c")
    text, found = show(tmp_path / "new", against=tmp_path / "old", style="markdown")
    assert len(found) == 1
    assert "| tiny :white_check_mark: | up5k-sg48 | 410 (+10) | 6 |" in text
    assert "| more (new) :x: |" in text
    assert "No longer built: less." in text
    assert [report.name for report in find(tmp_path / "new")] == ["more", "tiny"]
    assert "| - | yes |" in text
    save(pictured(name="simulated"), tmp_path / "new" / "d")
    plain, _ = show(tmp_path / "new", against=tmp_path / "old")
    assert [line.split()[-2:] for line in plain.splitlines() if "simulated" in line] == [
        ["RTL", "yes"]
    ]
    assert "410 (+10)" in plain


def test_markdown_shows_names_as_they_are(tmp_path):
    text, _ = show(save(make(), tmp_path / "a"), style="markdown")
    assert r"layer.engine.a\_b" in text
    assert r"- log with and: \<unusual\>" in text
    tables = [line for line in text.splitlines() if line.startswith("|")]
    assert all(line.endswith("|") for line in tables)
    assert text.count("<details>") == text.count("</details>") == 1


class Strict(HTMLParser):
    """Check that every element is closed in turn, and that nothing is fetched."""

    def __init__(self):
        super().__init__()
        self.open, self.text = [], []

    def handle_starttag(self, tag, attrs):
        assert tag not in ("script", "link", "img", "iframe")
        assert not {"src", "href", "onload"} & set(dict(attrs))
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


@pytest.mark.parametrize("changes", [{}, {"measured": None}, {"budget": {"cells": 1}}])
@pytest.mark.parametrize("made", [make, pictured])
def test_html_stands_alone(tmp_path, made, changes):
    text, _ = show(save(made(**changes), tmp_path / "a"), style="html")
    parser = Strict()
    parser.feed(text)
    parser.close()
    assert parser.open == []
    assert "log with and: <unusual>" in parser.text
    assert "url(" not in text
    assert "http" not in text
    assert ('class="problem"' in text) == ("budget" in changes)


def test_a_path_step_by_step(tmp_path):
    text, _ = show(save(pictured(), tmp_path / "a"), full=True)
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "routing layer.engine.a_b X7 Y2 8.00 9.40" in lines
    assert "logic layer.count X7 Y2 5.60 15.00" in lines
    assert "step by step" not in show(save(make(seeds=[{"seed": 1, "fmax_mhz": 50}]),
                                           tmp_path / "b"), full=True)[0]  # fmt: skip


def test_what_was_not_simulated_is_not_claimed(tmp_path):
    words = "RTL not simulated; netlist not simulated"
    assert make().correctness == words
    page, _ = show(save(make(), tmp_path / "none"), style="html")
    assert "<b>not simulated</b>" in page
    assert f"<span>{words}</span>" in page
    assert " = golden" not in page

    words = "RTL equal to golden model and recorded answers on 18 inferences; netlist not simulated"
    folder = save(pictured(), tmp_path / "rtl")
    page, _ = show(folder, style="html")
    assert "<b>RTL = golden</b>" in page
    assert words in page
    assert json.loads((folder / "report.json").read_text())["correctness"] == words
    assert words in " ".join(show(folder)[0].split())


def test_changes_are_better_or_worse(tmp_path):
    old = save(make(), tmp_path / "old")
    area = make().area.model_dump() | {"logic_cells": {"used": 380, "available": 5280}}
    seeds = [{"seed": 1, "fmax_mhz": 55.0}]
    new = save(make(area=area, seeds=seeds), tmp_path / "new")
    page, _ = show(new, against=old, style="html")
    assert '<span class="better">-20 (-5.0 %)</span>' in page
    assert '<span class="worse">-5.0 (-8.3 %)</span>' in page
    assert 'class="better"' not in show(new, against=new, style="html")[0]
    # One line a design: the change is coloured where it stands.
    save(make(name="other"), tmp_path / "builds" / "other")
    save(make(area=area, seeds=seeds), tmp_path / "builds" / "tiny")
    page, _ = show(tmp_path / "builds", against=old, style="html")
    assert '<span class="better">380 (-20)</span>' in page


def test_a_folder_has_a_heading_and_links(tmp_path):
    folder = tmp_path / "nightly builds"
    save(make(), folder / "a & b")
    save(make(name="other", budget={"cells": 1}), folder / "c")
    (folder / "c" / "report.html").unlink()
    page, _ = show(folder, style="html")
    assert "<h1>nightly builds</h1><p>2 designs, 1 of them within" in page
    assert page.count("<a ") == 1
    assert '<a href="a%20%26%20b/report.html">tiny</a>' in page


def test_only_what_exceeds_is_red(tmp_path):
    def red(report, folder):
        page, _ = show(save(report, tmp_path / folder), style="html")
        return page.partition("<body>")[2].count('"meter full"')

    assert red(make(), "kept") == 0
    area = make().area.model_dump() | {"ebr": {"used": 31, "available": 30}}
    assert red(make(area=area), "exceeded") == 1


def test_json(tmp_path):
    text, found = show(save(make(budget={"cells": 1}), tmp_path / "a"), style="json")
    made = json.loads(text)
    assert made["problems"] == found
    assert len(found) == 1
    assert made["reports"][0]["area"]["logic_cells"] == {"used": 400, "available": 5280}


def test_what_cannot_be_read(tmp_path):
    with pytest.raises(ReportError, match="must hold report.json, or directories that do$"):
        show(tmp_path)
    file = tmp_path / "report.json"
    file.write_text("{")
    with pytest.raises(ReportError, match=r"report\.json: report: Invalid JSON"):
        show(tmp_path)
    file.write_text(json.dumps(make().model_dump(mode="json") | {"steps": 0}))
    with pytest.raises(ReportError, match=r"report\.json: steps: .*greater than or equal to 1$"):
        show(tmp_path)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ReportError, match="must be a report that spikeloom build wrote$"):
        show(tmp_path)


def test_style_must_be_known(tmp_path):
    with pytest.raises(ValueError, match=r"^Style must be one of text, .*, not 'pdf'$"):
        show(save(make(), tmp_path / "a"), style="pdf")
