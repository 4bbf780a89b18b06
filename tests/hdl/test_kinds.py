"""The component of a layer, and components that are made only to be asked something."""

import gc
import warnings

import pytest
from amaranth.hdl import Module, UnusedElaboratable
from amaranth.lib import wiring

from spikeloom.design import Design
from spikeloom.hdl.kinds import asked, component, unused
from spikeloom.kinds import KINDS, part

DESIGN = {"tokens": 2, "dim": 4, "heads": 1, "steps": 1}


class Leaf(wiring.Component):
    def __init__(self):
        super().__init__({})

    def elaborate(self, platform):
        return Module()


class Tree(Leaf):
    """Holds others as attributes, in lists, in dictionaries and in these again."""

    def __init__(self):
        super().__init__()
        self.one = Leaf()
        self.many = [Leaf(), (Leaf(), [Leaf()])]
        self.named = {"a": Leaf(), "b": {"c": Leaf()}}
        self.deep = Leaf()
        self.deep.inner = Leaf()


def warned(make):
    """Count the warnings of components that were made and not built, not of what others left."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        make()
        gc.collect()
    return sum(issubclass(one.category, UnusedElaboratable) for one in caught)


def test_unused_components_are_not_warned_of(monkeypatch):
    # Amaranth warns only once something has been elaborated in the process.
    monkeypatch.setattr(UnusedElaboratable, "_MustUse__silence", False)
    assert warned(Tree) == 9
    assert warned(lambda: unused(Tree())) == 0
    design = Design.from_dict({**DESIGN, "folding": {"order": "state"}})
    assert warned(lambda: component(design)) > 0
    assert warned(lambda: asked(design)) == 0
    tree = Tree()
    assert unused(tree) is tree


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_offers_a_component(kind):
    assert part(kind, "hdl").of is not None
    layer = asked(Design.from_dict(DESIGN))
    assert layer.watchdog_cycles == 2 * layer.compute_cycles() + 1000
