"""Answer spikes by the golden model, the RTL or the netlist of a layer."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from spikeloom.boards.devices import DEVICES
from spikeloom.boards.ice40 import synthesize
from spikeloom.boards.tools import MissingToolError
from spikeloom.boards.yosys import yosys_version
from spikeloom.design import Design
from spikeloom.golden.attention import attention
from spikeloom.golden.beats import counts, pack, unpack
from spikeloom.hdl.attention import Attention
from spikeloom.hdl.axi import AxiStreamTop

from .cache import cached
from .cxxrtl import CxxrtlModel
from .pysim import run_pysim
from .spikes import replacing
from .traffic import PATIENCE, SimulationError, Stimulus, Traffic, summarise
from .verilog import rtlil_to_verilog, to_rtlil

__all__ = [
    "SIMULATORS",
    "TARGETS",
    "Answer",
    "Simulator",
    "Target",
    "check_request",
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
    name : {"spikes", "drive"}
        What it is: ``drive`` for a design without a neuron.
    values : numpy.ndarray
        Shape as the input; spikes uint8 in {0, 1}, drive int32.
    numbers : mapping of str to int
        ``cycles``, ``compute_cycles`` and ``interval``; empty for the golden model.
    """

    name: Literal["spikes", "drive"]
    values: NDArray[Any]
    numbers: Mapping[str, int]

    def arrays(self) -> dict[str, Any]:
        """Give everything under the names of the answer file."""
        return {self.name: self.values, **self.numbers}


def simulate(
    design: Design,
    q: NDArray[np.uint8],
    k: NDArray[np.uint8],
    v: NDArray[np.uint8],
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
    stalls: float = 0.0,
    seed: int = 0,
    trace: Path | None = None,
) -> Answer:
    """Answer ``q``, ``k``, ``v`` by one of the three views of ``design``.

    The RTL and the netlist get all inferences back to back. A single one is sent twice and must
    be answered twice the same: this measures ``interval``, and shows that no state leaks.

    Parameters
    ----------
    design : Design
        The layer.
    q, k, v : numpy.ndarray
        Spikes, shape (T, N, D), uint8 in {0, 1}; or several inferences, shape (B, T, N, D).
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

    Raises
    ------
    ValueError
        A parameter, or a combination, is not among the above.
    SimulationError
        The design broke the stream protocol or got stuck, or its second answer differs.
    MissingToolError, ToolError
        A tool is missing or failed.
    """
    check_request(target, simulator, trace)
    name: Literal["spikes", "drive"] = "drive" if design.neuron == "none" else "spikes"
    single = q.ndim == 3
    batch = [(q, k, v)] if single else list(zip(q, k, v, strict=True))
    if target == "golden":
        values = np.stack([attention(design, *inference) for inference in batch])
        return Answer(name, values[0] if single else values, {})

    frames = np.stack([pack(design, *inference) for inference in batch])
    if len(frames) == 1:
        frames = np.repeat(frames, 2, axis=0)
    stimulus = Stimulus(
        frames,
        counts(design).outputs,
        stalls=stalls,
        seed=seed,
        work=2 * Attention(design).compute_cycles() + PATIENCE,
    )
    with contextlib.nullcontext() if trace is None else replacing(trace) as fresh:
        traffic = run(design, stimulus, target=target, simulator=simulator, trace=fresh)
    if len(batch) == 1 and (traffic.frames[0] != traffic.frames[1]).any():
        raise SimulationError(f"{design.name}: the same inference must be answered alike twice")
    values = np.stack([unpack(design, traffic.frames[index]) for index in range(len(batch))])
    return Answer(name, values[0] if single else values, summarise(traffic))


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


def run(
    design: Design,
    stimulus: Stimulus,
    *,
    target: Target = "rtl",
    simulator: Simulator = "cxxrtl",
    trace: Path | None = None,
) -> Traffic:
    """Send any stimulus through RTL or netlist; see :func:`simulate` for the parameters."""
    if simulator == "pysim":
        return run_pysim(AxiStreamTop(design), stimulus, trace=trace)
    source = to_rtlil(AxiStreamTop(design), design.module)
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
        from .events import run_events
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
        synthesize(file, design.module, device=device)

    device = DEVICES[design.target.device]
    folder = cached("netlist", (source, design.module, device.family, yosys_version()), build)
    return (folder / f"{design.module}.netlist.v").read_text(encoding="utf-8")
