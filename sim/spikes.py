"""Read and write the NPZ files of spikes; nothing half-written, nothing unchecked."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from spikeloom.arrays import Archive
from spikeloom.design.base import Design
from spikeloom.errors import words
from spikeloom.files import FormatError, InputError, replacing
from spikeloom.golden.arrays import ArraySpec, fill
from spikeloom.golden.kinds import model

__all__ = ["draw_spikes", "read_labels", "read_spikes", "write_arrays"]

_T = TypeVar("_T")


def read_spikes(path: Path, design: Design) -> dict[str, Any]:
    """Read a layer's inputs from an NPZ file (``q``, ``k`` and ``v``), and its output if there.

    An input that has a default and is not in the file is filled in.

    Parameters
    ----------
    path : Path
        The file. Integers of any kind and booleans are taken, as long as they are in range.
    design : Design
        Says names, shapes and ranges. Several inferences have another axis in front.

    Returns
    -------
    dict of str to numpy.ndarray
        Typed ``Any``, so that they may be keywords beside others.

    Raises
    ------
    InputError
        The file is missing or no NPZ file, an array is missing, of another shape or kind, or
        holds another value.
    """
    golden = model(design)
    arrays = _read(path, golden.inputs, golden.output)
    arrays |= fill(golden.inputs, arrays)
    specs = {spec.name: spec for spec in (*golden.inputs, golden.output)}
    return {name: _check(path, specs[name], array) for name, array in arrays.items()}


def read_labels(path: Path, count: int, *, first: bool = False) -> NDArray[np.int64] | None:
    """Read the array ``label`` of an NPZ file: which number should be the greatest, an inference.

    With ``first`` there may be more labels than inferences, and those of the first are given.

    Returns
    -------
    numpy.ndarray or None
        Integers of shape (count,); None where the file has none.
    """
    spec = ArraySpec("label", "()", (), 0, (1 << 31) - 1)
    try:
        with Archive(path) as archive:
            if spec.name not in archive.names:
                return None
            shape, dtype = _of(path, spec, archive.header)
            own = shape[0] if first and shape and shape[0] > count else count
            _check_header(path, spec, shape, dtype, own)
            labels = _check(path, spec, _of(path, spec, archive.array)).astype(np.int64)
            return labels[:count]
    except (FormatError, OSError) as error:
        raise InputError(f"{path}: {words(error)}") from error


def _read(path: Path, needed: Sequence[ArraySpec], answer: ArraySpec) -> dict[str, NDArray[Any]]:
    """Read the arrays once their shapes and types are known to be right."""
    try:
        with Archive(path) as archive:
            for spec in needed:
                if spec.name not in archive.names and spec.default is None:
                    raise InputError(
                        f"{path}: {spec.name}: must be in the file, and is not; it holds "
                        f"{', '.join(map(_plain, archive.names[:8])) or 'nothing'}"
                    )
            specs = [spec for spec in (*needed, answer) if spec.name in archive.names]
            headers = {spec.name: _of(path, spec, archive.header) for spec in specs}
            count = _inferences(headers[specs[0].name][0], specs[0])
            for spec in specs:
                _check_header(path, spec, *headers[spec.name], count)
            return {spec.name: _of(path, spec, archive.array) for spec in specs}
    except FormatError as error:
        raise InputError(f"{path}: {error}") from error
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: must be a readable file: {words(error)}") from error


def _of(path: Path, spec: ArraySpec, read: Callable[[str], _T]) -> _T:
    try:
        return read(spec.name)
    except FormatError as error:
        raise InputError(f"{path}: {spec.name}: {error}") from error


def _plain(name: str) -> str:
    return name if name.isidentifier() and len(name) < 40 else "..."


def _inferences(shape: tuple[int, ...], spec: ArraySpec) -> int | None:
    """Count the inferences of an array that has an axis of them; None without one."""
    return shape[0] if len(shape) == len(spec.shape) + 1 and shape[0] else None


def _check_header(
    path: Path, spec: ArraySpec, found: tuple[int, ...], dtype: np.dtype[Any], count: int | None
) -> None:
    where = f"{path}: {spec.name}"
    if found != (spec.shape if count is None else (count, *spec.shape)):
        hint = _turned(found, spec)
        raise InputError(f"{where}: must be of shape {spec.words(count)}, not {found}{hint}")
    if dtype.kind not in "biu":
        raise InputError(f"{where}: must be of integers (uint8), not {dtype}")


def _turned(found: tuple[int, ...], spec: ArraySpec) -> str:
    """Say how to turn an array whose inferences stand behind its steps, as in PyTorch code."""
    names = spec.axes.strip("()").split(", ")
    if names[0] != "T" or len(found) != len(names) + 1:
        return ""
    if (found[0], *found[2:]) != spec.shape:
        return ""
    order = ", ".join(map(str, (1, 0, *range(2, len(found)))))
    return f": it seems to be ({', '.join(['T', 'B', *names[1:]])}): transpose({order}) turns it"


def _check(path: Path, spec: ArraySpec, array: NDArray[Any]) -> NDArray[Any]:
    if spec.name == "drive":
        return array.astype(np.int64)
    wrong = np.argwhere((array < spec.low) | (array > spec.high))
    if len(wrong):
        index = tuple(wrong[0].tolist())
        hint = f" ({spec.beyond})" if spec.beyond and array[index] > spec.high else ""
        where = f" at {index}" if index else ""
        raise InputError(
            f"{path}: {spec.name}: {array[index]}{where}: must be {spec.allowed}{hint}"
        )
    return array.astype(spec.dtype)


def draw_spikes(design: Design, *, rate: float, seed: int) -> dict[str, Any]:
    """Draw a layer's inputs: each number is not zero with probability ``rate``, on its own.

    Numbers that are not spikes are drawn evenly from their range without zero. An input that has a
    default is that.

    Returns
    -------
    dict of str to numpy.ndarray
        Typed ``Any``, so that they may be keywords beside others.

    Raises
    ------
    ValueError
        ``rate`` is no probability, or ``seed`` is negative.
    """
    if not 0 <= rate <= 1:
        raise ValueError(f"Rate must be a probability, not {rate!r}")
    if seed < 0:
        raise ValueError(f"Seed must be a non-negative integer, not {seed!r}")
    rng = np.random.default_rng(seed)
    specs = model(design).inputs
    return fill(specs, {s.name: _draw(s, rate, rng) for s in specs if s.default is None})


def _draw(spec: ArraySpec, rate: float, rng: np.random.Generator) -> NDArray[Any]:
    active = rng.random(spec.shape) < rate
    if (spec.low, spec.high) == (0, 1):
        return active.astype(np.uint8)
    values = rng.integers(spec.low, spec.high, spec.shape)
    # The range without zero: what would be zero or more is one more.
    values += values >= 0
    return np.where(active, values, 0).astype(spec.dtype)


def write_arrays(path: Path, arrays: Mapping[str, Any]) -> None:
    """Write an NPZ file, whole or not at all.

    Raises
    ------
    InputError
        The folder does not exist or must not be written.
    """
    with replacing(path) as fresh, fresh.open("wb") as file:
        np.savez_compressed(file, **dict(arrays))
