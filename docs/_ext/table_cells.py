"""Cells of tables by what they hold: numbers stand right, sentences have room.

reStructuredText has no word for either, so cells get the classes ``number`` and ``prose``, which
``docs/_static/spikeloom.css`` knows.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

__all__ = ["setup"]

_NUMBER = re.compile(r"[-+]?[\d,]*\.?\d+(?: %)?|-|")
_PROSE = 26
"""Characters from which on a cell holds a sentence."""


def _mark(app: Sphinx, doctree: nodes.document) -> None:
    """Give cells their classes; a column of numbers is one of more numbers than text."""
    for table in doctree.findall(nodes.tgroup):
        rows = [list(row.findall(nodes.entry)) for row in table.findall(nodes.row)]
        for head, *cells in zip(*rows, strict=False):
            texts = [cell.astext().strip() for cell in cells]
            long = [len(text) > _PROSE and " " in text for text in texts]
            numbers = [text for text in texts if _NUMBER.fullmatch(text)]
            counts = any(numbers) and 2 * len(numbers) > len(cells)
            for cell, prose in zip((head, *cells), (False, *long), strict=True):
                if prose or counts:
                    cell["classes"].append("prose" if prose else "number")


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the mark."""
    app.connect("doctree-read", _mark)
    return {"parallel_read_safe": True}
