"""Which figures are published: units, layers, mechanisms, growth with N, workloads.

A point is one line here. Every layer is a design file of ``examples`` with another folding, beat or
shape, so that any figure can be had again with ``spikeloom build``.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any, Literal

from spikeloom.design.base import Design
from spikeloom.design.read import read_toml
from spikeloom.figures.mechanisms import MECHANISMS
from spikeloom.figures.model import BenchError

__all__ = ["POINTS", "RATES", "SEEDS", "Family", "LayerPoint", "Point", "UnitPoint", "select"]

Family = Literal["units", "layers", "mechanisms", "growth", "workloads", "networks"]

SEEDS = (1, 2, 3, 4)
"""Seeds of place and route of every published clock."""

QUICK_SEEDS = (1,)
"""Those that a quick run repeats."""

RATES: Mapping[str, float] = {"100": 1.0, "50": 0.5, "20": 0.2, "5": 0.05}
"""Firing rates of drawn spikes, by their name in per cent; ``recorded`` is one more."""

_EXAMPLES = Path("examples")
_VOWELS = _EXAMPLES / "japanese_vowels"


@dataclass(frozen=True)
class UnitPoint:
    """A pair counter with registers at both ends; see :class:`PairPopcount` for the parameters."""

    name: str
    width: int
    kind: Literal["xnor", "and"]
    technology: Literal["ice40", "portable"]
    stages: int
    prefer: Literal["cells", "clock"]
    seeds: tuple[int, ...] = SEEDS
    quick: bool = False
    family: Family = "units"


@dataclass(frozen=True)
class LayerPoint:
    """A layer: a design file, and what is changed in it.

    Parameters
    ----------
    name : str
        Name of the point.
    family : Family
        Table that it belongs to.
    file : Path
        Design file.
    changes : mapping
        Keys of the file to replace; sections as dictionaries.
    seeds : tuple of int
        Seeds of place and route; none for cells only.
    rates : tuple of str
        Firing rates to simulate, of :data:`RATES`.
    recorded : Path or None
        NPZ file of recorded spikes to simulate as well.
    every : int
        Which of the recorded inferences: one of so many.
    quick : bool
        Whether a quick run measures it.
    attention : mapping
        Of a network, the folding of its attention layers.
    """

    name: str
    family: Family
    file: Path
    changes: Mapping[str, Any] = field(default_factory=dict)
    seeds: tuple[int, ...] = SEEDS
    rates: tuple[str, ...] = tuple(RATES)
    recorded: Path | None = None
    every: int = 1
    quick: bool = False
    attention: Mapping[str, Any] = field(default_factory=dict)

    def design(self) -> Design:
        """Read the design file, with the changes in it.

        Raises
        ------
        DesignError
            The file is missing, or the changed design is refused.
        """
        data = read_toml(self.file)
        for key, value in self.changes.items():
            old = data.get(key)
            # A shape may change alone; of a section only what is named.
            data[key] = {**old, **value} if isinstance(old, dict) else value
        if self.attention:
            blocks: Any = data["blocks"]
            for block in blocks:
                block["attention"]["folding"] = dict(self.attention)
        return Design.from_dict(data, folder=self.file.parent, file=str(self.file))


Point = UnitPoint | LayerPoint


def _units(
    kind: Literal["xnor", "and"], prefer: Literal["cells", "clock"], stages: int, *widths: int
) -> Iterable[Point]:
    for width in widths:
        name = f"unit/{kind}-{width}/{stages}-stage-{prefer}"
        yield UnitPoint(name, width, kind, "ice40", stages, prefer)


def _portable(kind: Literal["xnor", "and"], *widths: int) -> Iterable[Point]:
    for width in widths:
        yield UnitPoint(f"unit/{kind}-{width}/portable", width, kind, "portable", 1, "clock")


def _state(file: str, *, lanes: Iterable[int], beat: int = 8, **more: Any) -> Iterable[Point]:
    for count in lanes:
        folding = {"order": "state", "lanes": count}
        yield _layer(f"{file}/state-{count}-beat{beat}", file, folding, beat, **more)


def _wide(file: str, *foldings: tuple[int, int], **more: Any) -> Iterable[Point]:
    for spikes, lanes in foldings:
        folding = {"order": "state", "spikes": spikes, "lanes": lanes}
        yield _layer(f"{file}/wide-{spikes}x{lanes}", file, folding, 8, **more)


def _score(file: str, *foldings: tuple[int, int], **more: Any) -> Iterable[Point]:
    for rows, lanes in foldings:
        folding = {"order": "score", "rows": rows, "lanes": lanes}
        yield _layer(f"{file}/score-{rows}x{lanes}", file, folding, 8, **more)


@cache
def _examples() -> dict[str, Path]:
    return {path.stem: path for path in _EXAMPLES.glob("**/*.toml")}


def _example(name: str) -> Path:
    """Return the design file NAME.toml of the examples, whichever folder holds it."""
    # Where there are none, to read this one says so.
    return _examples().get(name, _EXAMPLES / f"{name}.toml")


def _layer(
    name: str,
    file: str,
    folding: Mapping[str, Any],
    beat: int,
    *,
    family: Family = "layers",
    shape: Mapping[str, int] | None = None,
    **more: Any,
) -> LayerPoint:
    changes = {**(shape or {}), "folding": folding, "target": {"beat": beat, "cells": "ice40"}}
    return LayerPoint(name, family, _example(file), changes, **more)


def _growth(
    file: str, order: str, folding: Mapping[str, int], tokens: Iterable[int]
) -> Iterable[Point]:
    for count in tokens:
        name = f"growth/{file}/{order}-n{count}"
        yield _layer(
            name,
            file,
            {"order": order, **folding},
            8,
            family="growth",
            shape={"tokens": count, "dim": 16, "heads": 1},
            rates=("100", "20"),
            seeds=SEEDS if count in (32, 1024) else (),
        )


def _workloads(order: str, lanes: Mapping[str, int], **more: Any) -> Iterable[Point]:
    for file, count in lanes.items():
        folding = {"order": order, "lanes": count}
        name = f"workload/{file}/{order}-{count}"
        yield _layer(name, file, folding, 8, family="workloads", **more)


def _mechanisms(names: Iterable[str]) -> Iterable[Point]:
    for name in dict.fromkeys(names):
        family, _, file = name.partition("/")
        if family == "mechanism":
            path = _example(file)
            yield LayerPoint(name, "mechanisms", path, rates=("100", "20"))


def _network(
    file: str, lanes: int, tokens: int, planes: int, attention: Mapping[str, Any], every: int = 1
) -> Point:
    folding = {"lanes": lanes, "tokens": tokens, "planes": planes}
    return LayerPoint(
        f"network/{file.replace('_', '-')}/{lanes}x{tokens}x{planes}",
        "networks",
        _EXAMPLES / file / "network.toml",
        {"folding": folding, "target": {"cells": "ice40"}},
        rates=("100",),
        recorded=_EXAMPLES / file / "network-test.npz",
        every=every,
        attention=attention,
    )


def _drawn(*names: str) -> Iterable[Point]:
    """Give networks as their examples stand, with sequences that were drawn; on two seeds."""
    for name in names:
        point = LayerPoint(f"network/{name}", "networks", _example(name), rates=("100",))
        yield replace(point, seeds=SEEDS[:2])


def _quick(points: Iterable[Point], *names: str) -> tuple[Point, ...]:
    return tuple(replace(point, quick=point.name in names) for point in points)


_LANES = (1, 2, 4, 8, 16)
_VOWELS_AND: dict[str, Any] = {"recorded": _VOWELS / "recorded" / "spikes-batch.npz"}
_VOWELS_GRAY = {"recorded": _VOWELS / "recorded" / "spikes-batch-xnor-gray.npz"}
_VOWELS_LOG = {"recorded": _VOWELS / "recorded" / "spikes-batch-xnor-log.npz"}
_VOWELS_SHIFT = {"recorded": _VOWELS / "recorded" / "spikes-batch-and-shift.npz"}

_VARIANTS: Mapping[str, Any] = {
    "tiny-32x64-xnor": _VOWELS_GRAY,
    "tiny-32x64-alpha": _VOWELS_GRAY,
    "tiny-32x64-hamming": _VOWELS_GRAY,
    "tiny-32x64-xnor-gray": _VOWELS_GRAY,
    "tiny-32x64-xnor-log": _VOWELS_LOG,
    "tiny-32x64-shift": _VOWELS_SHIFT,
}

# Channels of a head.
_HEADS = {
    "tiny-32x64": 16,
    "metr-12x256": 32,
    "elec-168x256": 32,
    "cifar-64x384": 32,
    "imagenet-196x512": 64,
    "text-1024x768": 64,
}

POINTS: tuple[Point, ...] = _quick(
    (
        # One stage, registers at both ends.
        *_units("xnor", "cells", 1, 16, 32, 64, 128),
        *_units("xnor", "clock", 1, 16, 32, 64, 128),
        *_units("and", "cells", 1, 16, 32, 64),
        *_units("and", "clock", 1, 16, 64),
        *_portable("xnor", 16, 32, 64),
        # Pipelined.
        *_units("xnor", "cells", 2, 16, 32, 64),
        *_units("xnor", "clock", 2, 16),
        *_units("xnor", "clock", 3, 16, 32, 64),
        *_units("xnor", "clock", 4, 32, 64),
        *_units("xnor", "clock", 5, 64),
        *_units("xnor", "cells", 3, 64, 128),
        # Layers.
        *_state("tiny-32x64", lanes=_LANES, **_VOWELS_AND),
        *_wide("tiny-32x64", (2, 8), (2, 16), (4, 8), (4, 16), (8, 8), **_VOWELS_AND),
        *_score("tiny-32x64", (1, 1), (1, 16), (4, 16), (16, 16), **_VOWELS_AND),
        *(
            point
            for file, recorded in _VARIANTS.items()
            for order in (_state(file, lanes=(8,), **recorded), _score(file, (1, 16), **recorded))
            for point in order
        ),
        # Mechanisms that no layer above has, each as its example stands.
        *_mechanisms(item.point for item in MECHANISMS),
        # Growth with N.
        *_growth("tiny-32x64", "state", {"lanes": 8}, (32, 64, 128, 256, 512, 1024)),
        *_growth("tiny-32x64", "score", {"lanes": 16}, (32, 64, 128, 256)),
        # Workloads.
        *_workloads("state", dict.fromkeys(_HEADS, 8), rates=("20",)),
        *_workloads("score", _HEADS, rates=("20",)),
        # Whole networks: lanes, tokens and bits of a weight at once.
        _network("vowels_fast", 64, 2, 2, {"order": "state", "lanes": 8, "buffers": 2}),
        _network("vowels_fast", 16, 1, 1, {"lanes": 4}, every=10),
        *_drawn("drawn-32x64-blocks", "drawn-32x64-int4", "drawn-32x64-int8"),
        *_drawn("drawn-32x64-steps", "drawn-32x128", "drawn-32x128-blocks"),
    ),
    "unit/xnor-16/1-stage-cells",
    "unit/xnor-32/1-stage-cells",
    "unit/xnor-16/2-stage-cells",
    "unit/xnor-32/2-stage-cells",
    "tiny-32x64/state-8-beat8",
    "tiny-32x64/score-1x16",
)


def select(
    points: Iterable[Point], *, pattern: str | None = None, quick: bool = False
) -> tuple[Point, ...]:
    """Choose points by a shell pattern of their names, and those of a quick run.

    A pattern without ``*``, ``?`` and ``[`` chooses every name that holds it.

    Raises
    ------
    BenchError
        There is none.
    """
    chosen = [point for point in points if point.quick or not quick]
    if pattern is not None:
        shell = pattern if set(pattern) & set("*?[") else f"*{pattern}*"
        chosen = [point for point in chosen if fnmatchcase(point.name, shell)]
    if not chosen:
        raise BenchError(f"--only: {pattern}: must be the pattern of a point's name, such as unit*")
    if quick:
        chosen = [
            replace(point, seeds=tuple(s for s in point.seeds if s in QUICK_SEEDS))
            for point in chosen
        ]
    return tuple(chosen)
