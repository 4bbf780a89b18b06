"""Sections of a design file, and the kinds of value that its keys take."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from spikeloom.design_pins import read_pcf, read_pins
from spikeloom.design_read import DesignError, load_integers, read_number, show

__all__ = [
    "DEVICES",
    "POSITIONS",
    "Alphas",
    "Budget",
    "Folding",
    "FromFile",
    "Gray",
    "Log",
    "Number",
    "Numbers",
    "Position",
    "Rows",
    "Section",
    "Shift",
    "Table",
    "Target",
]

POSITIONS = ("gray", "log", "shift", "table")
DEVICES = (
    "up5k-sg48",
    "up5k-uwg30",
    "hx1k-tq144",
    "hx4k-tq144",
    "hx8k-ct256",
    "lp1k-cm121",
    "lp8k-cm225",
)

_QUOTIENT = {"type": "string", "pattern": r"^\s*\d{1,18}(\.\d{1,18})?\s*(/\s*\d{1,18}\s*)?$"}


def _positive(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8"'
    return _number(value, info, Fraction(1, 10**6), Fraction(10**6), allowed)


def _alpha(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 0 to 1, as 0.375 or "3/8"'
    return _number(value, info, Fraction(0), Fraction(1), allowed)


def _base(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 2^-20 to 2^20, as 64 or "3/2"'
    return _number(value, info, Fraction(1, 1 << 20), Fraction(1 << 20), allowed)


def _positives(value: object, info: ValidationInfo) -> Fraction | tuple[Fraction, ...]:
    return _by_head(value, info, _positive)


def _alphas(value: object, info: ValidationInfo) -> Fraction | tuple[Fraction, ...]:
    return _by_head(value, info, _alpha)


def _by_head(
    value: object, info: ValidationInfo, read: Callable[[object, ValidationInfo], Fraction]
) -> Fraction | tuple[Fraction, ...]:
    """Accept one number, or a list of one a head."""
    if not isinstance(value, (list, tuple)) or not value:
        return read(value, info)
    return tuple(read(number, info) for number in value)


def _say(value: Fraction | tuple[Fraction, ...]) -> str | list[str]:
    return [str(number) for number in value] if isinstance(value, tuple) else str(value)


def _number(
    value: object, info: ValidationInfo, low: Fraction, high: Fraction, allowed: str
) -> Fraction:
    try:
        number = read_number(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise DesignError(info.field_name or "", show(value), allowed)
    return number


def _position(value: object) -> tuple[str, ...]:
    names = [value] if isinstance(value, str) else value
    allowed = f'must be "none", one of {", ".join(POSITIONS)}, or a list of these without repeats'
    if not isinstance(names, (list, tuple)) or not all(isinstance(n, str) for n in names):
        raise DesignError("position", show(value), allowed)
    if list(names) == ["none"]:
        return ()
    if set(names) - set(POSITIONS) or len(set(names)) != len(names):
        raise DesignError("position", show(value), allowed)
    if {"log", "table"} <= set(names):
        reason = "log and table are both an added bias: put their sum into the table"
        raise DesignError("position", show(value), reason)
    return tuple(sorted(names))


def _rows(value: object, info: ValidationInfo) -> tuple[tuple[int, ...], ...] | None:
    """Accept one list of integers, or a list of such lists."""
    if value is None:
        return None
    rows: Any = value
    if isinstance(rows, (list, tuple)) and not any(isinstance(r, (list, tuple)) for r in rows):
        rows = [rows]
    if not isinstance(rows, (list, tuple)) or not rows:
        raise DesignError(info.field_name or "", show(value), "must be a list of lists of integers")
    for row in rows:
        if not isinstance(row, (list, tuple)) or not row:
            raise DesignError(info.field_name or "", show(row), "must be a list of integers")
        # A glance at the whole row first: weights have millions of entries.
        if set(map(type, row)) == {int} and -(1 << 31) < min(row) and max(row) < 1 << 31:
            continue
        for entry in row:
            if type(entry) is not int or entry.bit_length() > 31:
                raise DesignError(info.field_name or "", show(entry), "must be a 32-bit integer")
    return tuple(tuple(row) for row in rows)


def _sides(value: object) -> tuple[int, int] | None:
    """Accept the sides of a picture."""
    if value is None:
        return None
    if (
        not isinstance(value, (list, tuple))
        or len(value) != 2
        or not all(type(side) is int and 1 <= side <= 4096 for side in value)
    ):
        raise DesignError("grid", show(value), "must be [rows, columns], each from 1 to 4096")
    return value[0], value[1]


_ROWS_SCHEMA = {
    "anyOf": [
        {"type": "array", "items": {"type": "integer"}},
        {"type": "array", "items": {"type": "array", "items": {"type": "integer"}}},
    ]
}


def _or_list(number: dict[str, Any]) -> dict[str, Any]:
    """Schema of a number or quotient, or of a list of these."""
    one = [number, _QUOTIENT]
    return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}, "minItems": 1}]}


Number = Annotated[
    Fraction,
    PlainValidator(_positive),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1e-6, "maximum": 1e6}, _QUOTIENT]}),
]
Numbers = Annotated[
    Fraction | tuple[Fraction, ...],
    PlainValidator(_positives),
    PlainSerializer(_say),
    WithJsonSchema(_or_list({"type": "number", "minimum": 1e-6, "maximum": 1e6})),
]
Alphas = Annotated[
    Fraction | tuple[Fraction, ...],
    PlainValidator(_alphas),
    PlainSerializer(_say),
    WithJsonSchema(_or_list({"type": "number", "minimum": 0, "maximum": 1})),
]
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
Base = Annotated[
    Fraction,
    PlainValidator(_base),
    PlainSerializer(lambda base: int(base) if base.denominator == 1 else str(base)),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 2.0**-20, "maximum": 2.0**20}, _QUOTIENT]}
    ),
]
Rows = Annotated[
    tuple[tuple[int, ...], ...] | None,
    PlainValidator(_rows),
    PlainSerializer(lambda rows: rows),
    WithJsonSchema(_ROWS_SCHEMA),
]


class Section(BaseModel):
    """Base of all sections: immutable, no unknown keys, no conversion between types."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class FromFile(Section):
    """A section whose ``values`` may come from a file."""

    @model_validator(mode="before")
    @classmethod
    def _read_file(cls, data: object, info: ValidationInfo) -> object:
        if not isinstance(data, dict) or data.get("file") is None:
            return data
        if data.get("values") is not None:
            raise DesignError("file", show(data["file"]), "must not stand beside values")
        folder = (info.context or {}).get("folder", Path())
        return {**data, "values": load_integers("file", data["file"], folder)}


