"""What each command of the command line does; :mod:`spikeloom.cli` parses and prints."""

import sys
import time
from argparse import Namespace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.boards.devices import DoesNotFitError
from spikeloom.boards.pins import PinError
from spikeloom.boards.tools import ToolError
from spikeloom.ci.run import run as run_in_ci
from spikeloom.design.base import Design
from spikeloom.design.file import load_design, schema
from spikeloom.design.pins import read_pcf
from spikeloom.design.read import DesignError
from spikeloom.figures.model import BenchError
from spikeloom.figures.run import bench
from spikeloom.files import InputError, check_writable
from spikeloom.flow import BuildError, build, predict_cycles
from spikeloom.generating import generate
from spikeloom.golden.kinds import model
from spikeloom.owner import changes
from spikeloom.report.files import ReportError, Style, problems, show
from spikeloom.report.text import render_text
from spikeloom.sim.simulate import Answer, check_request, simulate
from spikeloom.sim.spikes import draw_spikes, read_labels, read_spikes, write_arrays
from spikeloom.sim.traffic import SimulationError

__all__ = [
    "REQUEST_ERRORS",
    "NoError",
    "run_bench",
    "run_build",
    "run_ci",
    "run_generate",
    "run_report",
    "run_schema",
    "run_simulate",
]

REQUEST_ERRORS = (
    BenchError,
    BuildError,
    DesignError,
    DoesNotFitError,
    InputError,
    ReportError,
    ToolError,
)
"""Errors that mean exit code 2, as :exc:`OSError` does: the request is wrong."""

_RATE = 0.2

Result = tuple[int, dict[str, Any] | str]


class NoError(Exception):
    """The request was right and the answer is no: exit code 1. One line."""


def say(line: str) -> None:
    """Report progress."""
    print(line, file=sys.stderr, flush=True)


def _load(path: Path) -> Design:
    design = load_design(path)
    for warning in design.warnings:
        say(f"{path}: warning: {warning}")
    return design


def run_bench(options: Namespace) -> Result:
    """Measure the published figures, or compare with them."""
    return bench(options, say)


def run_schema(options: Namespace) -> Result:
    """Print the JSON Schema of design files."""
    return 0, schema()


def run_generate(options: Namespace) -> Result:
    """Write Verilog and description."""
    design = _load(options.design)
    start = time.perf_counter()
    given = design.model_dump(mode="json", exclude_none=True)
    changed = changes(options.output, design.name, given)
    paths = generate(design, options.output, source=options.design.name, kit=options.kit)
    if changed:
        say(f"{paths[0]}: replaced; the design differs in {', '.join(changed)}")
    say(f"generated {design.name} in {time.perf_counter() - start:.2f} s")
    if options.json:
        return 0, {"name": design.name, "module": design.module, "files": [*map(str, paths)]}
    return 0, "".join(f"{path}\n" for path in paths)


def run_simulate(options: Namespace) -> Result:
    """Simulate, and compare with the golden model if asked."""
    design = _load(options.design)
    try:
        check_request(options.target, options.simulator, options.trace)
    except ValueError as error:
        raise InputError(str(error)) from error
    arrays, source = _spikes(options, design)
    if options.output is not None:
        # Before the work, not after it.
        check_writable(options.output)
    say(f"{design.name}: {source}")
    start = time.perf_counter()
    answer = _answer(design, arrays, options)
    seconds = time.perf_counter() - start
    how = options.target if options.target == "golden" else f"{options.target}, {options.simulator}"
    say(f"simulated in {seconds:.1f} s ({how})")
    compared = _compare(design, arrays, answer) if options.check else []
    if options.output is not None:
        write_arrays(options.output, answer.arrays())
    right = _right(options, answer)
    result = {
        "name": design.name,
        "target": options.target,
        "shape": list(answer.values.shape),
        "nonzero": int(np.count_nonzero(answer.values)),
        **answer.numbers,
        **({} if right is None else {"right": right}),
        **({"equal_to": compared} if options.check else {}),
    }
    if options.json:
        return 0, result
    lines = [f"{answer.name}: {result['nonzero']} of {answer.values.size} are not zero"]
    if right is not None:
        count = len(answer.values)
        lines.append(f"label: the greatest number in {right} of {count} ({right / count:.2%})")
    lines += [f"{name}: {value}" for name, value in answer.numbers.items()]
    lines += [f"equal to {other}" for other in compared]
    return 0, "\n".join(lines) + "\n"


