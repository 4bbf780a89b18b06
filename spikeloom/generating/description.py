"""What a user of the generated Verilog must know and cannot see in it."""

import zlib
from importlib.metadata import version
from typing import Any

from amaranth.lib import wiring

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked, unused
from spikeloom.hdl.top import PORTS, AxiStreamTop

__all__ = ["describe", "load_bytes", "ports"]


def load_bytes(design: Design) -> bytes:
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
    most = layer.compute_cycles()
    cycles = {"compute_cycles": most, "compute_cycles_a_step": most // design.steps}
    device = DEVICES[design.target.device]
    golden = model(design)
    described = golden.describe()
    return {
        "name": design.name,
        "module": design.module,
        "source": source,
        "made_by": f"spikeloom {version('spikeloom')}",
        "tools": {"amaranth": version("amaranth"), "yosys": yosys_version()},
        "ports": ports(design),
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
        "arrays": {"in": golden.stream_in.arrays, "out": golden.stream_out.arrays},
        "latency": {
            "worst_case": cycles,
            # The same numbers, where they stood before they said what they are.
            **cycles,
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
    load = load_bytes(design)
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


def ports(design: Design) -> list[dict[str, Any]]:
    """List the ports of the Verilog in their order: name, direction, width."""
    top = unused(AxiStreamTop(design))
    found = {
        "__".join(map(str, path)): {
            "direction": "input" if member.flow == wiring.In else "output",
            "width": len(value),
        }
        for path, member, value in top.signature.flatten(top)
    }
    outside = {"direction": "input", "width": 1}
    return [{"name": name, **found.get(name, outside)} for name in PORTS]
