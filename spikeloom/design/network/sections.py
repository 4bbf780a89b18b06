"""Sections of a network's design file: encoder, blocks, read-out and folding."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

from pydantic import (
    Field,
    GetJsonSchemaHandler,
    PlainSerializer,
    PlainValidator,
    ValidationError,
    ValidationInfo,
)
from pydantic_core import CoreSchema

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.errors import explain
from spikeloom.design.mask import MaskDesign
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Section

__all__ = [
    "DENSE",
    "OF_ALL",
    "SIZES",
    "Block",
    "BlockAttention",
    "Encoder",
    "NetworkFolding",
    "Parts",
    "Readout",
]

BlockAttention = AttentionDesign | MaskDesign
"""Layers that a block may have for its attention."""

DENSE = ("query", "key", "value", "project", "expand", "contract")
"""Linear layers of a block, in the order in which they are computed."""

OF_ALL = ("name", "target", "budget")
"""Keys that a network says of all its layers, and its attention layers must not."""

SIZES = ("tokens", "dim", "steps")
"""Keys that its attention layers take over, and may repeat."""

_KINDS: dict[str, type[BlockAttention]] = {"attention": AttentionDesign, "mask": MaskDesign}


class Encoder(Section):
    """Integers of every token become spikes: a linear layer, a position, a neuron."""

    kind: Literal["linear", "none"] = Field(
        default="linear",
        description="none: the inputs are what the first block takes, as a stem on the host "
        "gives it.",
    )
    coding: Literal["direct", "steps"] = Field(
        default="direct",
        description="direct: the same input in every time step; steps: an input for each.",
    )
    inputs: int = Field(ge=1, le=1024, description="C, the channels of a token.")
    bits: int = Field(
        default=8, ge=1, le=16, description="Bits of an input; at most 8 with kind linear."
    )
    signed: bool = Field(default=True, description="Whether inputs have a sign.")
    weight_bits: Literal[1, 2, 3, 4, 8] = Field(
        default=8, description="Bits of a weight, and of an entry of the position's table."
    )
    position: Literal["absolute", "none"] = Field(
        default="none", description="absolute: a table, tokens x dim, is added before the neuron."
    )
    position_shift: int = Field(
        default=0, ge=0, le=7, description="Entries of the table count 2**position_shift."
    )
    fraction: int = Field(
        default=0,
        ge=0,
        le=8,
        description="Fraction bits of bias and threshold, which sums do not have: as those of the "
        "blocks where inputs are spikes.",
    )

    @property
    def bounds(self) -> tuple[int, int]:
        """The least and the greatest input."""
        low = -(1 << self.bits - 1) if self.signed else 0
        return low, low + (1 << self.bits) - 1

    @property
    def planes(self) -> tuple[tuple[int, int], ...]:
        """Place value and sign of every bit of an input, low bit first."""
        top = self.bits - 1
        return tuple((place, -1 if self.signed and place == top else 1) for place in range(top + 1))


def _attention(value: object, info: ValidationInfo) -> BlockAttention:
    """Read a section as the layer that its ``kind`` names; faults say ``attention.`` and key."""
    if isinstance(value, BlockAttention):
        return value
    if not isinstance(value, dict):
        raise DesignError("attention", show(value), "must be a section, [blocks.attention]")
    kind = value.get("kind", "attention")
    layer = _KINDS.get(kind) if isinstance(kind, str) else None
    if layer is None:
        raise DesignError("attention.kind", show(kind), f"must be one of {', '.join(_KINDS)}")
    folder = (info.context or {}).get("folder", Path())
    try:
        return layer.model_validate(value, context={"folder": folder})
    except ValidationError as error:
        fault = explain(layer, error, "")
    except DesignError as error:
        fault = error
    raise DesignError(f"attention.{fault.key}", fault.value, fault.allowed)


def _keys(attention: BlockAttention) -> dict[str, Any]:
    """Give the keys of a section that is read as this layer: what the network says is left out."""
    keys = attention.model_dump(mode="json", exclude_defaults=True, exclude={*OF_ALL, *SIZES})
    return keys if attention.kind == "attention" else {"kind": attention.kind, **keys}


class _AttentionSchema:
    """JSON Schema of the layers that a block may have, where a network has said the other keys."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"anyOf": [self._layer(name, handler) for name in _KINDS]}

    def _layer(self, name: str, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        core = _KINDS[name].__pydantic_core_schema__
        whole = handler.resolve_ref_schema(handler(core))
        # Sizes may be said again, if they are the same.
        keys = {key: rule for key, rule in whole["properties"].items() if key not in OF_ALL}
        needed = [key for key in whole["required"] if key not in SIZES]
        # A layer without the key is attention.
        kind = [] if name == "attention" else ["kind"]
        return {**whole, "properties": keys, "required": [*kind, *needed]}


class Block(Section):
    """Attention and an MLP, each with a residual connection."""

    residual: Literal["or", "iand", "xor", "add", "membrane"] = Field(
        default="or",
        description="How x (the shortcut) and z (the branch) join: or, iand (x, not z) and xor of "
        "spikes; add: their sum; membrane: z are drives, and neurons are in front of layers.",
    )
    weight_bits: Literal[1, 2, 3, 4, 8] = Field(
        default=2, description="Bits of a weight: 1 is -1 and 1, 2 is ternary, -1, 0 and 1."
    )
    hidden: int = Field(ge=1, le=8192, description="Channels between the two layers of the MLP.")
    grid: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="Tokens of a row of the picture: query, key, value and project are then "
        "convolutions, and see a token and its eight neighbours.",
    )
    mlp_position: Literal["absolute", "none"] = Field(
        default="none",
        description="absolute: tables, steps x tokens x outputs, are added before the neurons of "
        "expand and contract.",
    )
    attention: Annotated[
        BlockAttention,
        PlainValidator(_attention),
        PlainSerializer(_keys),
        _AttentionSchema(),
    ] = Field(description="Keys of a layer of kind attention or mask, without its sizes.")

    @property
    def membrane(self) -> bool:
        """Whether branches end in drives, which add to what neurons in front of layers take."""
        return self.residual == "membrane"

    @property
    def layers(self) -> tuple[str, ...]:
        """Its linear layers, in the order in which they are computed."""
        two = isinstance(self.attention, MaskDesign) and self.attention.attention != "sdsa"
        return tuple(name for name in DENSE if name != "value" or not two)

    @property
    def places(self) -> int:
        """Tokens that a row of query, key, value or project sees: 1, or with a grid 9."""
        return 1 if self.grid is None else 9


