"""Simulate a design in bulk: Yosys' CXXRTL, a C++ compiler, NumPy arrays in and out.

Millions of cycles a second after 2 to 10 s of compilation, which is kept in the cache.
"""

import ctypes
import os
import shlex
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from spikeloom.boards.tools import MissingToolError, run_tool
from spikeloom.boards.yosys import run_yosys, yosys_share, yosys_version
from spikeloom.sim.cache import cached
from spikeloom.sim.parts import in_parts
from spikeloom.sim.traffic import Activity, SimulationError, Stimulus, Traffic

__all__ = ["CxxrtlModel"]

_BINS = 256  # as in harness.cc
_CHUNK = 500_000  # cycles between two looks at signals such as Ctrl-C
_FLAGS = ("-std=c++17", "-O1", "-fPIC", "-DNDEBUG")
_HARNESS = Path(__file__).with_name("harness.cc")
_CELLS = Path(__file__).with_name("ice40_cells.v")
_RTL = """\
read_rtlil in.txt
read_verilog {define} -overwrite cells.v
hierarchy -check -top {toplevel}
rename {toplevel} dut
write_cxxrtl {debug} dut.cc
"""
# Memory ports of the cell models become as wide as the memory again, and constants fold: without
# it a block RAM alone is 600 kB of C++. Nets of one bit have no loops, which cost time.
_NETLIST = """\
read_verilog in.txt
read_verilog {define} -overwrite cells.v
hierarchy -check -top {toplevel}
proc
flatten
opt_expr
opt_clean -purge
memory_share
opt -full
memory_collect
opt_mem
splitnets
opt_clean -purge
setattr -unset src -unset hdlname =*/*
rename {toplevel} dut
write_cxxrtl {debug} dut.cc
"""
_MESSAGES = {
    2: "the design must go on, and is stuck: no beat moved for too long",
    3: "a beat once offered must stay valid, and was taken back",
    4: "a beat once offered must not change, and did",
    5: "tlast must be high on the last beat of an inference and on no other, and is not",
    6: "the design must be silent after the last beat, and offers another",
}


class _Counts(ctypes.Structure):
    """Mirror of ``counts`` in harness.cc."""

    _fields_ = (
        ("cycle", ctypes.c_uint64),
        ("busy", ctypes.c_uint64),
        ("sent", ctypes.c_uint64),
        ("received", ctypes.c_uint64),
        ("status", ctypes.c_uint32),
    )


