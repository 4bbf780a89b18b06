"""``spikeloom build``: netlist, placed design, bitstream and report."""

import sys
from argparse import Namespace
from typing import Any

from spikeloom.boards.pins import PinError
from spikeloom.commands.common import compare, load, say_folding, spikes
from spikeloom.commands.progress import Progress
from spikeloom.commands.terminal import has_colour
from spikeloom.design.pins import read_pcf
from spikeloom.errors import NoError
from spikeloom.files import InputError
from spikeloom.flow import build
from spikeloom.report.files import problems
from spikeloom.report.text import render_text
from spikeloom.sim.cache import cache_folder
from spikeloom.sim.simulate import simulate
from spikeloom.sim.traffic import SimulationError
from spikeloom.trial import tell

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Build, with cycles measured on RTL whose answer is compared with the golden model."""
    design = load(options.design)
    say_folding(design, options.design)
    pins = None if options.pcf is None else read_pcf("--pcf", options.pcf)
    arrays, source = spikes(options, design)

    # Simulation is a stage more.
    kind = f"build {options.seeds}{' predicted' if options.no_simulation else ''}"
    work = [kind, source, design.model_dump(mode="json")]
    progress = Progress(cache_folder() / "times.json", kind, work)

    def measure() -> dict[str, Any]:
        progress(f"count cycles: {source}")
        try:
            answer = simulate(design, arrays)
        except SimulationError as error:
            raise NoError(f"{options.design}: {error}") from error
        return dict(tell(design, arrays, answer, compare(design, arrays, answer), source))

    try:
        with progress:
            report = build(
                design,
                options.output,
                pins=pins,
                seeds=range(1, options.seeds + 1),
                cycles=None if options.no_simulation else measure,
                progress=progress,
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
    return int(bool(found)), render_text([report], full=options.full, colour=has_colour(sys.stdout))
