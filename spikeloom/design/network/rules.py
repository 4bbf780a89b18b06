"""Rules that span the sections of a network: how its layers join."""

from typing import Protocol

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.network.sections import SIZES, Block, NetworkFolding, Parts
from spikeloom.design.read import DesignError, show

__all__ = ["check_blocks", "check_encoder", "check_readout"]


class _Network(Parts, Protocol):
    """What the rules look at, of a design."""

    @property
    def fraction(self) -> int: ...
    @property
    def folding(self) -> NetworkFolding: ...
    @property
    def levels(self) -> tuple[int, ...]: ...


def check_encoder(design: _Network) -> None:
    """Refuse inputs that are not what the first layer takes, and keys without a meaning."""
    encoder, membrane = design.encoder, design.blocks[0].membrane
    if encoder.fraction > design.fraction:
        allowed = f"must be at most fraction ({design.fraction})"
        raise DesignError("encoder.fraction", show(encoder.fraction), allowed)
    if encoder.kind == "linear":
        if encoder.bits > 8:
            allowed = "must be an integer from 1 to 8 with kind linear"
            raise DesignError("encoder.bits", show(encoder.bits), allowed)
        return
    allowed = "has no meaning with kind none: inputs are what the first block takes"
    for key in ("weight_bits", "position", "position_shift", *(() if membrane else ("fraction",))):
        if key in encoder.model_fields_set:
            raise DesignError(f"encoder.{key}", show(getattr(encoder, key)), allowed)
    if encoder.inputs != design.dim:
        allowed = f"must be dim ({design.dim}) with kind none"
        raise DesignError("encoder.inputs", show(encoder.inputs), allowed)
    if membrane:
        return
    if encoder.signed:
        allowed = "must be false with kind none: x is not negative"
        raise DesignError("encoder.signed", show(encoder.signed), allowed)
    if encoder.bits > 4:
        allowed = "must be an integer from 1 to 4 with kind none: x is a sum of few spikes"
        raise DesignError("encoder.bits", show(encoder.bits), allowed)


def check_blocks(design: _Network) -> None:
    """Refuse blocks that do not join, and attention that takes other than spikes of every token."""
    for n, (block, levels) in enumerate(zip(design.blocks, design.levels, strict=False)):
        key, found = f"blocks.{n}.residual", show(block.residual)
        if block.membrane != design.blocks[0].membrane:
            allowed = f"must be {design.blocks[0].residual}, as that of blocks.0"
            if block.membrane:
                allowed = "must not be membrane: that of blocks.0 is not"
            raise DesignError(key, found, allowed)
        if levels > 1 and block.residual != "add":
            raise DesignError(key, found, f"must be add: x holds numbers up to {levels}")
        if block.grid is not None and design.tokens % block.grid:
            allowed = f"must be a divisor of tokens ({design.tokens})"
            raise DesignError(f"blocks.{n}.grid", show(block.grid), allowed)
        _check_attention(design, n, block)


def check_readout(design: _Network) -> None:
    """Refuse groups that the tokens do not divide into, and neurons where there are none."""
    readout = design.readout
    if design.tokens % readout.groups:
        allowed = f"must be a divisor of tokens ({design.tokens})"
        raise DesignError("readout.groups", show(readout.groups), allowed)
    share = design.tokens // readout.groups
    if readout.groups > 1 and share % design.folding.tokens:
        allowed = f"must be a divisor of the tokens of a group ({share})"
        raise DesignError("folding.tokens", show(design.folding.tokens), allowed)
    if readout.neurons == "tokens":
        return
    if not design.blocks[0].membrane:
        allowed = "has a meaning behind residual membrane only"
        raise DesignError("readout.neurons", show(readout.neurons), allowed)
    if readout.neurons == "sum" and readout.groups > 1:
        raise DesignError("readout.groups", show(readout.groups), "must be 1 with neurons sum")


def _check_attention(design: _Network, n: int, block: Block) -> None:
    attention = block.attention
    key = f"blocks.{n}.attention"
    for name in SIZES:
        if getattr(attention, name) != getattr(design, name):
            allowed = f"must be that of the network ({getattr(design, name)}), or be left out"
            raise DesignError(f"{key}.{name}", show(getattr(attention, name)), allowed)
    if not isinstance(attention, AttentionDesign):
        return
    if attention.neuron == "none":
        raise DesignError(f"{key}.neuron", show("none"), "must be lif or if: a block takes spikes")
    if attention.keys is not None:
        allowed = "must be left out: keys are the tokens of the network"
        raise DesignError(f"{key}.keys", show(attention.keys), allowed)
    if attention.chunk > 1:
        raise DesignError(f"{key}.chunk", show(attention.chunk), "must be 1 in a network")
    if attention.folding.heads > 1:
        raise DesignError(f"{key}.folding.heads", show(attention.folding.heads), "must be 1")
