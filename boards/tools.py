"""Run an external tool in a directory, keep its log, and say clearly what went wrong."""

import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from spikeloom.errors import RequestError

__all__ = ["MissingToolError", "ToolError", "run_tool"]


class ToolError(RequestError):
    """A tool ran and failed.

    The message is one line (tool and the tool's own last error); ``log`` holds all it printed.
    A command line shows the message and exits with 2.

    Parameters
    ----------
    message : str
        One line.
    log : str
        Standard output and standard error of the tool, in the order they came.
    """

    def __init__(self, message: str, log: str = ""):
        super().__init__(message)
        self.log = log


class MissingToolError(ToolError):
    """A tool is not installed; the message names it and how to get it."""


def run_tool(
    command: Sequence[str],
    *,
    cwd: Path,
    stdin: str | None = None,
    name: str | None = None,
    hint: str = "",
) -> str:
    """Run ``command`` in ``cwd`` and return what it printed, standard error included.

    Parameters
    ----------
    command : sequence of str
        Program and arguments. A program without a directory is looked for beside the running
        Python first, where packages install their commands, then on the search path. No shell is
        involved, so spaces need no quoting.
    cwd : Path
        Directory to run in. WebAssembly builds of tools do not see every absolute path, so
        arguments should be names relative to it.
    stdin : str or None
        Text for standard input; nothing by default (the terminal is never read).
    name : str or None
        What to call the tool in messages; by default the program's own name.
    hint : str
        How to install the tool, appended to the message when it is missing.

    Raises
    ------
    MissingToolError
        The program does not exist or may not be executed.
    ToolError
        The program ended with an exit code other than 0.
    """
    name = name or Path(command[0]).name
    try:
        done = subprocess.run(
            [_locate(command[0]), *command[1:]],
            cwd=cwd,
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        if not cwd.is_dir():
            raise NotADirectoryError(f"Directory must exist, and {str(cwd)!r} does not") from error
        message = f"{name}: this tool must be installed and on the search path, and is not"
        raise MissingToolError(f"{message}; {hint}" if hint else message) from error
    if done.returncode != 0:
        raise ToolError(f"{name}: {_reason(done.stdout, done.returncode)}", done.stdout)
    return done.stdout


def _locate(program: str) -> str:
    beside = Path(sys.executable).parent / program
    return str(beside) if Path(program).name == program and beside.is_file() else program


def _signal(number: int) -> str:
    """Name a signal, with the limit of the shell that sends it."""
    limits = {
        signal.SIGXFSZ: "the limit on the size of a file, ulimit -f",
        signal.SIGXCPU: "the limit on time, ulimit -t",
        signal.SIGKILL: "want of memory, or somebody's hand",
    }
    try:
        name = signal.Signals(number)
    except ValueError:
        return f"signal {number}"
    return f"{name.name} ({limits[name]})" if name in limits else name.name


def _reason(log: str, code: int) -> str:
    """Give the tool's own words: its first line of error, or else its last line."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    errors = (line for line in lines if re.match(r"(<.*>:\d+: )?(ERROR|Error|error)\b", line))
    if error := next(errors, None):
        return error
    if code < 0:
        return f"ended by {_signal(-code)}" + (f", last words: {lines[-1]}" if lines else "")
    return f"exit code {code}" + (f", last words: {lines[-1]}" if lines else " and no message")
