"""What the hardware of networks does not compute: designs that only the golden model answers."""

from collections.abc import Iterator

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.mask import MaskDesign
from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.neuron import FiringKeys
from spikeloom.design.read import DesignError, show
from spikeloom.golden.mask import is_or
from spikeloom.golden.neuron import NeuronSpec

__all__ = ["built_attention"]

_NEURON = {"neuron": "lif", "tau": 2, "decay": None, "fires": "at", "reset": "hard"}


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
    yield from _neuron(design, "")
    if design.readout.neurons != "tokens":
        yield "readout.neurons", show(design.readout.neurons), "must be tokens"
    for n, block in enumerate(design.blocks):
        at, layer = f"blocks.{n}.attention", block.attention
        if isinstance(layer, AttentionDesign):
            if layer != _attentions(design)[0]:
                yield at, "", "must be that of the other blocks, or a mask,"
        elif layer.attention != "qk-token":
            yield f"{at}.attention", show(layer.attention), "must be qk-token"
        else:
            yield from _mask(design, layer, f"{at}.")


def _neuron(design: FiringKeys, at: str) -> Iterator[tuple[str, str, str]]:
    """Give what makes a neuron another than that of the engine: tau 2 and a hard reset."""
    spec = NeuronSpec.from_design(design)
    if (spec.divisor, spec.keep, spec.reset, spec.up) == (2, 1, "hard", False):
        return
    for key, only in _NEURON.items():
        if getattr(design, key) != only:
            yield at + key, show(_plain(getattr(design, key))), f"must be {_plain(only)}"


def _mask(design: NetworkDesign, layer: MaskDesign, at: str) -> Iterator[tuple[str, str, str]]:
    """Give what the engine's neurons do not make of a mask."""
    spec = NeuronSpec.from_design(layer)
    if is_or(spec, layer.most, layer.steps):
        return
    yield from _neuron(layer, at)
    if spec.fraction > design.fraction:
        allowed = f"must be met in {design.fraction} fraction bits, those of the network,"
        yield f"{at}threshold", show(str(layer.threshold)), allowed


def _plain(value: object) -> object:
    """Give a value as a design file has it."""
    return value if value is None or isinstance(value, (bool, str)) else str(value)
