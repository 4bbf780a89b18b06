"""Measure every published figure again: the file of figures and the tables made from it."""

import threading
import time
from argparse import Namespace
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any

from spikeloom.boards.ice40 import SynthOptions
from spikeloom.boards.tools import MissingToolError
from spikeloom.figures import measure as bench_measure
from spikeloom.figures import points as bench_points
from spikeloom.figures.compare import (
    Difference,
    compare,
    difference_table,
    refuse_other_tools,
    stale,
)
from spikeloom.figures.measure import Say
from spikeloom.figures.mechanisms import mechanism_tables
from spikeloom.figures.model import BenchError, Result, Results, load_results, save_results
from spikeloom.figures.points import Point
from spikeloom.figures.render import fill, readme_tables, result_tables, simple_table
from spikeloom.files import InputError, replacing

__all__ = ["FILE", "Failures", "bench", "documents", "measure_all"]

FILE = Path("docs/results.json")
"""Where the published figures lie."""

Failures = dict[str, str]
"""Why a point could not be measured, by its name."""


def bench(options: Namespace, say: Say) -> tuple[int, dict[str, Any] | str]:
    """Run the command ``bench``; give the exit code, and what to print.

    Without ``check`` or ``quick`` the figures are measured and written, after each point, so that
    a run that was stopped goes on where it was; and the tables of the documents with them. With
    one of them, nothing is written, and what differs from the file is the answer.

    Parameters
    ----------
    options : Namespace
        ``quick``, ``check``, ``json``, ``only`` (a pattern or None), ``jobs`` and ``output`` (the
        file of figures).
    say : callable
        Called with a line of progress.

    Raises
    ------
    BenchError
        No point is meant, the file is no file of figures, or its figures are of other tools.
    """
    start = time.perf_counter()
    points = bench_points.select(bench_points.POINTS, pattern=options.only, quick=options.quick)
    tools = bench_measure.tool_versions()
    synthesis = SynthOptions()
    fresh = Results(tools=tools, options=synthesis.to_dict())
    measured: dict[str, Result] = {}
    failures: Failures = {}
    if options.quick or options.check:
        published = load_results(options.output)
        refuse_other_tools(options.output, published, tools)
        measure = measure_all(points, jobs=options.jobs, options=synthesis, say=say)
        for name, outcome in measure:
            _sort(name, outcome, measured, failures)
        differences = compare(published.points, measured, whole=not (options.quick or options.only))
        if options.quick and options.only is None:
            rest = [point for point in bench_points.POINTS if not point.quick]
            say(f"compare the sources of {len(rest)} more points with those of their figures")
            differences += stale(published.points, _sources(rest, failures))
        differences += _outdated(options.output, published)
        return _answer(options, measured, failures, differences, time.perf_counter() - start)

    results = _earlier(options.output, fresh, only=options.only)
    for name, outcome in measure_all(points, jobs=options.jobs, options=synthesis, say=say):
        _sort(name, outcome, measured, failures)
        merged = {**results.points, **measured}
        for failed in failures:
            merged.pop(failed, None)
        if options.only is None and len(measured) + len(failures) == len(points):
            merged = measured
        results = results.model_copy(update={"points": _ordered(merged)})
        save_results(options.output, results)
    for path, text in documents(options.output, results):
        _write(path, text)
        say(f"wrote {path}")
    return _answer(options, measured, failures, [], time.perf_counter() - start)


def _earlier(file: Path, fresh: Results, *, only: str | None) -> Results:
    """Read what is to be kept beside new figures; figures of other tools are not."""
    if not file.exists():
        return fresh
    try:
        results = load_results(file)
        refuse_other_tools(file, results, fresh.tools)
    except BenchError:
        if only is not None:
            raise
        return fresh
    return results.model_copy(update={"options": fresh.options})


def _ordered(points: Mapping[str, Result]) -> dict[str, Result]:
    """Sort as the points are listed; what is listed no longer comes last."""
    names = [point.name for point in bench_points.POINTS if point.name in points]
    return {name: points[name] for name in [*names, *(n for n in points if n not in names)]}


def _sort(
    name: str, outcome: Result | Exception, measured: dict[str, Result], failures: Failures
) -> None:
    if isinstance(outcome, Result):
        measured[name] = outcome
    else:
        failures[name] = _words(outcome)


def _words(error: Exception) -> str:
    line = " ".join(str(error).partition("\n")[0].split())
    return f"{type(error).__name__}: {line}"


