"""What stays on the host: convolutions, pooling and neurons in front of a network, in NumPy.

A program is a list of operations on named arrays, written down as JSON beside its weights, so that
it runs without the checkpoint that it came from.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

__all__ = ["Operation", "Program", "lif"]

_Array = NDArray[Any]


@dataclass(frozen=True)
class Operation:
    """One operation.

    Parameters
    ----------
    name : str
        One of those below: ``conv``, ``norm``, ``lif``, ...
    out : str
        Array that it makes.
    inputs : tuple of str
        Arrays that it takes.
    weights : tuple of str
        Arrays of the program that it takes; an empty name for one that there is not.
    numbers : mapping
        Anything else, as stride and padding.
    """

    name: str
    out: str
    inputs: tuple[str, ...]
    weights: tuple[str, ...] = ()
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """Operations from ``data`` to ``x``.

    Parameters
    ----------
    operations : tuple of Operation
    weights : mapping
        Arrays by name.
    """

    operations: tuple[Operation, ...]
    weights: Mapping[str, _Array] = field(default_factory=dict)

    def run(self, data: _Array) -> _Array:
        """Return ``x``, (T, N, C), for one sample."""
        arrays: dict[str, _Array] = {"data": np.asarray(data, dtype=np.float32)}
        for step in self.operations:
            given = [arrays[name] for name in step.inputs]
            weights = [self.weights[name] if name else None for name in step.weights]
            arrays[step.out] = _OPERATIONS[step.name](*given, *weights, **step.numbers)
        return arrays["x"]

    def save(self) -> dict[str, _Array]:
        """Return its arrays, the operations as JSON among them, for an NPZ file."""
        lines = [
            [step.name, step.out, list(step.inputs), list(step.weights), dict(step.numbers)]
            for step in self.operations
        ]
        return {**self.weights, "program": np.array(json.dumps(lines))}

    @classmethod
    def load(cls, arrays: Mapping[str, _Array]) -> "Program":
        """Return the program that :meth:`save` wrote; :exc:`ValueError` for anything else."""
        try:
            lines = json.loads(str(arrays["program"]))
            operations = tuple(
                Operation(name, out, tuple(inputs), tuple(weights), numbers)
                for name, out, inputs, weights, numbers in lines
            )
        except (KeyError, TypeError, ValueError):
            raise ValueError(
                "Host file must hold a program, as spikeloom import writes it"
            ) from None
        for step in operations:
            if step.name not in _OPERATIONS:
                raise ValueError(f"Host file must hold known operations, not {step.name!r}")
        return cls(operations, {key: arrays[key] for key in arrays if key != "program"})


def lif(x: _Array, threshold: float = 1.0, tau: float = 2.0) -> _Array:
    """Return the spikes of real drives (T, ...), as SpikingJelly's ``LIFNode`` has them.

    Its input decays, and its reset is hard, to 0.

    >>> lif(np.array([1.5, 1.5, 1.5, -2.0], dtype=np.float32)).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    membrane = np.zeros(x.shape[1:], dtype=x.dtype)
    spikes = np.empty_like(x)
    for t, drive in enumerate(x):
        membrane = membrane + (drive - membrane) / x.dtype.type(tau)
        spikes[t] = membrane >= threshold
        membrane = membrane * (1 - spikes[t])
    return spikes


def _conv(
    x: _Array, weight: _Array, bias: _Array | None, *, stride: int = 1, padding: tuple[int, int]
) -> _Array:
    """Return the convolution of (B, C, H, W) with (O, C, h, w), or of each channel with its own."""
    own = weight.shape[1] == 1 and len(weight) == x.shape[1]
    high, wide = weight.shape[2:]
    padded = np.pad(x, ((0, 0), (0, 0), *((pad, pad) for pad in padding)))
    rows = (padded.shape[2] - high) // stride + 1
    columns = (padded.shape[3] - wide) // stride + 1
    total = np.zeros((len(x), len(weight), rows, columns), dtype=x.dtype)
    for row in range(high):
        for column in range(wide):
            part = padded[:, :, row : row + stride * (rows - 1) + 1 : stride]
            part = part[..., column : column + stride * (columns - 1) + 1 : stride]
            tap = weight[:, :, row, column]
            if own:
                total += tap[:, 0, None, None] * part
            else:
                total += np.einsum("oc,bchw->bohw", tap, part, optimize=True)
    return total if bias is None else total + bias[:, None, None]


def _norm(
    x: _Array, weight: _Array, bias: _Array, mean: _Array, var: _Array, *, eps: float
) -> _Array:
    """Return the batch normalisation of (B, C, ...)."""
    gain = weight / np.sqrt(var + np.float32(eps))
    shape = (-1,) + (1,) * (x.ndim - 2)
    return x * gain.reshape(shape) + (bias - mean * gain).reshape(shape)


def _pool(x: _Array, *, size: int = 3, stride: int = 2, padding: int = 1) -> _Array:
    """Return the greatest entries of windows of (B, C, H, W)."""
    wide = ((0, 0), (0, 0), (padding, padding), (padding, padding))
    padded = np.pad(x, wide, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (size, size), axis=(2, 3))
    most: _Array = windows[:, :, ::stride, ::stride].max(axis=(4, 5))
    return most


def _beside(x: _Array, table: _Array) -> _Array:
    """Put a table (T, N, C') beside the channels of (T, N, C)."""
    return np.concatenate([x, table[:, : x.shape[1]]], axis=2)


def _grid(x: _Array, *, rows: int) -> _Array:
    """Return tokens (T, N, C) as pictures (T, C, rows, N / rows)."""
    return x.transpose(0, 2, 1).reshape(len(x), x.shape[2], rows, -1)


def _integers(x: _Array, unit: _Array, *, bits: int) -> _Array:
    """Return the nearest multiples of units (C,) of (T, N, C), within their bits."""
    most = (1 << bits - 1) - 1
    return np.rint(x / unit).clip(-most - 1, most)


_OPERATIONS: Final[Mapping[str, Callable[..., _Array]]] = {
    "conv": _conv,
    "norm": _norm,
    "lif": lif,
    "pool": _pool,
    "add": lambda a, b: a + b,
    "plus": lambda x, table: x + table[:, : x.shape[1]],
    "beside": _beside,
    "repeat": lambda x, *, steps: np.repeat(x[None], steps, axis=0),
    "times": lambda x, unit: x * unit,
    "axes": lambda x, *, order: x.transpose(order),
    "expand": lambda x, *, axis: np.expand_dims(x, tuple(axis)),
    "squeeze": lambda x, *, axis: np.squeeze(x, tuple(axis)),
    "tokens": lambda x: x.reshape(*x.shape[:2], -1).transpose(0, 2, 1),
    "grid": _grid,
    "integers": _integers,
}
