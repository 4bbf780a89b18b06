"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from ..design import Design
from ..design_layer import Layer
from ..design_mask import MaskDesign
from .attention import Attention
from .layer import LayerComponent
from .mask import Mask

__all__ = ["component"]

_COMPONENTS: Mapping[type[Layer], Callable[[Any], LayerComponent]] = {
    Design: Attention,
    MaskDesign: Mask,
}


def component(design: Layer) -> LayerComponent:
    """Make the component of a layer of any kind."""
    return _COMPONENTS[type(design)](design)