class Gray(Section):
    """Gray-PE: the low bits of the Gray code of the position are appended to q and k."""

    bits: int | tuple[int, ...] | None = Field(
        default=None,
        description="Appended bits, 1 to 16; with a grid a list of two, for rows and columns. "
        "Default: enough for every index to have its own code.",
        json_schema_extra={
            "anyOf": [
                {"type": "integer", "minimum": 1, "maximum": 16},
                {
                    "type": "array",
                    "items": {"type": "integer", "minimum": 1, "maximum": 16},
                    "minItems": 2,
                    "maxItems": 2,
                },
            ]
        },
    )
    index: Literal["l", "t*L+l"] = Field(
        default="l",
        description="What is coded: the token l (the paper), or t*L+l (the published code).",
    )
    grid: tuple[int, int] | None = Field(
        default=None,
        description="[rows, columns] of a picture, row by row: codes the row and the column.",
    )
    form: Literal["logic", "rom"] = Field(
        default="logic", description="One XOR a bit, or a table in memory. The numbers are equal."
    )

    @field_validator("bits", mode="before")
    @classmethod
    def _check_bits(cls, value: object) -> object:
        bits = value if isinstance(value, (list, tuple)) else (value,)
        if value is not None and not (
            1 <= len(bits) <= 2 and all(type(b) is int and 1 <= b <= 16 for b in bits)
        ):
            raise DesignError(
                "bits", show(value), "must be an integer from 1 to 16, or a list of two with a grid"
            )
        return tuple(value) if isinstance(value, list) else value

    @field_validator("grid", mode="before")
    @classmethod
    def _check_grid(cls, value: object) -> object:
        return _sides(value)


