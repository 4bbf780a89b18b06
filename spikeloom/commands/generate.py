"""``spikeloom generate``: Verilog, and what to know about it."""

import time
from argparse import Namespace
from typing import Any

from spikeloom.commands.common import load, say_folding
from spikeloom.commands.progress import say
from spikeloom.files import InputError
from spikeloom.generating import generate
from spikeloom.owner import changes, written
from spikeloom.sim.spikes import read_spikes

__all__ = ["run"]


def run(options: Namespace) -> tuple[int, dict[str, Any] | str]:
    """Write Verilog and description."""
    design = load(options.design)
    say_folding(design, options.design)
    arrays = None
    if options.input is not None:
        if not options.kit:
            raise InputError("--input: must go with --kit, whose test bench sends it")
        arrays = read_spikes(options.input, design)
    start = time.perf_counter()
    given = design.model_dump(mode="json", exclude_none=True)
    changed = changes(options.output, design.name, given)
    before = written(options.output, design.name)
    paths = generate(
        design, options.output, source=options.design.name, kit=options.kit, arrays=arrays
    )
    if changed:
        say(f"{paths[0]}: replaced; the design differs in {', '.join(changed)}")
    for path in before:
        if not path.exists():
            say(f"{path}: removed; it is of what was generated here before")
    say(f"generated {design.name} in {time.perf_counter() - start:.2f} s")
    if options.json:
        return 0, {"name": design.name, "module": design.module, "files": [*map(str, paths)]}
    return 0, "".join(f"{path}\n" for path in paths)
