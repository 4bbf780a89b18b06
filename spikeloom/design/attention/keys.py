"""Keys of an attention layer, and the numbers that follow from them."""

from fractions import Fraction
from typing import Annotated, Literal, TypeVar

from pydantic import Field, PlainSerializer, PlainValidator, WithJsonSchema

from spikeloom.design.attention.folding import Folding
from spikeloom.design.attention.norm import Norm, Normed, join
from spikeloom.design.base import Design
from spikeloom.design.neuron import NeuronKeys
from spikeloom.design.position import POSITIONS, Gray, Log, PositionPart, Shift, Table
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import HeadKeys
from spikeloom.design.similarity import SIMILARITIES, Similarity
from spikeloom.design.values import Alphas, Factors
from spikeloom.errors import nearest

__all__ = ["AttentionKeys"]

_T = TypeVar("_T")


def _similarity(value: object) -> str:
    if not isinstance(value, str) or value not in SIMILARITIES:
        allowed = f"must be one of {', '.join(SIMILARITIES)}{nearest(value, SIMILARITIES)}"
        raise DesignError("similarity", show(value), allowed)
    return value


SimilarityName = Annotated[
    str,
    PlainValidator(_similarity),
    WithJsonSchema({"enum": list(SIMILARITIES), "type": "string"}),
]


def _position(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    allowed = f'must be "none", one of {", ".join(POSITIONS)}, or a list of these without repeats'
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        raise DesignError("position", show(value), allowed)
    if list(names) == ["none"]:
        return ()
    if set(names) - set(POSITIONS) or len(set(names)) != len(names):
        hint = next((text for name in names if (text := _slip(name))), "")
        raise DesignError("position", show(value), allowed + hint)
    return tuple(sorted(names))


def _slip(name: str) -> str:
    known = ("none", *POSITIONS)
    return "" if name in known else nearest(name, known)


Position = Annotated[
    tuple[str, ...],
    PlainValidator(_position),
    PlainSerializer(list),
    WithJsonSchema(
        {
            "anyOf": [
                {"enum": ["none", *POSITIONS]},
                {"type": "array", "items": {"enum": list(POSITIONS)}, "uniqueItems": True},
            ]
        }
    ),
]


class AttentionKeys(NeuronKeys, HeadKeys, Design):
    """Keys of an attention layer, and what follows from each: the base of its design."""

    kind: Literal["attention"] = Field(default="attention", description="What the file describes.")
    similarity: SimilarityName = Field(
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
    keys: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="M, the tokens of k and v, where these are another sequence than q (score "
        "order). Default: tokens.",
    )
    chunk: int = Field(
        default=1,
        ge=1,
        le=64,
        description="c, the time steps whose tokens attend to each other, a divisor of steps "
        "(score order).",
    )
    causal: bool = Field(
        default=False,
        description="A query sees its own token and those before it only (score order).",
    )
    window: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="A query sees tokens less than this far away only, its own being 0 away (score "
        "order).",
    )
    position: Position = Field(
        default=(), description="Relative position encodings: none, one, or a list."
    )
    neuron: Literal["lif", "if", "none"] = Field(
        default="lif", description="The neuron behind the attention; none gives integers."
    )
    scale: Factors = Field(
        default=Fraction(1, 8),
        description="Factor on the attention before the neuron, one or one a head; below zero in "
        "score order only.",
    )
    norm: Norm = Field(
        default=Norm(), description="Batch norm behind the attention, folded (score order)."
    )
    gray: Gray = Field(default=Gray(), description="Gray-PE (position gray).")
    log: Log = Field(default=Log(), description="Log-PE (position log).")
    shift: Shift = Field(default=Shift(), description="Cyclic-shift RoPE (position shift).")
    table: Table = Field(default=Table(), description="Learned bias (position table).")
    folding: Folding = Field(
        default=Folding(), description="What is computed in parallel, and in which order."
    )

    @property
    def parts(self) -> tuple[PositionPart, ...]:
        """Sections of the position encodings in use."""
        return tuple(getattr(self, name) for name in self.position)

    @property
    def code_bits(self) -> int:
        """Channels that positions append to q and k."""
        return sum(sum(part.code_bits(self)) for part in self.parts)

    @property
    def biases(self) -> tuple[int, int] | None:
        """The least and the greatest number that positions add to a score; None if none does."""
        spans = [span for part in self.parts if (span := part.biases(self))]
        return (sum(s[0] for s in spans), sum(s[1] for s in spans)) if spans else None

    @property
    def by_step(self) -> bool:
        """Whether positions make time steps differ."""
        return any(part.by_step for part in self.parts)

    @property
    def channels(self) -> int:
        """Channels that are compared: head_dim + code_bits."""
        return self.head_dim + self.code_bits

    @property
    def key_tokens(self) -> int:
        """M, the tokens of k and v: ``keys``, or as many as q has."""
        return self.tokens if self.keys is None else self.keys

    @property
    def crossed(self) -> bool:
        """Whether k and v have another number of tokens than q."""
        return self.key_tokens != self.tokens

    @property
    def chunks(self) -> int:
        """Chunks of an inference, T/c: with chunk 1 its steps."""
        return self.steps // self.chunk

    @property
    def chunk_queries(self) -> int:
        """Queries that one head answers at once: c N."""
        return self.chunk * self.tokens

    @property
    def chunk_keys(self) -> int:
        """Keys that each of them meets: c M."""
        return self.chunk * self.key_tokens

    @property
    def masked(self) -> bool:
        """Whether there are keys that a query does not see."""
        return (self.causal or self.window is not None) and self.tokens > 1

    @property
    def similarities(self) -> tuple[Similarity, ...]:
        """The numbers of every head's similarity: where heads have alphas, ``zeros`` differs."""
        row = SIMILARITIES[self.similarity]
        return tuple(row.at(kappa, self.alpha_bits) for kappa in self.kappas)

    @property
    def score_fraction(self) -> int:
        """Fraction bits f of a score: those of its similarity, alpha_bits where alpha counts."""
        return self.similarities[0].fraction

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
        """The alpha of every head that was asked for; 0 where it has none."""
        return self._each(self.alpha or Fraction(0))

    @property
    def kappas(self) -> tuple[int, ...]:
        """Numerator of every head's alpha, rounded half to even; 0 where it has none."""
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
    def normed(self) -> Normed | None:
        """What channels count on their own: with a norm, or scales below zero; else None."""
        if self.neuron == "none" or (self.norm.plain and min(self.scales) > 0):
            return None
        fraction = self.drive_fraction
        return join(self.norm, self.scales, self.head_dim, fraction)

    @property
    def thresholds_exact(self) -> tuple[Fraction, ...]:
        """The threshold of every head in units of the integer drive, before it is on a grid.

        With ``normed`` that of every channel, in units of the drive behind it.
        """
        if self.normed is not None:
            return self.normed.thresholds(self.threshold * self.lift)
        unit = (1 << self.drive_fraction) * self.threshold * self.lift
        return tuple(unit / abs(scale) for scale in self.scales)

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
