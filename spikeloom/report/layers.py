"""Kinds of layers in words, for the head of a report."""

from collections.abc import Mapping
from typing import Any

__all__ = ["layer_words"]


def layer_words(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Describe a design, as a report holds it, where it is a projection or a residual connection.

    Returns
    -------
    list of (str, str)
        Names and texts; empty for layers of other kinds.
    """
    kinds = {"projection": _projection, "residual": _residual}
    say = kinds.get(design.get("kind", ""))
    return [] if say is None else say(design)


def _projection(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    cpg = design["cpg"]
    beside = f" and {cpg['neurons'] or 10} of CPG-PE" if cpg["mode"] == "concat" else ""
    added = ", CPG-PE added" if cpg["mode"] == "add" else ""
    shape = (
        f"{design['tokens']} tokens, {design['inputs']} inputs{beside} to {design['dim']} outputs, "
        f"{design['steps']} time steps"
    )
    numbers = (
        f"inputs 0 to {design['levels']}{added}, weights of {design['weights']['bits']} bits, "
        f"neuron {design['neuron']}"
    )
    lanes = design["lanes"] or min(8, design["target"]["beat"])
    return [("layer", shape), ("mechanisms", numbers), ("folding", f"lanes {lanes}")]


def _residual(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    shape = f"{design['tokens']} tokens x {design['dim']} dims, {design['steps']} time steps"
    numbers = f"0 to {design['levels']} {design['mode']} 0 to {design['branch_levels']}"
    return [("layer", shape), ("mechanisms", f"residual {numbers}")]
