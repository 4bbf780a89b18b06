"""Whose files lie in a folder: those of another design are never written over."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spikeloom.files import InputError

__all__ = ["changes", "check_owner"]

_MAKER = "spikeloom"
_REPORT = "report.json"


def check_owner(
    folder: Path, name: str, source: str, *, building: bool, more: Sequence[str] = ()
) -> None:
    """Refuse a folder whose files a design would write over and which are not this design's.

    Parameters
    ----------
    folder : Path
        Where the files are to go; need not exist.
    name : str
        The design's name.
    source : str
        Name of its file; empty for a design that has none.
    building : bool
        ``report.json`` is to be written too, and not only what is called after the design.
    more : sequence of str
        Names of files to be written beside Verilog and description.

    Raises
    ------
    InputError
        Names the file that is in the way, whose it is, and what to do.
    """
    described = False
    for file in (folder / f"{name}.json", folder / _REPORT):
        found = _record(file)
        if found is None:
            if not file.exists() or file.name == _REPORT and not building:
                continue
            raise _foreign(file)
        if found["name"] != name:
            if building or file.name != _REPORT:
                raise _refusal(
                    file, f"belongs to the design {found['name']!r}, and not to {name!r}"
                )
            continue
        described = True
        other = found.get("source")
        if source and other and other != source:
            raise _refusal(file, f"was made of {other}, and not of {source}")
    for file in (folder / f"{name}.v", *(folder / other for other in more)):
        if not described and file.exists():
            raise _foreign(file)


def changes(folder: Path, name: str, design: dict[str, Any]) -> tuple[str, ...]:
    """Name the keys in which a design differs from the one that was generated here before."""
    found = _record(folder / f"{name}.json") or {}
    before = found.get("design")
    if not isinstance(before, dict):
        return ()
    return tuple(key for key in {**before, **design} if before.get(key) != design.get(key))


def _record(file: Path) -> dict[str, Any] | None:
    """Read a description or report that this program wrote; None if it is none."""
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or not isinstance(found.get("name"), str):
        return None
    return found if str(found.get("made_by", "")).startswith(_MAKER) else None


def _foreign(file: Path) -> InputError:
    return _refusal(file, "was not written by spikeloom")


def _refusal(file: Path, why: str) -> InputError:
    return InputError(
        f"{file}: {why}: must be removed, or the design get another name or another folder (-o)"
    )
