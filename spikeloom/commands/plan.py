"""``spikeloom plan``: memories and cycles before anything is synthesized, and other foldings."""

from argparse import Namespace
from collections.abc import Iterator, Sequence
from typing import Any

from spikeloom.boards.devices import DEVICES
from spikeloom.commands.common import load
from spikeloom.commands.progress import say
from spikeloom.design.network import NetworkDesign
from spikeloom.design.read import DesignError
from spikeloom.files import InputError
from spikeloom.planning import (
    Folded,
    Proposal,
    fastest,
    foldings,
    is_hopeless,
    plan,
    proposals,
    room,
    smallest,
    weight_bits,
)

__all__ = ["run"]

_NAMES = {"logic_cells": "LC", "ebr": "EBR", "spram": "SPRAM"}


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Say what a layer takes, and of a network what it would take in other foldings."""
    design = load(options.design)
    if not isinstance(design, NetworkDesign):
        for flag in ("rate", "cells"):
            if getattr(options, flag) is not None:
                raise InputError(f"--{flag}: must go with a network, not with kind {design.kind}")
        found = plan(design)
        if options.json:
            return 0, {**found, "foldings": []}
        return 0, "\n".join([*_memories(found), "", *_cycles(found)]) + "\n"
    if is_hopeless(design):
        return _hopeless(design, options)
    best = _best(design, options)
    found = plan(design)
    say("foldings: a second or two for all")
    others = [*foldings(design)]
    fits = any(other.fits for other in others)
    changes = [] if fits else [*proposals(design)]
    if options.json:
        told: dict[str, Any] = {
            **found,
            "foldings": [{**other.json(), "chosen": _is_own(other, design)} for other in others],
            "proposals": [{"change": one.text, **one.folded.json()} for one in changes],
        }
        return 0, told if best is None else {**told, "best": best.json()}
    lines = [*_memories(found), "", *_cycles(found), "", *_foldings(others, design)]
    if best is not None:
        lines += ["", *_snippet(best, options)]
    if not fits:
        lines += ["", *_missing(others, changes, design)]
    return 0, "\n".join(lines) + "\n"


def _hopeless(design: NetworkDesign, options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Say of a network whose weights alone are too many by how much, and what would fit."""
    needed, have = weight_bits(design), room(design)
    say("proposals: some seconds")
    changes = [*proposals(design)]
    if options.json:
        bits = {"needed": needed, "available": have}
        tried = [{"change": one.text, **one.folded.json()} for one in changes]
        return 0, {"name": design.name, "weight_bits": bits, "foldings": [], "proposals": tried}
    parts = f"{needed / 1024:,.0f} kbit, and the largest memory has {have / 1024:,.0f}"
    more = f"{(needed - have) / 1024:,.0f} kbit too many"
    first = f"no folding fits {design.target.device}; the weights take {parts}: {more}"
    return 0, "\n".join([first, *_changes(changes)]) + "\n"


def _best(design: NetworkDesign, options: Namespace) -> Folded | None:
    """Return the folding that the options ask for; None if they ask for none."""
    if options.rate is None and options.cells is None:
        return None
    try:
        if options.rate is not None:
            return smallest(design, options.rate, options.cells)
    except DesignError as error:
        raise InputError(f"{options.design}: --rate: {error.value}: {error.allowed}") from error
    found = fastest(design, options.cells)
    if found is None:
        allowed = f"must be more: no folding that fits {design.target.device} has as few"
        raise InputError(f"{options.design}: --cells: {options.cells}: {allowed}")
    return found


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


def _is_own(other: Folded, design: NetworkDesign) -> bool:
    own, one = design.folding, other.design.folding
    return one.model_copy(update={"rate": own.rate}) == own


def _foldings(others: Sequence[Folded], design: NetworkDesign) -> list[str]:
    rows = [("lanes x tokens x planes", "LC, estimate", "EBR", "SPRAM", "cycles", "a second", "")]
    for other in others:
        note = _short(other) or ("as it is" if _is_own(other, design) else "")
        numbers = (f"{other.cells:,}", str(other.ebr), str(other.spram), f"{other.cycles:,}")
        rows.append((_keys(other), *numbers, f"{other.rate:,.0f}", note))
    return _table(rows)


def _keys(folded: Folded) -> str:
    folding = folded.design.folding
    return f"{folding.lanes}x{folding.tokens}x{folding.planes}"


def _short(folded: Folded) -> str:
    return ", ".join(f"{more:,} {_NAMES[key]} too many" for key, more in folded.short.items())


def _snippet(best: Folded, options: Namespace) -> Iterator[str]:
    """Give the keys of a folding, to copy into the design file."""
    limit = "" if options.cells is None else f" in {options.cells:,} LC"
    what = "the fastest folding"
    if options.rate is not None:
        what = f"the smallest folding with {options.rate:,g} inferences a second"
    yield f"# {what}{limit}: {best.rate:,.0f} a second, {best.cells:,} LC by estimate,"
    yield f"# {best.ebr} EBR, {best.spram} SPRAM, {best.cycles:,} cycles"
    told = best.json()
    for header, keys in (("folding", "folding"), ("blocks.attention.folding", "attention")):
        if told[keys]:
            yield f"[{header}]"
            for key, value in told[keys].items():
                yield f'{key} = "{value}"' if isinstance(value, str) else f"{key} = {value}"


def _missing(
    others: Sequence[Folded], changes: Sequence[Proposal], design: NetworkDesign
) -> Iterator[str]:
    """Say that no folding fits, what the one that is nearest lacks, and what would fit."""
    nearest = min(others, key=lambda other: _excess(other, design))
    near = f"the nearest, {_keys(nearest)}: {_short(nearest)}"
    yield f"no folding fits {design.target.device}; {near}"
    yield from _changes(changes)


def _changes(changes: Sequence[Proposal]) -> Iterator[str]:
    """Say what would fit."""
    if not changes:
        yield "nothing that was tried would fit"
    for change in changes:
        folded = change.folded
        took = f"{folded.cells:,} LC, {folded.ebr} EBR, {folded.spram} SPRAM"
        yield f"would fit with {change.text}: {_keys(folded)}, {took}, {folded.rate:,.0f} a second"


def _excess(folded: Folded, design: NetworkDesign) -> float:
    """Return by what part of the device a folding is too large, of what is shortest."""
    total = dict(DEVICES[design.target.device].total.items())
    return max((more / max(total[key], 1) for key, more in folded.short.items()), default=0.0)


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Align columns: names left, numbers right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for first, *rest in rows:
        cells = (text.rjust(width) for text, width in zip(rest, widths[1:], strict=True))
        lines.append("  ".join([first.ljust(widths[0]), *cells]).rstrip())
    return lines
