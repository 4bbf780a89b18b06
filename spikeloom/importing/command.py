"""What ``spikeloom import`` does, from the command line's options to files and a report."""

import math
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.arrays import Archive
from spikeloom.design.read import DesignError
from spikeloom.design.write import smallest, toml
from spikeloom.errors import words
from spikeloom.files import FormatError, InputError, check_writable
from spikeloom.importing.checkpoint import Checkpoint, read_checkpoint
from spikeloom.importing.config import read_config
from spikeloom.importing.containers.tensor import MOST, most
from spikeloom.importing.families.recognise import recognise
from spikeloom.importing.imported import Imported, Options, Part
from spikeloom.importing.neutral.convert import TITLE, is_neutral
from spikeloom.importing.neutral.convert import convert as convert_neutral
from spikeloom.importing.nir.files import is_graph
from spikeloom.importing.nir.load import load_graph
from spikeloom.importing.write import npz, write_files

__all__ = ["run_import"]

_DATA = ("data", "x")
_LABELS = ("label", "labels", "target")

Result = tuple[int, dict[str, Any] | str]


def run_import(options: Namespace, say: Callable[[str], None]) -> Result:
    """Import a checkpoint or a graph, and write designs, integers and a report.

    Parameters
    ----------
    options : Namespace
        ``checkpoint``, ``config``, ``output``, ``bits``, ``calibrate``, ``tokens``, ``ema``,
        ``explain``, ``json``: see ``spikeloom import --help``.
    say : callable
        Takes lines of progress.

    Raises
    ------
    DesignError, InputError
        Checkpoint, configuration or data are wrong, or the folder cannot be written.
    """
    _check_folder(options.output)
    if is_graph(options.checkpoint):
        return load_graph(options, say)
    checkpoint = read_checkpoint(options.checkpoint, ema=options.ema)
    say(f"{checkpoint.file}: {checkpoint.container}, {len(checkpoint.tensors)} tensors")
    config = read_config(options.config)
    if is_neutral(checkpoint):
        title, convert = TITLE, convert_neutral
    else:
        found = recognise(checkpoint)
        title, convert = found.title, found.convert
    say(f"{checkpoint.file}: {title}")
    data, labels = _read_data(options.calibrate)
    chosen = Options(bits=options.bits, data=data, labels=labels, tokens=options.tokens)
    try:
        # Floats of a strange checkpoint may leave their range; integers that do are told.
        with np.errstate(all="ignore"):
            imported = convert(checkpoint, config, chosen)
    except OverflowError:
        allowed = "must be smaller: folded with the others they leave the range of integers"
        raise DesignError("tensors", "", allowed, checkpoint.file) from None
    files = _files(imported.parts)
    if data is not None:
        files["input.npz"] = npz(_input(imported.parts[0], data, labels))
    about = _about(checkpoint, config.file, imported)
    paths = write_files(options.output, files, about, options.checkpoint.name)
    if options.json:
        return 0, {"files": [*map(str, paths)], **about}
    lines = [imported.report.text().rstrip("\n")]
    if options.explain:
        lines += ["", *map(str, imported.lines)]
    return 0, "\n".join([*lines, "", *map(str, paths)]) + "\n"


def _check_folder(folder: Path) -> None:
    """Find out before the work whether files could be written."""
    if folder.exists():
        check_writable(folder / "import.json")


def _read_data(path: Path | None) -> tuple[NDArray[Any] | None, NDArray[Any] | None]:
    """Read samples, and labels where there are any."""
    if path is None:
        return None, None
    try:
        with Archive(path) as archive:
            names = archive.names
            data = next((name for name in _DATA if name in names), None)
            labels = next((name for name in _LABELS if name in names), None)
            if data is None:
                raise FormatError(f"must hold an array {' or '.join(_DATA)}")
            return _array(archive, data), None if labels is None else _array(archive, labels)
    except FormatError as error:
        raise InputError(f"{path}: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: must be a file that can be read ({words(error)})") from None


def _array(archive: Archive, name: str) -> NDArray[Any]:
    shape, dtype = archive.header(name)
    if dtype.kind not in "fiub" or not shape or 0 in shape:
        raise FormatError(f"{name}: must hold numbers of at least one sample, not {dtype}{shape}")
    if math.prod(shape) * dtype.itemsize > MOST:
        raise FormatError(f"{name}: must be of at most {most()}")
    array = archive.array(name)
    if dtype.kind == "f" and not math.isfinite(float(abs(array).max())):
        raise FormatError(f"{name}: must hold finite numbers only")
    return array


def _files(parts: Sequence[Part]) -> dict[str, bytes]:
    """Return the files of every part; those of the only one have plain names."""
    files = {}
    for part in parts:
        start = f"{part.name}-" if len(parts) > 1 else ""
        design = f"{part.name}.toml" if len(parts) > 1 else "network.toml"
        integers = {name: smallest(array) for name, array in part.weights.items()}
        keys = {**part.design, "weights": f"{start}weights.npz"}
        files[design] = toml(keys).encode()
        files[keys["weights"]] = npz(integers)
        if part.host.operations:
            files[f"{start}host.npz"] = npz(part.host.save())
    return files


def _input(part: Part, data: NDArray[Any], labels: NDArray[Any] | None) -> dict[str, NDArray[Any]]:
    """Return what the first network is given for samples, as ``spikeloom simulate`` takes it."""
    x = data
    if part.host.operations:
        x = np.stack([part.host.run(sample) for sample in data])
    x = x.astype(np.int64)
    found: dict[str, NDArray[Any]] = {"x": smallest(x)}
    if labels is not None:
        found["label" if labels.ndim == 1 else "target"] = labels
    return found


def _about(checkpoint: Checkpoint, config: str, imported: Imported) -> dict[str, Any]:
    return {
        "container": checkpoint.container,
        "config": Path(config).name,
        "parts": [part.name for part in imported.parts],
        "report": imported.report.json(),
        "tensors": [
            {"tensor": fate.tensor, "became": fate.became, "why": fate.why}
            for fate in imported.lines
        ],
        "beside": dict(checkpoint.extra),
    }
