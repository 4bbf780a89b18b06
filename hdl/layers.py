"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from amaranth.lib import wiring

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

__all__ = ["asked", "component", "unused"]

_T = TypeVar("_T", bound=wiring.Component)
# Amaranth's own switch, which it sets when the program crashes.
_SILENT = "_MustUse__silence"


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


def asked(design: Layer) -> LayerComponent:
    """Make the component of a layer only to ask it what it would be."""
    return unused(component(design))


def unused(made: _T) -> _T:
    """Say of a component, and of those that it holds, that nobody need build it.

    Amaranth warns of components that are made and not used, and of these whenever Python happens
    to free them: no filter around the making would be in force then.
    """
    waiting: list[Any] = [made]
    while waiting:
        part = waiting.pop()
        if isinstance(part, (list, tuple)):
            waiting += part
        elif isinstance(part, dict):
            waiting += part.values()
        elif isinstance(part, wiring.Component) and not getattr(part, _SILENT):
            setattr(part, _SILENT, True)
            waiting += vars(part).values()
    return made
