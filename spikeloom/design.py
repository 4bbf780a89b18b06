"""Attention layers: what they compute, how they are folded, and what they may cost."""

from fractions import Fraction
from typing import Literal, Self, TypeVar

from pydantic import Field, model_validator

from spikeloom.design_check import check, warn
from spikeloom.design_cost import estimate
from spikeloom.design_layer import Layer
from spikeloom.design_read import DesignError
from spikeloom.design_sections import (
    DEVICES,
    POSITIONS,
    Alphas,
    Budget,
    Folding,
    Gray,
    Log,
    Number,
    Numbers,
    Position,
    Shift,
    Table,
    Target,
)

__all__ = [
    "DEVICES",
    "POSITIONS",
    "Budget",
    "Design",
    "DesignError",
    "Folding",
    "Gray",
    "Log",
    "Shift",
    "Table",
    "Target",
]

_T = TypeVar("_T")


class Design(Layer):
    """One attention layer, immutable; made by ``load_design`` or :meth:`from_dict`.

    Every field is a key of the design file, see its JSON Schema for ranges. The properties are what
    follows from the fields; nothing else in Spikeloom derives them again.

    >>> Design.from_dict({"tokens": 32, "dim": 65, "heads": 4, "steps": 4})
    Traceback (most recent call last):
    spikeloom.design_read.DesignError: dim: 65: must be a multiple of heads (4)
    """

    kind: Literal["attention"] = Field(default="attention", description="What the file describes.")
    tokens: int = Field(ge=1, le=4096, description="N, the length of the sequence.")
    dim: int = Field(ge=1, le=8192, description="D, the embedding width; a multiple of heads.")
    heads: int = Field(ge=1, le=8192, description="H, the attention heads.")
    steps: int = Field(ge=1, le=64, description="T, the time steps of an inference.")
    similarity: Literal["and", "xnor", "alpha-xnor", "hamming"] = Field(
        default="and", description="How a query is compared with a key."
    )
    alpha: Alphas | None = Field(
        default=None,
        description="Weight of a pair of zeros (alpha-xnor), one or one a head; rounded to "
        "alpha_bits.",
    )
    alpha_bits: int = Field(
        default=3, ge=1, le=8, description="Fraction bits of alpha: kappa / 2^alpha_bits."
    )
    gate: int | None = Field(
        default=None,
        ge=-(1 << 20),
        le=1 << 20,
        description="Binary gate: scores of at least this count as 1, others as 0 (score order).",
    )
    position: Position = Field(
        default=(), description="Relative position encodings: none, one, or a list."
    )
    neuron: Literal["lif", "if", "none"] = Field(
        default="lif", description="The neuron behind the attention; none gives integers."
    )
    tau: Literal[2, 4, 8, 16, 32, 64] = Field(
        default=2, description="Time constant of the leaky neuron, a power of two."
    )
    threshold: Number = Field(
        default=Fraction(1, 2), description="Firing threshold; a neuron at it fires."
    )
    scale: Numbers = Field(
        default=Fraction(1, 8),
        description="Factor on the attention before the neuron, one or one a head.",
    )
    decay_input: bool = Field(
        default=True, description="SpikingJelly's switch: the input decays with the membrane."
    )
    reset: Literal["hard", "soft"] = Field(
        default="hard", description="After a spike: to zero, or less the threshold."
    )
    gray: Gray = Field(default=Gray(), description="Gray-PE (position gray).")
    log: Log = Field(default=Log(), description="Log-PE (position log).")
    shift: Shift = Field(default=Shift(), description="Cyclic-shift RoPE (position shift).")
    table: Table = Field(default=Table(), description="Learned bias (position table).")
    folding: Folding = Field(
        default=Folding(), description="What is computed in parallel, and in which order."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        check(self)
        return self

    @property
    def positions(self) -> tuple[str, ...]:
        """Position encodings in use, in alphabetical order; empty for none."""
        return self.position

    @property
    def head_dim(self) -> int:
        """Channels a head, d = D/H."""
        return self.dim // self.heads

    @property
    def gray_bits(self) -> tuple[int, ...]:
        """Gray bits of the index, or of the row and the column; empty without gray."""
        if "gray" not in self.position:
            return ()
        if isinstance(self.gray.bits, int):
            return (self.gray.bits,)
        if self.gray.bits is not None:
            return self.gray.bits
        if self.gray.grid is not None:
            return tuple(max(1, (side - 1).bit_length()) for side in self.gray.grid)
        count = self.tokens * (self.steps if self.gray.index == "t*L+l" else 1)
        return (max(1, (count - 1).bit_length()),)

    @property
    def code_bits(self) -> int:
        """Channels that Gray-PE appends to q and k."""
        return sum(self.gray_bits)

    @property
    def channels(self) -> int:
        """Channels that are compared: head_dim + code_bits."""
        return self.head_dim + self.code_bits

    @property
    def group_dim(self) -> int:
        """Channels a rotated group; head_dim without shift."""
        return self.head_dim // self.shift.groups if "shift" in self.position else self.head_dim

    @property
    def log_length(self) -> int:
        """Constant L of Log-PE."""
        return self.tokens if self.log.length is None else self.log.length

    @property
    def log_form(self) -> Literal["logic", "rom"]:
        """How Log-PE is built; the matrix of the published code is always a ROM."""
        return "rom" if self.log.definition == "code" else self.log.form

    @property
    def score_fraction(self) -> int:
        """Fraction bits f of a score: alpha_bits for alpha-xnor, else 0."""
        return self.alpha_bits if self.similarity == "alpha-xnor" else 0

    @property
    def drive_fraction(self) -> int:
        """Fraction bits of the drive: those of a score, none behind a gate."""
        return self.score_fraction if self.gate is None else 0

    @property
    def scales(self) -> tuple[Fraction, ...]:
        """The scale of every head."""
        return self._each(self.scale)

    @property
    def alphas(self) -> tuple[Fraction, ...]:
        """The alpha of every head that was asked for; 0 without alpha-xnor."""
        return self._each(self.alpha or Fraction(0))

    @property
    def kappas(self) -> tuple[int, ...]:
        """Numerator of every head's alpha, rounded half to even; 0 without alpha-xnor."""
        return tuple(round(alpha * (1 << self.alpha_bits)) for alpha in self.alphas)

    @property
    def kappa(self) -> int:
        """Numerator of the alpha of all heads; :exc:`ValueError` where heads differ."""
        return self._one("Kappa", self.kappas)

    @property
    def alphas_exact(self) -> tuple[Fraction, ...]:
        """The alphas that are computed with, kappa / 2^alpha_bits."""
        return tuple(Fraction(kappa, 1 << self.alpha_bits) for kappa in self.kappas)

    @property
    def alpha_exact(self) -> Fraction:
        """The alpha of all heads that is computed with; :exc:`ValueError` where heads differ."""
        return self._one("Alpha", self.alphas_exact)

    @property
    def alpha_error(self) -> Fraction:
        """The greatest error, by magnitude, of an alpha that is computed with."""
        pairs = zip(self.alphas_exact, self.alphas, strict=True)
        return max((exact - asked for exact, asked in pairs), key=abs)

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of every head in units of the integer drive, before it is on a grid."""
        decay = self.tau if self.neuron == "lif" and self.decay_input else 1
        return tuple(
            (1 << self.drive_fraction) * self.threshold / scale * decay for scale in self.scales
        )

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold of all heads, likewise; :exc:`ValueError` where heads differ."""
        return self._one("Threshold", self.thresholds_exact)

    def _each(self, value: Fraction | tuple[Fraction, ...]) -> tuple[Fraction, ...]:
        return value if isinstance(value, tuple) else (value,) * self.heads

    @staticmethod
    def _one(name: str, values: tuple[_T, ...]) -> _T:
        if len(set(values)) > 1:
            raise ValueError(f"{name} must be one number, not one a head")
        return values[0]

    @property
    def order(self) -> Literal["score", "state"]:
        """Order of multiplication; ``auto`` takes the one with fewer cells times cycles.

        Both are estimated, see :mod:`spikeloom.design_cost`, the cycles of state order at a firing
        rate of 20 %. ``rows``, a gate and biases without state ask for score order, several
        ``spikes`` for state order.
        """
        if self.folding.order != "auto":
            return self.folding.order
        if self.folding.spikes > 1:
            return "state"
        coded = "log" in self.position and self.log.definition == "code"
        if self.folding.rows > 1 or coded or "table" in self.position or self.gate is not None:
            return "score"
        score, state = estimate(self, "score"), estimate(self, "state")
        return "state" if state.product <= score.product else "score"

    @property
    def lanes(self) -> int:
        """Value channels in parallel."""
        return self.head_dim if self.folding.lanes is None else self.folding.lanes

    @property
    def rows(self) -> int:
        """Queries in parallel."""
        return self.folding.rows

    @property
    def beats_per_token(self) -> int:
        """Beats of one token of one head: ceil(d/B)."""
        return -(-self.head_dim // self.beat)

    @property
    def beats_per_channel(self) -> int:
        """Beats of one channel of all tokens: ceil(N/B)."""
        return -(-self.tokens // self.beat)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        return warn(self)
