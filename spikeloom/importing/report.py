"""What an import says of its fidelity: spikes layer by layer, the task, and the device."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from spikeloom.importing.fit import Fit

__all__ = ["Difference", "Metric", "Report"]


@dataclass(frozen=True)
class Difference:
    """How far a layer in integers is from the same in float.

    Parameters
    ----------
    layer : str
        Its name, behind that of its network.
    differ, places : int
        Spikes that differ, and places where there could be one.
    """

    layer: str
    differ: int
    places: int

    @property
    def share(self) -> float:
        """The share of spikes that differ."""
        return self.differ / self.places if self.places else 0.0


@dataclass(frozen=True)
class Metric:
    """How well the task is done.

    Parameters
    ----------
    name : str
        ``"accuracy"`` or ``"R2"``.
    real, whole : float
        In float, and in integers.
    """

    name: str
    real: float
    whole: float


@dataclass(frozen=True)
class Report:
    """Fidelity of an import.

    Parameters
    ----------
    family : str
        Whose network it is.
    samples : str
        What it was compared on, in words.
    differences : tuple of Difference
        In the order in which layers are computed.
    left : mapping
        What is not carried over, and why.
    fits : tuple of Fit
        Of each network.
    host : tuple of str
        What runs on the host.
    metric : Metric or None
        Where labels were given.
    notes, guesses : tuple of str
    """

    family: str
    samples: str
    differences: tuple[Difference, ...]
    left: Mapping[str, str] = field(default_factory=dict)
    fits: tuple[Fit, ...] = ()
    host: tuple[str, ...] = ()
    metric: Metric | None = None
    notes: tuple[str, ...] = ()
    guesses: tuple[str, ...] = ()

    @property
    def share(self) -> float:
        """The share of all spikes that differ."""
        places = sum(layer.places for layer in self.differences)
        return sum(layer.differ for layer in self.differences) / places if places else 0.0

    @property
    def verdict(self) -> str:
        """Fidelity in plain words."""
        if not any(layer.differ for layer in self.differences):
            return f"same spikes, on {self.samples}"
        return f"rounded: {self.share:.2%} of spikes differ, on {self.samples}"

    def text(self) -> str:
        """Return what a user reads."""
        lines = [f"family: {self.family}"]
        lines += [f"guessed: {guess}" for guess in self.guesses]
        lines += [f"note: {note}" for note in self.notes]
        lines += [f"on the host: {part}" for part in self.host]
        lines.append(f"fidelity: {self.verdict}")
        width = max((len(layer.layer) for layer in self.differences), default=0)
        lines += [f"  {layer.layer:{width}}  {layer.share:8.3%}" for layer in self.differences]
        lines += [f"not carried over: {what}: {why}" for what, why in self.left.items()]
        if self.metric is not None:
            metric = self.metric
            lines.append(
                f"{metric.name}: {metric.real:.4f} in float, {metric.whole:.4f} in integers"
            )
        lines += [fit.text for fit in self.fits]
        return "\n".join(lines) + "\n"

    def json(self) -> dict[str, Any]:
        """Return the same for programs."""
        found: dict[str, Any] = {
            "family": self.family,
            "fidelity": self.verdict,
            "samples": self.samples,
            "share": self.share,
            "layers": [
                {"layer": one.layer, "differ": one.differ, "places": one.places}
                for one in self.differences
            ],
            "left": dict(self.left),
            "host": list(self.host),
            "notes": list(self.notes),
            "guesses": list(self.guesses),
            "fits": [fit.json() for fit in self.fits],
        }
        if self.metric is not None:
            metric = self.metric
            found["metric"] = {"name": metric.name, "float": metric.real, "integers": metric.whole}
        return found
