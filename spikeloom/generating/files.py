"""Write the Verilog of a layer, and beside it what a user of the Verilog must know."""

import contextlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.errors import words
from spikeloom.files import InputError, replacing
from spikeloom.generating.description import describe, load_bytes
from spikeloom.generating.kit import kit_files, kit_names
from spikeloom.hdl.top import PORTS, AxiStreamTop
from spikeloom.owner import check_marked, check_owner, digest, written
from spikeloom.sim.verilog import primitives, to_verilog

__all__ = ["generate"]


def generate(
    design: Design,
    folder: Path,
    *,
    source: str = "",
    kit: bool = False,
    arrays: Mapping[str, NDArray[Any]] | None = None,
) -> tuple[Path, ...]:
    """Write ``NAME.v`` and ``NAME.json`` into ``folder``, which is made if it does not exist.

    Of a layer that is loaded over the stream also ``NAME.load``, what is to be sent to it first.
    What was generated here for the design before and is not now is removed, unless it was changed
    since. The same design and versions give the same bytes on every run and machine. Each file
    appears whole or not at all, and none without the others.

    Parameters
    ----------
    design : Design
        The layer.
    folder : Path
        Where the files go.
    source : str
        Name of the design file, without its folder. ``NAME.json`` keeps it, and files of another
        design are not written over.
    kit : bool
        Write what integrates the Verilog as well: see :mod:`spikeloom.generating.kit`.
    arrays : mapping or None
        Inputs of the inferences of its test bench; without them, two are drawn.

    Returns
    -------
    tuple of Path
        The Verilog and its description, what loads it where there is such a file, and the kit.

    Raises
    ------
    InputError
        The folder cannot be made or written, or holds such files of another design.
    MissingToolError
        Yosys is not installed.
    """
    folder = Path(folder)
    load = load_bytes(design)
    more = [f"{design.name}.load"] if load else []
    check_owner(folder, design.name, source, building=False, more=more)
    if kit:
        check_marked([folder / name for name in kit_names(design)], design.name)
    portable = design.target.cells == "portable"
    verilog = to_verilog(AxiStreamTop(design), design.module, portable=portable, ports=PORTS)
    cells = primitives(verilog)
    named, described = f"{design.name}.v", f"{design.name}.json"
    files = {named: verilog.encode(), **dict.fromkeys(more, load)}
    if kit:
        files |= kit_files(design, arrays)
    known = {
        **describe(design, source=source),
        "primitives": list(cells),
        "files": {name: digest(content) for name, content in files.items()},
    }
    text = json.dumps(known, indent=2) + "\n"
    contents = {named: files[named], described: text.encode(), **files}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{folder}: must be a folder that can be made: {words(error)}") from error
    with contextlib.ExitStack() as stack:
        # All are written before the first is put in its place, the description last.
        before = written(folder, design.name)
        order = sorted(contents, key=lambda name: name != described)
        fresh = {name: stack.enter_context(replacing(folder / name)) for name in order}
        for name, content in contents.items():
            fresh[name].write_bytes(content)
    for path in before:
        if path.name not in contents:
            path.unlink(missing_ok=True)
    return tuple(folder / name for name in contents)
