"""Run Yosys scripts, by default through the pyosys wheel and its own ABC."""

import functools
import importlib.metadata
import importlib.util
import re
import sys
from pathlib import Path

from spikeloom.boards.tools import MissingToolError, ToolError, run_tool

__all__ = ["run_yosys", "yosys_share", "yosys_version"]

_PYOSYS = "from pyosys import libyosys as y; y.run_pass('script /dev/stdin', y.Design())"


def run_yosys(script: str, cwd: Path, *, native: bool = False) -> str:
    """Run a Yosys script in a process of its own and return its log.

    The script is what a ``.ys`` file would hold: one command a line, comments with ``#``. File
    names in it are relative to ``cwd``, which keeps machine paths out of the results and lets
    directories with spaces work. Start-up costs 0.06 s.

    Parameters
    ----------
    script : str
        Yosys commands.
    cwd : Path
        Directory in which the script runs. Must exist.
    native : bool
        Use the ``yosys`` on the search path instead of the pyosys wheel. The two may give
        different netlists for one input; results that are compared must come from the same.

    Raises
    ------
    MissingToolError
        pyosys (or, if ``native``, ``yosys``) is not installed.
    ToolError
        A command failed. The message is Yosys' own error, ``log`` everything it printed.
    """
    if not isinstance(script, str):
        raise TypeError(f"Script must be a string, not {script!r}")
    if native:
        command = ["yosys", "-s", "/dev/stdin"]
        return run_tool(command, cwd=Path(cwd), stdin=script, hint="or leave out the native tools")
    _require_pyosys()
    # Isolated: a file called pyosys.py in the working directory must not be imported.
    command = [sys.executable, "-I", "-c", _PYOSYS]
    return run_tool(command, cwd=Path(cwd), stdin=script, name="yosys")


@functools.cache
def yosys_version(*, native: bool = False) -> str:
    """Name the Yosys that :func:`run_yosys` uses, such as ``"0.70 (pyosys 0.70)"``.

    Raises
    ------
    MissingToolError
        It is not installed.
    """
    if native:
        log = run_tool(["yosys", "-V"], cwd=Path.cwd(), hint="or leave out the native tools")
        match = re.search(r"Yosys (\S+)", log)
        if match is None:
            raise ToolError(f"yosys: the version must be in {log.strip()!r}, and is not", log)
        return f"{match[1]} (native)"
    _require_pyosys()
    return f"{importlib.metadata.version('pyosys')} (pyosys)"


def yosys_share() -> Path:
    """Directory of Yosys' data files; ``ice40/cells_sim.v`` in it holds the cell models.

    Raises
    ------
    MissingToolError
        pyosys is not installed.
    """
    return _require_pyosys() / "share"


def _require_pyosys() -> Path:
    """Directory of the pyosys package, found without loading it into this process."""
    spec = importlib.util.find_spec("pyosys")
    if spec is None or spec.origin is None:
        raise MissingToolError(
            "pyosys: this package must be installed, and is not; pip install 'spikeloom[toolchain]'"
        )
    return Path(spec.origin).parent
