"""From a design to a netlist, a placed layer, a bitstream and a report of what it costs."""

import hashlib
import importlib.metadata
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from amaranth.lib import wiring
from numpy.typing import NDArray

from spikeloom.assemble import Counts, assemble, merged
from spikeloom.boards.devices import DEVICES, Resources, check_fit
from spikeloom.boards.ice40 import SynthOptions, synthesize
from spikeloom.boards.pins import check_pins, write_pcf
from spikeloom.boards.place import pack, pack_bitstream, place_seeds, place_version
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.errors import RequestError, words
from spikeloom.files import fresh_folder, share, sync_tree
from spikeloom.golden.arrays import one_by_one
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.top import PORTS, AxiStreamTop
from spikeloom.owner import check_owner
from spikeloom.planning import memory_use
from spikeloom.report.files import ReportError, load, write
from spikeloom.report.model import Report
from spikeloom.sim.names import named_rtlil
from spikeloom.sim.verilog import rtlil_to_verilog

__all__ = ["BuildError", "build", "predict_cycles"]


class BuildError(RequestError):
    """A build was asked for that cannot be done. One line; a wrong request, exit code 2."""


def build(
    design: Design,
    out_dir: Path | str,
    *,
    seeds: Sequence[int] = (1, 2, 3, 4),
    cycles: Counts | Callable[[], Counts] | None = None,
    progress: Callable[[str], None] | None = None,
    options: SynthOptions | None = None,
    native: bool = False,
    component: wiring.Component | None = None,
    source: str = "",
    pins: Sequence[str] | None = None,
) -> Report:
    """Synthesize, place and route a layer on every seed, pack a bitstream, and write the report.

    Everything is made in a directory beside ``out_dir`` and moved there at the end, the report
    last: a build that fails or is interrupted leaves what was there before. Other files in
    ``out_dir`` stay. The same design, seeds and tools give the same files.

    Whether the answer is yes (cycles as predicted, budgets kept) is for
    :func:`spikeloom.report.files.problems` to say about the result.

    Files, NAME being the design's: ``NAME.v`` and ``NAME.il`` (the layer), ``NAME.ys`` (script of
    the synthesis), ``NAME.netlist.v`` and ``NAME.synth.json`` (netlist, for simulation and for
    nextpnr), ``NAME.pcf`` (pins, if any are given), ``NAME.asc`` (placed design) and ``NAME.bin``
    (bitstream) of the fastest seed, ``NAME.yosys.log`` and ``NAME.seedN.log``, and
    ``report.json``, ``report.md``, ``report.html``.

    Parameters
    ----------
    design : Design
        The layer. Its ``target`` names the device and the clock.
    out_dir : Path or str
        Directory for the files; made if it does not exist.
    seeds : sequence of int
        Seeds of the placer, at least one, each once, none negative. Two are run at a time.
    cycles : mapping, callable or None
        What a simulation found (:data:`spikeloom.assemble.Counts`), or a function of no arguments
        that gives it, called once the netlist is known to fit. The compute cycles that the layer's
        own formula gives are filled in where ``predicted`` does not have them.
    progress : callable or None
        Called with one line for each stage.
    options : SynthOptions or None
        Choices of synthesis; by default those of :class:`spikeloom.boards.ice40.SynthOptions`.
    native : bool
        Use ``yosys``, ``nextpnr-ice40`` and ``icepack`` from the search path, not those from
        package registries.
    component : wiring.Component or None
        What to build instead of the design's layer (which is the default).
    source : str
        Name of the design file, without its folder. The report keeps it, and a build of another
        design is not written over.
    pins : sequence of str or None
        Lines ``set_io PORT PAD`` instead of the design's ``target.pins``. Ports without one are
        placed freely, and never on open-drain pads while others are free.

    Raises
    ------
    BuildError
        Seeds, ``out_dir`` or the device are not usable.
    InputError
        ``out_dir`` holds files of another design.
    PinError
        A port or a pad does not exist, or a pad does not suit a port.
    DoesNotFitError
        The device has too little of something; says of what, how much, and what is needed.
    MissingToolError, ToolError
        A tool is not installed, or failed.
    """
    if design.target.device not in DEVICES:
        raise BuildError(
            f"{design.name}: target.device: {design.target.device}: must be one of "
            f"{', '.join(DEVICES)}"
        )
    if not seeds or len(set(seeds)) != len(seeds) or min(seeds) < 0:
        raise BuildError(f"seeds: {list(seeds)}: must be different integers of at least 0")
    say = progress or (lambda line: None)
    device = DEVICES[design.target.device]
    counts: dict[str, Any] = {}
    if component is None:
        check_fit(design.name, _floor(design), device)
        component = AxiStreamTop(design)
        layer = asked(design)
        counts = {
            "predicted": {"compute_cycles": layer.compute_cycles()},
            "exact": layer.exact,
            "stages": layer.stages(),
            "memories": [shape.describe() for shape in layer.memories],
        }
    key = f"{design.name}: target.pins" if pins is None else "--pcf"
    lines = [*((design.target.pins or ()) if pins is None else pins)]
    given = [*check_pins(lines, _port_bits(component), device, key)]
    tools = {
        "yosys": yosys_version(native=native),
        "nextpnr-ice40": place_version(native=native),
        "amaranth": importlib.metadata.version("amaranth"),
        "spikeloom": importlib.metadata.version("spikeloom"),
    }

    check_owner(Path(out_dir), design.name, source, building=True)
    with _partial(Path(out_dir), design.name) as work:
        say("generate")
        rtlil = work / f"{design.name}.il"
        text, names = named_rtlil(component, design.module)
        rtlil.write_text(text, encoding="utf-8")
        portable = design.target.cells == "portable"
        verilog = rtlil_to_verilog(text, design.module, portable=portable, ports=PORTS)
        rtlil.with_suffix(".v").write_text(verilog, encoding="utf-8")

        say("synthesize")
        chosen = options or SynthOptions(dsp=design.infers_dsp)
        netlist = synthesize(rtlil, design.module, device=device, options=chosen, native=native)
        packing = pack(netlist, device, native=native)
        say(f"{packing.used.logic_cells} logic cells; place and route {len(seeds)} seeds")
        measured = cycles() if callable(cycles) else cycles
        counts = merged(counts, measured or {})
        pcf = work / f"{design.name}.pcf" if lines else None
        if pcf is not None:
            write_pcf(lines, pcf)
        placements = place_seeds(
            netlist,
            device,
            seeds=seeds,
            clock_mhz=design.target.clock_mhz,
            pcf=pcf,
            given=given,
            avoid=True,
            native=native,
            progress=progress,
        )
        best = max(placements, key=lambda placement: placement.fmax_mhz or 0.0)
        say(f"bitstream of seed {best.seed}")
        asc = work / f"{design.name}.asc"
        best.asc.rename(asc)
        for placement in placements:
            placement.asc.unlink(missing_ok=True)
        icepack = pack_bitstream(asc, work / f"{design.name}.bin", native=native)

        commands = [
            f"yosys -s {design.name}.ys",
            packing.command,
            *(command for placement in placements for command in placement.commands),
            icepack.replace(asc.name, best.asc.name, 1),
        ]
        report = assemble(design, netlist, packing, placements, counts, names).model_copy(
            update={
                "source": source,
                "options": chosen.to_dict(),
                "tools": tools,
                "commands": tuple(commands),
                "files": {file.name: _digest(file) for file in sorted(work.iterdir())},
            }
        )
        write(report, work)
    return report


