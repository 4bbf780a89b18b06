"""Residual connections: two streams of small integers become one."""

from typing import Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import SequenceKeys
from spikeloom.design.words import Words

__all__ = ["ResidualDesign"]

_REASONS = {
    "xor": "the exclusive or of numbers is no sum, and no published model has it",
    "or": "the or of numbers is neither their sum nor their maximum",
    "iand": "not z has a meaning for spikes only",
}


class ResidualDesign(SequenceKeys, Design):
    """A residual connection: shortcut x and branch z become one array.

    >>> ResidualDesign.from_dict({"tokens": 2, "dim": 3, "steps": 4, "mode": "or", "levels": 2})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: levels: 2: must be 1 with mode or: the or of numbers is \
neither their sum nor their maximum
    """

    kind: Literal["residual"] = Field(default="residual", description="What the file describes.")
    dim: int = Field(ge=1, le=8192, description="D, the channels.")
    mode: Literal["add", "xor", "or", "iand"] = Field(
        default="add",
        description="How x (the shortcut) and z (the branch) join; iand is x and not z.",
    )
    levels: int = Field(
        default=1, ge=1, le=255, description="Greatest value of x: 1 for spikes, more with add."
    )
    branch_levels: int = Field(
        default=1, ge=1, le=255, description="Greatest value of z: 1 for spikes, more with add."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.mode != "add":
            for key in ("levels", "branch_levels"):
                if getattr(self, key) > 1:
                    allowed = f"must be 1 with mode {self.mode}: {_REASONS[self.mode]}"
                    raise DesignError(key, show(getattr(self, key)), allowed)
        return self

    @property
    def output_levels(self) -> int:
        """Greatest value that comes out."""
        return self.levels + self.branch_levels if self.mode == "add" else 1

    @property
    def summary(self) -> Words:
        """The layer in words, for the head of a report."""
        shape = f"{self.tokens} tokens x {self.dim} dims, {self.steps} time steps"
        numbers = f"0 to {self.levels} {self.mode} 0 to {self.branch_levels}"
        return ("layer", shape), ("mechanisms", f"residual {numbers}")
