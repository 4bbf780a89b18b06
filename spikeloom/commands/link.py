"""``spikeloom link``: whether layers fit each other, and the reordering that joins them."""

from argparse import Namespace
from typing import Any

from spikeloom.commands.progress import say
from spikeloom.design.file import load_design
from spikeloom.design.read import DesignError
from spikeloom.design.reorder import ReorderDesign
from spikeloom.files import InputError, replacing
from spikeloom.linking import Link, link, read_sides, to_toml

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Compare outputs with an input; write the design file of what would join them."""
    *given, taker = options.layers
    if not given:
        raise InputError("link: must have at least two files: sources, then the receiver")
    sources = [read_sides(path)[1] for path in given]
    found = link(sources, read_sides(taker)[0])
    if options.output is not None and found.reorder is not None:
        _write(options, found.reorder)
    code = 0 if found.fits else 1
    if options.json:
        reorder = found.reorder and found.reorder.model_dump(mode="json", exclude_defaults=True)
        return code, {
            "fits": found.fits,
            "differences": list(found.differences),
            "turns": list(found.turns),
            "reorder": reorder and {"kind": "reorder", **reorder},
        }
    return code, _words(found, options)


def _write(options: Namespace, design: ReorderDesign) -> None:
    """Write the design file; a file that is no reordering is left alone."""
    path = options.output
    if path.exists():
        try:
            kind = load_design(path).kind
        except DesignError:
            kind = "no design"
        if kind != "reorder":
            raise InputError(f"{path}: must be new or a reordering, and is {kind}")
    with replacing(path) as new:
        new.write_text(to_toml(design), encoding="utf-8")
    say(f"wrote {path}")


def _words(found: Link, options: Namespace) -> str:
    turns = ", ".join(map(str, found.turns))
    turns = f"; take {turns} beats of them in turn" if turns else ""
    if found.fits:
        return f"fits{turns}\n"
    joins = "; no reorder joins them"
    if found.reorder is not None:
        joins = f"; {options.output or '-o reorder.toml writes what'} joins them{turns}"
    return f"does not fit: {'; '.join(found.differences)}{joins}\n"
