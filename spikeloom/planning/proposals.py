"""What would fit, of a network that does not: fewer or narrower layers, each tried as a whole."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError

from spikeloom.boards.devices import DEVICES
from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.sections import Block
from spikeloom.design.network.shapes import expected
from spikeloom.design.read import DesignError
from spikeloom.planning.folded import LANES, Folded, is_hopeless

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
        The network with it, in a folding that fits, with weights of no use.
    """

    text: str
    folded: Folded


def proposals(design: NetworkDesign) -> Iterator[Proposal]:
    """Give changes of a network with which some folding fits the device.

    First those of one key: of each the least that does, wider weights before narrower ones, more
    blocks before fewer, at least an eighth of the tokens and a quarter of the channels. Where none
    does, one of several: keys are changed as far as that goes, one after the other, until it fits.
    What the changed network takes is counted as of any other, with its weights cut to the new
    shapes and ranges. A change that is tried takes up to a second.
    """
    keys = (_memory, _encoder, _weight_bits, _hidden, _depth, _tokens)
    alone = False
    for key in keys:
        for text, changes in key(design):
            found = _fitting(design.model_copy(update=changes))
            if found is not None:
                yield Proposal(text, found)
                alone = True
                break
    if alone:
        return
    changed = design
    texts: list[str] = []
    for key in (*keys, _dim):
        for text, changes in key(changed):
            step = changed.model_copy(update=changes)
            found = _fitting(step)
            if found is not None:
                yield Proposal(", ".join([*texts, text]), found)
                return
        # The last one is the furthest.
        if steps := [*key(changed)]:
            texts.append(steps[-1][0])
            changed = changed.model_copy(update=steps[-1][1])


def _largest(design: NetworkDesign) -> str:
    """Name the memory that holds most."""
    return "spram" if DEVICES[design.target.device].total.spram else "ebr"


def _memory(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if design.folding.weights != _largest(design):
        yield f"folding.weights {_largest(design)}", {}


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
    for share in (2, 4, 8):
        tokens = design.tokens // share
        if tokens * share != design.tokens or tokens % design.readout.groups:
            return
        yield f"tokens {tokens}", {"tokens": tokens, "blocks": _sized(design, tokens=tokens)}


def _dim(design: NetworkDesign) -> Iterator[tuple[str, Mapping[str, Any]]]:
    heads = max(block.attention.heads for block in design.blocks)
    for share in (2, 4):
        dim = design.dim // share
        if dim * share != design.dim or dim % heads or design.encoder.kind == "none":
            return
        yield f"dim {dim}", {"dim": dim, "blocks": _sized(design, dim=dim)}


def _sized(design: NetworkDesign, **sizes: int) -> tuple[Block, ...]:
    """Return the blocks with attention layers of other sizes."""
    return tuple(
        block.model_copy(update={"attention": block.attention.model_copy(update=sizes)})
        for block in design.blocks
    )


def _fitting(design: NetworkDesign) -> Folded | None:
    """Return a folding of a network that fits, if there is one: the most lanes, a token at once.

    Its weights are in the largest memory. Fewer lanes need fewer block RAM for spikes, and never
    fewer words of SPRAM.
    """
    if is_hopeless(design):
        return None
    given = {name: getattr(design, name) for name in design.model_fields_set - {"digest"}}
    arrays = _cut(design)
    for lanes in reversed(LANES):
        fewest = {"tokens": 1, "weights": _largest(design), "lanes": lanes, "rate": None}
        folding = design.folding.model_copy(update=fewest)
        keys = {**given, "name": design.name, "folding": folding, "weights": arrays}
        try:
            found = Folded.of(type(design).model_validate(keys))
        except (DesignError, ValidationError):
            return None
        if found.fits:
            return found
        if "spram" in found.short:
            return None
    return None


def _cut(design: NetworkDesign) -> dict[str, NDArray[Any]]:
    """Cut the weights of a network to its shapes and ranges, of which either is new."""
    arrays = {}
    for array in expected(design):
        part = design.weights[array.name][tuple(map(slice, array.shape))]
        arrays[array.name] = np.clip(part, array.low, array.high)
    return arrays
