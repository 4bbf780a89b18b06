"""The part of a report that says what was run: answers compared, cycles, spikes."""

from typing import Annotated, Literal

from pydantic import Field

from spikeloom.report.base import Count, Part

__all__ = ["Activity", "Check", "Cycles", "Firing", "Stage", "correctness"]

_Positive = Annotated[int, Field(ge=1)]


class Cycles(Part):
    """Cycles of one inference; None for what is not known.

    ``cycles`` runs from the first accepted input beat to the last output beat,
    ``compute_cycles`` counts those in which an engine works, ``interval`` lies between the ends
    of two inferences sent back to back.
    """

    cycles: _Positive | None = None
    compute_cycles: _Positive | None = None
    interval: _Positive | None = None


class Check(Part):
    """Answers that were compared, and were equal in every number.

    ``against`` names what with: the golden model, and answers that came with the inputs.
    """

    target: Literal["rtl", "netlist"]
    against: Annotated[tuple[Literal["golden", "recorded"], ...], Field(min_length=1)]
    inferences: _Positive
    stimulus: str = ""


class Activity(Part):
    """When a simulated design was loaded, computed and was unloaded.

    Parameters
    ----------
    cycles_a_bin : int
        Cycles of a bin. The first begins with the first accepted beat.
    load, compute, unload : tuple of int
        For each bin, cycles in which a beat was accepted, an engine worked, a beat was delivered.
    ends : tuple of int
        Cycles from the first accepted beat to the last of each answer, both included.
    """

    cycles_a_bin: _Positive
    load: tuple[Count, ...]
    compute: tuple[Count, ...]
    unload: tuple[Count, ...]
    ends: Annotated[tuple[_Positive, ...], Field(min_length=1)]


class Stage(Part):
    """A layer of a network, and the cycles that it is predicted to take: end not included."""

    name: str
    begin: Count
    end: _Positive


class Firing(Part):
    """Spikes of a layer: ``spikes`` of ``places`` are not zero."""

    name: str
    spikes: Count
    places: _Positive

    @property
    def rate(self) -> float:
        """Share of spikes, 0 to 1."""
        return self.spikes / self.places


def correctness(checks: tuple[Check, ...]) -> str:
    """Say in words what was found equal to what, and what was not simulated.

    >>> correctness((Check(target="rtl", against=("golden", "recorded"), inferences=18),))
    'RTL equal to golden model and recorded answers on 18 inferences; netlist not simulated'
    """
    words = {"golden": "golden model", "recorded": "recorded answers"}
    parts = []
    for target, name in (("rtl", "RTL"), ("netlist", "netlist")):
        found = next((check for check in reversed(checks) if check.target == target), None)
        if found is None:
            parts.append(f"{name} not simulated")
            continue
        count = f"{found.inferences} inference{'s' if found.inferences > 1 else ''}"
        others = " and ".join(words[other] for other in found.against)
        parts.append(f"{name} equal to {others} on {count}")
    return "; ".join(parts)
