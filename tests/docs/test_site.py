"""The manual as a site: it builds, and browsers show it as it was meant."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..browser import look
from ..test_docs import components
from ..tools import tool

pytest.importorskip("furo", reason="needs the extra 'docs' (Sphinx)")
pytest.importorskip("cocotb", reason="needs the extra 'cosim' (cocotb)")

ROOT = Path(__file__).resolve().parents[2]
DOCS, TOOLS = ROOT / "docs", ROOT / "tools"
PAGES = (
    "index", "tutorial", "network-tutorial", "design-files", "results", "mechanisms",
    "architecture", "cores/attention/score", "cores/attention/state", "cores/network",
    "genindex",
)  # fmt: skip

# What sticks out of the window and of nothing that scrolls: the theme hides it.
WIDE = """() => [...document.querySelectorAll('article *')].filter(one => {
    const box = one.getBoundingClientRect();
    if (!box.width || box.right <= innerWidth + 1) return false;
    for (let up = one; up.tagName != 'ARTICLE'; up = up.parentElement)
        if (['auto', 'scroll'].includes(getComputedStyle(up).overflowX)) return false;
    return true;
}).map(one => one.tagName + ': ' + one.textContent.slice(0, 40))"""

# Words of drawings that stick out of them, or that are too faint: contrast below 4.5.
FAULTS = """() => {
    const channel = c => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    const light = colour => {
        const [r, g, b] = colour.match(/[\\d.]+/g).map(Number).map(channel);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const back = light(getComputedStyle(document.body).backgroundColor);
    const faults = [];
    for (const text of document.querySelectorAll('figure.drawing svg text')) {
        const [a, b] = [text, text.closest('svg')].map(e => e.getBoundingClientRect());
        if (a.left < b.left - 1 || a.right > b.right + 1 || a.top < b.top - 1
            || a.bottom > b.bottom + 1) faults.push('sticks out: ' + text.textContent);
        const [low, high] = [light(getComputedStyle(text).fill), back].sort((x, y) => x - y);
        if ((high + 0.05) / (low + 0.05) < 4.5) faults.push('faint: ' + text.textContent);
    }
    return faults;
}"""

# Boxes of a drawing whose words are wider than they are.
TIGHT = """() => [...document.querySelectorAll('figure.drawing svg')].flatMap(svg => {
    const texts = [...svg.querySelectorAll('text.name, text.note')].map(t => t.getBBox());
    return [...svg.querySelectorAll('rect.logic, rect.memory, rect.part, rect.port')]
        .map(r => r.getBBox()).flatMap(box => texts.filter(t =>
            t.y > box.y && t.y + t.height < box.y + box.height
            && t.x + t.width / 2 > box.x && t.x + t.width / 2 < box.x + box.width
            && t.width > box.width && box.width > 60).map(t => Math.round(t.width)));
})"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Build the manual; a warning is an error."""
    made = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", DOCS, made]
    clean = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(command, env=clean, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return made


def test_every_component_is_in_the_reference(site):
    reference = (site / "reference" / "hdl.html").read_text(encoding="utf-8")
    for name in components():
        assert f'id="{name}"' in reference, name


def test_no_number_is_written_with_an_exponent(site):
    for path in sorted(site.glob("*.html")):
        text = re.sub(
            r"<(pre|script|style|code).*?</\1>", "", path.read_text(encoding="utf-8"), flags=re.S
        )
        assert not re.search(r"\d[eE][+-]?\d{2}", re.sub(r"<[^>]*>", " ", text)), path.name


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1400, "light")])
def test_pages_fit_and_are_quiet(browser, site, width, scheme):
    for name in PAGES:
        page, said = look(browser, site / f"{name}.html", width, scheme)
        assert all(url.startswith(site.as_uri()) for url in said), name
        assert page.evaluate("document.documentElement.scrollWidth") == width, name
        assert page.evaluate(WIDE) == [], name
        assert page.evaluate(FAULTS) == [], name
        assert page.evaluate(TIGHT) == [], name
        page.close()


def test_dark_where_it_is_asked_for(browser, site):
    def colours(scheme):
        page, _ = look(browser, site / "results.html", 1400, scheme)
        return page.evaluate(
            "[document.body, document.querySelector('figure text')]"
            ".map(e => getComputedStyle(e)).map((s, n) => n ? s.fill : s.backgroundColor)"
        )

    light, dark = colours("light"), colours("dark")
    assert light[0] == "rgb(255, 255, 255)"
    assert light[0] != dark[0]
    assert light[1] != dark[1]


def test_commands_can_be_copied(browser, site):
    page, _ = look(browser, site / "tutorial.html", 1400)
    assert page.locator(".copybtn").count() == page.locator("div.highlight").count()


def test_navigation_is_folded_but_for_where_one_is(browser, site):
    page, _ = look(browser, site / "cores" / "attention" / "score.html", 1400)
    shown = [one.inner_text() for one in page.locator(".sidebar-tree a.reference:visible").all()]
    assert "State order" in shown
    assert "Positions" in shown
    assert "Log-PE" not in shown


def test_screenshots(browser, site, tmp_path):
    command = [sys.executable, TOOLS / "site_pictures.py", site, tmp_path, "--pages", "words.html"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    made = sorted(path.name for path in tmp_path.iterdir())
    assert made == [f"words-{w}-{s}.png" for w in (1400, 390) for s in ("dark", "light")]
    assert done.stdout.count("words-") == 4


def test_screenshots_of_nothing(tmp_path, capsys):
    assert tool("site_pictures").main([str(tmp_path), str(tmp_path / "out")]) == 2
    assert "must be a page of a built site" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_no_shape_is_taken_for_a_list(site):
    # "(D)" alone in a cell, or "T." alone in a docstring, are lists to reStructuredText.
    for path in sorted(site.rglob("*.html")):
        assert '<ol class="upperalpha' not in path.read_text(encoding="utf-8"), path.name
