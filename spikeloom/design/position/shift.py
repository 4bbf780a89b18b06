"""Cyclic-shift RoPE: keys, rules and warnings of ``position = "shift"``."""

from collections.abc import Iterator
from fractions import Fraction
from typing import Annotated, ClassVar, Literal

from pydantic import (
    Field,
    PlainSerializer,
    PlainValidator,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from spikeloom.design.position.part import Attended, PositionPart, check_grid
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import QUOTIENT, FromFile, Rows, number_between, read_sides

__all__ = ["Shift"]


def _base(value: object, info: ValidationInfo) -> Fraction:
    allowed = 'must be a number from 2^-20 to 2^20, as 64 or "3/2"'
    return number_between(value, info, Fraction(1, 1 << 20), Fraction(1 << 20), allowed)


Base = Annotated[
    Fraction,
    PlainValidator(_base),
    PlainSerializer(lambda base: int(base) if base.denominator == 1 else str(base)),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "minimum": 2.0**-20, "maximum": 2.0**20}, QUOTIENT]}
    ),
]


class Shift(FromFile, PositionPart):
    """Cyclic-shift RoPE: groups of channels of q and k are rotated by an amount a token."""

    NAME: ClassVar[str] = "shift"
    CELLS: ClassVar[tuple[float, float]] = (5, 24)
    BEAT_CELLS: ClassVar[bool] = True

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
        return read_sides(value)

    def group_dim(self, layer: Attended) -> int:
        """Return the channels of a group that is rotated."""
        return layer.head_dim // self.groups

    def check(self, layer: Attended) -> None:
        """Refuse groups and amounts that do not go with the channels and tokens."""
        if layer.head_dim % self.groups:
            allowed = f"must divide the channels of a head ({layer.head_dim})"
            raise DesignError("shift.groups", show(self.groups), allowed)
        if self.grid is not None:
            check_grid("shift.grid", self.grid, layer)
            if self.groups % 2:
                allowed = (
                    "must be even beside a grid: half of the groups for rows, half for columns"
                )
                raise DesignError("shift.groups", show(self.groups), allowed)
        if self.values is None:
            return
        key = "shift.values" if self.file is None else "shift.file"
        for name in ("base", "rounding", "grid"):
            if name in self.model_fields_set:
                allowed = f"must not stand beside {key}, which replaces the formula"
                given = getattr(self, name)
                text = show(list(given) if name == "grid" else given)
                raise DesignError(f"shift.{name}", str(given) if name == "base" else text, allowed)
        shape = f"{len(self.values)} x {sorted({len(row) for row in self.values})[0]} integers"
        if len(self.values) != self.groups or {len(r) for r in self.values} != {layer.tokens}:
            allowed = f"must hold groups x tokens ({self.groups} x {layer.tokens}) integers"
            raise DesignError(key, shape, allowed)

    def warnings(self, layer: Attended) -> Iterator[str]:
        """Warn of pictures that stay where they are, or differ, and of groups of one channel."""
        if self.grid is not None:
            if self.groups > 2 and 2 * (min(self.grid) - 1) <= self.base:
                yield (
                    f"shift.base: {self.base} leaves groups of a picture of {self.grid[0]} x "
                    f"{self.grid[1]} where they are: their amounts all round to zero"
                )
            for part in layer.parts:
                if getattr(part, "grid", None) not in (None, self.grid):
                    yield f"shift.grid: is another picture than {part.NAME}.grid"
        if self.group_dim(layer) == 1:
            yield "shift.groups: groups of one channel are not changed by a rotation"
