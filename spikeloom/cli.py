"""The ``spikeloom`` command: one parser for all commands.

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
import re
import signal
import sys
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from spikeloom.errors import NoError, RequestError, nearest, words
from spikeloom.kinds import KINDS

__all__ = ["entry", "main", "main_parser"]


_T = TypeVar("_T", int, float)

_ABOUT = "Verilog of spiking transformers for small FPGAs, checked bit for bit and costed."
_EPILOG = "Exit codes: 0 done, 1 the answer is no (over budget, mismatch), 2 the request is wrong."


class _UsageError(Exception):
    """The arguments are wrong. One line, which begins with the command."""


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are one line, and ask if a slip was meant for something known."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where to look."""
        line = " ".join(message.split()) + self._hint(message)
        raise _UsageError(f"{self.prog}: {line} (see {self.prog} --help)")

    def _hint(self, message: str) -> str:
        if found := re.search(r"invalid choice: '?([^' ]+)'? \(choose from (.+)\)", message):
            return nearest(found[1], re.findall(r"[\w-]+", found[2]))
        if found := re.search(r"unrecognized arguments: (--[\w-]+)", message):
            return nearest(found[1], re.findall(r"--[\w-]+", self.format_help()))
        return ""


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
        made.set_defaults(parser=made)
        return made

    add = command("import", "Make networks in integers of a checkpoint, or layers of a NIR graph.")
    add.add_argument(
        "checkpoint", type=Path, metavar="CHECKPOINT",
        help="of torch.save, .safetensors, .npz, or a graph (.nir)",
    )  # fmt: skip
    add.add_argument(
        *("-c", "--config"), type=Path, metavar="FILE", help="its configuration: YAML, TOML, JSON"
    )
    add.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")
    add.add_argument(
        *("--bits",), type=int, choices=(8, 4, 3, 2, 1), default=8,
        help="of the weights of blocks (default: 8)",
    )  # fmt: skip
    add.add_argument(
        *("--calibrate",), type=Path, metavar="DATA.npz",
        help="data to choose scales and to report on, and labels",
    )  # fmt: skip
    add.add_argument(
        "--tokens", type=_number(int, 1, 4096), metavar="N", help="where no configuration says it"
    )
    add.add_argument(
        "--no-ema", dest="ema", action="store_false", help="the last weights, not averaged ones"
    )
    add.add_argument("--explain", action="store_true", help="say of every tensor what it became")
    add = command("init", "Start a folder: a design, a README, and a workflow that builds it.")
    add.add_argument(
        *("folder",), type=Path, nargs="?", default=Path(), metavar="DIR",
        help="where to (default: this folder); files that are there are not touched",
    )  # fmt: skip
    add.add_argument("--example", metavar="NAME", help="start from an example")
    add.add_argument("--list", action="store_true", help="list the examples")

    add = command("lint", "Say what is wrong or doubtful in design files; exit 1 if doubtful.")
    add.add_argument("designs", type=Path, nargs="+", metavar="DESIGN", help="design file (TOML)")

    add = command("plan", "Say what a layer takes before anything is synthesized.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument(
        *("--rate",), type=_number(float, 1e-3, 1e9), metavar="R",
        help="the smallest folding of a network with so many inferences a second",
    )  # fmt: skip
    add.add_argument(
        *("--cells",), type=_number(int, 1, 10**9), metavar="LC",
        help="logic cells that it may take; without --rate: the fastest in them",
    )  # fmt: skip

    add = command("generate", "Write NAME.v and NAME.json: Verilog and what to know about it.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument("-o", "--output", type=Path, required=True, metavar="DIR", help="folder")
    add.add_argument(
        "--kit", action="store_true", help="a test bench, FuseSoC core and LiteX module as well"
    )
    add.add_argument(
        "--input", type=Path, metavar="IN.npz", help="what the test bench sends; random without it"
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
    add.add_argument(
        *("--layers",),
        type=_number(int, 1, 1024),
        metavar="K",
        help="with --check: of a network, spikes of every layer as well, in K inferences",
    )
    add.add_argument(
        *("--first",),
        type=_number(int, 1, 2**31 - 1),
        metavar="K",
        help="no more than K inferences of --input",
    )
    add.add_argument("--full", action="store_true", help="shapes and rates of all arrays as well")
    add.add_argument(
        *("--report",), type=Path, metavar="DIR", help="note in this build's report what is equal"
    )
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
    add.add_argument("--full", action="store_true", help="print all of the report")
    add.add_argument("--native", action="store_true", help="yosys and nextpnr of the search path")

    add = command("report", "Show what a build costs; exit 1 if it is over budget.")
    add.add_argument("folder", type=Path, metavar="DIR", help="what build wrote, or a folder of it")
    add.add_argument("--against", type=Path, metavar="OTHER", help="show changes from this build")
    add.add_argument("--budget", type=Path, metavar="DESIGN", help="judge by this file's budget")
    add.add_argument("--full", action="store_true", help="everything, not ten lines")
    style = add.add_mutually_exclusive_group()
    style.add_argument("--markdown", action="store_true", help="for a CI summary")
    style.add_argument("--html", action="store_true", help="for a browser")

    add = command("link", "Say if outputs fit an input, exit 1 if not; write what joins them.")
    add.add_argument(
        "layers", type=Path, nargs="+", metavar="LAYER",
        help="NAME.json or design files: sources, one or one for each of q, k, v; the receiver",
    )  # fmt: skip
    add.add_argument("-o", "--output", type=Path, metavar="FILE.toml", help="reordering")

    add = command("export", "Write projections, or layers of a network, as a graph of NIR.")
    add.add_argument("design", type=Path, metavar="DESIGN", help="design file (TOML)")
    add.add_argument("-o", "--output", type=Path, required=True, metavar="FILE.nir", help="graph")
    add.add_argument(
        *("--layers",), metavar="NAMES", help="of a network, such as blocks.0.expand; with commas"
    )

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

    add = command("schema", "Print the JSON Schema of design files, for editors.")
    add.add_argument("--kind", choices=KINDS, metavar="KIND", help="of one kind of layer only")

    add = command("completion", "Print a script that makes a shell complete what is typed.")
    add.add_argument("shell", choices=("bash", "zsh", "fish"), help="the shell")
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
    given = sys.argv[1:] if arguments is None else arguments
    fail = partial(_fail, as_json="--json" in given)
    try:
        options = _parse(given)
        code, result = _run(options)
    except _UsageError as error:
        return fail(str(error), 2)
    except NoError as error:
        return fail(f"spikeloom: {error}", 1)
    except RequestError as error:
        return fail(f"spikeloom: {error}", 2, error=error)
    except OSError as error:
        named = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return fail(f"spikeloom: {named}{words(error)}", 2)
    except KeyboardInterrupt:
        # Amaranth warns of what was made and is now never used.
        warnings.simplefilter("ignore")
        return fail("spikeloom: interrupted; earlier results are as they were", 130)
    return _print(result) or code


def _parse(given: Sequence[str]) -> argparse.Namespace:
    """Parse arguments; those that nobody knows are told by the command that they were given to."""
    parser = main_parser()
    options, unknown = parser.parse_known_args(given)
    if unknown:
        options.parser.error(f"unrecognized arguments: {' '.join(unknown)}")
    return options


def _run(options: argparse.Namespace) -> tuple[int, dict[str, Any] | str]:
    try:
        os.getcwd()
    except OSError as error:
        text = f"the folder to work in must exist, and does not: {words(error)}"
        raise RequestError(text) from error
    run: Callable[[argparse.Namespace], tuple[int, dict[str, Any] | str]]
    # Only now: help and usage errors need none of it.
    run = import_module(f"spikeloom.commands.{options.command}").run
    return run(options)


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


def _print(result: dict[str, Any] | str) -> int:
    """Print a result; give exit code 2, with a line of error, if that cannot be done."""
    text = result if isinstance(result, str) else json.dumps(result, indent=2) + "\n"
    try:
        if sys.stdout is None:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        try:
            sys.stdout.write(text)
        except UnicodeEncodeError as error:
            sys.stdout.write(text.encode(error.encoding, "backslashreplace").decode(error.encoding))
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has seen enough.
        _drop_output()
    except OSError as error:
        _drop_output()
        reason = f"standard output: must be open and have room: {words(error)}"
        return _fail(f"spikeloom: {reason}", 2)
    return 0


def _drop_output() -> None:
    """Let the interpreter's own flush at the end say nothing more."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fail(text: str, code: int, *, as_json: bool = False, error: RequestError | None = None) -> int:
    """Say in one line what is wrong, and with ``--json`` as an object too; give the exit code."""
    line = " ".join(text.partition("\n")[0].split())
    print(line, file=sys.stderr)
    if as_json:
        parts = {name: getattr(error, name, "") for name in ("file", "key", "value", "allowed")}
        told = {name: part for name, part in parts.items() if part}
        message = line.removeprefix("spikeloom: ")
        _print({"error": {"message": message, "exit_code": code, **told}})
    return code
