"""Pictures of pages, wide and on a phone, light and dark.

``python tools/site_pictures.py out/docs out/screenshots`` looks at every page of a site that has
been built; with ``--pages index.html results.html`` at these. Each becomes four PNG files, named
after the page, the width and the scheme. ``make screenshots`` does it for the manual.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from browser import opened

__all__ = ["WIDTHS", "main", "pages", "take"]

WIDTHS = (390, 1400)
"""Pixels of a phone and of a screen."""

_HEIGHT = 900


def pages(site: Path) -> list[str]:
    """List the pages of a site, without those that Sphinx makes for itself."""
    found = (path.relative_to(site) for path in site.rglob("*.html"))
    kept = (path for path in found if not path.parts[0].startswith("_"))
    return sorted(path.as_posix() for path in kept)


def take(site: Path, output: Path, names: Sequence[str]) -> Iterator[Path]:
    """Write the pictures of some pages, whole from top to bottom, and give their paths."""
    output.mkdir(parents=True, exist_ok=True)
    with opened() as browser:
        for width in WIDTHS:
            for scheme in ("light", "dark"):
                size = {"width": width, "height": _HEIGHT}
                page = browser.new_page(viewport=size, color_scheme=scheme)
                for name in names:
                    page.goto((site / name).resolve().as_uri())
                    stem = name.removesuffix(".html").replace("/", "-")
                    path = output / f"{stem}-{width}-{scheme}.png"
                    page.screenshot(path=path, full_page=True)
                    yield path
                page.close()


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; 2 for a request that is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("site", type=Path, help="folder of a built site")
    parser.add_argument("output", type=Path, help="folder for the pictures")
    parser.add_argument("--pages", nargs="+", help="pages, relative to the site (default: all)")
    options = parser.parse_args(arguments)
    names = options.pages or pages(options.site)
    missing = [name for name in names if not (options.site / name).is_file()]
    if missing or not names:
        what = missing[0] if missing else "*.html"
        print(f"{options.site}: {what}: must be a page of a built site", file=sys.stderr)
        return 2
    try:
        for path in take(options.site, options.output, names):
            print(path)
    except FileNotFoundError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
