"""The component of every kind of layer."""

from typing import Any, TypeVar

from amaranth.lib import wiring

from spikeloom.design.base import Design
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.kinds import part

__all__ = ["asked", "component", "unused"]

_T = TypeVar("_T", bound=wiring.Component)
# Amaranth's own switch, which it sets when the program crashes.
_SILENT = "_MustUse__silence"


def component(design: Design) -> LayerComponent:
    """Make the component of a layer of any kind."""
    made: LayerComponent = part(design.kind, "hdl").of(design)
    return made


def asked(design: Design) -> LayerComponent:
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
