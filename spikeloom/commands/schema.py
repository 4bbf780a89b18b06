"""``spikeloom schema``: the JSON Schema of design files."""

from argparse import Namespace
from typing import Any

from spikeloom.design.json_schema import schema

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Give the JSON Schema of design files."""
    return 0, schema(options.kind)
