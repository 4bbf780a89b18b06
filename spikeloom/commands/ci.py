"""``spikeloom ci``: designs built, compared and judged, and what a CI service shows of them."""

import json
import os
from argparse import Namespace
from collections.abc import Callable, Mapping, Sequence
from glob import glob
from pathlib import Path
from typing import Any

from spikeloom.ci import outputs
from spikeloom.ci.builds import Build, build_all
from spikeloom.ci.revision import checked_out, is_revision, same_hardware
from spikeloom.commands.progress import Progress, say
from spikeloom.design.base import Design
from spikeloom.design.file import load_design
from spikeloom.design.read import DesignError
from spikeloom.errors import words
from spikeloom.files import InputError, replacing
from spikeloom.report.files import find
from spikeloom.report.model import Report
from spikeloom.sim.cache import cache_folder

__all__ = ["run"]

# No design has a name with a _, and so none a folder of these names.
_AGAINST = "_against"
_FILES = "_ci"


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Build, compare and judge; write what a CI service shows.

    Returns
    -------
    int
        2 if a design could not be built, else 1 if one is over its budget, else 0.
    dict or str
        The verdict as an object for ``--json``, or the overview.

    Raises
    ------
    DesignError, InputError, ReportError
        The request is wrong; nothing was built.
    """
    designs = _designs(options.designs)
    paths = {name: path for name, (path, _) in designs.items()}
    folder: Path = options.output
    revision = _revision(options.against)
    before = () if options.against is None or revision else find(options.against)
    # Before the work, not after it.
    shown = _made(folder / _FILES / "badges").parent

    work = [sorted(designs), options.seeds, options.jobs, revision]
    progress = Progress(cache_folder() / "times.json", f"ci {len(designs)}", work)

    def build_into(files: Mapping[str, Path], folder: Path) -> list[Build]:
        return build_all(files, folder, seeds=options.seeds, jobs=options.jobs, say=progress)

    with progress:
        builds = build_into(paths, folder)
        if revision:
            with checked_out(revision, paths, Path()) as old:
                reused, changed = _sorted_out(revision, old, designs, builds, progress)
                made = build_into(changed, folder / _AGAINST)
            before = (*reused, *(build.report for build in made if build.report is not None))
    files = _write(options.title, builds, before, shown)
    code = _code(builds, options.too_large_is_fine)
    _tell_github(files, code)
    for build in builds:
        for problem in build.problems if build.state != "kept" else ():
            say(f"{build.state}: {problem}")
    if options.json:
        return code, {
            "passed": code == 0,
            "designs": [_entry(build) for build in builds],
            "files": {name: str(path) for name, path in files.items()},
        }
    return code, outputs.overview(options.title, builds, before)


def _designs(patterns: Sequence[str]) -> dict[str, tuple[Path, Design]]:
    """Read all designs before any is built; a pattern stands for the files that it meets."""
    found: dict[str, tuple[Path, Design]] = {}
    for pattern in patterns:
        paths = sorted(glob(pattern, recursive=True)) or [pattern]
        for path in map(Path, paths):
            design = load_design(path)
            there = found.get(design.name)
            if there is None:
                found[design.name] = path, design
            elif there[0].resolve() != path.resolve():
                raise InputError(
                    f"{path}: name: {design.name!r}: must be another: it is the name of {there[0]}"
                )
    return found


def _revision(against: str | None) -> str:
    """Return what to compare with if it is a revision, and nothing if it is a folder of builds."""
    if against is None or Path(against).exists():
        return ""
    if not is_revision(against, Path.cwd()):
        raise InputError(
            f"--against: {against}: must be a folder of builds or a revision that Git has here "
            "(git fetch brings one)"
        )
    return against


def _sorted_out(
    revision: str,
    old: Mapping[str, Path],
    designs: Mapping[str, tuple[Path, Design]],
    builds: Sequence[Build],
    tell: Callable[[str], None],
) -> tuple[list[Report], dict[str, Path]]:
    """Give the reports of designs whose hardware was the same, and the files of the others."""
    now = {build.name: build.report for build in builds if build.report is not None}
    reused, changed = [], {}
    for name, path in old.items():
        try:
            design = load_design(path)
        except DesignError as error:
            tell(f"{name}: not compared: {revision}: {error}")
            continue
        if name in now and same_hardware(design, designs[name][1]):
            reused.append(now[name])
        else:
            changed[name] = path
    tell(f"{revision}: {len(changed)} of {len(old)} designs differ")
    return reused, changed


def _code(builds: Sequence[Build], too_large_is_fine: bool) -> int:
    states = {build.state for build in builds}
    if "failed" in states or ("too large" in states and not too_large_is_fine):
        return 2
    return int("missed" in states)


def _entry(build: Build) -> dict[str, Any]:
    return {
        "name": build.name,
        "source": build.source,
        "state": build.state,
        "problems": list(build.problems),
    }


def _write(
    title: str, builds: Sequence[Build], before: Sequence[Report], folder: Path
) -> dict[str, Path]:
    """Write what is shown; give the files by what they are."""
    texts = {
        "summary": ("summary.md", outputs.summary(title, builds, before)),
        "comment": ("comment.md", outputs.comment(title, builds, before)),
        "smaller": ("smaller-is-better.json", _to_json(outputs.smaller(builds))),
        "bigger": ("bigger-is-better.json", _to_json(outputs.bigger(builds))),
        "badge": ("badge.json", _to_json(outputs.badge(title, builds))),
    }
    files = {name: folder / file for name, (file, _) in texts.items()}
    for name, (_, text) in texts.items():
        _replace(files[name], text)
    for name, shield in outputs.badges(builds).items():
        _replace(folder / "badges" / f"{name}.json", _to_json(shield))
    return {**files, "badges": folder / "badges"}


def _made(folder: Path) -> Path:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be made: {words(error)}") from error
    return folder


def _to_json(value: object) -> str:
    return json.dumps(value, indent=1) + "\n"


def _replace(path: Path, text: str) -> None:
    with replacing(path) as fresh:
        fresh.write_text(text, encoding="utf-8")


def _tell_github(files: dict[str, Path], code: int) -> None:
    """Add to the summary and the outputs of a step of GitHub Actions, if it is one."""
    lines = [f"passed={'false' if code else 'true'}"]
    lines += [f"{name}={path}" for name, path in files.items()]
    texts = {
        "GITHUB_STEP_SUMMARY": files["summary"].read_text(encoding="utf-8"),
        "GITHUB_OUTPUT": "".join(f"{line}\n" for line in lines),
    }
    for variable, text in texts.items():
        if path := os.environ.get(variable):
            with open(path, "a", encoding="utf-8") as file:
                file.write(text)
