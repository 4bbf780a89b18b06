"""Golden models: the definition of every layer and mechanism, in integers."""

from spikeloom.golden.kinds import model
from spikeloom.golden.model import ArraySpec, Model

__all__ = ["ArraySpec", "Model", "model"]
