"""Take the pictures of a report that README and manual show.

``python tools/screenshots.py BUILD`` opens ``report.html`` of a build in Chromium and writes
``docs/figures/report-*.png``; ``make pictures`` builds the example first.
"""

import sys
from pathlib import Path

from browser import find, opened
from playwright.sync_api import Browser

_FIGURES = Path(__file__).resolve().parent.parent / "docs" / "figures"
_MARGIN = 16


def _take(browser: Browser, address: str, width: int, scheme: str, ends: str, name: str) -> None:
    """Take a page from its top to the end of the card of a heading."""
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme="dark" if scheme == "dark" else "light",
    )
    page.goto(address)
    box = page.locator("section", has=page.get_by_role("heading", name=ends)).first.bounding_box()
    assert box is not None
    height = box["y"] + box["height"] + _MARGIN
    clip = {"x": 0.0, "y": 0.0, "width": float(width), "height": height}
    page.screenshot(path=_FIGURES / name, clip=clip, full_page=True)
    page.close()


def main(build: str) -> None:
    """Write all pictures."""
    address = (Path(build) / "report.html").resolve().as_uri()
    if find() is None:
        raise SystemExit("Chromium must be installed: apt-get install chromium")
    with opened() as browser:
        for scheme in ("light", "dark"):
            name = f"report-{scheme}.png"
            _take(browser, address, 1200, scheme, "Memories", name)
        _take(browser, address, 390, "light", "Logic cells by module", "report-phone.png")


if __name__ == "__main__":
    main(*sys.argv[1:])