class Readout(Section):
    """Spikes of all tokens and steps become numbers: a linear layer, and sums."""

    outputs: int = Field(ge=1, le=4096, description="O, the numbers.")
    weight_bits: Literal[1, 2, 3, 4, 8] = Field(default=8, description="Bits of a weight.")
    groups: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="G, a divisor of tokens: token n meets the weights of group n G / N.",
    )
    neurons: Literal["tokens", "sum", "none"] = Field(
        default="tokens",
        description="Behind residual membrane, neurons on the membranes of each token, on their "
        "sum over the tokens, or none: membranes themselves are read.",
    )
    steps: Literal["all", "last"] = Field(
        default="all", description="Time steps that are summed up: all, or the last one alone."
    )


class NetworkFolding(Section):
    """How much is computed at once, and where the weights are."""

    lanes: Literal[16, 32, 64] = Field(
        default=16, description="Input channels of a linear layer that are added up in a cycle."
    )
    tokens: Literal[1, 2, 4, 8] = Field(default=1, description="Tokens at once.")
    planes: Literal[1, 2] = Field(default=2, description="Bits of a weight at once.")
    weights: Literal["ebr", "spram"] = Field(
        default="spram",
        description="Memory of the weights: ebr comes with the bitstream, spram is loaded over the "
        "stream.",
    )


class Parts(Protocol):
    """Sizes and sections of a network, which rules that span them look at."""

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
