"""Build designs at the same time, each in a process of its own."""

import json
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from spikeloom.report.files import load
from spikeloom.report.model import Report

__all__ = ["Build", "build_all"]

_TOO_LARGE = re.compile(r" needs \d.* available \(\d+ too many\)")

State = Literal["kept", "missed", "too large", "failed"]


@dataclass(frozen=True)
class Build:
    """What became of a design.

    Parameters
    ----------
    name : str
        The design's name.
    source : str
        Its file.
    state : {"kept", "missed", "too large", "failed"}
        Built, and within its budgets or not; or not built, because the device is too small or for
        another reason.
    problems : tuple of str
        What is wrong, a line each.
    report : Report or None
        What it costs, of a design that was built.
    """

    name: str
    source: str
    state: State
    problems: tuple[str, ...] = ()
    report: Report | None = None


def build_all(
    designs: Mapping[str, Path],
    folder: Path,
    *,
    seeds: int,
    jobs: int,
    say: Callable[[str], None],
) -> list[Build]:
    """Build designs by name into folders of their names.

    Parameters
    ----------
    designs : mapping of str to Path
        Design files by the names of the designs.
    folder : Path
        Where the folders go.
    seeds, jobs : int
        Placements of a design, and designs at a time.
    say : callable
        Takes a line of progress at the beginning and whenever a design is done.

    Returns
    -------
    list of Build
        In the order of ``designs``.
    """
    done: dict[str, Build] = {}
    if designs:
        plural = "s" if len(designs) > 1 else ""
        say(f"build {len(designs)} design{plural}, {min(jobs, len(designs))} at a time")
    with ThreadPoolExecutor(max_workers=jobs) as pool:
        waiting = [
            pool.submit(_build, name, path, folder / name, seeds) for name, path in designs.items()
        ]
        try:
            for number, future in enumerate(as_completed(waiting), 1):
                made = future.result()
                done[made.name] = made
                say(f"built {number} of {len(waiting)}, last {_line(made)}")
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise
    return [done[name] for name in designs]


def _build(name: str, path: Path, folder: Path, seeds: int) -> Build:
    command = [sys.executable, "-m", "spikeloom", "build", str(path), "-o", str(folder)]
    done = subprocess.run(
        [*command, "--seeds", str(seeds), "--json"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    said = _own_lines(done.stderr)
    if done.returncode == 0:
        return Build(name, str(path), "kept", report=load(folder))
    # A build that is over its budget is there; one whose answer is wrong is not.
    if done.returncode == 1 and "problems" in json.loads(done.stdout or "{}"):
        return Build(name, str(path), "missed", said, load(folder))
    problems = said or (f"{path}: the build ended with exit code {done.returncode}",)
    large = done.returncode == 2 and _TOO_LARGE.search(problems[-1]) is not None
    return Build(name, str(path), "too large" if large else "failed", problems[-1:])


def _own_lines(messages: str) -> tuple[str, ...]:
    """Return the lines that say what is wrong, and not those of progress."""
    lead = "spikeloom: "
    lines = messages.splitlines()
    return tuple(line.removeprefix(lead) for line in lines if line.startswith(lead))


def _line(build: Build) -> str:
    if build.report is None:
        return f"{build.name}: {build.state}: {build.problems[-1]}"
    clock = build.report.fmax_worst_mhz
    cells = build.report.area.logic_cells.used
    reached = "no clock" if clock is None else f"{clock:.1f} MHz"
    return f"{build.name}: {cells:,} logic cells, {reached}, {build.state}"