class CxxrtlModel:
    """A compiled design with the two AXI4-Stream ports and ``busy`` of an attention layer.

    Parameters
    ----------
    source : str
        RTLIL text, or for a ``netlist`` Verilog text. Cells of the iCE40 may occur in both;
        ice40_cells.v says what they do.
    toplevel : str
        Module with the ports ``clk``, ``rst``, ``s_axis_*``, ``m_axis_*`` and ``busy``. Beats are
        at most 64 bits wide.
    netlist : bool
        The source is what synthesis produced.
    trace : bool
        Build it so that a run can write its waves. Slower to compile and to run.
    asleep : int
        Cycles after configuration in which the block memories of a netlist read as 0, at least 0
        and below 2**16.

    Raises
    ------
    MissingToolError
        Yosys or a C++ compiler is not installed. ``$CXX`` names the compiler; by default
        it is ``c++``, ``g++`` or ``clang++``, whichever is found first.
    ToolError
        One of them failed.
    """

    def __init__(
        self,
        source: str,
        *,
        toplevel: str = "top",
        netlist: bool = False,
        trace: bool = False,
        asleep: int = 0,
    ):
        if not 0 <= asleep < 1 << 16:
            raise ValueError(f"Cycles asleep must be 0 to 65535, not {asleep!r}")
        self._trace = trace
        script = (_NETLIST if netlist else _RTL).format(
            toplevel=toplevel,
            debug="-g4" if trace else "-g0",
            define=f"-D SPIKELOOM_ASLEEP={asleep}" if asleep else "",
        )
        harness = _HARNESS.read_text(encoding="utf-8")
        cells = _CELLS.read_text(encoding="utf-8")
        tools = (yosys_version(), _compiler(), " ".join(_flags()))
        key = (source, script, harness, cells, *tools, "parts")

        def build(folder: Path) -> None:
            (folder / "in.txt").write_text(source, encoding="utf-8")
            (folder / "cells.v").write_text(cells, encoding="utf-8")
            run_yosys(script, cwd=folder)
            dut = folder / "dut.cc"
            dut.write_text(in_parts(dut.read_text(encoding="utf-8")), encoding="utf-8")
            (folder / "harness.cc").write_text(f'#include "dut.cc"\n{harness}', encoding="utf-8")
            include = yosys_share() / "include" / "backends" / "cxxrtl" / "runtime"
            flags = [*_flags(), f"-DSPIKELOOM_TRACE={int(trace)}", "-shared", f"-I{include}"]
            prefix = [] if trace else ["-include", str(_precompiled(include) / "pre.h")]
            _compile([*prefix, *flags, "harness.cc", "-o", "dut.so"], folder)

        folder = cached("cxxrtl", key, build)
        library = ctypes.CDLL(str(folder / "dut.so"))
        self._new = library.spikeloom_new
        self._new.restype = ctypes.c_void_p
        self._new.argtypes = [*[ctypes.c_uint64] * 7, ctypes.c_char_p]
        pointer = np.ctypeslib.ndpointer(np.uint64, flags="C_CONTIGUOUS")
        self._run = library.spikeloom_run
        self._run.restype = None
        self._run.argtypes = [
            *(ctypes.c_void_p, ctypes.c_uint64, pointer, pointer, ctypes.c_uint64),
            *(pointer, ctypes.c_uint64, pointer, pointer, ctypes.POINTER(_Counts)),
        ]
        self._activity = library.spikeloom_activity
        self._activity.restype = ctypes.c_uint64
        self._activity.argtypes = [ctypes.c_void_p, pointer]
        self._reset = library.spikeloom_reset
        self._reset.restype = None
        self._reset.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        if trace:
            self._flip = library.spikeloom_flip
            self._flip.restype = ctypes.c_uint64
            self._flip.argtypes = [ctypes.c_void_p, ctypes.c_uint64]
        self._delete = library.spikeloom_delete
        self._delete.restype = ctypes.c_int
        self._delete.argtypes = [ctypes.c_void_p]

    def run(self, stimulus: Stimulus, *, trace: Path | None = None) -> Traffic:
        """Reset the design, send the inferences and collect the answers.

        Parameters
        ----------
        stimulus : Stimulus
            What to send.
        trace : Path or None
            VCD file to write. Only for a model built with ``trace``.

        Raises
        ------
        SimulationError
            The design broke the stream protocol or got stuck; the message names the cycle.
        OSError
            The trace cannot be written.
        """
        if (trace is not None) != self._trace:
            raise ValueError(f"Trace must be given if and only if built for it, not {trace!r}")
        model = self._begin(stimulus, trace)
        try:
            return self._send(model, stimulus)
        finally:
            if self._delete(model):
                raise OSError(f"{trace}: this trace file must have room, and could not be written")

    def registers(self, stimulus: Stimulus) -> int:
        """Count the bits of all registers; see :meth:`upset`."""
        model = self._begin(stimulus, None)
        try:
            return int(self._flip(model, 2**64 - 1))
        finally:
            self._delete(model)

    def upset(self, stimulus: Stimulus, *, bit: int | None, cycle: int) -> tuple[str, Traffic]:
        """Flip a bit of a register, see what becomes of the inferences, reset, and send them again.

        Parameters
        ----------
        stimulus : Stimulus
            What to send, twice.
        bit : int or None
            Which of all the registers' bits, from 0; only for a model built with ``trace``. With
            None nothing flips, and the reset comes at once.
        cycle : int
            Cycle after reset in which this happens.

        Returns
        -------
        str
            What broke in the rest of the inferences; empty if the protocol was kept.
        Traffic
            Answers after one cycle of reset.

        Raises
        ------
        SimulationError
            The design broke the protocol, or got stuck, after the reset.
        """
        model = self._begin(stimulus, None)
        try:
            self._send(model, stimulus, cycle)
            fault = ""
            if bit is not None:
                self._flip(model, bit)
                try:
                    self._send(model, stimulus)
                except SimulationError as error:
                    fault = str(error)
            self._reset(model, 1)
            return fault, self._send(model, stimulus)
        finally:
            self._delete(model)

    def _begin(self, stimulus: Stimulus, trace: Path | None) -> Any:
        """Make a design that has been reset."""
        threshold = min(round(stimulus.stalls * 2**32), 2**32 - 1)
        model = self._new(
            *(threshold, stimulus.seed % 2**63, stimulus.patience, stimulus.work),
            *(stimulus.reset, *stimulus.watched, os.fsencode(trace or "")),
        )
        if not model:
            raise OSError(f"{trace}: this trace file must be writable, and is not")
        return model

    def _send(self, model: Any, stimulus: Stimulus, cycles: int | None = None) -> Traffic:
        """Send the inferences, or what of them is sent in some cycles, and collect the answers."""
        beats, ends = stimulus.beats, stimulus.ends
        out = np.zeros((len(ends), stimulus.out_beats), dtype=np.uint64)
        first_in, last_out = np.zeros((2, len(ends)), dtype=np.uint64)
        counts = _Counts()
        while counts.status == 0:
            self._run(
                *(model, _CHUNK if cycles is None else cycles, beats, ends),
                *(len(ends), out, stimulus.out_beats, first_in, last_out, ctypes.byref(counts)),
            )
            if cycles is not None:
                break
        if counts.status > 1:
            raise SimulationError(
                f"cycle {counts.cycle}: {_MESSAGES.get(counts.status, 'no trace')} (after "
                f"{counts.sent} of {beats.size} beats in, {counts.received} of {out.size} beats "
                "out)"
            )
        return Traffic(
            frames=out,
            first_in=tuple(first_in.tolist()),
            last_out=tuple(last_out.tolist()),
            busy=int(counts.busy),
            total=int(counts.cycle),
            activity=None if cycles is not None else self._watched(model),
        )

    def _watched(self, model: Any) -> Activity:
        """Read what went on in the inferences that were watched."""
        bins = np.zeros((3, _BINS), dtype=np.uint64)
        width = int(self._activity(model, bins))
        kinds = [tuple(np.trim_zeros(row, "b").tolist()) for row in bins]
        return Activity(width, *kinds)


