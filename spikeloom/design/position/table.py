"""A learned relative bias: keys and rules of ``position = "table"``."""

from typing import ClassVar, Literal, Self

from pydantic import Field

from spikeloom.design.position.part import Attended, PositionPart
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import FromFile, Rows

__all__ = ["Table"]


class Table(FromFile, PositionPart):
    """A learned signed bias a head, added to the score."""

    NAME: ClassVar[str] = "table"
    CELLS: ClassVar[tuple[float, float]] = (75, 60)

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

    @property
    def has_state(self) -> bool:
        """No: an arbitrary matrix over the pairs of tokens is no function of the state."""
        return False

    @property
    def own_heads(self) -> bool:
        """Whether heads have lists of their own."""
        return len(self.values or ()) > 1

    def of_heads(self, heads: slice) -> Self:
        """Return the lists of some of the heads."""
        if self.values is None or not self.own_heads:
            return self
        return self.model_copy(update={"values": self.values[heads]})

    def biases(self, layer: Attended) -> tuple[int, int]:
        """Return the least and the greatest entry."""
        entries = [entry for row in self.values or () for entry in row]
        return min(entries, default=0), max(entries, default=0)

    def check(self, layer: Attended) -> None:
        """Refuse a table of another shape, and entries beyond their bits."""
        key = "table.values" if self.file is None else "table.file"
        if self.values is None:
            allowed = "missing: position table needs table.file or table.values"
            raise DesignError("table", "", allowed)
        if len(self.values) not in (1, layer.heads):
            allowed = f"must be one list of integers, or one a head ({layer.heads})"
            raise DesignError(key, f"{len(self.values)} lists", allowed)
        if self.index == "difference":
            entries, formula = 2 * layer.tokens - 1, "2*tokens-1"
        else:
            entries, formula = (
                1 << (layer.tokens - 1).bit_length(),
                "tokens to the next power of two",
            )
        low, high = -(1 << self.bits - 1), (1 << self.bits - 1) - 1
        for row in self.values:
            if len(row) != entries:
                allowed = f"must hold {entries} entries ({formula}) with index {self.index}"
                raise DesignError(key, f"{len(row)} entries", allowed)
            for entry in row:
                if not low <= entry <= high:
                    allowed = f"must be an integer from {low} to {high} (table.bits = {self.bits})"
                    raise DesignError(key, show(entry), allowed)
