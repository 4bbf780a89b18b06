"""Arrays that the weights of a network must hold: names, shapes and ranges."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from spikeloom.design.network.sections import Parts
from spikeloom.design.network.weights import Weights
from spikeloom.design.read import DesignError, show

__all__ = ["ArrayShape", "check_arrays", "dense_sizes", "expected", "weight_range"]

# Biases and thresholds are less than this from 0: sums of the largest layers are not far above.
_WIDE = 1 << 23


class _Network(Parts, Protocol):
    """What arrays depend on, of a design."""

    @property
    def steps(self) -> int: ...
    @property
    def weights(self) -> Weights: ...


@dataclass(frozen=True)
class ArrayShape:
    """An array of the weights file.

    Parameters
    ----------
    name : str
        Its name.
    axes : str
        Its axes in words.
    shape : tuple of int
        Its shape.
    low, high : int
        Least and greatest entry.
    zero : bool
        Whether an entry may be 0.
    """

    name: str
    axes: str
    shape: tuple[int, ...]
    low: int
    high: int
    zero: bool = True


def weight_range(bits: int) -> tuple[int, int]:
    """Return the least and the greatest weight of a width.

    >>> [weight_range(bits) for bits in (1, 2, 3, 8)]
    [(-1, 1), (-1, 1), (-4, 3), (-128, 127)]
    """
    return (-1, 1) if bits <= 2 else (-(1 << bits - 1), (1 << bits - 1) - 1)


def dense_sizes(design: _Network, n: int, name: str) -> tuple[int, int]:
    """Return the outputs and inputs of a linear layer of block ``n``."""
    dim, hidden = design.dim, design.blocks[n].hidden
    inputs = dim * design.blocks[n].places
    return {"expand": (hidden, dim), "contract": (dim, hidden)}.get(name, (dim, inputs))


def expected(design: _Network) -> Iterator[ArrayShape]:
    """Give the arrays that a network needs."""
    encoder, readout, dim = design.encoder, design.readout, design.dim
    membrane = design.blocks[0].membrane
    if encoder.kind == "linear":
        yield _weight("encoder.weight", "(D, C)", (dim, encoder.inputs), encoder.weight_bits)
        if encoder.position == "absolute":
            ends = weight_range(encoder.weight_bits)
            yield ArrayShape("encoder.position", "(N, D)", (design.tokens, dim), *ends)
        yield _bias("encoder", "D", dim)
        if not membrane:
            yield _threshold("encoder", "D", dim)
    for n, block in enumerate(design.blocks):
        for name in block.layers:
            sizes, at = dense_sizes(design, n, name), f"blocks.{n}.{name}"
            before = {"query": "input", "expand": "mlp"}.get(name)
            if membrane and before is not None:
                yield _threshold(f"blocks.{n}.{before}", "D", dim)
            yield _weight(f"{at}.weight", "(outputs, inputs)", sizes, block.weight_bits)
            yield _bias(at, "outputs", sizes[0])
            if not membrane or name not in ("project", "contract"):
                yield _threshold(at, "outputs", sizes[0])
            if block.mlp_position == "absolute" and name in ("expand", "contract"):
                whole = (design.steps, design.tokens, sizes[0])
                yield ArrayShape(f"{at}.position", "(T, N, outputs)", whole, 1 - _WIDE, _WIDE - 1)
    if membrane and readout.neurons != "none":
        yield _threshold("readout", "D", dim)
    whole = (readout.groups, readout.outputs, dim)
    yield _weight("readout.weight", "(G, O, D)", whole, readout.weight_bits)
    yield _bias("readout", "O", readout.outputs)


def _weight(name: str, axes: str, shape: tuple[int, ...], bits: int) -> ArrayShape:
    return ArrayShape(name, axes, shape, *weight_range(bits), zero=bits != 1)


def _bias(at: str, axis: str, count: int) -> ArrayShape:
    return ArrayShape(f"{at}.bias", f"({axis})", (count,), 1 - _WIDE, _WIDE - 1)


def _threshold(at: str, axis: str, count: int) -> ArrayShape:
    return ArrayShape(f"{at}.threshold", f"({axis})", (count,), 1, _WIDE - 1)


def check_arrays(design: _Network) -> None:
    """Refuse weights that are not those of the network: names, shapes, ranges."""
    weights = design.weights
    needed = {array.name: array for array in expected(design)}
    where = f"{weights.file}: " if weights.file else ""
    for name in weights:
        if name not in needed:
            allowed = f"must not be there: the arrays are {', '.join(list(needed)[:8])}, ..."
            raise DesignError("weights", f"{where}array {name}", allowed)
    for name, array in needed.items():
        at = f"{where}array {name}"
        if name not in weights:
            raise DesignError("weights", at, f"missing: {array.axes} = {array.shape} integers")
        found = weights[name]
        if found.shape != array.shape:
            allowed = f"must be of shape {array.axes} = {array.shape}, not {found.shape}"
            raise DesignError("weights", at, allowed)
        wrong = (found < array.low) | (found > array.high)
        if not array.zero:
            wrong |= found == 0
        if wrong.any():
            entry = int(found[wrong][0])
            allowed = f"must be from {array.low} to {array.high}"
            if not array.zero:
                allowed = "must be -1 or 1 (weight_bits 1)"
            raise DesignError("weights", f"{at}: {show(entry)}", allowed)
