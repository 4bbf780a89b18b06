"""Write the Verilog of a layer, and beside it what a user of the Verilog must know."""

import json
import os
from importlib.metadata import version
from pathlib import Path
from typing import Any

from amaranth.lib import wiring

from spikeloom.boards.yosys import yosys_version
from spikeloom.design import Design
from spikeloom.golden.beats import counts
from spikeloom.golden.ranges import bits, ranges
from spikeloom.hdl.attention import Attention
from spikeloom.hdl.axi import AxiStreamTop
from spikeloom.sim.spikes import InputError, replacing
from spikeloom.sim.verilog import to_verilog

__all__ = ["describe", "generate"]


def generate(design: Design, folder: Path) -> tuple[Path, Path]:
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


def describe(design: Design) -> dict[str, Any]:
    """Describe the Verilog of a layer: ports, beats, cycles, memories, versions of the tools."""
    layer = Attention(design)
    return {
        "name": design.name,
        "module": design.module,
        "made_by": f"spikeloom {version('spikeloom')}",
        "tools": {"amaranth": version("amaranth"), "yosys": yosys_version()},
        "ports": _ports(AxiStreamTop(design)),
        "clock": {"port": "clk", "edge": "rising", "mhz": design.target.clock_mhz},
        "reset": {"port": "rst", "active": "high", "kind": "synchronous"},
        "beats": _beats(design),
        "latency": {
            "compute_cycles": layer.compute_cycles(),
            "compute_cycles_a_step": layer.compute_cycles() // design.steps,
        },
        "numbers": _numbers(design),
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


def _beats(design: Design) -> dict[str, Any]:
    number = counts(design)
    state = design.order == "state"
    tokens = "token by token, channel c at bit c % width of beat c // width"
    channels = "channel by channel, token j at bit j % width of beat j // width"
    drive = "token by token, channel by channel, two's complement, low beat first"
    return {
        "width": design.beat,
        "order": "for each head: for each step: the sections of that head and step",
        "in": {
            "sections": [
                {"name": "k", "beats": number.k, "order": channels if state else tokens},
                {"name": "v", "beats": number.v, "order": tokens},
                {"name": "q", "beats": number.q, "order": tokens},
            ],
            "beats": number.inputs,
            "last": "not looked at: the number of beats decides",
        },
        "out": {
            "sections": [
                {
                    "name": "drive" if design.neuron == "none" else "spikes",
                    "beats": number.out,
                    "order": drive if design.neuron == "none" else tokens,
                }
            ],
            "beats": number.outputs,
            "last": "high on the last beat of an inference",
        },
    }


def _numbers(design: Design) -> dict[str, Any]:
    spans = ranges(design)
    numbers: dict[str, Any] = {"fraction_bits": design.drive_fraction}
    for name in ("score", "drive", "membrane"):
        low, high = getattr(spans, name)
        width, signed = bits(low, high)
        numbers[name] = {"low": low, "high": high, "bits": width, "signed": signed}
    numbers["saturates_at"] = spans.saturate
    return numbers
