"""What an import gives: designs and integers, the host's part, and what became of every tensor."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from spikeloom.importing.host import Program
from spikeloom.importing.report import Report

__all__ = ["Fate", "Imported", "Options", "Part"]


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    Parameters
    ----------
    bits : int
        Bits of a weight of the blocks: 8, 4, 3, 2 (ternary) or 1. Encoder and read-out keep 8.
    data : numpy.ndarray or None
        Samples, (samples, ...): scales are chosen for them, and the report is on them. Otherwise
        the report is on drawn ones.
    labels : numpy.ndarray or None
        What the network should say of these: classes (samples,), or numbers (samples, outputs).
    name : str
        Name of the design.
    tokens : int or None
        N, where neither the checkpoint nor its configuration say it.
    """

    bits: int = 8
    data: NDArray[Any] | None = None
    labels: NDArray[Any] | None = None
    name: str = "network"
    tokens: int | None = None


@dataclass(frozen=True)
class Fate:
    """What became of a tensor.

    Parameters
    ----------
    tensor : str
        Its name in the checkpoint.
    became : str
        What it is now, or that it was left.
    why : str
        The reason, where there is one to give.
    """

    tensor: str
    became: str
    why: str = ""

    def __str__(self) -> str:
        """Return one line."""
        return f"{self.tensor}: {self.became}" + (f" ({self.why})" if self.why else "")


@dataclass(frozen=True)
class Part:
    """One network, and what the host does in front of it.

    Parameters
    ----------
    name : str
    design : mapping
        Keys of its design file.
    weights : mapping
        Its integers, by the names of its arrays.
    host : Program
        From data, or from the answer of the part before, to its input.
    unit : numpy.ndarray or None
        What 1 of its membranes is worth, (D,), where residual connections add membranes.
    scale : float
        What 1 of its numbers is worth, before the division by steps and tokens.
    """

    name: str
    design: Mapping[str, Any]
    weights: Mapping[str, NDArray[Any]]
    host: Program
    unit: NDArray[Any] | None = None
    scale: float = 1.0


@dataclass(frozen=True)
class Imported:
    """A checkpoint as networks in integers.

    Parameters
    ----------
    parts : tuple of Part
        One after the other.
    lines : tuple of Fate
        Of every tensor.
    report : Report
    guesses : tuple of str
        What neither checkpoint nor configuration say.
    """

    parts: tuple[Part, ...]
    lines: tuple[Fate, ...]
    report: Report
    guesses: tuple[str, ...] = field(default=())

    @property
    def design(self) -> Mapping[str, Any]:
        """Keys of the design file of the only part, or of the last one."""
        return self.parts[-1].design

    @property
    def weights(self) -> Mapping[str, NDArray[Any]]:
        """Integers of the same."""
        return self.parts[-1].weights

    @property
    def host(self) -> Mapping[str, NDArray[Any]]:
        """Arrays of the host's part in front of the same."""
        return self.parts[-1].host.save()
