"""Memories, cycles and stages of a layer as it is."""

from typing import Any

from spikeloom.boards.devices import DEVICES, Resources
from spikeloom.design.base import Design
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import blocks_of
from spikeloom.hdl.kinds import asked

__all__ = ["memory_use", "plan"]


def memory_use(layer: LayerComponent) -> Resources:
    """Count the blocks of memory of a layer."""
    return blocks_of(layer.memories)


def plan(design: Design) -> dict[str, Any]:
    """Return memories, cycles and stages of a layer as it is.

    Returns
    -------
    dict
        ``name``; ``memories``, each as NAME.json has it; ``used`` and ``available``, blocks by
        name; ``compute_cycles``, the most there can be; ``stages``, of a network the layers with
        their first cycle and that of the next one.
    """
    layer = asked(design)
    used, total = memory_use(layer), DEVICES[design.target.device].total
    return {
        "name": design.name,
        "memories": [memory.describe() for memory in layer.memories],
        "used": {"ebr": used.ebr, "spram": used.spram},
        "available": {"ebr": total.ebr, "spram": total.spram},
        "compute_cycles": layer.compute_cycles(),
        "stages": [list(stage) for stage in layer.stages()],
    }
