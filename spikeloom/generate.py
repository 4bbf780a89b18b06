"""Write the Verilog of a layer, and beside it what a user of the Verilog must know."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.yosys import yosys_version
from spikeloom.design_layer import Layer
from spikeloom.golden.models import model
from spikeloom.hdl.axi import AxiStreamTop
from spikeloom.hdl.layers import component
from spikeloom.sim.spikes import InputError, replacing
from spikeloom.sim.verilog import to_verilog

__all__ = ["describe", "generate"]


def generate(design: Layer, folder: Path) -> tuple[Path, Path]:
    """Write ``NAME.v`` and ``NAME.json`` into ``folder``, which is made if it does not exist.

    The same design and versions give the same bytes on every run and machine. Each file appears
    whole or not at all.

    Returns
    -------
    tuple of Path
        The Verilog and its description.

    Raises
    ------
    InputError
        The folder cannot be made or written.
    MissingToolError
        Yosys is not installed.
    """
    verilog = to_verilog(AxiStreamTop(design), design.module)
    description = json.dumps(describe(design), indent=2) + "\n"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{folder}: must be a folder that can be made: {error.strerror}"
        ) from error
    paths = (folder / f"{design.name}.v", folder / f"{design.name}.json")
    for path, text in zip(paths, (verilog, description), strict=True):
        with replacing(path) as fresh:
            fresh.write_text(text, encoding="utf-8", newline="\n")
            # A file that the machine may lose again is not written yet.
            with fresh.open("rb") as file:
                os.fsync(file.fileno())
    return paths


def describe(design: Layer) -> dict[str, Any]:
    """Describe the Verilog of a layer: ports, beats, cycles, memories, versions of the tools."""
    layer = component(design)
    device = DEVICES[design.target.device]
    described = model(design).describe()
    return {
        "name": design.name,
        "module": design.module,
        "made_by": f"spikeloom {version('spikeloom')}",
        "tools": {"amaranth": version("amaranth"), "yosys": yosys_version()},
        "ports": _ports(AxiStreamTop(design)),
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
