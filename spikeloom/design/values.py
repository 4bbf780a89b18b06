"""Kinds of value that the keys of a design file take, and sections of keys."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    model_validator,
)

from spikeloom.design.read import DesignError, load_integers, read_number, show

__all__ = [
    "QUOTIENT",
    "Alphas",
    "Decay",
    "Factors",
    "FromFile",
    "Number",
    "Offsets",
    "Rows",
    "Section",
    "Tau",
    "number_between",
    "read_sides",
]

# Terms of the quotient that a membrane is multiplied by: of a decay with three digits.
_MOST = 1000
_SIGNED = {"type": "string", "pattern": r"^\s*-?\d{1,18}(\.\d{1,18})?\s*(/\s*\d{1,18}\s*)?$"}
QUOTIENT = {"type": "string", "pattern": r"^\s*\d{1,18}(\.\d{1,18})?\s*(/\s*\d{1,18}\s*)?$"}


def _positive(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8"'
    return number_between(value, info, Fraction(1, 10**6), Fraction(10**6), allowed)


def _factor(value: object, info: ValidationInfo) -> Fraction:
    most = Fraction(10**6)
    allowed = 'must be a number from 1e-6 to 1e6, as 0.125 or "1/8", or the negative of one'
    number = number_between(value, info, -most, most, allowed)
    if abs(number) < 1 / most:
        raise DesignError(info.field_name or "", show(value), allowed)
    return number


def _offset(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from -1e6 to 1e6, as -0.375 or "-3/8"'
    return number_between(value, info, Fraction(-(10**6)), Fraction(10**6), allowed)


def _alpha(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 0 to 1, as 0.375 or "3/8"'
    return number_between(value, info, Fraction(0), Fraction(1), allowed)


def _tau(value: object, info: ValidationInfo) -> Fraction:
    allowed = f'must be a number above 1, a quotient of integers up to {_MOST}, as 2, 1.5 or "4/3"'
    return _quotient(value, info, 1, _MOST, allowed)


def _decay(value: object, info: ValidationInfo) -> Fraction | None:
    if value is None:
        return None
    allowed = f'must be between 0 and 1, a quotient of integers up to {_MOST}, as 0.9 or "1/3"'
    return _quotient(value, info, 0, 1, allowed)


def _quotient(value: object, info: ValidationInfo, above: int, most: int, allowed: str) -> Fraction:
    """Accept a quotient of small integers above a number, and below 1 where that is the most."""
    number = number_between(value, info, Fraction(above), Fraction(most), allowed)
    if number in (above, 1) or max(number.as_integer_ratio()) > _MOST:
        raise DesignError(info.field_name or "", show(value), allowed)
    return number


def _factors(value: object, info: ValidationInfo) -> Fraction | tuple[Fraction, ...]:
    return _one_or_list(value, info, _factor)


def _offsets(value: object, info: ValidationInfo) -> Fraction | tuple[Fraction, ...]:
    return _one_or_list(value, info, _offset)


def _alphas(value: object, info: ValidationInfo) -> Fraction | tuple[Fraction, ...]:
    return _one_or_list(value, info, _alpha)


def _one_or_list(
    value: object, info: ValidationInfo, read: Callable[[object, ValidationInfo], Fraction]
) -> Fraction | tuple[Fraction, ...]:
    """Accept one number, or a list of one a head or channel."""
    if not isinstance(value, (list, tuple)) or not value:
        return read(value, info)
    return tuple(read(number, info) for number in value)


def _plain(value: Fraction) -> int | str:
    return value.numerator if value.denominator == 1 else str(value)


def _say(value: Fraction | tuple[Fraction, ...]) -> str | list[str]:
    return [str(number) for number in value] if isinstance(value, tuple) else str(value)


def number_between(
    value: object, info: ValidationInfo, low: Fraction, high: Fraction, allowed: str
) -> Fraction:
    """Accept a number between two others, for a validator of pydantic's."""
    try:
        number = read_number(value)
    except ValueError:
        number = low - 1
    if not low <= number <= high:
        raise DesignError(info.field_name or "", show(value), allowed)
    return number


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


def read_sides(value: object) -> tuple[int, int] | None:
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


def _or_list(*numbers: dict[str, Any], quotient: dict[str, Any] = QUOTIENT) -> dict[str, Any]:
    """Schema of a number or quotient, or of a list of these."""
    one = [*numbers, quotient]
    return {"anyOf": [*one, {"type": "array", "items": {"anyOf": one}, "minItems": 1}]}


Number = Annotated[
    Fraction,
    PlainValidator(_positive),
    PlainSerializer(str),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 1e-6, "maximum": 1e6}, QUOTIENT]}),
]
Factors = Annotated[
    Fraction | tuple[Fraction, ...],
    PlainValidator(_factors),
    PlainSerializer(_say),
    WithJsonSchema(
        _or_list(
            {"type": "number", "minimum": 1e-6, "maximum": 1e6},
            {"type": "number", "minimum": -1e6, "maximum": -1e-6},
            quotient=_SIGNED,
        )
    ),
]
Offsets = Annotated[
    Fraction | tuple[Fraction, ...],
    PlainValidator(_offsets),
    PlainSerializer(_say),
    WithJsonSchema(_or_list({"type": "number", "minimum": -1e6, "maximum": 1e6}, quotient=_SIGNED)),
]
Alphas = Annotated[
    Fraction | tuple[Fraction, ...],
    PlainValidator(_alphas),
    PlainSerializer(_say),
    WithJsonSchema(_or_list({"type": "number", "minimum": 0, "maximum": 1})),
]
Tau = Annotated[
    Fraction,
    PlainValidator(_tau),
    PlainSerializer(_plain),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": 1, "maximum": _MOST}, QUOTIENT]}
    ),
]
Decay = Annotated[
    Fraction | None,
    PlainValidator(_decay),
    PlainSerializer(lambda value: None if value is None else str(value)),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0.001, "maximum": 0.999}, QUOTIENT]}),
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
