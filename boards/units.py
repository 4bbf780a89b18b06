"""Measure small units out of context: cells of the unit alone, and clock."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from amaranth.back import rtlil  # type: ignore[attr-defined]
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.ice40 import Netlist, SynthOptions, synthesize
from spikeloom.boards.place import pack, place_seeds
from spikeloom.hdl.popcount.pairs import PairPopcount

__all__ = ["Bench", "UnitReport", "measure", "synthesize_unit"]


class Bench(wiring.Component):
    """A pair counter with registers at both ends, on few enough pins for any width.

    The words come from one shift register of ``2 * width`` flip-flops, which share no cell with
    the unit, because no LUT drives them. The outputs of the unit go to pins; they come from
    registers if the unit has a stage or more.

    Parameters
    ----------
    unit : PairPopcount
        Unit to measure. Must have at least one stage.

    Members
    -------
    d : In(1)
        Bit shifted in.
    o : Out(range(width + 1))
        Output of the unit.
    """

    d: Signal
    o: Signal

    def __init__(self, unit: PairPopcount):
        if unit.stages < 1:
            raise ValueError(f"Unit must have at least one stage, not {unit.stages!r}")
        self._unit = unit
        super().__init__({"d": In(1), "o": Out(range(unit.width + 1))})

    @property
    def cells(self) -> int:
        """Logic cells of the bench itself: one for each bit of its shift register."""
        return 2 * self._unit.width

    def elaborate(self, platform: object) -> Module:
        """Build the shift register around the unit."""
        m = Module()
        m.submodules.unit = unit = self._unit
        taps = Signal(2 * unit.width, reset_less=True)
        m.d.sync += taps.eq(Cat(self.d, taps))
        m.d.comb += [
            Cat(unit.a, unit.b).eq(taps),
            self.o.eq(unit.o),
        ]
        return m


@dataclass(frozen=True)
class UnitReport:
    """What a unit takes.

    Parameters
    ----------
    logic_cells : int
        ``ICESTORM_LC`` of the unit alone: those of the packed bench, less the flip-flops of the
        bench and less the two sources of constants that nextpnr adds to every design.
    luts, carries, ffs : int
        Primitives of the unit after synthesis.
    latency : int
        Ranks of registers, the output's included.
    fmax_mhz : tuple of float
        Clock of each seed.
    """

    logic_cells: int
    luts: int
    carries: int
    ffs: int
    latency: int
    fmax_mhz: tuple[float, ...]

    @property
    def worst_mhz(self) -> float | None:
        """Clock of the worst seed, None without seeds."""
        return min(self.fmax_mhz, default=None)


def synthesize_unit(
    unit: PairPopcount, work: Path, *, options: SynthOptions | None = None
) -> Netlist:
    """Synthesize a unit in its bench for the UP5K, in directory ``work``."""
    source = work / "unit.il"
    source.write_text(rtlil.convert(Bench(unit), name="bench", emit_src=False), encoding="utf-8")
    return synthesize(source, "bench", device=DEVICES["up5k-sg48"], options=options)


def measure(
    unit: PairPopcount,
    *,
    seeds: Sequence[int] = (1, 2, 3, 4),
    work: Path | None = None,
    options: SynthOptions | None = None,
) -> UnitReport:
    """Measure a unit on the UP5K with registers at both ends.

    Parameters
    ----------
    unit : PairPopcount
        Unit with at least one stage.
    seeds : sequence of int
        Seeds of place and route, each 2 to 5 s; none gives the cells only.
    work : Path or None
        Directory for all files; a temporary one by default.
    options : SynthOptions or None
        Choices of synthesis.
    """
    if work is None:
        with tempfile.TemporaryDirectory(dir=Path.cwd()) as path:
            return measure(unit, seeds=seeds, work=Path(path), options=options)
    device = DEVICES["up5k-sg48"]
    bench = 2 * unit.width
    netlist = synthesize_unit(unit, work, options=options)
    packing = pack(netlist, device)
    constants = 2
    placements = place_seeds(netlist, device, seeds=seeds, clock_mhz=48) if seeds else ()
    return UnitReport(
        logic_cells=packing.used.logic_cells - bench - constants,
        luts=netlist.cells.luts,
        carries=netlist.cells.carries,
        ffs=netlist.cells.ffs - bench,
        latency=unit.latency,
        fmax_mhz=tuple(p.fmax_mhz for p in placements if p.fmax_mhz is not None),
    )
