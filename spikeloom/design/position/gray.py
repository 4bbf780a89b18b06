"""Gray-PE: keys, rules and warnings of ``position = "gray"``."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from spikeloom.design.position.part import Attended, PositionPart, check_grid
from spikeloom.design.read import DesignError, show
from spikeloom.design.similarity import beside
from spikeloom.design.values import read_sides

__all__ = ["Gray"]


class Gray(PositionPart):
    """Gray-PE: the low bits of the Gray code of the position are appended to q and k."""

    NAME: ClassVar[str] = "gray"
    CELLS: ClassVar[tuple[float, float]] = (30, 60)

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
        return read_sides(value)

    @property
    def by_step(self) -> bool:
        """Whether the index goes on from step to step."""
        return self.index == "t*L+l"

    def _sides(self, layer: Attended) -> tuple[int, ...]:
        """Count the indices, or the rows and the columns."""
        if self.grid is not None:
            return self.grid
        return (layer.tokens * (layer.steps if self.by_step else 1),)

    def code_bits(self, layer: Attended) -> tuple[int, ...]:
        """Return the bits of the index, or of the row and the column."""
        if isinstance(self.bits, int):
            return (self.bits,)
        if self.bits is not None:
            return self.bits
        return tuple(max(1, (side - 1).bit_length()) for side in self._sides(layer))

    def check(self, layer: Attended) -> None:
        """Refuse bits and an index that do not go with the grid."""
        if self.grid is None:
            if isinstance(self.bits, tuple):
                raise DesignError(
                    "gray.bits", show(list(self.bits)), "must be one integer: no grid"
                )
            return
        check_grid("gray.grid", self.grid, layer)
        if isinstance(self.bits, int) or (self.bits is not None and len(self.bits) != 2):
            raise DesignError("gray.bits", show(self.bits), "must be a list of two beside a grid")
        if self.index != "l":
            raise DesignError("gray.index", show(self.index), "must be 'l' beside a grid")

    def warnings(self, layer: Attended) -> Iterator[str]:
        """Warn of similarities that it is not published with, and of codes that repeat."""
        if warning := beside(layer.similarity, self.NAME):
            yield warning
        for side, bits in zip(self._sides(layer), self.code_bits(layer), strict=True):
            if side > 1 << bits:
                yield (
                    f"gray.bits: {bits} bits have {1 << bits} codes for {side} positions: "
                    "the codes repeat as in a mirror"
                )
