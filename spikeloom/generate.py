"""Write the Verilog of a layer, and beside it what a user of the Verilog must know."""

import contextlib
import json
import zlib
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.errors import words
from spikeloom.files import InputError, replacing
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked, unused
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.owner import check_owner
from spikeloom.sim.verilog import primitives, to_verilog

__all__ = ["describe", "generate"]


def generate(design: Design, folder: Path, *, source: str = "") -> tuple[Path, ...]:
    """Write ``NAME.v`` and ``NAME.json`` into ``folder``, which is made if it does not exist.

    Of a layer that is loaded over the stream also ``NAME.load``, what is to be sent to it first.
    The same design and versions give the same bytes on every run and machine. Each file appears
    whole or not at all, and none without the others.

    Parameters
    ----------
    design : Design
        The layer.
    folder : Path
        Where the files go.
    source : str
        Name of the design file, without its folder. ``NAME.json`` keeps it, and files of another
        design are not written over.

    Returns
    -------
    tuple of Path
        The Verilog and its description, and what loads it where there is such a file.

    Raises
    ------
    InputError
        The folder cannot be made or written, or holds such files of another design.
    MissingToolError
        Yosys is not installed.
    """
    folder = Path(folder)
    load = _load(design)
    names = [f"{design.name}.v", f"{design.name}.json"]
    if load:
        names.append(f"{design.name}.load")
    check_owner(folder, design.name, source, building=False, more=names[2:])
    paths = tuple(folder / name for name in names)
    portable = design.target.cells == "portable"
    verilog = to_verilog(AxiStreamTop(design), design.module, portable=portable)
    known = {**describe(design, source=source), "primitives": list(primitives(verilog))}
    description = json.dumps(known, indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be made: {words(error)}") from error
    with contextlib.ExitStack() as stack:
        # All are written before the first is put in its place, the description last.
        order = (1, 0, 2)[: len(paths)]
        contents = (verilog.encode(), description.encode(), load)
        fresh = [stack.enter_context(replacing(paths[n])) for n in order]
        for file, n in zip(fresh, order, strict=True):
            file.write_bytes(contents[n])
    return paths


def _load(design: Design) -> bytes:
    """Return the frames to send before the first inference, as the link sends their words.

    A beat is a whole number of bytes, the low one first; a link of fewer bits takes it in turn from
    the low end on.
    """
    frames = asked(design).preamble
    size = design.beat // 8
    return b"".join(int(beat).to_bytes(size, "little") for frame in frames for beat in frame)


def describe(design: Design, *, source: str = "") -> dict[str, Any]:
    """Describe the Verilog of a layer: ports, beats, cycles, memories, versions of the tools.

    ``source`` is the name of the design file.
    """
    layer = asked(design)
    device = DEVICES[design.target.device]
    described = model(design).describe()
    return {
        "name": design.name,
        "module": design.module,
        "source": source,
        "made_by": f"spikeloom {version('spikeloom')}",
        "tools": {"amaranth": version("amaranth"), "yosys": yosys_version()},
        "ports": _ports(unused(AxiStreamTop(design))),
        "clock": {"port": "clk", "edge": "rising", "mhz": design.target.clock_mhz},
        "reset": {
            "port": "rst",
            "active": "high",
            "kind": "synchronous",
            "after_configuration": {
                "microseconds": device.wake_us,
                "cycles": device.wake_cycles(design.target.clock_mhz),
            },
            "later": {"cycles": 1},
        },
        "beats": described["beats"],
        "latency": {
            "compute_cycles": layer.compute_cycles(),
            "compute_cycles_a_step": layer.compute_cycles() // design.steps,
            "watchdog_cycles": layer.watchdog_cycles,
        },
        **_describe_load(design),
        "numbers": described["numbers"],
        "layout": layer.manifest(),
        "design": design.model_dump(mode="json", exclude_none=True),
        "warnings": list(design.warnings),
    }


def _describe_load(design: Design) -> dict[str, Any]:
    """Describe what is to be sent before the first inference, where something is."""
    load = _load(design)
    if not load:
        return {}
    frames = asked(design).preamble
    return {
        "load": {
            "file": f"{design.name}.load",
            "bytes": len(load),
            "crc32": f"{zlib.crc32(load):08x}",
            "frames": [len(frame) for frame in frames],
            "order": "frame by frame, with tlast on the last word of each: beats, low byte first",
        }
    }


def _ports(top: wiring.Component) -> list[dict[str, Any]]:
    ports: list[dict[str, Any]] = [
        {"name": "clk", "direction": "input", "width": 1},
        {"name": "rst", "direction": "input", "width": 1},
    ]
    for path, member, value in top.signature.flatten(top):
        direction = "input" if member.flow == wiring.In else "output"
        ports.append(
            {"name": "__".join(map(str, path)), "direction": direction, "width": len(value)}
        )
    return ports
