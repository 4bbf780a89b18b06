"""Where a layer is to run, and what it may cost."""

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationInfo, WithJsonSchema, field_validator, model_validator

from spikeloom.boards.devices import DEVICES, Resources
from spikeloom.design.pins import read_pcf, read_pins
from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Section
from spikeloom.errors import nearest

__all__ = ["Budget", "Target"]

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
            allowed = f"must be one of {', '.join(DEVICES)}{nearest(value, DEVICES)}"
            raise DesignError("device", show(value), allowed)
        return value

    @property
    def resources(self) -> Resources:
        """What the device holds."""
        return DEVICES[self.device].total

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
