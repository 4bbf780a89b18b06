"""``spikeloom bench``: the published figures, measured again."""

from argparse import Namespace
from typing import Any

from spikeloom.commands.progress import say
from spikeloom.figures.run import bench

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Measure the published figures, or compare with them."""
    return bench(options, say)
