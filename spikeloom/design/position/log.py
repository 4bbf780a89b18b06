"""Log-PE: keys, rules and warnings of ``position = "log"``."""

from collections.abc import Iterator
from typing import ClassVar, Literal

from pydantic import Field, model_validator

from spikeloom.design.position.part import Attended, PositionPart
from spikeloom.design.read import DesignError, show
from spikeloom.design.similarity import beside

__all__ = ["Log"]


class Log(PositionPart):
    """Log-PE: a bias that falls with the logarithm of the distance is added to the score."""

    NAME: ClassVar[str] = "log"
    CELLS: ClassVar[tuple[float, float]] = (75, 60)

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

    def length_of(self, layer: Attended) -> int:
        """Return the constant L."""
        return layer.tokens if self.length is None else self.length

    @property
    def built(self) -> Literal["logic", "rom"]:
        """How it is built; the matrix of the published code is always a ROM."""
        return "rom" if self.definition == "code" else self.form

    @property
    def has_state(self) -> bool:
        """Whether the bias is a sum of windows; the published code's matrix is not."""
        return self.definition == "paper"

    def biases(self, layer: Attended) -> tuple[int, int]:
        """Return 0 and the bias of a token with itself, at most."""
        return 0, (self.length_of(layer) - 1).bit_length()

    def windows(self, layer: Attended) -> list[int]:
        """Return the half-widths of the paper's formula that are not the whole sequence."""
        widths: list[int] = []
        while (width := -(-(self.length_of(layer) - 1) // (1 << len(widths))) - 2) >= 0:
            widths.append(width)
        return [width for width in widths if width < layer.tokens - 1]

    def check(self, layer: Attended) -> None:
        """Refuse what the published code's matrix does not have."""
        if self.definition == "code" and layer.tokens > self.length_of(layer):
            allowed = (
                f"must be at least tokens ({layer.tokens}): the published code has a matrix of "
                "length rows and nothing beyond it"
            )
            raise DesignError("log.length", show(self.length_of(layer)), allowed)
        if self.definition == "code" and "form" in self.model_fields_set and self.form == "logic":
            allowed = "must be 'rom': the matrix of the published code is not a set of thresholds"
            raise DesignError("log.form", show(self.form), allowed)

    def warnings(self, layer: Attended) -> Iterator[str]:
        """Warn of what the paper advises against, and of biases that are zero."""
        if warning := beside(layer.similarity, self.NAME):
            yield warning
        for part in layer.parts:
            if getattr(part, "grid", None) is not None:
                yield (
                    f"position: log beside {part.NAME}.grid takes the tokens of the picture as one "
                    "line; in two dimensions it did not converge in its paper, which dropped it"
                )
        length = self.length_of(layer)
        if layer.tokens > length:
            yield (
                f"log.length: {length} is less than tokens ({layer.tokens}): "
                "distances beyond it have a bias of zero"
            )
        elif length <= 3:
            yield f"log.length: every bias is zero at length {length}"