def _right(options: Namespace, answer: Answer) -> int | None:
    """Count the inferences whose label has the greatest number, the first of equal ones."""
    if options.input is None or answer.name != "logits" or answer.values.ndim != 2:
        return None
    labels = read_labels(options.input, len(answer.values))
    return None if labels is None else int((answer.values.argmax(axis=1) == labels).sum())


def _spikes(options: Namespace, design: Design) -> tuple[dict[str, NDArray[Any]], str]:
    """Read or draw the input; say in words what it is."""
    rate = getattr(options, "rate", None)
    if options.input is None:
        rate = _RATE if rate is None else rate
        seed = getattr(options, "seed", 0)
        arrays = dict(draw_spikes(design, rate=rate, seed=seed))
        return arrays, f"random spikes, firing rate {rate:g}, seed {seed}"
    if rate is not None:
        raise InputError("--rate: must not be given together with --input")
    arrays = read_spikes(options.input, design)
    lead = model(design).inputs[0]
    array = arrays[lead.name]
    count = 1 if array.ndim == len(lead.shape) else len(array)
    return arrays, f"{options.input.name}, {count} inference{'s' if count > 1 else ''}"


def _answer(design: Design, arrays: dict[str, NDArray[Any]], options: Namespace) -> Answer:
    try:
        return simulate(
            design,
            arrays,
            target=options.target,
            simulator=options.simulator,
            stalls=options.stalls,
            seed=options.seed,
            trace=options.trace,
        )
    except SimulationError as error:
        raise NoError(f"{options.design}: {error}") from error


def _compare(design: Design, arrays: dict[str, NDArray[Any]], answer: Answer) -> list[str]:
    """Give the names of what the answer equals; anything unequal is an error."""
    golden = simulate(design, arrays, target="golden")
    others = {"golden": golden.values}
    if answer.name in arrays:
        others["recorded"] = arrays[answer.name]
    for name, other in others.items():
        wrong = np.argwhere(answer.values != other)
        if len(wrong):
            index = tuple(wrong[0].tolist())
            raise NoError(
                f"{design.name}: {answer.name} must equal {name}, and {len(wrong)} of "
                f"{other.size} do not: the first at {index}, {answer.values[index]} instead of "
                f"{other[index]}"
            )
    return list(others)


def run_build(options: Namespace) -> Result:
    """Build, with cycles measured on RTL whose answer is compared with the golden model."""
    design = _load(options.design)
    pins = None if options.pcf is None else read_pcf("--pcf", options.pcf)
    arrays, source = _spikes(options, design)

    def measure() -> dict[str, Any]:
        say(f"count cycles: {source}")
        try:
            answer = simulate(design, arrays)
        except SimulationError as error:
            raise NoError(f"{options.design}: {error}") from error
        _compare(design, arrays, answer)
        return {
            "measured": dict(answer.numbers),
            "predicted": {"compute_cycles": predict_cycles(design, arrays)},
            "stimulus": source,
        }

    try:
        report = build(
            design,
            options.output,
            pins=pins,
            seeds=range(1, options.seeds + 1),
            cycles=None if options.no_simulation else measure,
            progress=say,
            native=options.native,
            source=options.design.name,
        )
    except PinError as error:
        raise InputError(f"{options.pcf or options.design}: {error}") from error
    found = problems(report)
    for problem in found:
        print(f"spikeloom: {problem}", file=sys.stderr)
    if options.json:
        return int(bool(found)), {**report.model_dump(mode="json"), "problems": found}
    return int(bool(found)), render_text([report])


def run_ci(options: Namespace) -> Result:
    """Build designs, compare and judge them, for a CI service."""
    return run_in_ci(options, say)


def run_report(options: Namespace) -> Result:
    """Show a report; a budget exceeded means exit code 1."""
    budget = None if options.budget is None else load_design(options.budget)
    style: Style = "text"
    if options.json:
        style = "json"
    elif options.markdown or options.html:
        style = "markdown" if options.markdown else "html"
    text, found = show(options.folder, against=options.against, budget=budget, style=style)
    for problem in found:
        print(f"spikeloom: {problem}", file=sys.stderr)
    return int(bool(found)), text
