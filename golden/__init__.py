"""Golden models: the definition of every layer and mechanism, in integers."""

from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.kinds import model
from spikeloom.golden.model import Model

__all__ = ["ArraySpec", "Model", "model"]
