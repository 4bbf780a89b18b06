"""``spikeloom import``: networks in integers of a checkpoint, or layers of a graph."""

from argparse import Namespace
from typing import Any

from spikeloom.commands.progress import say
from spikeloom.importing.command import run_import

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Import a checkpoint or a graph."""
    return run_import(options, say)
