"""Answer spikes by the golden model, the RTL or the netlist of a layer."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.ice40 import SynthOptions, synthesize
from spikeloom.boards.tools import MissingToolError, ToolError
from spikeloom.boards.yosys import yosys_version
from spikeloom.design.base import Design
from spikeloom.files import replacing
from spikeloom.golden.arrays import ArraySpec, fill, inferences
from spikeloom.golden.kinds import model
from spikeloom.golden.serial import join, split
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.cache import cached
from spikeloom.sim.cxxrtl import CxxrtlModel
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.traffic import (
    PATIENCE,
    Activity,
    SimulationError,
    Stimulus,
    Traffic,
    padded,
    summarise,
)
from spikeloom.sim.verilog import primitives, rtlil_to_verilog, to_rtlil

__all__ = [
    "SIMULATORS",
    "TARGETS",
    "Answer",
    "Simulator",
    "Target",
    "check_request",
    "exchange",
    "netlist_verilog",
    "run",
    "simulate",
]

Target = Literal["golden", "rtl", "netlist"]
Simulator = Literal["cxxrtl", "icarus", "verilator", "pysim"]
TARGETS: tuple[str, ...] = get_args(Target)
SIMULATORS: tuple[str, ...] = get_args(Simulator)

_TRACES = {"cxxrtl": ".vcd", "icarus": ".fst", "pysim": ".vcd"}


@dataclass(frozen=True)
class Answer:
    """What a layer answers.

    Parameters
    ----------
    name : str
        What it is: ``spikes``, or what the golden model calls its output.
    values : numpy.ndarray
        Shape and type of the golden model's output; several inferences have an axis in front.
    numbers : mapping of str to int
        ``cycles``, ``compute_cycles`` and ``interval``; empty for the golden model.
    activity : Activity or None
        What went on in the first two inferences, where the simulator tells.
    ends : tuple of int
        Cycles from the first accepted beat to the last of each answer, both included.
    """

    name: str
    values: NDArray[Any]
    numbers: Mapping[str, int]
    activity: Activity | None = None
    ends: tuple[int, ...] = ()

    def arrays(self) -> dict[str, Any]:
        """Give everything under the names of the answer file."""
        return {self.name: self.values, **self.numbers}


def simulate(
    design: Design,
    arrays: Mapping[str, NDArray[Any]] | None = None,
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
    stalls: float = 0.0,
    seed: int = 0,
    trace: Path | None = None,
    **named: NDArray[Any],
) -> Answer:
    """Answer spikes by one of the three views of ``design``.

    The RTL and the netlist get all inferences back to back. A single one is sent twice and must
    be answered twice the same: this measures ``interval``, and shows that no state leaks.

    Parameters
    ----------
    design : Design
        The layer.
    arrays : mapping or None
        Inputs by name as the golden model has them: for attention ``q``, ``k`` and ``v``, spikes of
        shape (T, N, D). Several inferences have another axis in front. An array that has a default
        may be left out. Others are not looked at.
    target : {"golden", "rtl", "netlist"}
        NumPy model; generated RTL; or what synthesis for the design's device makes of it.
    simulator : {"cxxrtl", "icarus", "verilator", "pysim"}
        For RTL and netlist. ``cxxrtl`` compiles for some seconds and then runs millions of cycles
        a second; ``pysim`` takes no netlist.
    stalls, seed : float, int
        Probability of a rest in each cycle, on both sides, and the seed of these draws.
    trace : Path or None
        File for the waves: ``.vcd`` (cxxrtl, pysim) or ``.fst`` (icarus). Written whole or not at
        all.
    **named : numpy.ndarray
        Arrays as keywords.

    Raises
    ------
    ValueError
        A parameter, or a combination, is not among the above; an array is of another shape or
        holds other values.
    SimulationError
        The design broke the stream protocol or got stuck, or its second answer differs.
    MissingToolError, ToolError
        A tool is missing or failed, or knows no cell that the layer holds.
    """
    check_request(target, simulator, trace)
    golden = model(design)
    name = golden.output.name
    needed = fill(golden.inputs, {**(arrays or {}), **named})
    count = inferences(golden.inputs, needed)
    batch = [needed] if count is None else _apart(golden.inputs, needed, count)
    if target == "golden":
        values = np.stack([golden.answer(inference) for inference in batch])
        return Answer(name, values[0] if count is None else values, {})

    preamble = asked(design).preamble
    packed = [golden.pack(inference) for inference in batch]
    sent = [*preamble, *(packed * 2 if len(packed) == 1 else packed)]
    with contextlib.nullcontext() if trace is None else replacing(trace) as fresh:
        traffic = exchange(
            design,
            sent,
            len(preamble),
            target=target,
            simulator=simulator,
            stalls=stalls,
            seed=seed,
            trace=fresh,
        )
    traffic = traffic.without(len(preamble))
    if len(batch) == 1 and (traffic.frames[0] != traffic.frames[1]).any():
        raise SimulationError(f"{design.name}: the same inference must be answered alike twice")
    values = np.stack([golden.unpack(traffic.frames[index]) for index in range(len(batch))])
    single = values[0] if count is None else values
    return Answer(name, single, summarise(traffic), traffic.activity, traffic.ends)


def _apart(
    specs: Sequence[ArraySpec], arrays: Mapping[str, NDArray[Any]], count: int
) -> list[dict[str, NDArray[Any]]]:
    """Take a batch apart."""
    for spec in specs:
        found = arrays[spec.name].shape
        if len(found) != len(spec.shape) + 1 or found[0] != count:
            raise ValueError(f"{spec.name} must be of shape {spec.words(count)}, not {found!r}")
    return [
        dict(zip(arrays, inference, strict=True))
        for inference in zip(*arrays.values(), strict=True)
    ]


def check_request(target: str, simulator: str, trace: Path | None) -> None:
    """Raise :exc:`ValueError` for a target, simulator and trace that do not go together."""
    if target not in TARGETS:
        raise ValueError(f"Target must be one of {', '.join(TARGETS)}, not {target!r}")
    if simulator not in SIMULATORS:
        raise ValueError(f"Simulator must be one of {', '.join(SIMULATORS)}, not {simulator!r}")
    if target == "netlist" and simulator == "pysim":
        raise ValueError("Simulator must be one that reads Verilog for a netlist, not 'pysim'")
    if trace is not None and target == "golden":
        raise ValueError("Trace must go with target rtl or netlist, not 'golden'")
    if trace is not None and trace.suffix != _TRACES.get(simulator):
        allowed = ", ".join(f"{suffix} ({name})" for name, suffix in _TRACES.items())
        raise ValueError(f"Trace must end in {allowed}, not {trace.name!r} ({simulator})")


def exchange(
    design: Design,
    sent: Sequence[NDArray[np.uint64]],
    preamble: int = 0,
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
    stalls: float = 0.0,
    seed: int = 0,
    trace: Path | None = None,
) -> Traffic:
    """Send frames of beats through RTL or netlist, back to back; a link may be narrower than beats.

    Parameters
    ----------
    design : Design
        The layer.
    sent : sequence of numpy.ndarray
        Frames, each of whole beats.
    preamble : int
        How many of them come before the first inference.
    target, simulator, stalls, seed, trace
        As for :func:`simulate`.

    Returns
    -------
    Traffic
        Answers in whole beats, (frames, beats out).
    """
    frames, lengths = padded([split(frame, design.beat, design.link) for frame in sent])
    stimulus = Stimulus(
        frames,
        model(design).beats_out * design.beat // design.link,
        lengths=lengths,
        preamble=preamble,
        stalls=stalls,
        seed=seed,
        # Whoever may rest is no evidence against the layer.
        work=asked(design).watchdog_cycles + (PATIENCE if stalls else 0),
    )
    traffic = run(design, stimulus, target=target, simulator=simulator, trace=trace)
    return replace(traffic, frames=join(traffic.frames, design.beat, design.link))


def run(
    design: Design,
    stimulus: Stimulus,
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
    trace: Path | None = None,
) -> Traffic:
    """Send any stimulus through RTL or netlist; see :func:`simulate` for the parameters."""
    source = to_rtlil(AxiStreamTop(design), design.module)
    if simulator == "pysim":
        if cells := primitives(source):
            # It would take their outputs for zeros, and answer.
            raise ToolError(
                f"{design.name}: simulator: pysim: must be cxxrtl, icarus or verilator: Amaranth's "
                f"own knows no {', '.join(cells)}, which this layer holds"
            )
        return run_pysim(AxiStreamTop(design), stimulus, trace=trace)
    netlist = target == "netlist"
    if netlist:
        source = netlist_verilog(design, source)
    if simulator == "cxxrtl":
        model = CxxrtlModel(
            source, toplevel=design.module, netlist=netlist, trace=trace is not None
        )
        return model.run(stimulus, trace=trace)
    # cocotb is an extra that the other simulators do without.
    try:
        from spikeloom.sim.events import run_events
    except ModuleNotFoundError as error:
        raise MissingToolError(
            f"{simulator}: the package {error.name} must be installed for this simulator, and is "
            "not; pip install 'spikeloom[cosim]'"
        ) from error
    verilog = source if netlist else rtlil_to_verilog(source)
    return run_events(verilog, stimulus, simulator=simulator, toplevel=design.module, trace=trace)


def netlist_verilog(design: Design, source: str) -> str:
    """Synthesize RTLIL text for the design's device; kept in the cache.

    Returns
    -------
    str
        Verilog of iCE40 cells: the same netlist that a build places.
    """

    def build(folder: Path) -> None:
        file = folder / f"{design.module}.il"
        file.write_text(source, encoding="utf-8")
        synthesize(file, design.module, device=device, options=options)

    device = DEVICES[design.target.device]
    options = SynthOptions(dsp=design.infers_dsp)
    key = (source, design.module, device.family, str(options.dsp), yosys_version())
    folder = cached("netlist", key, build)
    return (folder / f"{design.module}.netlist.v").read_text(encoding="utf-8")
