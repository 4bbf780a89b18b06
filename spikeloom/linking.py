"""Whether the outputs of layers fit the input of another one, and what would join them."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.design.file import load_design
from spikeloom.design.read import DesignError
from spikeloom.design.reorder import ReorderDesign
from spikeloom.design.write import toml
from spikeloom.files import FormatError, InputError, read_text
from spikeloom.golden.kinds import model
from spikeloom.golden.reorder import ReorderModel

__all__ = ["Link", "Side", "link", "read_sides", "to_toml"]


@dataclass(frozen=True)
class Side:
    """One stream of a layer, as NAME.json describes it.

    Parameters
    ----------
    name : str
        The layer.
    beat : int
        Bits of a beat.
    loops : mapping
        ``loops`` of the stream.
    arrays : mapping
        Its arrays by name: ``axes`` with their sizes, ``low`` and ``high``.
    target : mapping
        Device and clock of the layer.
    """

    name: str
    beat: int
    loops: Mapping[str, Any]
    arrays: Mapping[str, Mapping[str, Any]]
    target: Mapping[str, Any]


@dataclass(frozen=True)
class Link:
    """How the outputs of layers stand to the input of another one.

    Parameters
    ----------
    differences : tuple of str
        What differs, each as a name and both values; empty where they fit.
    reorder : ReorderDesign or None
        The layer that joins them, where one can.
    turns : tuple of int
        Of several sources, the beats of each that are taken in turn
        (:class:`spikeloom.hdl.frame.regroup.TakeTurns`).
    """

    differences: tuple[str, ...]
    reorder: ReorderDesign | None
    turns: tuple[int, ...] = ()

    @property
    def fits(self) -> bool:
        """Whether beats go from one to the other as they are."""
        return not self.differences


def read_sides(path: Path) -> tuple[Side, Side]:
    """Read the input and the output of a layer, of its NAME.json or its design file.

    Raises
    ------
    InputError, DesignError
        The file is none of these.
    """
    if path.suffix == ".toml":
        design = load_design(path)
        golden, keys = model(design), design.model_dump(mode="json", include={"target"})
        streams = (golden.stream_in, golden.stream_out)
        described = [(stream.describe(), stream.arrays) for stream in streams]
        into, out = (Side(design.name, design.beat, *each, keys["target"]) for each in described)
        return into, out
    try:
        found = json.loads(read_text(path))
        beats, arrays = found["beats"], found["arrays"]
        sides = [
            Side(
                str(found["name"]),
                int(beats["width"]),
                beats[way]["loops"],
                arrays[way],
                {key: found["design"]["target"][key] for key in ("device", "clock_mhz")},
            )
            for way in ("in", "out")
        ]
        for side in sides:
            _Reading(side, tuple(side.arrays)).check()
    except OSError as error:
        raise InputError(f"{path}: must be a file that can be read ({error.strerror})") from None
    except (FormatError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        allowed = "must be NAME.json as spikeloom generate writes it now, or a design file (.toml)"
        raise InputError(f"{path}: {allowed}") from None
    return sides[0], sides[1]


class _Reading:
    """What a side says in terms of steps, tokens, heads and channels."""

    def __init__(self, side: Side, names: Sequence[str]):
        self.side, self.names = side, names
        self.parts = {part["array"]: part for part in _leaves(side.loops)}
        first = side.arrays[names[0]]
        self.axes = {str(axis): int(size) for axis, size in first["axes"].items()}
        self.low, self.high = int(first["low"]), int(first["high"])

    def check(self) -> None:
        """Raise for what cannot be read."""
        for name, array in self.side.arrays.items():
            _Reading(self.side, (name,)).sizes()
            if not {"axes", "low", "high"} <= set(array):
                raise KeyError(name)
        for part in _leaves(self.side.loops):
            int(part["bits"]), int(part["used"]), str(part["beat"]), list(part["for"])

    def sizes(self) -> dict[str, int]:
        """Count steps, tokens and channels."""
        axes = self.axes
        return {
            "steps": prod(axes.get(axis, 1) for axis in ("chunk", "step")),
            "tokens": axes.get("token", 1),
            "channels": prod(axes.get(axis, 1) for axis in ("head", "group", "place", "channel")),
        }

    @property
    def heads(self) -> int:
        """Heads that the channels are cut into."""
        return prod(self.axes.get(axis, 1) for axis in ("head", "group", "place"))

    @property
    def bits(self) -> int:
        """Bits of a value."""
        return int(self.parts[self.names[0]]["bits"])

    def order(self, names: Mapping[str, str]) -> str | None:
        """Say the order as a reordering has it; None where values lie otherwise in beats.

        ``names`` has for every part the arrays that it stands for.
        """
        parts, outer = self.side.loops["parts"], [str(axis) for axis in self.side.loops["for"]]
        if len(parts) > 1 and len(self.parts) == 1 and all("bit" in part for part in parts):
            # Planes of one array that are said one by one.
            if [part["bit"] for part in parts] != [*range(self.bits)]:
                return None
            plain = {key: value for key, value in parts[0].items() if key != "bit"}
            parts = [{**plain, "for": [*plain["for"], "bit"]}]
        said = []
        rows = {str(part.get("beat")) for part in parts}
        for part in parts:
            if "array" not in part or part["array"] not in names:
                return None
            bits, used = int(part["bits"]), int(part["used"])
            planes = "bit" in (*outer, *part["for"])
            if part["beat"] not in ("channel", "token") or (bits > 1 and not planes):
                return None
            if used != self.side.beat or (bits > 1 and "bit" in part):
                return None
            inner = " ".join(self._words(part["for"], part["beat"], bits))
            said.append(f"({names[part['array']]}{': ' if inner else ''}{inner})")
        if "beat" in outer and len(rows) != 1:
            return None
        loops = " ".join(self._words(outer, min(rows), self.bits))
        return f"{loops} {' '.join(said)}".strip()

    def _words(self, axes: Sequence[str], row: str, bits: int) -> list[str]:
        found = []
        for axis in axes:
            if axis == "beat":
                found.append(f"{row}s")
            elif axis == "group" and self.axes.get("place", 1) == 1:
                found.append("head")
            elif not (axis == "place" and self.axes["place"] == 1) and (axis, bits) != ("bit", 1):
                found.append(str(axis))
        return found


def _leaves(loops: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """List the parts of a stream that are arrays."""
    found: list[Mapping[str, Any]] = []
    for part in loops["parts"]:
        found += [part] if "array" in part else _leaves(part)
    return found


def link(sources: Sequence[Side], receiver: Side) -> Link:
    """Compare the outputs of layers with the input of another one.

    One source gives all arrays of the receiver, their channels side by side in the order in which
    the receiver's arrays are named; or there is a source for each of these, in that order: q, k, v.

    >>> from spikeloom.design import Design
    >>> from spikeloom.golden.kinds import model
    >>> keys = {"kind": "residual", "tokens": 2, "dim": 8, "steps": 1, "mode": "or"}
    >>> layer = model(Design.from_dict(keys))
    >>> into, out = (
    ...     Side("r", 8, stream.describe(), stream.arrays, {})
    ...     for stream in (layer.stream_in, layer.stream_out)
    ... )
    >>> link([out, out], into).fits, link([out, out], into).turns
    (True, (1, 1))
    >>> link([out], into).differences
    ('channels: 8 and 16',)
    """
    names = sorted(receiver.arrays) if set(receiver.arrays) <= {*"qkv"} else [*receiver.arrays]
    names = [name for name in ("q", "k", "v") if name in names] or names
    if len(sources) not in (1, len(names)):
        said = f"streams: {len(sources)} and {len(names)} ({', '.join(names)})"
        return Link((said,), None)
    here = _Reading(receiver, names)
    there = [_Reading(source, tuple(source.arrays)) for source in sources]
    differences = _shapes(there, here, names)
    if differences:
        return Link(tuple(differences), None)
    whole = len(sources) == 1
    if whole:
        order = there[0].order({there[0].names[0]: " ".join(names)})
        into = [] if order is None else [order]
    else:
        into = _merged(there, names)
    out = here.order({name: name for name in names})
    beats = {each.beat for each in sources}
    if not into or out is None or len(beats) > 1:
        alike = len(names) == 1 and _raw(sources[0]) == _raw(receiver)
        if alike and beats == {receiver.beat}:
            return Link((), None)
        reason = "order: sources of different order" if len(beats) > 1 or not whole else (
            "order: values lie side by side in beats, or bit planes of arrays take turns"
        )  # fmt: skip
        return Link((reason,), None)
    found = [_joined(sources, receiver, there, here, (order, out)) for order in into]
    return next((each for each in found if each.fits), found[0])


def _shapes(there: Sequence[_Reading], here: _Reading, names: Sequence[str]) -> list[str]:
    """Say which sizes and ranges differ."""
    found = []
    for n, name in enumerate(names):
        wanted = _Reading(here.side, (name,))
        given = there[n if len(there) > 1 else 0]
        need, have = wanted.sizes(), given.sizes()
        if len(there) == 1:
            need["channels"] *= len(names)
        found += [f"{key}: {have[key]} and {need[key]}" for key in need if have[key] != need[key]]
        if given.low < wanted.low or given.high > wanted.high:
            spans = (f"{each.low} to {each.high}" for each in (given, wanted))
            found.append(f"values: {' and '.join(spans)}")
        elif given.bits != wanted.bits:
            found.append(f"bits a value: {given.bits} and {wanted.bits}")
    return list(dict.fromkeys(found))


def _merged(there: Sequence[_Reading], names: Sequence[str]) -> list[str]:
    """Say the orders that several sources of one order have in turn; first, by their own loops."""
    orders = [each.order({each.names[0]: "*"}) for each in there]
    if orders[0] is None or set(orders) != {orders[0]}:
        return []
    loops, _, part = orders[0].partition("(*")
    outer, inner = loops.split(), part.removeprefix(":").removesuffix(")").split()
    found = []
    for count in (len(outer), *range(len(outer) + len(inner), len(outer), -1)):
        own, rest = [*outer, *inner][:count], " ".join([*outer, *inner][count:])
        said = " ".join(f"({name}: {rest})" if rest else f"({name})" for name in names)
        found.append(f"{' '.join(own)} {said}")
    return found


def _raw(side: Side) -> Any:
    """Return the loops of a side without the name of its array."""
    return json.loads(json.dumps(side.loops), object_hook=lambda found: {**found, "array": ""})


def _joined(
    sources: Sequence[Side],
    receiver: Side,
    there: Sequence[_Reading],
    here: _Reading,
    orders: tuple[str, str],
) -> Link:
    """Find out whether two orders are the same, or which layer joins them."""
    sizes, beats = here.sizes(), (sources[0].beat, receiver.beat)
    sides = (*there, here)
    for axis, whole, both in (("chunk", "step", "chunk step"), ("place", "head", "group place")):
        if any(each.axes.get(axis, 1) > 1 for each in sides):
            # An axis that one side cuts in two is cut on the other one as well.
            first, last = (
                order if axis in order else re.sub(rf"\b{whole}\b", both, order) for order in orders
            )
            orders = (first, last)
    heads = max(sides, key=lambda each: each.heads)
    keys: dict[str, object] = {
        **{"kind": "reorder", "tokens": sizes["tokens"], "dim": sizes["channels"]},
        **{"heads": heads.heads, "steps": sizes["steps"]},
        **{"input": orders[0], "output": orders[1], "levels": max(1, here.high)},
        "chunk": max(each.axes.get("step", 1) if "chunk" in each.axes else 1
                     for each in sides),
        "places": max(each.axes.get("place", 1) for each in sides),
        "target": {**{key: receiver.target[key] for key in ("device", "clock_mhz")
                      if key in receiver.target}, "beat": max(beats)},
    }  # fmt: skip
    if beats[0] != beats[1]:
        keys["input_beat" if beats[0] < beats[1] else "output_beat"] = min(beats)
    found = [f"beat: {beats[0]} and {beats[1]} bits"] if beats[0] != beats[1] else []
    try:
        design = ReorderDesign.from_dict(keys)
    except DesignError:
        return Link((*found, f"order: {orders[0]} and {orders[1]}"), None)
    turns: tuple[int, ...] = ()
    if len(sources) > 1:
        root = ReorderModel(design).stream_in.root
        turns = tuple(part.count(root.axes) for part in root.parts)
    if not found and _same(design):
        return Link((), None, turns)
    if not _same(design):
        found.append(f"order: {orders[0]} and {orders[1]}")
    return Link(tuple(found), design, turns)


def _same(design: ReorderDesign) -> bool:
    """Whether every value is at the same place of the same beat: a bit of its number at a time."""
    golden = ReorderModel(design)
    shape = golden.output.shape
    number = np.arange(prod(shape)).reshape(shape)
    for place in range(int(number.size - 1).bit_length()):
        x = number >> place & 1
        for value in {1 << bit for bit in range(design.bits)}:
            there, here = golden.pack({"x": x * value}), golden.pack_answer(x * value)
            if there.shape != here.shape or (there != here).any():
                return False
    return True


def to_toml(design: ReorderDesign) -> str:
    """Write the design file of a reordering, without the keys that have their defaults."""
    given = design.model_dump(mode="json", exclude_defaults=True)
    keys = {"kind": "reorder", **given}
    target = {**keys.pop("target", {}), "device": design.target.device, "beat": design.beat}
    keys.pop("name", None)
    return toml({**keys, "target": target})
