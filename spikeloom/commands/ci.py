"""``spikeloom ci``: designs built, compared and judged, for a CI service to show."""

from argparse import Namespace
from typing import Any

from spikeloom.ci.run import run as run_in_ci
from spikeloom.commands.progress import say

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Build designs, compare and judge them."""
    return run_in_ci(options, say)
