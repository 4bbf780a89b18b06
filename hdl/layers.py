"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from ..design import Design
from ..design_layer import Layer
from ..design_projection import ProjectionDesign
from ..design_residual import ResidualDesign
from .attention import Attention
from .layer import LayerComponent
from .projection import Projection
from .residual import Residual

__all__ = ["component"]

_COMPONENTS: Mapping[type[Layer], Callable[[Any], LayerComponent]] = {
    Design: Attention,
    ProjectionDesign: Projection,
    ResidualDesign: Residual,
}


def component(design: Layer) -> LayerComponent:
    """Make the component of a layer of any kind."""
    return _COMPONENTS[type(design)](design)
