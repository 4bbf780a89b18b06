"""Mask attentions: QKFormer's Q-K attention and the first Spike-driven Transformer's."""

from fractions import Fraction
from typing import Literal

from pydantic import Field

from spikeloom.design.base import Design
from spikeloom.design.neuron import ScaledNeuronKeys, neuron_warnings
from spikeloom.design.shape import HeadKeys
from spikeloom.design.values import Number
from spikeloom.design.words import Words, shape_in_words

__all__ = ["MaskDesign"]


class MaskDesign(ScaledNeuronKeys, HeadKeys, Design):
    """A mask attention: neurons decide which spikes of a word may pass.

    >>> MaskDesign.from_dict({"attention": "sdsa", "tokens": 4, "dim": 9, "heads": 2, "steps": 1})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: dim: 9: must be a multiple of heads (2)
    """

    kind: Literal["mask"] = Field(default="mask", description="What the file describes.")
    attention: Literal["qk-token", "qk-channel", "sdsa"] = Field(
        description="qk-token, qk-channel: sums of q over channels or tokens mask k; "
        "sdsa: sums of k and v over tokens mask q."
    )
    neuron: Literal["lif", "if"] = Field(default="lif", description="The neuron behind the sums.")
    scale: Number = Field(
        default=Fraction(1), description="Factor on the sums; the published models have none."
    )

    @property
    def most(self) -> int:
        """The greatest sum: channels a head for qk-token, else tokens."""
        return self.head_dim if self.attention == "qk-token" else self.tokens

    @property
    def beats_per_token(self) -> int:
        """Beats of one token of one head: ceil(d/B)."""
        return -(-self.head_dim // self.beat)

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        neuron = f"neuron {self.neuron}, {self.reset} reset"
        return shape_in_words(self), ("mechanisms", f"mask {self.attention}, {neuron}")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return tuple(neuron_warnings(self))
