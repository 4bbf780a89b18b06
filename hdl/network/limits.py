"""What the hardware of networks does not compute: designs that only the golden model answers."""

from collections.abc import Iterator
from typing import Final

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.read import DesignError, show
from spikeloom.golden.mask import is_or
from spikeloom.golden.neuron import NeuronSpec

__all__ = ["built_attention"]

_MOST_TOKENS: Final = 1024


def built_attention(design: NetworkDesign) -> AttentionDesign | None:
    """Return the attention layer that blocks share; None where all have masks.

    Raises :exc:`DesignError`, with the key that asks for it, for a network that cannot be built.
    """
    for key, found, allowed in _unbuilt(design):
        raise DesignError(key, found, f"{allowed} to be built; target golden computes it")
    return next(iter(_attentions(design)), None)


def _attentions(design: NetworkDesign) -> list[AttentionDesign]:
    attentions = (block.attention for block in design.blocks)
    return [one for one in attentions if isinstance(one, AttentionDesign)]


def _unbuilt(design: NetworkDesign) -> Iterator[tuple[str, str, str]]:
    """Give what is said in the design and not built: key, value and what is."""
    spec = NeuronSpec.from_design(design)
    if not _shifts(spec):
        key = "tau" if design.decay is None else "decay"
        allowed = "must let a membrane keep all, a half, a quarter, ... of itself"
        yield key, show(str(getattr(design, key))), allowed
    if design.tokens > _MOST_TOKENS:
        yield "tokens", show(design.tokens), f"must be at most {_MOST_TOKENS}"
    readout, folding = design.readout, design.folding
    if readout.neurons == "sum":
        yield "readout.neurons", show("sum"), "must be tokens or none"
    if readout.neurons == "none":
        # A membrane is not zero where there is no token.
        only = "must be 1 with neurons none"
        if readout.groups > 1:
            yield "readout.groups", show(readout.groups), only
        if folding.tokens > 1:
            yield "folding.tokens", show(folding.tokens), only
    if readout.steps == "last":
        yield "readout.steps", show("last"), "must be all"
    for n, block in enumerate(design.blocks):
        if block.grid is not None:
            yield f"blocks.{n}.grid", show(block.grid), "must be left out"
        if block.mlp_position != "none":
            yield f"blocks.{n}.mlp_position", show(block.mlp_position), "must be none"
        at, layer = f"blocks.{n}.attention", block.attention
        if isinstance(layer, AttentionDesign):
            if layer != _attentions(design)[0]:
                yield at, "", "must be that of the other blocks, or a mask,"
        elif layer.attention == "qk-token":
            yield from _mask(design, layer, f"{at}.")
        else:
            spec = NeuronSpec.from_design(layer)
            if not is_or(spec, layer.most, layer.steps):
                allowed = "must let a spike of any token fire, and nothing else,"
                yield f"{at}.threshold", show(str(layer.threshold)), allowed
            if folding.tokens > 1:
                only = f"must be 1 with {layer.attention}"
                yield "folding.tokens", show(folding.tokens), only


def _shifts(spec: NeuronSpec) -> bool:
    """Whether a membrane is shifted from step to step, and nothing else."""
    return spec.odd == 1 and spec.keep == 1


def _mask(design: NetworkDesign, layer: MaskDesign, at: str) -> Iterator[tuple[str, str, str]]:
    """Give what the engine's neurons do not make of a mask."""
    spec, unit = NeuronSpec.from_design(layer), NeuronSpec.from_design(design)
    if is_or(spec, layer.most, layer.steps):
        return
    for key in ("divisor", "keep", "reset", "up"):
        if getattr(spec, key) != getattr(unit, key) or spec.up:
            allowed = "must be met by one spike, or be that of neurons as the network's"
            yield f"{at}threshold", show(str(layer.threshold)), allowed
            return
    if spec.fraction > design.fraction:
        allowed = f"must be met in {design.fraction} fraction bits, those of the network,"
        yield f"{at}threshold", show(str(layer.threshold)), allowed
