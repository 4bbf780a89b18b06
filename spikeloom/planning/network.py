"""The planner of networks: the smallest folding that reaches a rate and fits the device."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod
from typing import Any, Final

from pydantic import ValidationError

from spikeloom.boards.devices import DEVICES
from spikeloom.design.attention import AttentionDesign
from spikeloom.design.network import NetworkDesign
from spikeloom.design.network.sections import NetworkFolding
from spikeloom.design.read import DesignError
from spikeloom.design.words import folding_in_words
from spikeloom.hdl.attention.layer import layer_plan
from spikeloom.hdl.frame.memory_map import blocks_of
from spikeloom.hdl.network.cycles import attention_cycles, network_cycles
from spikeloom.hdl.network.limits import built_attention
from spikeloom.hdl.network.plan import network_plan
from spikeloom.planning.cells import attention_cells, engine_cells
from spikeloom.planning.folded import (
    KEYS,
    LANES,
    PLANES,
    TOKENS,
    Folded,
    attention_folding,
    is_hopeless,
    memory,
    variant,
)
from spikeloom.uncollected import uncollected

__all__ = ["fastest", "settle", "smallest"]

_ROWS = (1, 2, 4, 8, 16)
_SMALLEST = {"lanes": 16, "tokens": 1, "planes": 2, "weights": "spram"}


def settle(design: NetworkDesign) -> NetworkDesign:
    """Choose what the folding of a network leaves open.

    Without a rate that is the memory of the weights (:func:`spikeloom.planning.folded.memory`).
    With one it is all keys of ``[folding]`` that are not set, and the folding of the attention
    layer where that has none: the least logic cells, by estimate, with which the longest sequence
    reaches the rate at ``target.clock_mhz``, and which fit the device, or ``budget.cells`` where
    that is less. Of equal ones the first of fewest lanes, tokens and planes is taken. Takes about a
    second.

    Raises
    ------
    DesignError
        Nothing reaches the rate and fits. Says the best there is.
    """
    if design.folding.rate is None:
        weights = memory(design)
        return variant(design, {"weights": weights}).settled({"weights": weights}, None)
    with uncollected():
        return _Search(design).smallest().design


def smallest(design: NetworkDesign, rate: float, cells: int | None = None) -> Folded:
    """Return the smallest folding of a network that reaches a rate, whatever its file says.

    Parameters
    ----------
    design : NetworkDesign
        The network; its own folding is not looked at.
    rate : float
        Inferences a second at ``target.clock_mhz``.
    cells : int or None
        Logic cells at most, by estimate; by default ``budget.cells``, or those of the device.

    Raises
    ------
    DesignError
        As :func:`settle`.
    """
    with uncollected():
        return _Search(_freed(design, rate, cells)).smallest()


def fastest(design: NetworkDesign, cells: int | None = None) -> Folded | None:
    """Return the fastest folding of a network that fits, whatever its file says; None if none does.

    Parameters are as those of :func:`smallest`.
    """
    with uncollected():
        return _Search(_freed(design, None, cells)).fastest()


def _freed(design: NetworkDesign, rate: float | None, cells: int | None) -> NetworkDesign:
    """Return a network of whose foldings nothing is set."""
    folding = NetworkFolding() if rate is None else NetworkFolding(rate=rate)
    budget = design.budget if cells is None else design.budget.model_copy(update={"cells": cells})
    blocks = []
    for block in design.blocks:
        layer = block.attention
        if isinstance(layer, AttentionDesign):
            given = {name: getattr(layer, name) for name in layer.model_fields_set - {"folding"}}
            layer = type(layer).model_validate(given)
        blocks.append(block.model_copy(update={"attention": layer}))
    changes = {"folding": folding, "budget": budget, "blocks": tuple(blocks)}
    return design.model_copy(update=changes)


@dataclass(frozen=True)
class _Choice:
    """A folding of the engine, one of the attention layer, and the cells of both."""

    keys: Mapping[str, Any]
    attention: AttentionDesign | None
    cells: int

    @property
    def engine(self) -> tuple[int, int, int]:
        """What of it says how fast the engine is."""
        return self.keys["lanes"], self.keys["tokens"], self.keys["planes"]


class _Search:
    """All foldings of a network that leave set keys as they are, the fewest cells first."""

    def __init__(self, design: NetworkDesign):
        self._design: Final = design
        self._inner: Final = built_attention(design)
        self._device: Final = DEVICES[design.target.device]
        self._cells: Final = min(
            design.budget.cells or self._device.total.logic_cells,
            self._device.total.logic_cells,
        )
        self._engines: dict[tuple[int, int, int], int | None] = {}
        self._attentions: dict[AttentionDesign | None, int] = {}
        self._too_large: set[tuple[Any, ...]] = set()

    @property
    def _rate(self) -> float:
        assert self._design.folding.rate is not None
        return self._design.folding.rate

    @property
    def _most(self) -> int:
        """Cycles that a sequence may take."""
        return int(min(1e6 * self._design.target.clock_mhz / self._rate, 1 << 62))

    @cached_property
    def _given(self) -> frozenset[str]:
        """Keys of the folding that are set."""
        folding = self._design.folding
        return frozenset(key for key in folding.model_fields_set if getattr(folding, key) != "auto")

    @cached_property
    def _choices(self) -> Sequence[_Choice]:
        folding = self._design.folding
        options: dict[str, Sequence[Any]] = {
            "lanes": LANES, "tokens": TOKENS, "planes": PLANES, "weights": ("ebr", "spram")
        }  # fmt: skip
        for key in KEYS:
            if key in self._given:
                options[key] = (getattr(folding, key),)
        found = []
        attentions = list(self._layers())
        # Whatever the folding.
        membrane = network_plan(variant(self._design, _SMALLEST)).widths.membrane
        for values in product(*options.values()):
            keys = dict(zip(options, values, strict=True))
            engine = engine_cells(self._design, folding.model_copy(update=keys), membrane)
            for attention in attentions:
                found.append(_Choice(keys, attention, engine + attention_cells(attention)))
        return sorted(found, key=lambda choice: choice.cells)

    @cached_property
    def _fitting(self) -> Sequence[_Choice]:
        """Those that the device, or the budget, has cells for."""
        return [choice for choice in self._choices if choice.cells <= self._cells]

    def _layers(self) -> Iterator[AttentionDesign | None]:
        """Give the foldings of the attention layer: with more cells fewer cycles, or block RAM."""
        inner = self._inner
        if inner is None or "folding" in inner.model_fields_set:
            yield inner
            return
        lanes = {count for count in (1, 2, 4, 8, 16, 32, 64) if count < inner.head_dim}
        shapes = [("score", rows, many) for rows in _ROWS for many in (*lanes, inner.head_dim)]
        shapes += [("state", 1, many) for many in (*lanes, inner.head_dim)]
        given = {name: getattr(inner, name) for name in inner.model_fields_set}
        layers = []
        for order, rows, many in shapes:
            folding = {"order": order, "rows": rows, "lanes": many}
            try:
                layers.append(type(inner).model_validate({**given, "folding": folding}))
            except (DesignError, ValidationError):
                continue
        best: list[tuple[int, int]] = []
        for layer in sorted(layers, key=lambda one: (attention_cells(one), self._attention(one))):
            cost = self._attention(layer), blocks_of(layer_plan(layer).memories).ebr
            if not any(other[0] <= cost[0] and other[1] <= cost[1] for other in best):
                best.append(cost)
                yield layer

    def _attention(self, layer: AttentionDesign | None) -> int:
        """Count the cycles of the attention of all blocks, whatever the engine's folding."""
        if layer not in self._attentions:
            plan = network_plan(variant(self._design, _SMALLEST, layer))
            self._attentions[layer] = attention_cycles(plan)
        return self._attentions[layer]

    def _engine(self, choice: _Choice) -> int | None:
        """Count the cycles of all else; None for a folding that is refused."""
        if choice.engine not in self._engines:
            try:
                plan = network_plan(variant(self._design, choice.keys, self._inner))
                found = network_cycles(plan) - self._attention(self._inner)
            except (DesignError, ValidationError):
                found = None
            self._engines[choice.engine] = found
        return self._engines[choice.engine]

    def _cycles(self, choice: _Choice) -> int | None:
        """Predict the cycles of a sequence; None for a folding that is refused."""
        engine = self._engine(choice)
        return None if engine is None else engine + self._attention(choice.attention)

    def _folded(self, choice: _Choice) -> Folded | None:
        """Count what a choice takes; None where it is refused, or its memories are too many."""
        program = (choice.engine[0], choice.engine[2], choice.keys["weights"])
        if program in self._too_large:
            return None
        try:
            made = variant(self._design, choice.keys, choice.attention)
        except (DesignError, ValidationError):
            return None
        noted = {key: value for key, value in choice.keys.items() if key not in self._given}
        if self._inner is not None and "folding" not in self._inner.model_fields_set:
            noted["attention"] = attention_folding(made)
        found = Folded.of(made.settled(noted, self._design.folding.rate))
        if not found.short:
            return found
        total = self._device.total
        shape = network_plan(found.design).program_shape
        if shape.ebr > total.ebr or shape.spram > total.spram:
            self._too_large.add(program)
        return None

    def _least(self, choice: _Choice) -> int:
        """Bound the cycles from below: an engine with less of everything is never faster."""
        known = [
            count
            for engine, count in self._engines.items()
            if count is not None and all(map(int.__ge__, engine, choice.engine))
        ]
        return max(known, default=0) + self._attention(choice.attention)

    def _reaches(self, choice: _Choice) -> bool:
        """Whether the cycles are few enough, which engines with more of something tell sooner.

        Their programs are shorter, so they are counted first, and one that is too slow rules out
        all below.
        """
        by_engine = {one.engine: one for one in self._fitting}
        lanes, tokens, planes = choice.engine
        most, _, whole = map(max, zip(*by_engine, strict=True))
        for engine in ((most, tokens, whole), (lanes, tokens, whole), (most, tokens, planes)):
            if self._least(choice) > self._most:
                return False
            if engine in by_engine:
                self._engine(by_engine[engine])
        if self._least(choice) > self._most:
            return False
        cycles = self._cycles(choice)
        return cycles is not None and cycles <= self._most

    def smallest(self) -> Folded:
        """Return the choice of fewest cells that reaches the rate; refuse if there is none."""
        for choice in () if is_hopeless(self._design) else self._fitting:
            found = self._folded(choice) if self._reaches(choice) else None
            if found is not None and found.interval <= self._most:
                return found
        raise self._refusal()

    def fastest(self) -> Folded | None:
        """Return the fastest that fits."""
        best: Folded | None = None
        for choice in sorted(self._fitting, key=lambda choice: prod(choice.engine), reverse=True):
            if best is not None and self._least(choice) >= best.interval:
                continue
            cycles = self._cycles(choice)
            if cycles is None or best is not None and cycles >= best.interval:
                continue
            found = self._folded(choice)
            if found is not None and (best is None or found.interval < best.interval):
                best = found
        return best

    def _refusal(self) -> DesignError:
        """Say the most that there is, and by how much it is too little."""
        room = f"fits {self._device.name}"
        if self._cells < self._device.total.logic_cells:
            room = f"{room} in {self._cells} logic cells"
        hopeless = is_hopeless(self._design)
        best, found = None if hopeless else self.fastest(), f"{self._rate:g}"
        if best is None:
            return DesignError("folding.rate", found, f"no folding {room}")
        less, mhz = 1 - best.rate / self._rate, best.design.target.clock_mhz
        allowed = f"must be at most {int(best.rate)}, {less:.0%} less, at {mhz:g} MHz"
        words = folding_in_words(best.design.chosen) or "the folding that is set"
        return DesignError("folding.rate", found, f"{allowed}: the fastest that {room} has {words}")
