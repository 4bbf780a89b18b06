"""Mask attentions: QKFormer's Q-K attention and the first Spike-driven Transformer's."""

from fractions import Fraction
from typing import Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.neuron import neuron_warnings
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Number

__all__ = ["MaskDesign"]


class MaskDesign(Design):
    """One mask attention, immutable: neurons decide which spikes of a word may pass.

    >>> MaskDesign.from_dict({"attention": "sdsa", "tokens": 4, "dim": 9, "heads": 2, "steps": 1})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: dim: 9: must be a multiple of heads (2)
    """

    kind: Literal["mask"] = Field(default="mask", description="What the file describes.")
    attention: Literal["qk-token", "qk-channel", "sdsa"] = Field(
        description="qk-token, qk-channel: sums of q over channels or tokens mask k; "
        "sdsa: sums of k and v over tokens mask q."
    )
    tokens: int = Field(ge=1, le=4096, description="N, the length of the sequence.")
    dim: int = Field(ge=1, le=8192, description="D, the embedding width; a multiple of heads.")
    heads: int = Field(ge=1, le=8192, description="H, the attention heads.")
    steps: int = Field(ge=1, le=64, description="T, the time steps of an inference.")
    neuron: Literal["lif", "if"] = Field(default="lif", description="The neuron behind the sums.")
    tau: Literal[2, 4, 8, 16, 32, 64] = Field(
        default=2, description="Time constant of the leaky neuron, a power of two."
    )
    threshold: Number = Field(
        default=Fraction(1, 2), description="Firing threshold; a neuron at it fires."
    )
    scale: Number = Field(
        default=Fraction(1), description="Factor on the sums; the published models have none."
    )
    decay_input: bool = Field(
        default=True, description="SpikingJelly's switch: the input decays with the membrane."
    )
    reset: Literal["hard", "soft"] = Field(
        default="hard", description="After a spike: to zero, or less the threshold."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.dim % self.heads:
            raise DesignError("dim", show(self.dim), f"must be a multiple of heads ({self.heads})")
        return self

    @property
    def head_dim(self) -> int:
        """Channels a head, d = D/H."""
        return self.dim // self.heads

    @property
    def most(self) -> int:
        """The greatest sum: channels a head for qk-token, else tokens."""
        return self.head_dim if self.attention == "qk-token" else self.tokens

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of the integer sum, before it is put on a grid."""
        decay = self.tau if self.neuron == "lif" and self.decay_input else 1
        return self.threshold / self.scale * decay

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """The scale of all channels."""
        return (self.scale,)

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of all heads."""
        return (self.threshold_exact,)

    @property
    def beats_per_token(self) -> int:
        """Beats of one token of one head: ceil(d/B)."""
        return -(-self.head_dim // self.beat)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return tuple(neuron_warnings(self))
