"""Rate-coded attention: rates become spikes inside of the layer, and drives add up."""

from fractions import Fraction
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator

from spikeloom.design.base import Design
from spikeloom.design.integer import IntegerDesign, Lanes
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import SequenceKeys
from spikeloom.design.similarity import PAIRS, SIMILARITIES, same_as
from spikeloom.design.values import Number
from spikeloom.design.words import Words, lanes_in_words, shape_in_words

__all__ = ["RateDesign"]


class RateDesign(SequenceKeys, Design):
    """The sum over T steps of (s_q s_k^T) v, with spikes s that an IF neuron makes from rates.

    What SC-NeuroCore's ``SpikeDrivenAttention`` computes between its projections. Made by
    ``load_design`` or :meth:`from_dict`; every field is a key of the design file.
    """

    kind: Literal["rate-attention"] = Field(
        default="rate-attention", description="What the file describes."
    )
    dim: int = Field(ge=1, le=8192, description="D, the channels of q, k and v.")
    heads: int = Field(
        default=1,
        ge=1,
        le=8192,
        description="Splits nothing, as in the published code: the reader of the drive divides by "
        "sqrt(dim / heads).",
    )
    similarity: Literal["and"] = Field(
        default="and", description="The number of channels in which both spike."
    )
    rate_bits: int = Field(
        default=8, ge=1, le=12, description="Bits of a rate of q and k; rates have no sign."
    )
    rate_fraction: int = Field(
        default=5, ge=0, le=12, description="Fraction bits of a rate: an integer r is r / 2^f."
    )
    threshold: Number = Field(
        default=Fraction(1),
        description="Firing threshold of the IF neurons, which take a rate / T each step; "
        "threshold * steps * 2^rate_fraction is an integer.",
    )
    accumulate: Literal["exact", "float64"] = Field(
        default="exact",
        description="How a rate / T adds up: exactly, as the formula says, or rounded to float64 "
        "at every step, as the published code does.",
    )
    v_bits: int = Field(default=8, ge=2, le=8, description="Bits of v, two's complement.")
    folding: Lanes = Field(default=Lanes(), description="What is computed in parallel.")

    @field_validator("similarity", mode="before")
    @classmethod
    def _check_similarity(cls, value: object) -> object:
        if isinstance(value, str) and value in SIMILARITIES and value not in same_as(PAIRS):
            reason = "must be 'and': the published attention counts what spikes together"
            raise DesignError("similarity", show(value), reason)
        return value

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.threshold_exact.denominator != 1:
            allowed = (
                f"must make threshold * steps * 2^rate_fraction an integer, and gives "
                f"{self.threshold_exact}"
            )
            raise DesignError("threshold", show(str(self.threshold)), allowed)
        if "buffers" in self.folding.model_fields_set and self.folding.buffers == 2:
            reason = "must be 1 or 'auto': all steps of an inference share one set of inputs"
            raise DesignError("folding.buffers", show(self.folding.buffers), reason)
        if self.beat < self.rate_bits:
            reason = f"must be at least as wide as a rate ({self.rate_bits} bits)"
            raise DesignError("target.beat", show(self.beat), reason)
        _ = self.inner
        return self

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of an integer rate, which is added once a step."""
        return self.threshold * self.steps * (1 << self.rate_fraction)

    @property
    def most(self) -> int:
        """The greatest rate that matters: one above the threshold fires as often, each step."""
        return min((1 << self.rate_bits) - 1, int(self.threshold_exact))

    @property
    def inner(self) -> IntegerDesign:
        """The attention on spikes inside: one head, and nothing behind it."""
        return IntegerDesign.from_dict(
            {
                "name": self.name,
                "tokens": self.tokens,
                "dim": self.dim,
                "heads": 1,
                "steps": self.steps,
                "q_max": 1,
                "k_max": 1,
                "v_bits": self.v_bits,
                "neuron": "none",
                "folding": self.folding,
                "target": self.target,
            }
        )

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        rates = f"{self.rate_bits} bits, {self.rate_fraction} behind the point"
        return (
            shape_in_words(self),
            ("rates", f"{rates}; v of {self.v_bits} bits, signed"),
            ("folding", lanes_in_words(self.folding)),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return tuple(self._warnings())

    def _warnings(self) -> Any:
        if self.accumulate == "exact" and self.steps & self.steps - 1:
            yield (
                f"accumulate: exact, with {self.steps} steps: the published code rounds rate / "
                f"{self.steps} to float64, and where a sum meets the threshold it may fire a step "
                "later or not at all; 'float64' has its spikes"
            )
        most = (1 << self.rate_bits) - 1
        if most * self.steps < self.threshold_exact:
            yield (
                f"threshold: no rate reaches it in {self.steps} steps: a neuron fires "
                "floor(rate / threshold) times, so rates are to be above the threshold"
            )
