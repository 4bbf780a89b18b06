"""The golden model of every kind of layer."""

from spikeloom.design.base import Design
from spikeloom.golden.model import Model
from spikeloom.kinds import part

__all__ = ["model"]


def model(design: Design) -> Model:
    """Return the golden model of a layer of any kind."""
    made: Model = part(design.kind, "golden")(design)
    return made