def _command() -> list[str]:
    """Give the C++ compiler and what the user passes to it."""
    given = os.environ.get("CXX", "")
    try:
        chosen = shlex.split(given)
    except ValueError as error:
        raise MissingToolError(
            f"CXX: {given!r}: must be a C++ compiler and its arguments as a shell takes them: "
            f"{str(error).lower()}"
        ) from None
    for command in [chosen] if chosen else [["c++"], ["g++"], ["clang++"]]:
        if shutil.which(command[0]) is not None:
            return command
    name = chosen[0] if chosen else "c++"
    raise MissingToolError(
        f"{name}: a C++ compiler must be installed, and is not; install g++ or set CXX"
    )


@cache
def _version(command: tuple[str, ...]) -> str:
    return run_tool([*command, "--version"], cwd=Path.cwd())


def _flags() -> tuple[str, ...]:
    """Flags for every compilation; two designs in one process must not share statics."""
    gnu = "Free Software Foundation" in _version(tuple(_command()))
    return (*_FLAGS, "-fno-gnu-unique") if gnu else _FLAGS


def _compiler() -> str:
    command = tuple(_command())
    return f"{shlex.join(command)}\n{_version(command)}"


def _compile(arguments: list[Any], folder: Path) -> None:
    run_tool([*_command(), *arguments], cwd=folder, name="C++ compiler")


def _precompiled(include: Path) -> Path:
    """Folder with the runtime header precompiled, which saves half of the compile time."""

    def build(folder: Path) -> None:
        (folder / "pre.h").write_text("#include <cxxrtl/cxxrtl.h>\n", encoding="utf-8")
        arguments = [*_flags(), "-DSPIKELOOM_TRACE=0", f"-I{include}", "-x", "c++-header"]
        _compile([*arguments, "pre.h", "-o", "pre.h.gch"], folder)

    key = (yosys_version(), str(include), _compiler(), " ".join(_flags()))
    return cached("cxxrtl-header", key, build)
