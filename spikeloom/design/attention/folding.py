"""How much of an attention layer is computed at once."""

from typing import Literal

from pydantic import Field

from spikeloom.design.values import Section

__all__ = ["Folding"]


class Folding(Section):
    """How much is computed at once."""

    order: Literal["score", "state", "auto"] = Field(
        default="score",
        description="score: similarity first, then times v; state: k and v first, then q.",
    )
    rows: int = Field(
        default=1, ge=1, le=4096, description="Queries in parallel, a power of two (score order)."
    )
    lanes: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="Channels in parallel: dim/heads (the default), a divisor or a multiple of "
        "the beat.",
    )
    heads: int = Field(default=1, ge=1, le=64, description="Heads in parallel, a divisor of heads.")
    spikes: Literal[1, 2, 4, 8] = Field(
        default=1,
        description="Spikes of k and of q taken in a cycle (state order, similarity and).",
    )
    buffers: Literal["auto", 1, 2] = Field(
        default="auto", description="Input banks: 2 loads the next head while one is computed."
    )
