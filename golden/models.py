"""The golden model of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from spikeloom.design import Design
from spikeloom.design_layer import Layer
from spikeloom.design_state_space import StateSpace
from spikeloom.golden.attention_model import AttentionModel
from spikeloom.golden.model import Model
from spikeloom.golden.state_space import StateSpaceModel

__all__ = ["model"]

_MODELS: Mapping[type[Layer], Callable[[Any], Model]] = {
    Design: AttentionModel,
    StateSpace: StateSpaceModel,
}


def model(design: Layer) -> Model:
    """Give the golden model of a layer of any kind."""
    return _MODELS[type(design)](design)
