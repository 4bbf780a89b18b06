"""report.html as a browser shows it: wide and on a phone, light and dark."""

import pytest

from spikeloom.report.files import show

from .. import browser as browsing
from .makers import make, pictured, save

# Texts of pictures that stick out of them, and words of a card that stick out of it.
STICKING_OUT = """() => {
    const out = [];
    const check = (inner, outer) => {
        const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
        if (!a.width || !b.width) return;
        if (a.left < b.left - 1 || a.right > b.right + 1 || a.bottom > b.bottom + 1)
            out.push(inner.textContent);
    };
    document.querySelectorAll('svg text').forEach(t => check(t, t.closest('svg')));
    document.querySelectorAll('.tile *, section > *, .key > *').forEach(
        t => check(t, t.parentElement));
    return out;
}"""

# How much smaller than it was drawn each picture with words in it is.
SCALES = """() => [...document.querySelectorAll('svg:has(text)')]
    .filter(s => s.clientWidth).map(s => s.clientWidth / s.viewBox.baseVal.width)"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two builds, and a page over both."""
    root = tmp_path_factory.mktemp("builds") / "nightly"
    save(pictured(), root / "tiny")
    save(make(name="other", budget={"cells": 1}), root / "other")
    (root / "index.html").write_text(show(root, style="html")[0], encoding="utf-8")
    return root


def look(browser, file, width, scheme="light"):
    """Open a page that fetches nothing and about which the browser says nothing."""
    page, said = browsing.look(browser, file, width, scheme)
    assert said == [file.as_uri()]
    return page


@pytest.mark.parametrize("width", [390, 1400])
@pytest.mark.parametrize("name", ["tiny/report.html", "other/report.html", "index.html"])
def test_all_fits_and_nothing_is_fetched(browser, folder, width, name):
    page = look(browser, folder / name, width)
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(STICKING_OUT) == []


@pytest.mark.parametrize("width", [390, 1400])
def test_each_picture_is_there_once(browser, folder, width):
    page = look(browser, folder / "tiny" / "report.html", width)
    seen = [one.get_attribute("aria-label") for one in page.locator("svg:visible").all()]
    assert [label.partition(" ")[0].strip(":") for label in seen] == [
        "Floorplan", "Worst", "Firing", "Treemap", "2", "Cycles", "Predicted"
    ]  # fmt: skip
    floor = page.locator("svg.floor").bounding_box()
    assert floor["height"] / floor["width"] == pytest.approx(32 / 26, rel=0.01)
    assert floor["width"] > 300
    scales = page.evaluate(SCALES)
    assert len(scales) == 6
    # Words stay as large as they are around the pictures.
    assert min(scales) > 0.95


def test_side_by_side_where_there_is_room(browser, folder):
    def tops(width):
        page = look(browser, folder / "tiny" / "report.html", width)
        headings = ("Floorplan", "Logic cells by module")
        return [page.get_by_role("heading", name=name).bounding_box()["y"] for name in headings]

    one, other = tops(1400)
    assert one == pytest.approx(other, abs=1)
    one, other = tops(390)
    assert other > one + 300


def test_dark_where_it_is_asked_for(browser, folder):
    def background(scheme):
        page = look(browser, folder / "tiny" / "report.html", 1400, scheme)
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return [int(part) for part in colour.strip("rgb()").split(",")]

    assert min(background("light")) > 200
    assert max(background("dark")) < 60


def test_a_link_leads_to_the_report(browser, folder):
    page = look(browser, folder / "index.html", 1400)
    page.get_by_role("link", name="tiny").click()
    assert page.get_by_role("heading", level=1).inner_text() == "tiny"