class Log(Section):
    """Log-PE: a bias that falls with the logarithm of the distance is added to the score."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_grid(cls, data: object) -> object:
        if isinstance(data, dict) and "grid" in data:
            reason = (
                "is not offered: Log-PE of rows and columns did not converge in the paper, which "
                "dropped it"
            )
            raise DesignError("grid", show(data["grid"]), reason)
        return data

    definition: Literal["paper", "code"] = Field(
        default="paper",
        description="The paper's formula, or the matrix of the published code (not logarithmic).",
    )
    length: int | None = Field(
        default=None,
        ge=1,
        le=65536,
        description="The constant L of the formula. Default: tokens.",
    )
    form: Literal["logic", "rom"] = Field(
        default="logic",
        description="Thresholds and comparators, or a table in memory. The numbers are equal.",
    )


class Shift(FromFile):
    """Cyclic-shift RoPE: groups of channels of q and k are rotated by an amount a token."""

    groups: int = Field(
        default=4, ge=1, le=8192, description="Groups of channels a head; divides dim/heads."
    )
    base: Base = Field(
        default=Fraction(64), description="Base of the geometric row of frequencies."
    )
    rounding: Literal["float32", "half-even"] = Field(
        default="float32",
        description="As PyTorch's float32 arithmetic rounds, or exact with ties to even.",
    )
    grid: tuple[int, int] | None = Field(
        default=None,
        description="[rows, columns] of a picture, row by row: the first half of the groups is "
        "rotated by the row, the second by the column.",
    )
    file: str | None = Field(
        default=None,
        description="NumPy file of integers, groups x tokens: amounts instead of the formula.",
    )
    values: Rows = Field(
        default=None, description="Amounts instead of the formula: one list of tokens a group."
    )

    @field_validator("grid", mode="before")
    @classmethod
    def _check_grid(cls, value: object) -> object:
        return _sides(value)


class Table(FromFile):
    """A learned signed bias a head, added to the score."""

    index: Literal["difference", "xor"] = Field(
        default="difference",
        description="difference: entry (i-j)+(tokens-1) of 2*tokens-1; "
        "xor: entry (i xor j) of the next power of two.",
    )
    bits: int = Field(
        default=8, ge=4, le=8, description="Width of an entry; entries are signed integers."
    )
    file: str | None = Field(
        default=None, description="NumPy file of integers, heads x entries, or entries for all."
    )
    values: Rows = Field(
        default=None, description="One list of integers a head, or one list for all heads."
    )


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


_PINS = {"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}


class Target(Section):
    """Where the layer is to run."""

    device: str = Field(
        default="up5k-sg48",
        description="Device and package.",
        json_schema_extra={"enum": list(DEVICES)},
    )
    clock_mhz: float = Field(default=48, gt=0, le=1000, description="Clock asked for, in MHz.")
    beat: Literal[1, 2, 4, 8, 16, 32, 64] = Field(
        default=8, description="Bits a beat of the input and output streams."
    )
    link: Literal[1, 2, 4, 8, 16, 32] | None = Field(
        default=None,
        description="Bits of both streams at the pins, where they are fewer than a beat has: beats "
        "go word by word, the low one first.",
    )
    cells: Literal["portable", "ice40"] = Field(
        default="portable",
        description="How the innermost units are written: for any device, or from iCE40 cells "
        "(smaller; not for Amaranth's own simulator).",
    )
    pins: Annotated[tuple[str, ...] | None, WithJsonSchema(_PINS)] = Field(
        default=None,
        description="PCF file with a line set_io PORT PAD for each port whose pad matters; or such "
        "lines. spikeloom build --pcf says otherwise.",
    )

    @field_validator("pins", mode="before")
    @classmethod
    def _read_pins(cls, value: object, info: ValidationInfo) -> object:
        if isinstance(value, str):
            folder = (info.context or {}).get("folder", Path())
            return read_pcf("pins", folder / value, value)
        return value if value is None else read_pins("pins", value)

    @field_validator("device")
    @classmethod
    def _check_device(cls, value: str) -> str:
        if value not in DEVICES:
            raise DesignError("device", show(value), f"must be one of {', '.join(DEVICES)}")
        return value

    @model_validator(mode="after")
    def _check_link(self) -> Self:
        if self.link is not None and self.link >= self.beat:
            allowed = f"must be less than the beat ({self.beat})"
            raise DesignError("link", show(self.link), allowed)
        return self


class Budget(Section):
    """What the layer may cost; a report over budget ends with exit code 1."""

    cells: int | None = Field(default=None, ge=1, le=10**9, description="Logic cells at most.")
    clock_mhz: float | None = Field(
        default=None, gt=0, le=1000, description="Clock in MHz at least, on the worst seed."
    )
    cycles: int | None = Field(
        default=None, ge=1, le=10**15, description="Compute cycles an inference at most."
    )
