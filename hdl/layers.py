"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from ..design import Design
from ..design_layer import Layer
from ..design_state_space import StateSpace
from .attention import Attention
from .layer import LayerComponent
from .state_space import StateSpaceLayer

__all__ = ["component"]

_COMPONENTS: Mapping[type[Layer], Callable[[Any], LayerComponent]] = {
    Design: Attention,
    StateSpace: StateSpaceLayer,
}


def component(design: Layer) -> LayerComponent:
    """Make the component of a layer of any kind."""
    return _COMPONENTS[type(design)](design)
