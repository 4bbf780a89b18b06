"""Pads: which a package has, what a user's constraints give, and a placement that avoids some.

``python -m spikeloom.boards.pins DEVICE PLACED.json [PCF]`` does to a placed design of nextpnr what
:func:`move_ports` does; ports that the constraints name stay.
"""

import functools
import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeloom.boards.devices import DEVICES, Device

__all__ = ["Pin", "PinError", "check_pins", "move_ports", "pads", "placed_pins", "write_pcf"]

_IO = "$sb_io"
_BEL = "NEXTPNR_BEL"


class PinError(Exception):
    """Pins that a design cannot have. One line; a wrong request, exit code 2."""


@dataclass(frozen=True)
class Pin:
    """Where one bit of a port goes.

    Parameters
    ----------
    port : str
        Port, with the number of the bit where it has several: ``"s_axis_tdata[3]"``.
    pad : str
        Pad of the package.
    direction : {"input", "output"}
        Seen from the layer.
    given : bool
        Named by the user, not chosen.
    """

    port: str
    pad: str
    direction: str
    given: bool = False


@functools.cache
def _tables() -> dict[str, dict[str, str]]:
    text = Path(__file__).with_name("pads.json").read_text(encoding="utf-8")
    tables: dict[str, dict[str, str]] = json.loads(text)
    return tables


def pads(device: Device) -> Mapping[str, str]:
    """Name every pad of a device that a port may have, and nextpnr's place behind it.

    The table is nextpnr's own knowledge; ``python tools/pads.py`` asks for it again.
    """
    return _tables()[device.name]


def check_pins(
    lines: Sequence[str], ports: Mapping[str, str], device: Device, key: str
) -> dict[str, str]:
    """Read constraints: give the pad of each port that has one.

    Parameters
    ----------
    lines : sequence of str
        ``set_io [options] PORT PAD``, one each.
    ports : mapping of str to str
        Direction of each bit of a port.
    device : Device
        Device with its package.
    key : str
        How messages begin: file, or design and key.

    Raises
    ------
    PinError
        A port or pad does not exist or stands twice, or an output is put on an open-drain pad.
    """
    found: dict[str, str] = {}
    known = pads(device)
    for line in lines:
        *_, port, pad = line.split()
        said = f"{key}: {line}"
        if port not in ports:
            raise PinError(f"{said}: must be a port of the layer: {_shorten(ports)}")
        if pad not in known:
            raise PinError(f"{said}: must be a pad of {device.name}: {_shorten(known)}")
        if port in found:
            raise PinError(f"{said}: must be the only line for {port}, which has pad {found[port]}")
        if pad in found.values():
            (other,) = (name for name, taken in found.items() if taken == pad)
            raise PinError(f"{said}: must be a pad of its own, and {other} has it")
        if pad in device.open_drain and ports[port] == "output":
            raise PinError(
                f"{said}: must be a pad that drives high and low; "
                f"{', '.join(device.open_drain)} are open drain, for inputs only"
            )
        found[port] = pad
    return found


def _shorten(names: Iterable[str]) -> str:
    """List names, numbers that follow each other as a range.

    >>> _shorten(["clk", "d[0]", "d[1]", "d[2]", "2", "3", "4", "9"])
    'clk, d[0] to d[2], 2 to 4, 9'
    """
    runs: list[list[str]] = []
    for name in names:
        before = _split(runs[-1][-1]) if runs else None
        own = _split(name)
        if before and own and before[0] == own[0] and before[1] + 1 == own[1]:
            runs[-1].append(name)
        else:
            runs.append([name])
    return ", ".join(run[0] if len(run) == 1 else f"{run[0]} to {run[-1]}" for run in runs)


def _split(name: str) -> tuple[str, int] | None:
    found = re.fullmatch(r"(.*?)(\d+)\]?", name)
    return None if found is None else (found[1], int(found[2]))


def write_pcf(lines: Sequence[str], path: Path) -> None:
    """Write constraints for nextpnr."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def placed_pins(
    placed: Mapping[str, Any], device: Device, given: Iterable[str] = ()
) -> tuple[Pin, ...]:
    """Read the pins of a design that nextpnr placed, in the order of the ports' names."""
    named = frozenset(given)
    by_place = {place: pad for pad, place in pads(device).items()}
    return tuple(
        Pin(port, by_place[cell["attributes"][_BEL]], direction, port in named)
        for port, direction, cell in _ports(placed)
    )


def _ports(placed: Mapping[str, Any]) -> list[tuple[str, str, dict[str, Any]]]:
    """List port, direction and pad cell, ``d[2]`` before ``d[10]``."""
    (module,) = placed["modules"].values()
    directions = {name: port["direction"] for name, port in module["ports"].items()}
    cells = [
        (name.removesuffix(_IO), cell)
        for name, cell in module["cells"].items()
        if cell["type"] == "SB_IO" and name.endswith(_IO)
    ]
    cells.sort(key=lambda item: _split(item[0]) or (item[0], -1))
    return [(port, _direction(port, directions), cell) for port, cell in cells]


def _direction(port: str, directions: Mapping[str, str]) -> str:
    return directions.get(port) or directions[port.partition("[")[0]]


def move_ports(placed: Mapping[str, Any], device: Device, given: Iterable[str] = ()) -> bool:
    """Move ports that were placed on open-drain pads to the nearest free ones; say if any was.

    Such a pad, meant for a lamp, does not drive high. Nothing but pads is moved, so that the
    clock of the placement stays. Where all other pads are taken, inputs stay, and outputs change
    places with inputs.

    Parameters
    ----------
    placed : mapping
        A design that nextpnr placed and did not route; it is changed.
    device : Device
        Device that it was placed on.
    given : iterable of str
        Ports that stay where they are.

    Raises
    ------
    PinError
        There is no pad left for an output.
    """
    named = frozenset(given)
    known = pads(device)
    drains = {known[pad] for pad in device.open_drain}
    ports = [item for item in _ports(placed) if item[0] not in named]
    taken = {cell["attributes"][_BEL] for _, _, cell in _ports(placed)}
    moved = False
    # Outputs first: they must go.
    for port, direction, cell in sorted(ports, key=lambda item: item[1] != "output"):
        here = cell["attributes"][_BEL]
        if here not in drains:
            continue
        free = [place for place in known.values() if place not in taken | drains]
        if free:
            there = min(free, key=lambda place: _distance(here, place))
            taken = taken - {here} | {there}
        elif direction == "input":
            continue
        else:
            inputs = [
                other
                for _, way, other in ports
                if way == "input" and other["attributes"][_BEL] not in drains
            ]
            if not inputs:
                raise PinError(f"{port}: must have a pad that is not open drain; none is left")
            other = min(inputs, key=lambda item: _distance(here, item["attributes"][_BEL]))
            there = other["attributes"][_BEL]
            other["attributes"][_BEL] = here
        cell["attributes"][_BEL] = there
        moved = True
    return moved


def _distance(one: str, other: str) -> tuple[int, str]:
    (x1, y1), (x2, y2) = (map(int, re.findall(r"[XY](\d+)", place)) for place in (one, other))
    return abs(x1 - x2) + abs(y1 - y2), other


def _main(device: str, name: str, pcf: str | None = None) -> None:
    path = Path(name)
    placed = json.loads(path.read_text(encoding="utf-8"))
    lines = [] if pcf is None else Path(pcf).read_text(encoding="utf-8").splitlines()
    given = [line.split()[-2] for line in lines]
    if move_ports(placed, DEVICES[device], given):
        path.write_text(json.dumps(placed), encoding="utf-8")


if __name__ == "__main__":
    _main(*sys.argv[1:])
