"""The component of every kind of layer."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from amaranth.lib import wiring

from spikeloom.design import Design
from spikeloom.design_integer import IntegerAttention
from spikeloom.design_layer import Layer
from spikeloom.design_mask import MaskDesign
from spikeloom.design_projection import ProjectionDesign
from spikeloom.design_rate import RateAttention
from spikeloom.design_residual import ResidualDesign
from spikeloom.design_state_space import StateSpace
from spikeloom.hdl.attention import Attention
from spikeloom.hdl.integer import IntegerLayer
from spikeloom.hdl.layer import LayerComponent
from spikeloom.hdl.mask import Mask
from spikeloom.hdl.parallel import ParallelHeads
from spikeloom.hdl.projection import Projection
from spikeloom.hdl.rate import RateLayer
from spikeloom.hdl.residual import Residual
from spikeloom.hdl.state_space import StateSpaceLayer

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
