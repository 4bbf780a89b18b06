"""What a plan of any kind gives its layer."""

from types import SimpleNamespace

import pytest

from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import LayerPlan
from spikeloom.hdl.kinds import unused


class Plan(LayerPlan):
    memories = (MemoryShape("a", 1, 2), MemoryShape("b", 3, 4))


class Layer(LayerComponent):
    def __init__(self):
        self.plan = Plan()
        super().__init__(SimpleNamespace(beat=8))

    def compute_cycles(self, arrays=None):
        return 5


def test_finds_a_memory_by_its_name():
    assert (Plan().memory("b").width, Plan().memory("a").depth) == (3, 2)
    with pytest.raises(StopIteration):
        Plan().memory("c")


def test_says_what_its_memories_are():
    with pytest.raises(TypeError, match="memories"):
        LayerPlan()


def test_a_layer_has_the_memories_of_its_plan():
    layer = unused(Layer())
    assert layer.memories == Plan.memories
    assert [memory["name"] for memory in layer.manifest()["memories"]] == ["a", "b"]
