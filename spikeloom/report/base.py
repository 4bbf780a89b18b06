"""What all parts of a report are made of."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

__all__ = ["Count", "Nanoseconds", "Part"]

Count = Annotated[int, Field(ge=0)]
Nanoseconds = Annotated[float, Field(ge=0)]


class Part(BaseModel):
    """A validated, immutable part of a report."""

    # Unknown keys are ignored, so that a report with more in it can still be compared.
    model_config = ConfigDict(frozen=True, extra="ignore", allow_inf_nan=False)
