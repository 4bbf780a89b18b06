"""Sections of a network's design file: encoder, blocks, read-out and folding."""

from typing import Annotated, Any, Literal

from pydantic import Field, GetJsonSchemaHandler, PlainSerializer
from pydantic_core import CoreSchema

from spikeloom.design.attention import AttentionDesign
from spikeloom.design.values import Section

__all__ = ["OF_ALL", "SIZES", "Block", "Encoder", "NetworkFolding", "Readout"]


class Encoder(Section):
    """Integers of every token become spikes: a linear layer, a position, a neuron."""

    inputs: int = Field(ge=1, le=1024, description="C, the channels of a token.")
    bits: int = Field(default=8, ge=1, le=8, description="Bits of an input.")
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

    @property
    def planes(self) -> tuple[tuple[int, int], ...]:
        """Place value and sign of every bit that the encoder sees of a channel, low bit first.

        Those of an input, and one more where its bits have none that counts as the position does.
        """
        top = self.bits - 1
        found = [(place, -1 if self.signed and place == top else 1) for place in range(self.bits)]
        if self.position == "absolute" and (self.position_shift, 1) not in found:
            found.append((self.position_shift, 1))
        return tuple(found)

    @property
    def position_plane(self) -> int:
        """Which of these the position goes through."""
        return self.planes.index((self.position_shift, 1))


def _keys(attention: AttentionDesign) -> dict[str, Any]:
    """Give the keys of a section that is read as this layer: what the network says is left out."""
    return attention.model_dump(mode="json", exclude_defaults=True, exclude={*OF_ALL, *SIZES})


OF_ALL = ("name", "target", "budget")
"""Keys that a network says of all its layers, and its attention layers must not."""

SIZES = ("tokens", "dim", "steps")
"""Keys that its attention layers take over, and may repeat."""


class _AttentionSchema:
    """JSON Schema of an attention layer's keys, where a network has said the others."""

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        whole = handler.resolve_ref_schema(handler(core))
        # Sizes may be said again, if they are the same.
        keys = {key: rule for key, rule in whole["properties"].items() if key not in OF_ALL}
        needed = [key for key in whole["required"] if key not in SIZES]
        return {**whole, "properties": keys, "required": needed}


class Block(Section):
    """Attention and an MLP, each with a residual connection."""

    residual: Literal["or", "iand"] = Field(
        default="or", description="How x (the shortcut) and z (the branch) join; iand is x, not z."
    )
    weight_bits: Literal[1, 2, 3, 4, 8] = Field(
        default=2, description="Bits of a weight: 1 is -1 and 1, 2 is ternary, -1, 0 and 1."
    )
    hidden: int = Field(ge=1, le=8192, description="Channels between the two layers of the MLP.")
    attention: Annotated[AttentionDesign, PlainSerializer(_keys), _AttentionSchema()] = Field(
        description="Keys of an attention layer, without tokens, dim and steps."
    )


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
