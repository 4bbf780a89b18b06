"""What would fit, of a network that does not: fewer or narrower layers, each tried as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.shapes import expected
from spikeloom.design.read import DesignError
from spikeloom.planning.folded import LANES, Folded

__all__ = ["Proposal", "proposals"]

_BITS = (4, 3, 2)


@dataclass(frozen=True)
class Proposal:
    """A change with which a network fits.

    Parameters
    ----------
    text : str
        Keys and their values.
    folded : Folded
        The network with it, in the smallest folding that fits, with weights of no use.
    """

    text: str
    folded: Folded


def proposals(design: NetworkDesign) -> Iterator[Proposal]:
    """Give changes of one key of a network with which some folding fits the device.

    Of each key the change is the least that does: wider weights before narrower ones, more blocks
    before fewer, at most a quarter of the tokens and of the hidden channels. What the changed
    network takes is counted as of any other, with its weights cut to the new shapes and ranges. A
    change that is tried takes about a second.
    """
    for steps in (_weight_bits(design), _encoder(design), _hidden(design), _depth(design),
                  _tokens(design)):  # fmt: skip
        for text, changes in steps:
            found = _fitting(design, changes)
            if found is not None:
                yield Proposal(text, found)
                break


def _weight_bits(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    most = max(block.weight_bits for block in design.blocks)
    for bits in (bits for bits in _BITS if bits < most):
        narrow = [min(block.weight_bits, bits) for block in design.blocks]
        blocks = [
            block.model_copy(update={"weight_bits": one})
            for block, one in zip(design.blocks, narrow, strict=True)
        ]
        yield f"blocks.weight_bits {bits}", {"blocks": tuple(blocks)}


def _encoder(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    encoder = design.encoder
    if encoder.kind == "none":
        return
    for bits in (bits for bits in _BITS if bits < encoder.weight_bits):
        changed = encoder.model_copy(update={"weight_bits": bits})
        yield f"encoder.weight_bits {bits}", {"encoder": changed}


def _hidden(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for share in (2, 4):
        blocks = [
            block.model_copy(update={"hidden": max(1, block.hidden // share)})
            for block in design.blocks
        ]
        most = max(block.hidden for block in blocks)
        yield f"blocks.hidden {most}", {"blocks": tuple(blocks)}


def _depth(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for depth in range(design.depth - 1, 0, -1):
        count = f"{depth} block{'s' if depth > 1 else ''}"
        yield f"{count} instead of {design.depth}", {"blocks": design.blocks[:depth]}


def _tokens(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for share in (2, 4):
        tokens = design.tokens // share
        if tokens * share != design.tokens or tokens % design.readout.groups:
            return
        blocks = [
            block.model_copy(
                update={"attention": block.attention.model_copy(update={"tokens": tokens})}
            )
            for block in design.blocks
        ]
        yield f"tokens {tokens}", {"tokens": tokens, "blocks": tuple(blocks)}


def _fitting(design: NetworkDesign, changes: Mapping[str, Any]) -> Folded | None:
    """Return the smallest folding of the changed network that fits; None if there is none."""
    fewest = {"tokens": 1, "weights": "spram"}
    given = {name: getattr(design, name) for name in design.model_fields_set - {"digest"}}
    for lanes in LANES:
        folding = design.folding.model_copy(update={**fewest, "lanes": lanes, "rate": None})
        keys = {**given, "name": design.name, "folding": folding, **changes}
        try:
            arrays = _cut(design.model_copy(update=keys))
            found = Folded.of(type(design).model_validate({**keys, "weights": arrays}))
        except (DesignError, ValidationError):
            continue
        if found.fits:
            return found
    return None


def _cut(design: NetworkDesign) -> dict[str, NDArray[Any]]:
    """Cut the weights of a network to its shapes and ranges, of which either is new."""
    arrays = {}
    for array in expected(design):
        part = design.weights[array.name][tuple(map(slice, array.shape))]
        arrays[array.name] = np.clip(part, array.low, array.high)
    return arrays
