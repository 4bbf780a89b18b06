"""``spikeloom report``: what a build costs."""

import sys
from argparse import Namespace
from typing import Any

from spikeloom.commands.terminal import has_colour
from spikeloom.report.files import Style, show

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Show a report; a budget exceeded means exit code 1."""
    budget = None
    if options.budget is not None:
        # Reading designs takes as long again to import as all the rest.
        from spikeloom.design.file import load_design

        budget = load_design(options.budget)
    style: Style = "text"
    if options.json:
        style = "json"
    elif options.markdown or options.html:
        style = "markdown" if options.markdown else "html"
    text, found = show(
        options.folder,
        against=options.against,
        budget=budget,
        style=style,
        full=options.full,
        colour=has_colour(sys.stdout),
    )
    for problem in found:
        print(f"spikeloom: {problem}", file=sys.stderr)
    return int(bool(found)), text
