"""What each supported device holds, and how a request that exceeds it is worded."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import ceil

from spikeloom.errors import RequestError

__all__ = ["DEVICES", "Device", "DoesNotFitError", "Resources", "Shortage", "check_fit"]

_UNITS = {
    "logic_cells": "logic cells",
    "ebr": "EBR",
    "spram": "SPRAM",
    "dsp": "DSP",
    "pins": "I/O pins",
}


@dataclass(frozen=True)
class Resources:
    """Amounts of what a device has and a design takes.

    Parameters
    ----------
    logic_cells : int
        ``ICESTORM_LC``: one LUT4, one carry and one flip-flop that share a cell.
    ebr : int
        Block RAMs of 4 kbit (256 x 16).
    spram : int
        Single-port RAMs of 256 kbit (16,384 x 16).
    dsp : int
        ``SB_MAC16`` multiply-accumulate blocks.
    pins : int
        Pins that a design may use.
    """

    logic_cells: int = 0
    ebr: int = 0
    spram: int = 0
    dsp: int = 0
    pins: int = 0

    def items(self) -> list[tuple[str, int]]:
        """List resource name and amount, in the order every table uses."""
        return [(field.name, getattr(self, field.name)) for field in fields(self)]


@dataclass(frozen=True)
class Device:
    """An FPGA in its package.

    Parameters
    ----------
    name : str
        As in a design file's ``target.device``.
    family : str
        Yosys' ``synth_ice40 -device`` (``u``, ``hx`` or ``lp``).
    die : str
        nextpnr's die option, without the dashes.
    package : str
        nextpnr's ``--package``.
    total : Resources
        What it holds.
    open_drain : tuple of str
        Pads that drive low only: those of the UP5K's driver for a lamp of three colours.
    wake_us : int
        Microseconds after configuration in which reads of block memory may give 0. Measured are 3
        on the iCE40 (icestorm issue 76); this is five times as much.
    """

    name: str
    family: str
    die: str
    package: str
    total: Resources
    open_drain: tuple[str, ...] = ()
    wake_us: int = 15

    def wake_cycles(self, mhz: float) -> int:
        """Cycles of reset after configuration at a clock of so many MHz.

        >>> DEVICES["up5k-sg48"].wake_cycles(48), DEVICES["up5k-sg48"].wake_cycles(12)
        (720, 180)
        """
        return ceil(self.wake_us * mhz)


_UP5K = Resources(5280, 30, 4, 8)
_1K = Resources(1280, 16)
# The 4K parts hold the die of the 8K parts, but Lattice promises only this much of it.
_4K = Resources(3520, 20)
_8K = Resources(7680, 32)


def _device(name: str, family: str, total: Resources, pins: int, *open_drain: str) -> Device:
    die, package = name.split("-")
    return Device(name, family, die, package, replace(total, pins=pins), open_drain)


#: Every device that a design file may name.
#: Ref: Lattice FPGA-DS-02008 (UltraPlus) and FPGA-DS-02029 (LP/HX), resources and pins by package.
DEVICES: Mapping[str, Device] = {
    device.name: device
    for device in (
        _device("up5k-sg48", "u", _UP5K, 39, "39", "40", "41"),
        _device("up5k-uwg30", "u", _UP5K, 21, "A5", "B5", "C5"),
        _device("hx1k-tq144", "hx", _1K, 95),
        _device("hx4k-tq144", "hx", _4K, 107),
        _device("hx8k-ct256", "hx", _8K, 206),
        _device("lp1k-cm121", "lp", _1K, 95),
        _device("lp8k-cm225", "lp", _8K, 178),
    )
}


@dataclass(frozen=True)
class Shortage:
    """One resource of which a design needs more than the device has."""

    resource: str
    needed: int
    available: int

    def __str__(self) -> str:
        """Word it with unit, need, stock and difference.

        >>> str(Shortage("logic_cells", 6120, 5280))
        'needs 6120 logic cells and 5280 are available (840 too many)'
        """
        excess = self.needed - self.available
        return (
            f"needs {self.needed} {_UNITS[self.resource]} and {self.available} are available "
            f"({excess} too many)"
        )


class DoesNotFitError(RequestError):
    """A design needs more than the device has. A wrong request: exit code 2, nothing written.

    The message is one line: design, device, and for each resource what is needed, what is
    available and the difference.

    Parameters
    ----------
    name : str
        Design.
    device : str
        Device.
    shortages : tuple of Shortage
        At least one.
    """

    def __init__(self, name: str, device: str, shortages: tuple[Shortage, ...]):
        super().__init__(f"{name}: target.device: {device}: " + "; ".join(map(str, shortages)))
        self.name = name
        self.device = device
        self.shortages = shortages


def check_fit(name: str, needed: Resources, device: Device) -> None:
    """Raise :class:`DoesNotFitError` if ``needed`` exceeds what ``device`` has.

    Works for exact counts and for lower bounds alike; a resource left at 0 is not checked.
    """
    available = dict(device.total.items())
    short = tuple(
        Shortage(resource, amount, available[resource])
        for resource, amount in needed.items()
        if amount > available[resource]
    )
    if short:
        raise DoesNotFitError(name, device.name, short)
