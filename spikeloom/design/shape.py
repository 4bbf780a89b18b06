"""How long, how wide and how often: keys that kinds of layers share."""

from typing import Self

from pydantic import Field, model_validator

from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Section

__all__ = ["HeadKeys", "SequenceKeys"]


class SequenceKeys(Section):
    """Keys of a layer on a sequence of tokens."""

    tokens: int = Field(ge=1, le=4096, description="N, the length of the sequence.")
    steps: int = Field(ge=1, le=64, description="T, the time steps of an inference.")


class HeadKeys(SequenceKeys):
    """Keys of a layer whose width is divided into heads."""

    dim: int = Field(ge=1, le=8192, description="D, the embedding width; a multiple of heads.")
    heads: int = Field(ge=1, le=8192, description="H, the attention heads.")

    @model_validator(mode="after")
    def _check_heads(self) -> Self:
        if self.dim % self.heads:
            raise DesignError("dim", show(self.dim), f"must be a multiple of heads ({self.heads})")
        return self

    @property
    def head_dim(self) -> int:
        """Channels a head, d = D/H."""
        return self.dim // self.heads
