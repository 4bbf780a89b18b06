"""Foldings of a network: what each takes of a device, and how fast it is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from pydantic import ValidationError

from spikeloom.boards.devices import DEVICES, Resources
from spikeloom.design.attention import AttentionDesign
from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.shapes import expected
from spikeloom.design.read import DesignError
from spikeloom.golden.network.model import NetworkModel
from spikeloom.hdl.frame.memory_map import blocks_of
from spikeloom.hdl.network.cycles import network_cycles, network_stages
from spikeloom.hdl.network.plan import network_plan
from spikeloom.planning.cells import network_cells

__all__ = [
    "KEYS",
    "LANES",
    "PLANES",
    "TOKENS",
    "Folded",
    "attention_folding",
    "foldings",
    "interval",
    "is_hopeless",
    "memory",
    "room",
    "variant",
    "weight_bits",
]

LANES = (16, 32, 64)
TOKENS = (1, 2, 4, 8)
PLANES = (1, 2)
KEYS = ("lanes", "tokens", "planes", "weights")
"""Keys of ``[folding]`` that a planner chooses."""

_SLACK = 32


@dataclass(frozen=True)
class Folded:
    """A network in one of its foldings.

    Parameters
    ----------
    design : NetworkDesign
        The network in it.
    cells : int
        Logic cells, by estimate (:func:`spikeloom.planning.cells.network_cells`).
    ebr, spram : int
        Blocks of memory, exactly.
    cycles : int
        Of the longest sequence, the most there can be (:meth:`LayerComponent.compute_cycles`).
    interval : int
        Cycles from one such sequence to the next, sent back to back, at most: what is predicted,
        and as many more as that may be off.
    """

    design: NetworkDesign
    cells: int
    ebr: int
    spram: int
    cycles: int
    interval: int

    @classmethod
    def of(cls, design: NetworkDesign) -> "Folded":
        """Count what a network takes; :exc:`DesignError` if it cannot be built."""
        plan = network_plan(design)
        blocks = blocks_of(plan.memories)
        return cls(
            design,
            network_cells(design),
            blocks.ebr,
            blocks.spram,
            network_cycles(plan),
            interval(design) + _SLACK,
        )

    @property
    def short(self) -> dict[str, int]:
        """What the device has too little of, and by how much; logic cells by estimate."""
        total = DEVICES[self.design.target.device].total
        needed = Resources(self.cells, self.ebr, self.spram)
        pairs = zip(needed.items(), total.items(), strict=True)
        return {name: need - have for (name, need), (_, have) in pairs if need > have}

    @property
    def fits(self) -> bool:
        """Whether the device has enough of everything."""
        return not self.short

    @property
    def rate(self) -> float:
        """Inferences a second at the clock that the design asks for."""
        return 1e6 * self.design.target.clock_mhz / self.interval

    def json(self) -> dict[str, Any]:
        """Return the same for programs."""
        folding = self.design.folding.model_dump(mode="json", exclude={"rate"})
        return {
            "folding": folding,
            "attention": attention_folding(self.design),
            "cells": self.cells,
            "ebr": self.ebr,
            "spram": self.spram,
            "cycles": self.cycles,
            "interval": self.interval,
            "rate": round(self.rate, 1),
            "short": self.short,
        }


def attention_folding(design: NetworkDesign) -> dict[str, Any]:
    """Return the folding of the attention layer, as it is settled; empty where there is none."""
    for block in design.blocks:
        layer = block.attention
        if isinstance(layer, AttentionDesign):
            return {"order": layer.order, "rows": layer.rows, "lanes": layer.lanes}
    return {}


def interval(design: NetworkDesign, arrays: Mapping[str, ArrayLike] | None = None) -> int:
    """Predict the cycles from a sequence to the next, sent back to back.

    The next one is taken once the input is free: when the first block begins, or, where the input
    is needed until then, at the end. So a narrow link counts where that takes longer than the rest
    of the network, or always. As good as :func:`spikeloom.hdl.network.cycles.network_cycles`, whose
    ``arrays`` these are.
    """
    plan = network_plan(design)
    stages, length = network_stages(plan, arrays), design.tokens
    if arrays is not None:
        length = int(np.asarray(arrays["length"]))
    beats = int(design.loaded) + NetworkModel(design).beats_in // design.tokens * length
    taking, end = beats * (design.beat // design.link), stages[-1][2]
    if plan.keeps_input:
        return end + taking
    free = next(begin for name, begin, _ in stages if name.startswith("blocks."))
    return max(end, free + taking)


def variant(
    design: NetworkDesign, keys: Mapping[str, Any], attention: AttentionDesign | None = None
) -> NetworkDesign:
    """Return a network in another folding, and with another attention layer if one is given.

    Raises
    ------
    DesignError, ValidationError
        The rules of networks refuse it.
    """
    folding = design.folding.model_copy(update={**keys, "rate": None})
    blocks = design.blocks
    if attention is not None:
        blocks = tuple(
            block.model_copy(update={"attention": attention})
            if isinstance(block.attention, AttentionDesign)
            else block
            for block in blocks
        )
    given = {name: getattr(design, name) for name in design.model_fields_set}
    own = {"name": design.name, "folding": folding, "blocks": blocks}
    return type(design).model_validate({**given, **own})


def foldings(design: NetworkDesign) -> Iterator[Folded]:
    """Give the foldings that a network may have, each with what it takes, fewest lanes first.

    One takes about a tenth of a second. That of the design is among them; those that the rules of
    the design refuse are left out. The attention layer is as it is.
    """
    most = min(2, max(block.weight_bits for block in design.blocks))
    own = {key: getattr(design.folding, key) for key in KEYS}
    listed = [
        {"lanes": lanes, "tokens": tokens, "planes": most, "weights": own["weights"]}
        for lanes, tokens in product(LANES, TOKENS)
    ]
    if own not in listed:
        listed.append(own)
    for keys in sorted(listed, key=lambda keys: [keys[key] for key in KEYS[:3]]):
        try:
            yield Folded.of(variant(design, keys))
        except (DesignError, ValidationError):
            continue


def weight_bits(design: NetworkDesign) -> int:
    """Count the bits of the weights, without biases and thresholds: a program has more."""
    widths = {"encoder": design.encoder.weight_bits, "readout": design.readout.weight_bits}
    widths |= {f"blocks.{n}": block.weight_bits for n, block in enumerate(design.blocks)}
    found = 0
    for array in expected(design):
        at, _, name = array.name.rpartition(".")
        if name in ("weight", "position"):
            width = next(bits for part, bits in widths.items() if f"{at}.".startswith(f"{part}."))
            found += prod(array.shape) * width
    return found


def room(design: NetworkDesign) -> int:
    """Count the bits of the memory that may hold a program: all SPRAM, or all EBR."""
    total = DEVICES[design.target.device].total
    return max(total.spram << 18, total.ebr << 12)


def is_hopeless(design: NetworkDesign) -> bool:
    """Whether the weights alone are too many for the device, in any folding."""
    return weight_bits(design) > room(design)


def memory(design: NetworkDesign) -> Literal["ebr", "spram"]:
    """Choose the memory of the weights: EBR if it holds all memories of the network, else SPRAM.

    EBR also where the device has no SPRAM, and SPRAM where there is no hardware for the network.
    """
    total = DEVICES[design.target.device].total
    if not total.spram:
        return "ebr"
    try:
        plan = network_plan(variant(design, {"weights": "ebr"}))
        return "ebr" if blocks_of(plan.memories).ebr <= total.ebr else "spram"
    except DesignError:
        return "spram"