def _port_bits(component: wiring.Component) -> dict[str, str]:
    """Give the direction of each bit of a component's ports, named as nextpnr names them."""
    bits = {"clk": "input", "rst": "input"}
    for path, member, value in component.signature.flatten(component):
        name, width = "__".join(map(str, path)), len(value)
        direction = "input" if member.flow == wiring.In else "output"
        bits |= {name if width == 1 else f"{name}[{n}]": direction for n in range(width)}
    return bits


def _floor(design: Design) -> Resources:
    """Count what a layer takes at least, before anything is synthesized."""
    used = memory_use(asked(design))
    # Both streams, clock, reset and busy.
    return replace(used, pins=2 * (design.link + 3) + 3)


def predict_cycles(design: Design, arrays: Mapping[str, NDArray[Any]] | None = None) -> int:
    """Predict the compute cycles of an inference by the layer's formula.

    In state order they depend on the spikes: without any given, every spike is set.

    Parameters
    ----------
    design : Design
        The layer.
    arrays : mapping or None
        Inputs by name, as :func:`spikeloom.sim.simulate.simulate` takes them; of several
        inferences the mean, rounded down.
    """
    layer = asked(design)
    if arrays is None:
        return layer.compute_cycles()
    inferences = one_by_one(model(design).inputs, arrays)
    return sum(map(layer.compute_cycles, inferences)) // len(inferences)


def _digest(file: Path) -> str:
    """Digest a file; logs have none, as tools write the time into them."""
    return "" if file.suffix == ".log" else hashlib.sha256(file.read_bytes()).hexdigest()


@contextmanager
def _partial(out_dir: Path, name: str) -> Iterator[Path]:
    """Give a directory to work in, whose files go to ``out_dir`` if all goes well."""
    out_dir = Path(os.path.abspath(out_dir))
    for found in (*out_dir.glob(f"{name}.*"), *out_dir.glob("report.*")):
        if found.is_dir():
            raise BuildError(f"{found}: must be a file that can be written, and is a directory")
    base = out_dir.parent
    while not base.exists():
        base = base.parent
    if out_dir.exists() and not out_dir.is_dir() or not base.is_dir():
        raise BuildError(f"{out_dir}: must be a directory, or not exist yet")
    try:
        with fresh_folder(base, f".{out_dir.name}.") as work:
            share(work)
            yield work
            sync_tree(work)
            _move(work, out_dir)
    except OSError as error:
        # Those of a write name no file, or one in here.
        if error.errno is None or str(base) not in str(error.filename or base):
            raise
        raise BuildError(f"{out_dir}: must be writable: {words(error)}") from error


def _move(work: Path, out_dir: Path) -> None:
    """Move every file, the reports last, and remove what only the previous build made."""
    if not out_dir.exists():
        out_dir.parent.mkdir(parents=True, exist_ok=True)
        work.rename(out_dir)
        return
    try:
        before = set(load(out_dir).files)
    except ReportError:
        before = set()
    files = sorted(work.iterdir(), key=lambda file: (file.name.startswith("report."), file.name))
    # Last of all the file by which a build is found.
    files.sort(key=lambda file: file.name == "report.json")
    for name in before - {file.name for file in files}:
        if Path(name).name == name:
            (out_dir / name).unlink(missing_ok=True)
    for file in files:
        os.replace(file, out_dir / file.name)
