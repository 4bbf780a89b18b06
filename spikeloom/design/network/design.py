"""Networks: an encoder, blocks and a read-out, joined, with the integers of a trained model."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, Final, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.network.rules import check_blocks, check_encoder, check_readout
from spikeloom.design.network.sections import OF_ALL, SIZES, Block, Encoder, NetworkFolding, Readout
from spikeloom.design.network.shapes import check_arrays
from spikeloom.design.network.weights import WeightsKey
from spikeloom.design.neuron import LEAK, FiringKeys, leak_warnings, unused
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import SequenceKeys
from spikeloom.design.target import Target
from spikeloom.design.words import Words

__all__ = ["BEAT", "NetworkDesign"]

BEAT: Final = 16
"""Bits of a beat between the parts of a network, and of a word of its memories."""


class NetworkDesign(FiringKeys, SequenceKeys, Design):
    """A whole spiking transformer: encoder, blocks and read-out.

    Immutable; made by ``load_design`` or :meth:`from_dict`. What its layers compute is said in
    :mod:`spikeloom.golden.network`.
    """

    kind: Literal["network"] = Field(default="network", description="What the file describes.")
    steps: int = Field(ge=1, le=16, description="T, the time steps of an inference.")
    tokens: int = Field(
        ge=1, le=4096, description="N, the most tokens of a sequence; there may be fewer."
    )
    dim: int = Field(ge=1, le=1024, description="D, the embedding width.")
    fraction: int = Field(
        default=4, ge=0, le=8, description="F, fraction bits of the membranes of blocks."
    )
    neuron: Literal["lif", "if"] = Field(
        default="lif", description="All neurons but those of the attention, which has its own keys."
    )
    weights: WeightsKey
    digest: str | None = Field(
        default=None,
        pattern=r"^sha256:[0-9a-f]{64}$",
        description="Digest of the arrays, sha256: and 64 digits 0 to f; others are refused.",
    )
    encoder: Encoder = Field(description="From integers to spikes.")
    blocks: Annotated[
        tuple[Block, ...], BeforeValidator(lambda v: tuple(v) if isinstance(v, list) else v)
    ] = Field(min_length=1, max_length=16, description="Attention and MLP, one after the other.")
    readout: Readout = Field(description="From spikes to numbers.")
    folding: NetworkFolding = Field(
        default=NetworkFolding(), description="What is computed in parallel, and from which memory."
    )
    target: Target = Field(
        default=Target(beat=BEAT, link=8), description="Device, clock and stream width."
    )

    @model_validator(mode="before")
    @classmethod
    def _hand_down(cls, data: object) -> object:
        """Tell the attention layers of the blocks what the network says of all."""
        if not isinstance(data, dict):
            return data
        data = {**data, "target": _target(data.get("target"))}
        blocks = data.get("blocks")
        if isinstance(blocks, (list, tuple)):
            data["blocks"] = [_block(data, n, block) for n, block in enumerate(blocks)]
        return data

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.beat != BEAT:
            raise DesignError("target.beat", show(self.beat), f"must be {BEAT} for a network")
        check_encoder(self)
        check_blocks(self)
        check_readout(self)
        if self.digest is not None and self.digest != self.weights.digest:
            file = self.weights.file
            found = f"{show(file) if file else 'arrays'} of digest {self.weights.digest}"
            raise DesignError("weights", found, f"must be of digest {self.digest}")
        check_arrays(self)
        return self

    @property
    def depth(self) -> int:
        """Blocks."""
        return len(self.blocks)

    @property
    def membrane(self) -> bool:
        """Whether residual connections add drives, and neurons are in front of layers."""
        return self.blocks[0].membrane

    @property
    def levels(self) -> tuple[int, ...]:
        """Greatest value of what linear layers see: in front of each block, and behind the last.

        1 for spikes; ``add`` makes it one greater at each of its two joins.
        """
        found = [1]
        if self.encoder.kind == "none" and not self.membrane:
            found = [self.encoder.bounds[1]]
        for block in self.blocks:
            found.append(found[-1] + 2 * (block.residual == "add"))
        return tuple(found)

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """No factor: the arrays have integers of their own."""
        return (Fraction(1),)

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The grid of the thresholds in the arrays: integers."""
        return (Fraction(1),)

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        blocks, folding = self.blocks, self.folding
        inputs = f"{self.tokens} tokens x {self.encoder.inputs} inputs of {self.encoder.bits} bits"
        count = f"{len(blocks)} block{'s' if len(blocks) > 1 else ''} of {self.dim} dims"
        heads = f"{blocks[0].attention.heads} heads, {blocks[0].hidden} hidden"
        engine = f"lanes {folding.lanes}, tokens {folding.tokens}, planes {folding.planes}"
        return (
            ("network", f"{inputs} to {self.readout.outputs} numbers, {self.steps} time steps"),
            ("blocks", f"{count}, {heads}"),
            ("folding", f"{engine}, weights in {folding.weights}"),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return (*unused(self, LEAK if self.neuron == "if" else ()), *leak_warnings(self))

    @property
    def loaded(self) -> bool:
        """Whether the weights are sent over the stream, into SPRAM, before the first inference."""
        return self.folding.weights == "spram"


def _target(given: object) -> object:
    """Fill in a target: beats of a network are wider than those of a layer."""
    if given is None:
        return {"beat": BEAT, "link": 8}
    if isinstance(given, Mapping) and "beat" not in given:
        return {"link": 8, **given, "beat": BEAT}
    return given


def _block(data: Mapping[str, Any], n: int, block: object) -> object:
    if not isinstance(block, Mapping) or not isinstance(block.get("attention"), Mapping):
        return block
    for key in OF_ALL:
        if key in block["attention"]:
            found = show(block["attention"][key])
            allowed = "must be left out: it is said of the network"
            raise DesignError(f"blocks.{n}.attention.{key}", found, allowed)
    sizes = {key: data[key] for key in SIZES if key in data}
    target = data.get("target")
    cells = target.get("cells", "portable") if isinstance(target, Mapping) else "portable"
    inner = {"name": "attention", "target": {"beat": BEAT, "cells": cells}}
    return {**block, "attention": {**inner, **sizes, **block["attention"]}}
