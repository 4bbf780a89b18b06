"""What the file of published figures holds: read, validated, written whole or not at all."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from spikeloom.errors import RequestError
from spikeloom.files import InputError, replacing

__all__ = ["BenchError", "Cells", "Count", "Result", "Results", "load_results", "save_results"]

_Count = Annotated[int, Field(ge=0)]
_SCHEMA = 1


class BenchError(RequestError):
    """Figures were asked for that cannot be had. One line; a wrong request, exit code 2."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Cells(_Part):
    """What a point takes: logic cells after packing, the rest before."""

    logic_cells: _Count
    lut4: _Count
    ff: _Count
    carry: _Count
    ebr: _Count = 0
    spram: _Count = 0
    dsp: _Count = 0


class Count(_Part):
    """Cycles of an inference, of one simulation on the RTL whose answer equals the golden model."""

    compute_cycles: _Count
    cycles: _Count
    interval: _Count | None = None


class Result(_Part):
    """The figures of one point.

    Parameters
    ----------
    family : str
        ``units``, ``layers``, ``mechanisms``, ``growth``, ``workloads`` or ``networks``.
    settings : mapping
        What the point is: shape, similarity, folding, or the parameters of a unit.
    source : str
        Digest of the RTLIL that was measured.
    cells : Cells or None
        None where the device has too little of something.
    fmax_mhz : mapping of str to float or None
        By seed; None for a seed that could not be placed and routed.
    counts : mapping of str to Count
        By firing rate in per cent, or ``recorded``.
    shortage : str
        Of what the device has too little.
    """

    family: str
    settings: dict[str, int | str]
    source: str
    cells: Cells | None = None
    fmax_mhz: dict[str, float | None] = {}
    counts: dict[str, Count] = {}
    shortage: str = ""

    @property
    def worst_mhz(self) -> float | None:
        """Clock of the worst seed; None if a seed failed, or there is none."""
        clocks = [clock for clock in self.fmax_mhz.values() if clock is not None]
        return min(clocks) if clocks and len(clocks) == len(self.fmax_mhz) else None

    def per_step(self, rate: str) -> float | None:
        """Compute cycles a time step at a firing rate; None if not measured."""
        count = self.counts.get(rate)
        return None if count is None else count.compute_cycles / int(self.settings["steps"])

    def product(self, rate: str) -> float | None:
        """Logic cells times cycles a time step; None if one of them was not measured."""
        cycles = self.per_step(rate)
        return None if cycles is None or self.cells is None else self.cells.logic_cells * cycles

    def figure(self, name: str) -> float | None:
        """Find a figure by name: a field of :class:`Cells`, ``fmax_mhz`` or ``cycles RATE``.

        ``product RATE`` is cells times cycles a step, as :meth:`product` gives it.
        """
        kind, _, rate = name.partition(" ")
        if kind == "fmax_mhz":
            return self.worst_mhz
        if kind == "cycles":
            return self.per_step(rate)
        if kind == "product":
            return self.product(rate)
        found: int | None = None if self.cells is None else getattr(self.cells, name)
        return found

    def figures(self) -> dict[str, float | str | None]:
        """List everything that two runs of the same tools must agree on."""
        flat: dict[str, float | str | None] = {"shortage": self.shortage or None}
        if self.cells is not None:
            flat |= self.cells.model_dump()
        flat |= {f"fmax_mhz of seed {seed}": clock for seed, clock in self.fmax_mhz.items()}
        for rate, count in self.counts.items():
            flat |= {f"{key} at {rate}": value for key, value in count.model_dump().items()}
        return flat


class Results(_Part):
    """Every figure, by name of its point, and what they were all measured with.

    Parameters
    ----------
    layout : int
        Version of this file's layout.
    tools : mapping of str to str
        Versions. One file holds figures of one set of tools.
    options : mapping
        Choices of synthesis.
    points : mapping of str to Result
        In the order in which they are shown.
    """

    layout: int = _SCHEMA
    tools: dict[str, str]
    options: dict[str, bool | int | str]
    points: dict[str, Result] = {}

    def of(self, family: str) -> dict[str, Result]:
        """Give the points of one family."""
        return {name: point for name, point in self.points.items() if point.family == family}


def load_results(path: Path) -> Results:
    """Read and validate a file of figures.

    Raises
    ------
    BenchError
        It is missing, or is no such file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8"
        raise BenchError(f"{path}: must be a file of figures ({reason})") from None
    try:
        results = Results.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "text"
        raise BenchError(f"{path}: {where}: must be as bench writes it: {first['msg']}") from None
    if results.layout != _SCHEMA:
        raise BenchError(f"{path}: layout: {results.layout}: must be {_SCHEMA}")
    return results


def save_results(path: Path, results: Results) -> None:
    """Write a file of figures, one line a group of them, so that changes can be read.

    Raises
    ------
    BenchError
        The folder does not exist or must not be written.
    """
    data = results.model_dump(mode="json", exclude_defaults=True)
    points = data.pop("points", {})
    lines = [f"  {_flat({key: value})[1:-1]}" for key, value in {"layout": 1, **data}.items()]
    lines.append('  "points": {' + ",".join(_point(*item) for item in points.items()) + "\n  }")
    try:
        with replacing(path) as fresh:
            fresh.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    except InputError as error:
        raise BenchError(str(error)) from error


def _point(name: str, point: Mapping[str, Any]) -> str:
    parts = []
    for key, value in point.items():
        if key == "counts":
            # One line a rate: the longest group.
            rates = ",".join(f"\n        {_flat({k: v})[1:-1]}" for k, v in value.items())
            parts.append(f'\n      "counts": {{{rates}\n      }}')
        else:
            parts.append(f"\n      {_flat({key: value})[1:-1]}")
    return f"\n    {json.dumps(name)}: {{" + ",".join(parts) + "\n    }"


def _flat(value: Mapping[str, Any]) -> str:
    return json.dumps(value)
