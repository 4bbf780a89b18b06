"""Kinds of layers in words, for the head of a report."""

from collections.abc import Mapping
from typing import Any

__all__ = ["folding_words", "layer_words"]


def layer_words(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Describe a design, as a report holds it, where it is no attention layer.

    Returns
    -------
    list of (str, str)
        Names and texts; empty for layers of other kinds.
    """
    kinds = {"network": _network, "projection": _projection, "residual": _residual}
    say = kinds.get(design.get("kind", ""))
    return [] if say is None else say(design)


def folding_words(chosen: Mapping[str, Any]) -> str:
    """Say keys of a folding with their values; ``attention`` is a folding of its own.

    >>> folding_words({"lanes": 64, "attention": {"order": "score", "rows": 4, "lanes": 16}})
    'lanes 64, attention score with rows 4, lanes 16'
    """
    words = [f"{key} {value}" for key, value in chosen.items() if key != "attention"]
    if inner := dict(chosen.get("attention", {})):
        order = inner.pop("order")
        words.append(f"attention {order} with {folding_words(inner)}")
    return ", ".join(words)


def _network(design: Mapping[str, Any]) -> list[tuple[str, str]]:
    encoder, blocks, folding = design["encoder"], design["blocks"], design["folding"]
    shape = (
        f"{design['tokens']} tokens x {encoder['inputs']} inputs of {encoder['bits']} bits to "
        f"{design['readout']['outputs']} numbers, {design['steps']} time steps"
    )
    count = f"{len(blocks)} block{'s' if len(blocks) > 1 else ''} of {design['dim']} dims"
    heads, hidden = blocks[0]["attention"]["heads"], blocks[0]["hidden"]
    engine = (
        f"lanes {folding['lanes']}, tokens {folding['tokens']}, planes {folding['planes']}, "
        f"weights in {folding['weights']}"
    )
    inside = f"{count}, {heads} heads, {hidden} hidden"
    return [("network", shape), ("blocks", inside), ("folding", engine)]


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
