"""Write the Verilog of a layer, and beside it what a user of the Verilog must know."""

import contextlib
import json
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.files import InputError, replacing, words
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked, unused
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.owner import check_owner
from spikeloom.sim.verilog import primitives, to_verilog

__all__ = ["describe", "generate"]


def generate(design: Design, folder: Path, *, source: str = "") -> tuple[Path, Path]:
    """Write ``NAME.v`` and ``NAME.json`` into ``folder``, which is made if it does not exist.

    The same design and versions give the same bytes on every run and machine. Each file appears
    whole or not at all, and neither without the other.

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
        The Verilog and its description.

    Raises
    ------
    InputError
        The folder cannot be made or written, or holds such files of another design.
    MissingToolError
        Yosys is not installed.
    """
    folder = Path(folder)
    check_owner(folder, design.name, source, building=False)
    paths = (folder / f"{design.name}.v", folder / f"{design.name}.json")
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
        fresh = [stack.enter_context(replacing(path)) for path in reversed(paths)]
        for file, text in zip(fresh, (description, verilog), strict=True):
            file.write_text(text, encoding="utf-8", newline="\n")
    return paths


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
        "numbers": described["numbers"],
        "layout": layer.manifest(),
        "design": design.model_dump(mode="json", exclude_none=True),
        "warnings": list(design.warnings),
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
