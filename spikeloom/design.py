"""Design files: what an attention layer computes, how it is folded, and what it may cost."""

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, ValidationError, model_validator

from spikeloom.design_check import check, explain, warn
from spikeloom.design_read import DesignError, read_toml, show
from spikeloom.design_sections import (
    DEVICES,
    POSITIONS,
    Alpha,
    Budget,
    Folding,
    Gray,
    Log,
    Number,
    Position,
    Section,
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
    "load_design",
    "schema",
]


class Design(Section):
    """One attention layer, immutable; made by :func:`load_design` or :meth:`from_dict`.

    Every field is a key of the design file, see the JSON Schema (:func:`schema`) for ranges.
    The properties are what follows from the fields; nothing else in Spikeloom derives them again.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, title="Spikeloom design"
    )

    name: str = Field(
        default="attention",
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="Name of the files; the Verilog module has _ for -.",
    )
    tokens: int = Field(ge=1, le=4096, description="N, the length of the sequence.")
    dim: int = Field(ge=1, le=8192, description="D, the embedding width; a multiple of heads.")
    heads: int = Field(ge=1, le=8192, description="H, the attention heads.")
    steps: int = Field(ge=1, le=64, description="T, the time steps of an inference.")
    similarity: Literal["and", "xnor", "alpha-xnor", "hamming"] = Field(
        default="and", description="How a query is compared with a key."
    )
    alpha: Alpha | None = Field(
        default=None,
        description="Weight of a pair of zeros (alpha-xnor); rounded to alpha_bits.",
    )
    alpha_bits: int = Field(
        default=3, ge=1, le=8, description="Fraction bits of alpha: kappa / 2^alpha_bits."
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
    scale: Number = Field(
        default=Fraction(1, 8), description="Factor on the attention before the neuron."
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
    target: Target = Field(default=Target(), description="Device, clock and stream width.")
    budget: Budget = Field(default=Budget(), description="What the layer may cost.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        check(self)
        return self

    @classmethod
    def from_dict(
        cls, data: Mapping[str, object], *, folder: Path | str = ".", file: str = ""
    ) -> "Design":
        """Validate a dictionary; files that it names are read against ``folder``.

        Raises :exc:`DesignError`, and nothing else, whatever the dictionary holds.

        >>> Design.from_dict({"tokens": 32, "dim": 65, "heads": 4, "steps": 4})
        Traceback (most recent call last):
        spikeloom.design_read.DesignError: dim: 65: must be a multiple of heads (4)
        """
        if not isinstance(data, Mapping):
            raise DesignError("", show(data), "must be a dictionary of keys and values", file)
        try:
            return cls.model_validate(dict(data), context={"folder": Path(folder)})
        except ValidationError as error:
            raise explain(cls, error, file) from None

    @property
    def module(self) -> str:
        """Name of the Verilog module."""
        return self.name.replace("-", "_")

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
    def kappa(self) -> int:
        """Numerator of alpha, rounded half to even; 0 without alpha-xnor."""
        if self.alpha is None:
            return 0
        return round(self.alpha * (1 << self.alpha_bits))

    @property
    def alpha_exact(self) -> Fraction:
        """The alpha that is computed with, kappa / 2^alpha_bits."""
        return Fraction(self.kappa, 1 << self.alpha_bits)

    @property
    def alpha_error(self) -> Fraction:
        """The alpha that is computed with, less the alpha that was asked for."""
        return self.alpha_exact - (self.alpha or 0)

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of the integer drive, before it is put on a grid."""
        decay = self.tau if self.neuron == "lif" and self.decay_input else 1
        return (1 << self.score_fraction) * self.threshold / self.scale * decay

    @property
    def order(self) -> Literal["score", "state"]:
        """Order of multiplication; ``auto`` takes the one with fewer cycles.

        State order is counted with every spike set, its worst: a slot a spike of k and q, one that
        starts a query and two for each of its windows of Log-PE. Score order takes a slot for each
        pair of tokens whatever the spikes. ``rows`` and biases without state ask for score order,
        and several ``spikes`` for state order.
        """
        if self.folding.order != "auto":
            return self.folding.order
        if self.folding.spikes > 1:
            return "state"
        coded = "log" in self.position and self.log.definition == "code"
        if self.folding.rows > 1 or coded or "table" in self.position:
            return "score"
        windows = 2 * (self.log_length - 1).bit_length() if "log" in self.position else 0
        state = self.tokens * (2 * self.channels + 1 + windows)
        return "state" if state <= self.tokens * (self.tokens + 1) else "score"

    @property
    def lanes(self) -> int:
        """Value channels in parallel."""
        return self.head_dim if self.folding.lanes is None else self.folding.lanes

    @property
    def rows(self) -> int:
        """Queries in parallel."""
        return self.folding.rows

    @property
    def beat(self) -> int:
        """Bits of a beat, B."""
        return self.target.beat

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


def load_design(path: Path | str) -> Design:
    """Read and validate a design file.

    Raises :exc:`DesignError`, one line ``file: key: value: what is allowed``, and nothing else.
    """
    path = Path(path)
    return Design.from_dict(read_toml(path), folder=path.parent, file=str(path))


def schema() -> dict[str, Any]:
    """Return the JSON Schema of design files, with which editors complete and check them."""
    made: dict[str, Any] = _prune(Design.model_json_schema(mode="validation"))
    made["description"] = "A spiking attention layer, for spikeloom generate."
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}


def _prune(node: Any) -> Any:
    """Drop what TOML cannot say (null) and titles that only repeat the name of a key."""
    if isinstance(node, list):
        return [_prune(item) for item in node if item != {"type": "null"}]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        title = key == "title" and value != "Spikeloom design"
        default = key == "default" and (value is None or isinstance(value, dict))
        if not ((title or default) and isinstance(value, (str, dict, type(None)))):
            kept[key] = _prune(value)
    if len(kept.get("anyOf", ())) == 1:
        kept |= kept.pop("anyOf")[0]
    return kept
