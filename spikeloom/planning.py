"""What a layer takes before anything is synthesized: its memories, its cycles, other foldings."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic import ValidationError

from spikeloom.boards.devices import DEVICES, Resources
from spikeloom.design.base import Design
from spikeloom.design.network import NetworkDesign
from spikeloom.design.read import DesignError
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.kinds import asked
from spikeloom.hdl.network.limits import built_attention

__all__ = ["Folded", "foldings", "memory_use", "network_cells", "plan"]

_LANES = (16, 32, 64)
_TOKENS = (1, 2, 4)


@dataclass(frozen=True)
class Folded:
    """A network in one of its foldings.

    Parameters
    ----------
    folding : mapping
        Keys of ``[folding]``.
    cells : int
        Logic cells, by estimate (:func:`network_cells`).
    ebr, spram : int
        Blocks of memory, exactly.
    cycles : int
        Of the longest sequence, the most there can be (:meth:`LayerComponent.compute_cycles`).
    short : dict of str to int
        What the device has too little of, and by how much. Logic cells are short by estimate.
    chosen : bool
        Whether it is that of the design.
    """

    folding: dict[str, Any]
    cells: int
    ebr: int
    spram: int
    cycles: int
    short: dict[str, int]
    chosen: bool

    @property
    def fits(self) -> bool:
        """Whether the device has enough of everything."""
        return not self.short


def memory_use(layer: LayerComponent) -> Resources:
    """Count the blocks of memory of a layer."""
    memories = layer.memories
    return Resources(
        ebr=sum(memory.ebr for memory in memories), spram=sum(memory.spram for memory in memories)
    )


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


def foldings(design: NetworkDesign) -> Iterator[Folded]:
    """Give the foldings that a network may have, each with what it takes, fewest lanes first.

    One takes about a second. Foldings that the rules of the design refuse are left out.
    """
    planes = min(2, max(block.weight_bits for block in design.blocks))
    for lanes, tokens in product(_LANES, _TOKENS):
        changes = {"lanes": lanes, "tokens": tokens, "planes": planes}
        folding = design.folding.model_copy(update=changes)
        given = {name: getattr(design, name) for name in design.model_fields_set}
        try:
            folded = type(design).model_validate({**given, "name": design.name, "folding": folding})
            yield _folded(folded, chosen=folding == design.folding)
        except (DesignError, ValidationError):
            continue


def _folded(design: NetworkDesign, *, chosen: bool) -> Folded:
    layer = asked(design)
    used, total = memory_use(layer), DEVICES[design.target.device].total
    needed = Resources(network_cells(design), used.ebr, used.spram)
    pairs = zip(needed.items(), total.items(), strict=True)
    return Folded(
        folding=design.folding.model_dump(mode="json"),
        cells=needed.logic_cells,
        ebr=used.ebr,
        spram=used.spram,
        cycles=layer.compute_cycles(),
        short={name: need - have for (name, need), (_, have) in pairs if need > have},
        chosen=chosen,
    )


def network_cells(design: NetworkDesign) -> int:
    """Estimate the logic cells of a network, within a tenth.

    With L lanes, P tokens and W bits of a weight at once and T steps, a counter of L inputs takes
    about 4 L + 70 cells for two bits of a weight, and there is one for each token and step; the
    neurons of a token take 115, and of every lane 5 a step go to what writes and chooses spikes.
    Attention takes 8 a lane, and in state order 145 more. The rest is 980; 150 less without a
    loader. Fitted to foldings of ``examples/vowels_fast`` that were packed, from 16 to 64 lanes,
    one and two tokens.
    """
    folding, steps = design.folding, design.steps
    counters = steps * folding.tokens * folding.planes * (4 * folding.lanes + 70) // 2
    lanes = 5 * steps * folding.lanes
    rest = 980 if design.loaded else 830
    return rest + _attention(design) + lanes + counters + 115 * folding.tokens


def _attention(design: NetworkDesign) -> int:
    attention = built_attention(design)
    if attention is None:
        return 0
    return 8 * attention.rows * attention.lanes + 145 * (attention.order == "state")