def measure_all(
    points: Iterable[Point], *, jobs: int, options: SynthOptions, say: Say
) -> Iterator[tuple[str, Result | Exception]]:
    """Measure points, ``jobs`` at a time, and give each as it is done, with what failed.

    Raises
    ------
    BenchError, MissingToolError
        Recorded spikes or a tool are missing: no point is measured any more.
    """
    waiting = list(points)
    start = time.perf_counter()
    lock = threading.Lock()

    def one(point: Point) -> Result:
        def tell(line: str) -> None:
            with lock:
                say(line)

        return bench_measure.measure(point, options=options, say=tell)

    done = 0
    pool = ThreadPoolExecutor(max_workers=jobs)
    try:
        running: dict[Future[Result], Point] = {pool.submit(one, point): point for point in waiting}
        while running:
            finished, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in [future for future in running if future in finished]:
                point = running.pop(future)
                done += 1
                error = future.exception()
                # What would fail every point ends the run.
                if isinstance(error, (BenchError, MissingToolError)):
                    raise error
                if error is not None and not isinstance(error, Exception):
                    raise error
                outcome: Result | Exception = future.result() if error is None else error
                with lock:
                    words = _summary(outcome)
                    left = (time.perf_counter() - start) / done * (len(waiting) - done)
                    rest = f"; about {left / 60:.0f} min left" if left >= 60 else ""
                    say(f"[{done}/{len(waiting)}] {point.name}: {words}{rest}")
                yield point.name, outcome
    finally:
        # Stopped by Ctrl-C or by the caller: what runs is let end, nothing more is begun.
        pool.shutdown(wait=False, cancel_futures=True)


def _summary(outcome: Result | Exception) -> str:
    if isinstance(outcome, Exception):
        return f"FAILED: {_words(outcome)}"
    if outcome.cells is None:
        return outcome.shortage
    parts = [f"{outcome.cells.logic_cells} LC"]
    if outcome.worst_mhz is not None:
        parts.append(f"{outcome.worst_mhz:.1f} MHz")
    parts += [f"{count.compute_cycles} cycles at {rate}" for rate, count in outcome.counts.items()]
    return ", ".join(parts)


def _sources(points: Iterable[Point], failures: Failures) -> dict[str, str]:
    """Digest the RTLIL of every point."""
    found = {}
    for point in points:
        try:
            found[point.name] = bench_measure.digest(bench_measure.rtlil(point))
        except Exception as error:
            # Whatever a broken engine raises, the other points are still to be looked at.
            failures[point.name] = _words(error)
    return found


def documents(file: Path, results: Results) -> Iterator[tuple[Path, str]]:
    """Give every document that shows the figures of ``file``, with its new text.

    These are the reStructuredText file of the same name, mechanisms.rst beside it and, for a file
    in a folder ``docs``, the README.md beside that folder; each if it has marks.

    Raises
    ------
    BenchError
        A mark in one of them is not as it must be.
    """
    shown = [
        (file.with_suffix(".rst"), result_tables),
        (file.with_name("mechanisms.rst"), mechanism_tables),
    ]
    if file.parent.name == "docs":
        shown.append((file.parent.parent / "README.md", readme_tables))
    for path, draw in shown:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError:
            continue
        if "bench: begin" in text:
            yield path, fill(text, draw(results), name=str(path))


def _outdated(file: Path, results: Results) -> list[Difference]:
    """Find documents that do not show the figures of ``file``."""
    return [
        Difference(path.name, "tables", "as they stand", f"as {file} gives them")
        for path, text in documents(file, results)
        if path.read_text(encoding="utf-8") != text
    ]


def _write(path: Path, text: str) -> None:
    try:
        with replacing(path) as fresh:
            fresh.write_text(text, encoding="utf-8")
    except InputError as error:
        raise BenchError(str(error)) from error


def _answer(
    options: Namespace,
    measured: Mapping[str, Result],
    failures: Failures,
    differences: list[Difference],
    seconds: float,
) -> tuple[int, dict[str, Any] | str]:
    code = int(bool(failures or differences))
    checked = options.quick or options.check
    if options.json:
        return code, {
            "file": str(options.output),
            "checked": checked,
            "points": len(measured),
            "seconds": round(seconds, 1),
            "failures": failures,
            "differences": [difference.to_dict() for difference in differences],
        }
    count = len(differences)
    verdict = (
        f"{count} figure{'s differ' if count > 1 else ' differs'}" if count else "as published"
    )
    text = f"{len(measured)} points measured in {seconds:.0f} s" + (
        f": {verdict}\n" if checked else f", in {options.output}\n"
    )
    if differences:
        text += f"\n{simple_table(difference_table(differences))}"
    if failures:
        text += "".join(f"{name}: {reason}\n" for name, reason in failures.items())
    return code, text
