"""Arrays that the weights of a network must hold: names, shapes and ranges."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from spikeloom.design.network.sections import Block, Encoder, Readout
from spikeloom.design.network.weights import Weights
from spikeloom.design.read import DesignError, show

__all__ = ["DENSE", "ArrayShape", "check_arrays", "dense_sizes", "expected", "weight_range"]

DENSE = ("query", "key", "value", "project", "expand", "contract")
"""Linear layers of a block, in the order in which they are computed."""

# What the engine's neurons hold: biases and thresholds of blocks, and of encoder and read-out.
_BIAS = 1 << 17
_THRESHOLD = 1 << 18
_WIDE = 1 << 23


class _Network(Protocol):
    """What arrays depend on, of a design."""

    @property
    def tokens(self) -> int: ...
    @property
    def dim(self) -> int: ...
    @property
    def encoder(self) -> Encoder: ...
    @property
    def blocks(self) -> Sequence[Block]: ...
    @property
    def readout(self) -> Readout: ...
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
    return {"expand": (hidden, dim), "contract": (dim, hidden)}.get(name, (dim, dim))


def expected(design: _Network) -> Iterator[ArrayShape]:
    """Give the arrays that a network needs."""
    encoder, readout, dim = design.encoder, design.readout, design.dim
    weight = weight_range(encoder.weight_bits)
    binary = encoder.weight_bits == 1
    yield ArrayShape("encoder.weight", "(D, C)", (dim, encoder.inputs), *weight, zero=not binary)
    if encoder.position == "absolute":
        yield ArrayShape("encoder.position", "(N, D)", (design.tokens, dim), *weight)
    yield ArrayShape("encoder.bias", "(D)", (dim,), 1 - _WIDE, _WIDE - 1)
    yield ArrayShape("encoder.threshold", "(D)", (dim,), 1, _WIDE - 1)
    for n, block in enumerate(design.blocks):
        weight, binary = weight_range(block.weight_bits), block.weight_bits == 1
        for name in DENSE:
            sizes, at = dense_sizes(design, n, name), f"blocks.{n}.{name}"
            yield ArrayShape(f"{at}.weight", "(outputs, inputs)", sizes, *weight, zero=not binary)
            yield ArrayShape(f"{at}.bias", "(outputs)", sizes[:1], 1 - _BIAS, _BIAS - 1)
            yield ArrayShape(f"{at}.threshold", "(outputs)", sizes[:1], 1, _THRESHOLD - 1)
    weight, binary = weight_range(readout.weight_bits), readout.weight_bits == 1
    whole = (readout.groups, readout.outputs, dim)
    yield ArrayShape("readout.weight", "(G, O, D)", whole, *weight, zero=not binary)
    yield ArrayShape("readout.bias", "(O)", whole[1:2], 1 - _WIDE, _WIDE - 1)


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
