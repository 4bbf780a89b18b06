"""``spikeloom plan``: memories and cycles before anything is synthesized, and other foldings."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from spikeloom.commands.common import load
from spikeloom.commands.progress import say
from spikeloom.design.network import NetworkDesign
from spikeloom.planning import Folded, foldings, plan

__all__ = ["run"]

_NAMES = {"logic_cells": "LC", "ebr": "EBR", "spram": "SPRAM"}


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Say what a layer takes, and of a network what it would take in other foldings."""
    design = load(options.design)
    found = plan(design)
    others: list[Folded] = []
    if isinstance(design, NetworkDesign):
        say("foldings: a second or two for each")
        others = [*foldings(design)]
    if options.json:
        return 0, {**found, "foldings": [asdict(other) for other in others]}
    lines = [*_memories(found), "", *_cycles(found)]
    if others:
        lines += ["", *_foldings(others, design.target.clock_mhz)]
    return 0, "\n".join(lines) + "\n"


def _memories(found: dict[str, Any]) -> list[str]:
    rows: list[tuple[str, ...]] = [("memory", "bits", "words", "EBR", "SPRAM")]
    for memory in found["memories"]:
        rows.append(tuple(str(memory[key]) for key in ("name", "width", "depth", "ebr", "spram")))
    used, have = found["used"], found["available"]
    rows.append(("in all", "", "", *(f"{used[key]} of {have[key]}" for key in ("ebr", "spram"))))
    return _table(rows)


def _cycles(found: dict[str, Any]) -> list[str]:
    total = found["compute_cycles"]
    rows = [("cycles", "at most", "share")]
    for name, begin, end in found["stages"]:
        rows.append((name, f"{end - begin:,}", f"{(end - begin) / total:.0%}"))
    return _table([*rows, ("in all", f"{total:,}", "")])


def _foldings(others: Sequence[Folded], mhz: float) -> list[str]:
    rows = [("lanes x tokens x planes", "LC, estimate", "EBR", "SPRAM", "cycles", "a second", "")]
    for other in others:
        keys = "x".join(str(other.folding[key]) for key in ("lanes", "tokens", "planes"))
        short = ", ".join(f"{more:,} {_NAMES[key]} too many" for key, more in other.short.items())
        note = short or ("as it is" if other.chosen else "")
        numbers = (f"{other.cells:,}", str(other.ebr), str(other.spram), f"{other.cycles:,}")
        rows.append((keys, *numbers, f"{1e6 * mhz / other.cycles:,.0f}", note))
    return _table(rows)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: names left, numbers right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines
