"""Synthesize for iCE40 and count cells before packing."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal

from spikeloom.boards.devices import Device
from spikeloom.boards.yosys import run_yosys

__all__ = ["Cells", "Netlist", "SynthOptions", "synthesis_script", "synthesize"]

# Cells that occupy no logic: named so that a cell of a new kind is noticed, not lost.
_SPECIAL = frozenset(
    {
        "SB_GB", "SB_GB_IO", "SB_IO", "SB_IO_OD", "SB_HFOSC", "SB_LFOSC", "SB_I2C", "SB_SPI",
        "SB_LEDDA_IP", "SB_RGBA_DRV", "SB_WARMBOOT", "SB_PLL40_CORE", "SB_PLL40_PAD",
        "SB_PLL40_2_PAD", "SB_PLL40_2F_CORE", "SB_PLL40_2F_PAD",
    }
)  # fmt: skip
_KINDS = {
    "SB_LUT4": "luts",
    "SB_CARRY": "carries",
    "SB_RAM40_4K": "ebr",
    "SB_SPRAM256KA": "spram",
    "SB_MAC16": "dsp",
}


@dataclass(frozen=True)
class Cells:
    """Cells of a netlist, before packing.

    ``luts`` is not the number of logic cells: packing puts a LUT, a carry and a flip-flop into
    one cell where they belong together, and takes a cell of its own for each that stays alone.

    Parameters
    ----------
    luts, carries, ebr, spram, dsp : int
        ``SB_LUT4``, ``SB_CARRY``, ``SB_RAM40_4K``, ``SB_SPRAM256KA``, ``SB_MAC16``.
    flip_flops : mapping of str to int
        By kind (``SB_DFF``, ``SB_DFFESR``, ...), sorted by name.
    special : mapping of str to int
        Clock buffers, oscillators, pads and other hard blocks, sorted by name.
    """

    luts: int = 0
    carries: int = 0
    ebr: int = 0
    spram: int = 0
    dsp: int = 0
    flip_flops: Mapping[str, int] = field(default_factory=dict)
    special: Mapping[str, int] = field(default_factory=dict)

    @property
    def ffs(self) -> int:
        """Flip-flops of all kinds."""
        return sum(self.flip_flops.values())

    @classmethod
    def from_types(cls, counts: Mapping[str, int]) -> "Cells":
        """Sort cell types into kinds; a type that none of them covers is an error.

        >>> cells = Cells.from_types({"SB_LUT4": 3, "SB_DFF": 1, "SB_DFFE": 2})
        >>> cells.luts, cells.ffs
        (3, 3)

        Raises
        ------
        ValueError
            A cell type is unknown. Nothing is ever left out of a count.
        """
        kinds = dict.fromkeys(_KINDS.values(), 0)
        flip_flops: dict[str, int] = {}
        special: dict[str, int] = {}
        for cell, count in sorted(counts.items()):
            if cell in _KINDS:
                kinds[_KINDS[cell]] += count
            elif cell.startswith("SB_DFF"):
                flip_flops[cell] = count
            elif cell in _SPECIAL:
                special[cell] = count
            else:
                raise ValueError(f"Cell type must be an iCE40 primitive, not {cell!r}")
        return cls(**kinds, flip_flops=flip_flops, special=special)


@dataclass(frozen=True)
class SynthOptions:
    """Choices of synthesis; a report records them.

    Parameters
    ----------
    dsp : bool
        Let multiplications infer ``SB_MAC16``. nextpnr does not model that block's timing.
    mapper : {"abc9", "abc"}
        LUT mapper: timing-driven ABC9 (Yosys' default), or classic ABC. Neither is better on
        every design; they differ by a few per cent in cells and clock.
    dff : bool
        Let ABC9 optimise across flip-flops of equal control (``synth_ice40 -dff``).
    dffe_min_ce_use : int
        Flip-flops that an enable must serve to become a clock enable; below, it goes into their
        logic. At least 1.
    no_rw_check : bool
        Treat a memory read that meets a write of the same address as undefined. Saves the logic
        that emulates read-first memories. Only for designs that never look at such a read.
    """

    dsp: bool = False
    mapper: Literal["abc9", "abc"] = "abc9"
    dff: bool = True
    dffe_min_ce_use: int = 2
    no_rw_check: bool = True

    def __post_init__(self) -> None:
        if self.mapper not in ("abc9", "abc"):
            raise ValueError(f"Mapper must be 'abc9' or 'abc', not {self.mapper!r}")
        if self.dff and self.mapper == "abc":
            raise ValueError("Option dff must go with mapper 'abc9', not 'abc'")

        if not isinstance(self.dffe_min_ce_use, int) or self.dffe_min_ce_use < 1:
            raise ValueError(
                f"dffe_min_ce_use must be a positive integer, not {self.dffe_min_ce_use!r}"
            )

    def to_dict(self) -> dict[str, bool | int | str]:
        """Give name and value of every option."""
        return asdict(self)


@dataclass(frozen=True)
class Netlist:
    """A synthesized design.

    Parameters
    ----------
    top : str
        Name of the module.
    source : Path
        What was synthesized. ``STEM.synth.json`` (for nextpnr) and ``STEM.netlist.v`` (for
        simulation with Yosys' ``ice40/cells_sim.v``) lie beside it and hold the same cells.
    cells : Cells
        Counts.
    ports : mapping of str to int
        Width of each port.
    scopes : tuple of str
        Hierarchical paths of the submodules that were flattened, such as ``"engine.popcount"``.
    script : str
        Yosys script that made it.
    """

    top: str
    source: Path
    cells: Cells
    ports: Mapping[str, int]
    scopes: tuple[str, ...]
    script: str

    @property
    def work(self) -> Path:
        """Directory of all files."""
        return self.source.parent

    @property
    def stem(self) -> str:
        """How the names of all files begin."""
        return self.source.stem

    @property
    def json(self) -> Path:
        """Netlist for place and route."""
        return self.work / f"{self.stem}.synth.json"

    @property
    def verilog(self) -> Path:
        """Netlist for simulation."""
        return self.work / f"{self.stem}.netlist.v"

    @property
    def pins(self) -> int:
        """Pins that the ports take."""
        return sum(self.ports.values())


def synthesis_script(source: str, top: str, device: Device, options: SynthOptions) -> str:
    """Write the Yosys script of :func:`synthesize`; file names in it are relative."""
    stem = source.rpartition(".")[0]
    read = "read_rtlil" if source.endswith(".il") else "read_verilog"
    lines = [
        f"{read} {source}",
        f"read_verilog -D ICE40_{device.family.upper()} -lib -specify +/ice40/cells_sim.v",
        f"hierarchy -check -top {top}",
        "proc",
        "flatten",
        f"tee -q -o {stem}.scopes.txt select -list t:$scopeinfo",
        # Aliases of array elements would collide with port bits inside ABC9.
        "opt_clean -purge",
    ]
    flags = f"-top {top} -device {device.family}"
    if options.no_rw_check:
        lines.append("setparam -set COLLISION_X_MASK 1'1 t:$memrd_v2 r:TRANSPARENCY_MASK=1'0 %i")
        flags += " -no-rw-check"
    flags += " -dsp" if options.dsp else ""
    flags += " -dff" if options.dff else ""
    flags += f" -dffe_min_ce_use {options.dffe_min_ce_use}"
    if options.mapper == "abc9":
        lines.append(f"synth_ice40 {flags}")
    else:
        lines += [
            f"synth_ice40 {flags} -run begin:map_luts",
            "techmap -map +/ice40/latches_map.v",
            "abc -dress -lut 4",
            "ice40_wrapcarry -unwrap",
            "techmap -map +/ice40/ff_map.v",
            "clean",
            "opt_lut -tech ice40",
            f"synth_ice40 {flags} -run map_cells:",
        ]
    lines += [
        # Older nextpnr knows no scope cells; simulation models and sources carry machine paths.
        "delete t:$scopeinfo",
        "delete =$paramod*",
        "delete =SB_*/t:* =SB_*/w:$*",
        "setattr -unset src -unset module_not_derived =*/*",
        "setattr -mod -unset src =*",
        f"tee -q -o {stem}.stat.json stat -json",
        f"write_json {stem}.synth.json",
        f"write_verilog -noattr {stem}.netlist.v",
    ]
    return "\n".join(lines) + "\n"


def synthesize(
    source: Path,
    top: str,
    *,
    device: Device,
    options: SynthOptions | None = None,
    native: bool = False,
) -> Netlist:
    """Synthesize one module, flattened, out of context, and count its cells.

    Writes ``STEM.synth.json``, ``STEM.netlist.v``, ``STEM.ys`` and ``STEM.yosys.log`` beside
    ``source``. Takes 1 to 2 s per thousand cells. The result is the same on every run.

    Parameters
    ----------
    source : Path
        RTLIL (``.il``) or Verilog; its name may not hold spaces, its directory may.
    top : str
        Module to synthesize.
    device : Device
        Selects the family's cells and timing.
    options : SynthOptions or None
        Choices of synthesis.
    native : bool
        Use the ``yosys`` on the search path instead of the pyosys wheel.

    Raises
    ------
    ToolError
        Yosys failed or is missing.
    ValueError
        The netlist holds a cell that is no iCE40 primitive.
    """
    work, stem = source.parent, source.stem
    script = synthesis_script(source.name, top, device, options or SynthOptions())
    (work / f"{stem}.ys").write_text(script, encoding="utf-8")
    log = run_yosys(script, work, native=native)
    (work / f"{stem}.yosys.log").write_text(log, encoding="utf-8")

    stat = work / f"{stem}.stat.json"
    counts = json.loads(stat.read_text(encoding="utf-8"))["design"]["num_cells_by_type"]
    listing = work / f"{stem}.scopes.txt"
    names = listing.read_text(encoding="utf-8").split()
    stat.unlink()
    listing.unlink()
    module = json.loads((work / f"{stem}.synth.json").read_text(encoding="utf-8"))["modules"][top]
    return Netlist(
        top=top,
        source=source,
        cells=Cells.from_types(counts),
        ports={name: len(port["bits"]) for name, port in sorted(module["ports"].items())},
        scopes=tuple(sorted(name.partition("/")[2] for name in names)),
        script=script,
    )
