"""Read and write the NPZ files of spikes; nothing half-written, nothing unchecked."""

import contextlib
import os
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design_layer import Layer
from spikeloom.golden.model import ArraySpec
from spikeloom.golden.models import model

__all__ = ["InputError", "draw_spikes", "read_spikes", "replacing", "write_arrays"]


class InputError(Exception):
    """A file from outside is wrong. The message is one line: file, key, value, what is allowed."""


def read_spikes(path: Path, design: Layer) -> dict[str, NDArray[Any]]:
    """Read a layer's inputs from an NPZ file (``q``, ``k`` and ``v``), and its output if there.

    Parameters
    ----------
    path : Path
        The file. Integers of any kind and booleans are taken, as long as they are in range.
    design : Layer
        Says names, shapes and ranges. Several inferences have another axis in front.

    Raises
    ------
    InputError
        The file is missing or no NPZ file, an array is missing, of another shape or kind, or
        holds another value.
    """
    golden = model(design)
    specs = {spec.name: spec for spec in (*golden.inputs, golden.output)}
    arrays = _load(path, [spec.name for spec in golden.inputs], (golden.output.name,))
    lead = golden.inputs[0]
    first = arrays[lead.name]
    count = len(first) if first.ndim == len(lead.shape) + 1 and len(first) else None
    return {name: _check(path, specs[name], array, count) for name, array in arrays.items()}


def _load(path: Path, needed: Sequence[str], wanted: Sequence[str]) -> dict[str, NDArray[Any]]:
    try:
        # NumPy warns of headers that it takes to be old, in several lines, and does not close a
        # file that it cannot read.
        with warnings.catch_warnings(action="ignore"), path.open("rb") as raw:
            file = np.load(raw, allow_pickle=False)
            if not isinstance(file, np.lib.npyio.NpzFile):
                raise InputError(f"{path}: must be an NPZ file (numpy.savez), not a single array")
            with file:
                missing = [name for name in needed if name not in file.files]
                if missing:
                    raise InputError(
                        f"{path}: {missing[0]}: must be in the file, and is not; it holds "
                        f"{', '.join(map(_plain, file.files[:8])) or 'nothing'}"
                    )
                return {name: file[name] for name in (*needed, *wanted) if name in file.files}
    except InputError:
        raise
    except OSError as error:
        raise InputError(f"{path}: must be a readable file: {_words(error)}") from error
    # Damaged files fail in whatever layer reads the damage: zip, zlib, struct, tokenize, NumPy.
    except Exception as error:
        raise InputError(f"{path}: must be an NPZ file of numbers: {_words(error)}") from error


def _plain(name: str) -> str:
    return name if name.isidentifier() and len(name) < 40 else "..."


def _check(path: Path, spec: ArraySpec, array: NDArray[Any], count: int | None) -> NDArray[Any]:
    where = f"{path}: {spec.name}"
    axes, shape = spec.axes, spec.shape
    if count is not None:
        axes, shape = f"(inferences, {axes[1:]}", (count, *shape)
    if array.shape != shape:
        raise InputError(f"{where}: must be of shape {axes} = {shape}, not {array.shape}")
    if array.dtype.kind not in "biu":
        raise InputError(f"{where}: must be of integers (uint8), not {array.dtype}")
    if spec.name == "drive":
        return array.astype(np.int64)
    wrong = np.argwhere((array < spec.low) | (array > spec.high))
    if len(wrong):
        index = tuple(wrong[0].tolist())
        hint = f" ({spec.beyond})" if spec.beyond and array[index] > spec.high else ""
        raise InputError(f"{where}: {array[index]} at {index}: must be {spec.allowed}{hint}")
    return array.astype(spec.dtype)


def _words(error: BaseException) -> str:
    """Give an error's text on one line."""
    text = getattr(error, "strerror", None) or str(error)
    return " ".join(str(text).split()) or type(error).__name__


def draw_spikes(design: Layer, *, rate: float, seed: int) -> dict[str, NDArray[Any]]:
    """Draw a layer's inputs: each number is not zero with probability ``rate``, on its own.

    Numbers that are not spikes are drawn evenly from their range without zero.

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
    return {spec.name: _draw(spec, rate, rng) for spec in model(design).inputs}


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


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a name to write to, which becomes ``path`` if the block ends well.

    If it does not, whatever was at ``path`` stays as it was.

    Raises
    ------
    InputError
        The folder does not exist or must not be written.
    """
    try:
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", suffix=path.suffix, dir=path.parent
        )
    except OSError as error:
        raise InputError(f"{path}: must be in a writable folder: {_words(error)}") from error
    os.close(handle)
    fresh = Path(name)
    try:
        yield fresh
        # mkstemp keeps others out; a result should be as readable as any other new file.
        mask = os.umask(0)
        os.umask(mask)
        fresh.chmod(0o666 & ~mask)
        try:
            fresh.replace(path)
        except OSError as error:
            raise InputError(f"{path}: must be a file: {_words(error)}") from error
    finally:
        fresh.unlink(missing_ok=True)
