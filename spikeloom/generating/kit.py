"""What integrates a layer's Verilog into a project that is not ours.

``NAME.inst.v``
    An instance of it to copy, with a comment a port.
``NAME.tb.v``, ``NAME.in.hex``, ``NAME.out.hex``
    A test bench in Verilog that checks itself, and its vectors.
``NAME.cells.v``
    Models of the cells that the Verilog names, with ``target.cells = "ice40"`` only.
``NAME.core``
    The layer as a FuseSoC core, with targets to lint and to simulate it.
``MODULE_litex.py``
    The layer as a LiteX module.

Each says in its first lines whose it is, and is not written over files that do not.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.generating.description import load_bytes, ports
from spikeloom.generating.fusesoc import core_file
from spikeloom.generating.litex import litex_file
from spikeloom.generating.vectors import Vectors, make_vectors
from spikeloom.hdl.kinds import asked
from spikeloom.owner import mark
from spikeloom.sim import verilog
from spikeloom.sim.traffic import PATIENCE

__all__ = ["kit_files", "kit_names"]

_MEANINGS = {
    "clk": "everything happens on the rising edge",
    "rst": "synchronous, active high",
    "s_axis_tdata": "beats in",
    "s_axis_tlast": "not looked at: the number of beats decides",
    "m_axis_tdata": "beats out",
    "m_axis_tlast": "last beat of an inference",
    "busy": "an engine works",
}
_PLACE = re.compile(r"@\{(\w+)\}")


def kit_names(design: Design) -> tuple[str, ...]:
    """Name the files of the kit."""
    name = design.name
    cells = () if _portable(design) else (f"{name}.cells.v",)
    bench = (f"{name}.tb.v", f"{name}.in.hex", f"{name}.out.hex")
    return (f"{name}.inst.v", *bench, *cells, f"{name}.core", f"{design.module}_litex.py")


def kit_files(design: Design, arrays: Mapping[str, NDArray[Any]] | None = None) -> dict[str, bytes]:
    """Make the files of the kit: contents by name.

    The golden model answers the inferences of the test bench, which takes some seconds for a large
    layer. ``arrays`` are their inputs; without them, two are drawn.
    """
    words = make_vectors(design, arrays)
    told = f"// {mark(design.name)}\n"
    bench = _bench(design, words)
    texts = [
        _instance(design),
        bench,
        told + words.to_hex(words.sent),
        told + words.to_hex(words.wanted),
        *([] if _portable(design) else [told + _read(Path(verilog.__file__), "ice40_cells.v")]),
        core_file(design),
        litex_file(design),
    ]
    return {name: text.encode() for name, text in zip(kit_names(design), texts, strict=True)}


def _portable(design: Design) -> bool:
    return design.target.cells == "portable"


def _read(beside: Path, name: str) -> str:
    return beside.with_name(name).read_text(encoding="utf-8")


def _instance(design: Design) -> str:
    """Write an instance to copy, each port joined to a signal of its own name."""
    meanings = dict(_MEANINGS)
    if asked(design).framed:
        meanings["s_axis_tlast"] = "last beat of a sequence"
    found = ports(design)
    widest = max(len(port["name"]) for port in found)
    lines = [f"// {mark(design.name)} To copy; docs: {design.name}.json.", ""]
    lines += [f"{_declaration(port)};" for port in found if port["name"] not in ("clk", "rst")]
    lines += ["", f"{design.module} {design.module}_0 ("]
    for place, port in enumerate(found):
        name = port["name"]
        end = "," if place < len(found) - 1 else " "
        arrow = "in " if port["direction"] == "input" else "out"
        connection = f"  .{name:<{widest}} ({name:<{widest}}){end}  // {arrow}"
        lines.append(f"{connection} {meanings.get(name, '')}".rstrip())
    return "\n".join([*lines, ");", ""])


def _declaration(port: dict[str, Any]) -> str:
    width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
    return f"wire {width}{port['name']}"


def _bench(design: Design, words: Vectors) -> str:
    layer, name, module = asked(design), design.name, design.module
    cells = "" if _portable(design) else f" {name}.cells.v"
    sources = f"{name}.tb.v {name}.v{cells}"
    connections = ",\n".join(f"    .{port['name']}({port['name']})" for port in ports(design))
    values = {
        "MARK": mark(name),
        "NAME": name,
        "MODULE": module,
        "WIDTH": design.link,
        "SENT": len(words.sent),
        "WANTED": len(words.wanted),
        "INFERENCES": f"{words.inferences} inference{'s' * (words.inferences > 1)}",
        "LOADED": " behind its program" if load_bytes(design) else "",
        "PATIENCE": layer.watchdog_cycles + PATIENCE,
        "CONNECTIONS": connections,
        "ICARUS": f"iverilog -g2012 -o {module}_tb {sources}",
        "VERILATOR": f"verilator --binary -Wno-fatal --top-module {module}_tb {sources}",
    }
    return _PLACE.sub(lambda found: str(values[found[1]]), _read(Path(__file__), "testbench.v"))
