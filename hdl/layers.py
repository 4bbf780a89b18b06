"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any

from ..design import Design
from ..design_integer import IntegerAttention
from ..design_layer import Layer
from ..design_mask import MaskDesign
from ..design_projection import ProjectionDesign
from ..design_rate import RateAttention
from ..design_residual import ResidualDesign
from ..design_state_space import StateSpace
from .attention import Attention
from .integer import IntegerLayer
from .layer import LayerComponent
from .mask import Mask
from .parallel import ParallelHeads
from .projection import Projection
from .rate import RateLayer
from .residual import Residual
from .state_space import StateSpaceLayer

__all__ = ["component"]


def _attention(design: Design) -> LayerComponent:
    return Attention(design) if design.folding.heads == 1 else ParallelHeads(design)


_COMPONENTS: Mapping[type[Layer], Callable[[Any], LayerComponent]] = {
    Design: _attention,
    IntegerAttention: IntegerLayer,
    RateAttention: RateLayer,
    MaskDesign: Mask,
    StateSpace: StateSpaceLayer,
    ProjectionDesign: Projection,
    ResidualDesign: Residual,
}


def component(design: Layer) -> LayerComponent:
    """Make the component of a layer of any kind."""
    return _COMPONENTS[type(design)](design)
