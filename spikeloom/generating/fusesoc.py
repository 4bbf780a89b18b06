"""A layer as a core of FuseSoC (CAPI 2), which other cores depend on, lint and simulate."""

from importlib.metadata import version

from spikeloom.design.base import Design
from spikeloom.owner import mark

__all__ = ["core_file"]

_CORE = """\
CAPI=2:
# {mark}

name: ":spikeloom:{module}:{version}"
description: "{description}"

filesets:
  rtl:
    files: [{name}.v]
    file_type: verilogSource
{models}  testbench:
    files:
      - {name}.tb.v: {{file_type: systemVerilogSource}}
      - {name}.in.hex: {{file_type: user, copyto: {name}.in.hex}}
      - {name}.out.hex: {{file_type: user, copyto: {name}.out.hex}}

targets:
  default:
    filesets: [rtl]
    toplevel: {module}

  lint:
    flow: lint
    flow_options:
      tool: verilator
      verilator_options: [-Wall]
    filesets: [{sources}]
    toplevel: {module}

  # fusesoc run --target sim [--tool verilator] {module} [--stalls PERCENT] [--seed N]
  sim:
    flow: sim
    flow_options:
      tool: icarus
      iverilog_options: [-g2012]
      mode: binary
      verilator_options: [-Wno-fatal]
    filesets: [{sources}, testbench]
    parameters: [stalls, seed]
    toplevel: {module}_tb

parameters:
  stalls:
    datatype: int
    paramtype: plusarg
    default: 25
    description: "cycles in which either side pauses, per cent, 0 to 99"
  seed:
    datatype: int
    paramtype: plusarg
    default: 1
    description: "draws other pauses"
"""


_MODELS = """\
  models:
    files: [{name}.cells.v]
    file_type: verilogSource
"""


def core_file(design: Design) -> str:
    """Write the core file of a layer; its files are found beside it."""
    portable = design.target.cells == "portable"
    return _CORE.format(
        mark=mark(design.name),
        name=design.name,
        module=design.module,
        version=version("spikeloom"),
        description=f"Spiking transformer: {design.kind}",
        models="" if portable else _MODELS.format(name=design.name),
        sources="rtl" if portable else "rtl, models",
    )
