"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from ..design import Design
from ..design_integer import IntegerAttention
from ..design_layer import Layer
from ..design_rate import RateAttention
from .attention import Attention
from .integer import IntegerLayer
from .layer import LayerComponent
from .rate import RateLayer

__all__ = ["component"]

_COMPONENTS: Mapping[type[Layer], Callable[[Any], LayerComponent]] = {
    Design: Attention,
    IntegerAttention: IntegerLayer,
    RateAttention: RateLayer,
}


def component(design: Layer) -> LayerComponent:
    """Make the component of a layer of any kind."""
    return _COMPONENTS[type(design)](design)
