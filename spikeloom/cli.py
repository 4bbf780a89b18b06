"""The ``spikeloom`` command: generate, simulate, build, report, ci, bench, schema.

Results go to standard output, progress and errors to standard error. Exit codes: 0 done, 1 the
answer is no (over budget, mismatch), 2 the request is wrong (one line: file, key, value, what is
allowed).
"""

import argparse
import contextlib
import errno
import io
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeVar

__all__ = ["entry", "main", "main_parser"]

_T = TypeVar("_T", int, float)

# Not the docstring, which Python leaves out with -OO.
_ABOUT = "The ``spikeloom`` command: generate, simulate, build, report, ci, bench, schema."
_EPILOG = "Exit codes: 0 done, 1 the answer is no (over budget, mismatch), 2 the request is wrong."


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look; exit code 2."""
        self.exit(2, f"{self.prog}: {' '.join(message.split())} (see {self.prog} --help)\n")


def _number(read: Callable[[str], _T], low: _T, high: _T) -> Callable[[str], _T]:
    """Make a type of argument: a number from ``low`` to ``high``, both included."""

    def convert(text: str) -> _T:
        try:
            value = read(text)
        except ValueError:
            value = None
        # Not a number is not between the two either.
        if value is None or not low <= value <= high:
            kind = "an integer" if read is int else "a number"
            raise argparse.ArgumentTypeError(f"must be {kind} from {low} to {high}, not {text!r}")
        return value

    return convert


def main_parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line."""
    from spikeloom import __version__

    parser = _Parser(prog="spikeloom", description=_ABOUT, epilog=_EPILOG)
    parser.add_argument("--version", action="version", version=f"spikeloom {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=text, description=text, epilog=_EPILOG)
        made.add_argument("--json", action="store_true", help="print one JSON object")
        return made

    add = command("generate", "Write NAME.v and NAME.json: Verilog and what to know about it.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")
    add.add_argument(
        "--kit", action="store_true", help="a test bench, FuseSoC core and LiteX module as well"
    )

    add = command("simulate", "Answer spikes by the golden model, the RTL or the netlist.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument("--input", type=Path, metavar="IN.npz", help="q, k, v; random without it")
    add.add_argument("--output", type=Path, metavar="OUT.npz", help="where the answer goes")
    add.add_argument("--target", choices=("golden", "rtl", "netlist"), default="rtl")
    add.add_argument(
        *("--simulator",),
        choices=("cxxrtl", "icarus", "verilator", "pysim"),
        default="cxxrtl",
        help="for targets rtl and netlist (default: cxxrtl, the fastest)",
    )
    add.add_argument("--check", action="store_true", help="compare with golden: exit 1 if unequal")
    add.add_argument("--trace", type=Path, metavar="F", help="waves: .vcd, or .fst with icarus")
    add.add_argument(
        "--rate", type=_number(float, 0.0, 1.0), metavar="R", help="firing rate of random input"
    )
    add.add_argument(
        "--stalls", type=_number(float, 0.0, 0.99), default=0.0, metavar="P", help="of both streams"
    )
    add.add_argument(
        "--seed", type=_number(int, 0, 2**31 - 1), default=0, help="of random input and stalls"
    )

    add = command("build", "Synthesize, place and route; netlist, bitstream and report.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")
    add.add_argument(
        "--seeds", type=_number(int, 1, 64), default=4, metavar="K", help="placements (default: 4)"
    )
    add.add_argument("--input", type=Path, metavar="IN.npz", help="spikes to count cycles with")
    add.add_argument("--pcf", type=Path, metavar="FILE", help="pins, instead of target.pins")
    add.add_argument("--no-simulation", action="store_true", help="report predicted cycles only")
    add.add_argument("--native", action="store_true", help="yosys and nextpnr of the search path")

    add = command("report", "Show what a build costs; exit 1 if it is over budget.")
    add.add_argument("folder", type=Path, metavar="DIR", help="what build wrote, or a folder of it")
    add.add_argument("--against", type=Path, metavar="OTHER", help="show changes from this build")
    add.add_argument("--budget", type=Path, metavar="DESIGN", help="judge by this file's budget")
    style = add.add_mutually_exclusive_group()
    style.add_argument("--markdown", action="store_true", help="for a CI summary")
    style.add_argument("--html", action="store_true", help="for a browser")

    add = command("ci", "Build designs, compare and judge them, for a CI service to show.")
    add.add_argument("designs", nargs="+", metavar="DESIGN", help="design files, or patterns")
    add.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")
    add.add_argument("--against", metavar="WHAT", help="a folder of builds, or a Git revision")
    add.add_argument(
        "--seeds", type=_number(int, 1, 64), default=4, metavar="K", help="placements (default: 4)"
    )
    add.add_argument(
        "--jobs", type=_number(int, 1, 256), default=2, metavar="J", help="at a time (default: 2)"
    )
    add.add_argument("--title", default="Spikeloom", metavar="T", help="of summary and comment")
    add.add_argument(
        "--too-large-is-fine",
        action="store_true",
        help="list designs that do not fit their device, and go on",
    )

    add = command("bench", "Measure every published figure again, and draw the tables of docs.")
    add.add_argument("--quick", action="store_true", help="compare a few points, as CI does")
    add.add_argument("--check", action="store_true", help="compare with FILE; exit 1 if unequal")
    add.add_argument("--only", metavar="PATTERN", help="points to measure, such as 'unit/*'")
    add.add_argument("--jobs", type=int, choices=(1, 2), default=2, help="points at a time")
    add.add_argument(
        *("-o", "--output"), type=Path, default=Path("docs/results.json"), metavar="FILE",
        help="file of figures (default: docs/results.json)",
    )  # fmt: skip

    command("schema", "Print the JSON Schema of design files, for editors.")
    return parser


def entry() -> NoReturn:
    """Run as a program: a request to terminate cleans up like Ctrl-C."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; give the exit code.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; None takes those of the process.
    """
    _open_streams()
    options = main_parser().parse_args(arguments)
    try:
        return _run(options)
    except KeyboardInterrupt:
        print("spikeloom: interrupted; earlier results are as they were", file=sys.stderr)
        return 130


def _run(options: argparse.Namespace) -> int:
    # Only now: help and usage errors need none of it.
    from spikeloom import commands
    from spikeloom.files import words

    try:
        os.getcwd()
    except OSError as error:
        return _fail(f"the folder to work in must exist, and does not: {words(error)}", 2)
    try:
        run: Callable[[argparse.Namespace], tuple[int, dict[str, Any] | str]]
        run = getattr(commands, f"run_{options.command}")
        code, result = run(options)
    except commands.NoError as error:
        return _fail(str(error), 1)
    except OSError as error:
        named = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return _fail(f"{named}{words(error)}", 2)
    except commands.REQUEST_ERRORS as error:
        return _fail(str(error), 2)
    try:
        _print(result)
    except BrokenPipeError:
        # Whoever read has seen enough.
        _drop_output()
        return 0
    except OSError as error:
        _drop_output()
        return _fail(f"standard output: must be open and have room: {words(error)}", 2)
    return code


def _open_streams() -> None:
    """Make the standard streams safe to use, whatever the process was started with."""
    # A file must not get the number of a stream that was closed: others may write to that.
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)
    if sys.stderr is None:
        # ``print`` would take standard output instead.
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        # A path need be no text; it is printed as it is.
        sys.stdout.reconfigure(errors="surrogateescape")


def _print(result: dict[str, Any] | str) -> None:
    text = result if isinstance(result, str) else json.dumps(result, indent=2) + "\n"
    if sys.stdout is None:
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))
    try:
        sys.stdout.write(text)
    except UnicodeEncodeError as error:
        sys.stdout.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
    sys.stdout.flush()


def _drop_output() -> None:
    """Let the interpreter's own flush at the end say nothing more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, code: int) -> int:
    line = " ".join(text.partition("\n")[0].split())
    print(f"spikeloom: {line}", file=sys.stderr)
    return code
