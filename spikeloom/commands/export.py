"""``spikeloom export``: a graph of NIR."""

from argparse import Namespace
from typing import Any

from spikeloom.commands.common import load
from spikeloom.importing.nir.export import export_graph

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Write a graph of NIR."""
    design = load(options.design)
    layers = None if options.layers is None else options.layers.split(",")
    nodes = export_graph(design, options.output, layers)
    if options.json:
        return 0, {"name": design.name, "file": str(options.output), "nodes": nodes}
    return 0, "".join(f"{node}\n" for node in [*nodes, str(options.output)])
