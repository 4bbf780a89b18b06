"""Attention layers on small integers: integer spikes, multi-bit residuals, signed values."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from math import isqrt
from typing import Annotated, Any, Literal, Self

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from spikeloom.design.base import Design
from spikeloom.design.neuron import (
    FIRING,
    LEAK,
    NeuronKeys,
    grid,
    leak_warnings,
    soft_warnings,
    unused,
)
from spikeloom.design.read import DesignError, read_number, show
from spikeloom.design.shape import HeadKeys
from spikeloom.design.similarity import PAIRS, SIMILARITIES, same_as
from spikeloom.design.ties import tie_warnings
from spikeloom.design.values import Section
from spikeloom.design.words import Words, lanes_in_words, shape_in_words

__all__ = ["IntegerDesign", "Lanes", "Root"]

_ROOT = re.compile(r"\s*(\d{1,18})\s*/\s*sqrt\(\s*(\d{1,18})\s*\)\s*")


@dataclass(frozen=True)
class Root:
    """A factor a / sqrt(n), exactly; n is 1 for a rational number.

    Parameters
    ----------
    factor : Fraction
        a, above 0; an integer where n is not 1.
    under : int
        n, at least 1.

    >>> Root.read("1/sqrt(16)"), str(Root.read("2/sqrt(32)"))
    (Root(factor=Fraction(1, 4), under=1), '2/sqrt(32)')
    """

    factor: Fraction
    under: int = 1

    @classmethod
    def read(cls, value: object) -> "Root":
        """Read a number, ``"a/b"`` or ``"a/sqrt(n)"``; :exc:`ValueError` for anything else."""
        if isinstance(value, cls):
            return value
        match = _ROOT.fullmatch(value) if isinstance(value, str) else None
        if match is None:
            return cls(read_number(value))
        under = int(match[2])
        if under == 0:
            raise ValueError("divides by zero")
        side = isqrt(under)
        whole = side * side == under
        return cls(Fraction(match[1]) / (side if whole else 1), 1 if whole else under)

    @property
    def squared(self) -> Fraction:
        """The factor times itself, which is rational."""
        return self.factor**2 / self.under

    @property
    def exact(self) -> Fraction | None:
        """The factor, where it is rational."""
        return self.factor if self.under == 1 else None

    def __str__(self) -> str:
        """Write it as design files do."""
        return str(self.factor) if self.under == 1 else f"{self.factor}/sqrt({self.under})"


def _scale(value: object) -> Root:
    allowed = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8", or a root as "1/sqrt(32)"'
    try:
        root = Root.read(value)
    except ValueError:
        root = Root(Fraction(0))
    if root.factor <= 0 or not Fraction(1, 10**12) <= root.squared <= 10**12:
        raise DesignError("scale", show(value), allowed)
    return root


def _similarity(value: object) -> object:
    if isinstance(value, str) and value in SIMILARITIES and value not in same_as(PAIRS):
        reason = (
            "must be 'and': equal zeros are counted between bits, and integers have no such pairs; "
            "the dot product is what and is on integers"
        )
        raise DesignError("similarity", show(value), reason)
    return value


Scale = Annotated[
    Root,
    PlainValidator(_scale),
    PlainSerializer(str),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "number", "minimum": 1e-6, "maximum": 1e6},
                {
                    "type": "string",
                    "pattern": r"^\s*(\d{1,18}(\.\d{1,18})?\s*(/\s*\d{1,18}\s*)?"
                    r"|\d{1,18}\s*/\s*sqrt\(\s*\d{1,18}\s*\)\s*)$",
                },
            ]
        }
    ),
]


class Lanes(Section):
    """How much of a layer on integers is computed at once."""

    lanes: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="Channels of v in parallel: all of a head (the default), or a power of two.",
    )
    buffers: Literal["auto", 1, 2] = Field(
        default="auto", description="Input banks: 2 loads the next head while one is computed."
    )


class IntegerDesign(NeuronKeys, HeadKeys, Design):
    """Attention on small integers: q (K^T v), a head and step at a time.

    q and k are integers from 0, v integers from 0 or signed; what they stand for is the integer
    over ``divisor``. Made by ``load_design`` or :meth:`from_dict`; every field is a key of the
    design file, the properties follow from them.
    """

    kind: Literal["integer-attention"] = Field(
        default="integer-attention", description="What the file describes."
    )
    dim: int = Field(ge=1, le=8192, description="D, the channels of q and k; a multiple of heads.")
    value_dim: int | None = Field(
        default=None,
        ge=1,
        le=8192,
        description="Channels of v and of the output; a multiple of heads. Default: dim.",
    )
    similarity: Literal["and"] = Field(default="and", description="The dot product, q k.")
    q_max: int = Field(default=4, ge=1, le=15, description="Greatest value of q; the least is 0.")
    k_max: int = Field(default=4, ge=1, le=15, description="Greatest value of k; the least is 0.")
    v_max: int | None = Field(
        default=None,
        ge=1,
        le=255,
        description="Greatest value of v, the least being 0. Default: 4, without v_bits.",
    )
    v_bits: int | None = Field(
        default=None, ge=2, le=8, description="Makes v signed: two's complement of so many bits."
    )
    divisor: int = Field(
        default=1,
        ge=1,
        le=255,
        description="A value n of q, k and v stands for n / divisor (4 for integer spikes of "
        "Spike-driven Transformer V3).",
    )
    neuron: Literal["lif", "if", "multispike", "none"] = Field(
        default="lif",
        description="The neuron behind the attention; multispike rounds the drive to 0 .. levels, "
        "none gives the drive.",
    )
    levels: int = Field(
        default=4, ge=1, le=15, description="Greatest output of the neuron multispike."
    )
    rounding: Literal["half-even", "half-up"] = Field(
        default="half-even",
        description="How multispike rounds ties: torch.round (V3's base model), or "
        "floor(x + 1/2) (its large model).",
    )
    scale: Scale = Field(
        default=Root(Fraction(1, 8)),
        description='Factor on the attention before the neuron; a root, as "1/sqrt(32)", is exact.',
        json_schema_extra={"default": "1/8"},
    )
    folding: Lanes = Field(default=Lanes(), description="What is computed in parallel.")

    @field_validator("similarity", mode="before")
    @classmethod
    def _check_similarity(cls, value: object) -> object:
        return _similarity(value)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.values % self.heads:
            allowed = f"must be a multiple of heads ({self.heads})"
            raise DesignError("value_dim", show(self.value_dim), allowed)
        if self.v_max is not None and self.v_bits is not None:
            reason = "must not stand beside v_bits: v has no sign (v_max) or has one (v_bits)"
            raise DesignError("v_max", show(self.v_max), reason)
        for key in ("levels", "rounding"):
            if key in self.model_fields_set and self.neuron != "multispike":
                reason = f"has a meaning with neuron multispike only, not {self.neuron}"
                raise DesignError(key, show(getattr(self, key)), reason)
        if self.scale.exact is None and self.reset == "soft" and self.neuron in ("lif", "if"):
            reason = (
                "must be rational beside reset soft, which keeps the excess over the threshold: "
                "no binary fraction holds a root"
            )
            raise DesignError("scale", show(str(self.scale)), reason)
        widest = max(self.value_bits, self.code_bits, self.out_bits or 1)
        if self.beat < widest:
            reason = f"must be at least as wide as a value ({widest} bits)"
            raise DesignError("target.beat", show(self.beat), reason)
        lanes = self.folding.lanes
        if lanes is not None and (
            lanes > self.value_head_dim or (lanes != self.value_head_dim and lanes & lanes - 1)
        ):
            allowed = (
                f"must be a power of two and at most the channels of v a head "
                f"({self.value_head_dim}), or equal to them"
            )
            raise DesignError("folding.lanes", show(lanes), allowed)
        return self

    @property
    def values(self) -> int:
        """Channels of v and of the output."""
        return self.dim if self.value_dim is None else self.value_dim

    @property
    def value_head_dim(self) -> int:
        """Channels of v and of the output a head."""
        return self.values // self.heads

    @property
    def v_range(self) -> tuple[int, int]:
        """Least and greatest value of v."""
        if self.v_bits is not None:
            return -(1 << self.v_bits - 1), (1 << self.v_bits - 1) - 1
        return 0, 4 if self.v_max is None else self.v_max

    @property
    def value_bits(self) -> int:
        """Bits of a value of v."""
        return self.v_range[1].bit_length() if self.v_bits is None else self.v_bits

    @property
    def code_bits(self) -> int:
        """Bits of a value of q and of k."""
        return max(self.q_max, self.k_max).bit_length()

    @property
    def out_bits(self) -> int | None:
        """Bits of an output; None where it is the drive, which takes whole beats."""
        if self.neuron == "none":
            return None
        return self.levels.bit_length() if self.neuron == "multispike" else 1

    def per_beat(self, bits: int) -> int:
        """Values of so many bits in a beat: the greatest power of two that fits."""
        return 1 << (self.beat // bits).bit_length() - 1

    @property
    def gain_squared(self) -> Fraction:
        """What one unit of the integer drive is before the neuron, times itself."""
        return self.scale.squared / Fraction(self.divisor) ** 6

    @property
    def threshold_exact(self) -> Fraction | None:
        """The threshold in units of the integer drive; None where a root makes it irrational."""
        if self.scale.exact is None:
            return None
        return self.threshold * self.lift * self.divisor**3 / self.scale.exact

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of all neurons, where it is rational."""
        return () if self.threshold_exact is None else (self.threshold_exact,)

    @property
    def lanes(self) -> int:
        """Channels of v in parallel."""
        return self.value_head_dim if self.folding.lanes is None else self.folding.lanes

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        signed = f"of {self.v_bits} bits, signed"
        v = signed if self.v_bits else f"to {self.v_range[1]}"
        return (
            shape_in_words(self),
            ("mechanisms", f"similarity {self.similarity}, neuron {self.neuron}"),
            ("integers", f"q to {self.q_max}, k to {self.k_max}, v {v}, over {self.divisor}"),
            ("folding", lanes_in_words(self.folding)),
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return tuple(self._warnings())

    def _warnings(self) -> Any:
        idle: dict[str, tuple[str, ...]] = {
            "lif": (),
            "if": LEAK,
            "multispike": (*LEAK, *FIRING),
            "none": (*LEAK, *FIRING, "scale", "divisor"),
        }
        yield from unused(self, idle[self.neuron])
        if self.neuron in ("lif", "if"):
            yield from soft_warnings(self)
            yield from leak_warnings(self)
        yield from self._tie_warnings()
        if self.q_max == self.k_max == self.v_range[1] == 1 and self.v_bits is None:
            yield "q_max: with values of 0 and 1 this is the kind attention, which costs less"
        if self.neuron == "multispike" and self.scale.exact is None and self.divisor == 1:
            yield "divisor: 1, though integer spikes of Spike-driven Transformer V3 are over 4"

    def _tie_warnings(self) -> Iterator[str]:
        """Yield where a threshold, or a tie of multispike, can be met exactly, and not in float32.

        Never with a root: no integer times an irrational number is rational.
        """
        scale, real = self.scale.exact, self.threshold_exact
        if scale is None or real is None or self.neuron == "none":
            return
        ties: tuple[Fraction, ...] = (real,)
        what = "the threshold"
        if self.neuron == "multispike":
            halves = (Fraction(2 * m - 1, 2) for m in range(1, self.levels + 1))
            ties, what = tuple(half * self.divisor**3 / scale for half in halves), "a tie"
        met = [tie for tie in ties if grid(self) % tie.denominator == 0][:1]
        yield from tie_warnings([scale] * len(met), met, grid(self), what)
        if met and self.divisor & self.divisor - 1:
            yield (
                f"divisor: n / {self.divisor} is no float32 number, and {what} lies exactly on a "
                f"drive of {met[0]}, where float32 code may fall on either side"
            )
