"""What goes into a simulated design and what comes out: the contract of all back ends."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "PATIENCE",
    "WORK",
    "Activity",
    "SimulationError",
    "Stimulus",
    "Traffic",
    "padded",
    "summarise",
]

PATIENCE = 100_000
"""Cycles without a beat and without work after which a simulation counts as stuck."""


WORK = 1 << 32
"""Cycles without a beat after which a simulation counts as stuck in any case."""


class SimulationError(Exception):
    """A simulated design broke the stream protocol or came to a stop.

    The message is one line that names the cycle and what happened.
    """


@dataclass(frozen=True)
class Stimulus:
    """Inferences to send into a design, one straight after the other, and how to disturb them.

    Parameters
    ----------
    frames : numpy.ndarray
        Input beats, shape (inferences, beats in), unsigned, each below ``2**64``.
    out_beats : int
        Beats that the design gives back for one inference, at least 1.
    stalls : float
        Probability, in [0, 1), that the sender (receiver) rests in a cycle in which it could
        offer (take) a beat. Both sides draw on their own.
    seed : int
        Seed of these draws, at least 0. Back ends draw differently, so under stalls the answer
        is the same everywhere and the cycle counts are not.
    patience, work : int
        Cycles without a beat and without work, and cycles without a beat whatever the engine does,
        after which the design counts as stuck.
    reset : int
        Cycles of reset before the first beat, at least 1. Amaranth's simulator takes none: there a
        design begins as after reset.
    lengths : tuple of int or None
        How many beats of each row of ``frames`` are sent, at least 1: ``tlast`` goes with the last
        of these, and the rest of the row is padding. By default all are sent.
    preamble : int
        How many of the frames come before the first inference, at least 0.

    Raises
    ------
    TypeError, ValueError
        A parameter is outside its range.
    """

    frames: "np.ndarray[Any, np.dtype[np.uint64]]"
    out_beats: int
    stalls: float = 0.0
    seed: int = 0
    patience: int = PATIENCE
    work: int = WORK
    reset: int = 2
    lengths: tuple[int, ...] | None = None
    preamble: int = 0

    def __post_init__(self) -> None:
        """Check the ranges."""
        if self.frames.ndim != 2 or self.frames.size == 0:
            raise ValueError(
                f"Frames must be a non-empty array of two dimensions, not {self.frames.shape!r}"
            )
        if self.frames.dtype.kind != "u":
            raise TypeError(f"Frames must be unsigned integers, not {self.frames.dtype!s}")
        if self.out_beats < 1:
            raise ValueError(f"Beats out must be a positive integer, not {self.out_beats!r}")
        if not 0 <= self.stalls < 1:
            raise ValueError(f"Stalls must be a probability below 1, not {self.stalls!r}")
        if not isinstance(self.seed, int) or self.seed < 0:
            raise ValueError(f"Seed must be a non-negative integer, not {self.seed!r}")
        if self.patience < 1 or self.work < 1:
            raise ValueError(
                f"Patience and work must be positive integers, not {self.patience!r}, {self.work!r}"
            )
        if self.reset < 1:
            raise ValueError(f"Reset must be a positive number of cycles, not {self.reset!r}")
        if not 0 <= self.preamble < len(self.frames):
            raise ValueError(
                f"Preamble must be 0 to {len(self.frames) - 1} frames, not {self.preamble!r}"
            )
        if self.lengths is None:
            return
        count, width = self.frames.shape
        if len(self.lengths) != count:
            raise ValueError(f"Lengths must be {count}, one a frame, not {len(self.lengths)}")
        for length in self.lengths:
            if not isinstance(length, int):
                raise TypeError(f"Lengths must be integers, not {length!r}")
            if not 1 <= length <= width:
                raise ValueError(f"Lengths must be 1 to {width}, not {length!r}")

    @property
    def watched(self) -> tuple[int, int]:
        """The first two inferences, as frames: the first, and the one behind the last."""
        return self.preamble, min(self.preamble + 2, len(self.frames))

    @property
    def beats(self) -> NDArray[np.uint64]:
        """Every beat that is sent, one inference after the other."""
        if self.lengths is None:
            return np.ascontiguousarray(self.frames, dtype=np.uint64).reshape(-1)
        sent = [row[:length] for row, length in zip(self.frames, self.lengths, strict=True)]
        return np.concatenate(sent, dtype=np.uint64)

    @property
    def ends(self) -> NDArray[np.uint64]:
        """For each inference, how many beats are sent up to its end."""
        count, width = self.frames.shape
        lengths = (width,) * count if self.lengths is None else self.lengths
        return np.cumsum(lengths, dtype=np.uint64)


@dataclass(frozen=True)
class Activity:
    """What went on in the first two inferences, in bins of equally many cycles.

    Parameters
    ----------
    width : int
        Cycles of a bin; the first begins with the first accepted beat of the first inference.
    load, compute, unload : tuple of int
        For each bin, cycles in which a beat was accepted, an engine worked, a beat was delivered;
        without the zeros at the end.
    """

    width: int
    load: tuple[int, ...]
    compute: tuple[int, ...]
    unload: tuple[int, ...]


@dataclass(frozen=True)
class Traffic:
    """What a design answered to a :class:`Stimulus`, and when.

    Parameters
    ----------
    frames : numpy.ndarray
        Output beats, shape (inferences, beats out), uint64.
    first_in : tuple of int
        For each inference, the cycle in which its first beat was accepted.
    last_out : tuple of int
        For each inference, the cycle in which its last beat was delivered.
    busy : int
        Cycles in which the engine worked, over all inferences.
    total : int
        Cycles simulated after reset.
    activity : Activity or None
        When it was loaded, computed and was unloaded. Only CXXRTL tells.
    """

    frames: "np.ndarray[Any, np.dtype[np.uint64]]"
    first_in: tuple[int, ...]
    last_out: tuple[int, ...]
    busy: int
    total: int = field(compare=False, default=0)
    activity: Activity | None = field(compare=False, default=None)

    def without(self, count: int) -> "Traffic":
        """Leave out the first frames, in which no engine worked."""
        return replace(
            self,
            frames=self.frames[count:],
            first_in=self.first_in[count:],
            last_out=self.last_out[count:],
        )

    @property
    def ends(self) -> tuple[int, ...]:
        """Cycles from the first accepted beat to the last of each answer, both included."""
        return tuple(last - self.first_in[0] + 1 for last in self.last_out)

    @property
    def cycles(self) -> int:
        """Cycles from the first accepted beat to the last delivered one, both included."""
        return self.ends[0]

    @property
    def compute_cycles(self) -> int:
        """Cycles in which the engine works, an inference."""
        return self.busy // len(self.last_out)

    @property
    def interval(self) -> int | None:
        """Cycles between the ends of the last two inferences; None if there was only one."""
        if len(self.last_out) < 2:
            return None
        return self.last_out[-1] - self.last_out[-2]


def padded(
    frames: Sequence[NDArray[np.uint64]],
) -> tuple[NDArray[np.uint64], tuple[int, ...] | None]:
    """Give frames and lengths of a :class:`Stimulus` for inferences of any numbers of beats.

    >>> frames, lengths = padded([np.array([1, 2], np.uint64), np.array([3], np.uint64)])
    >>> frames.tolist(), lengths
    ([[1, 2], [3, 0]], (2, 1))
    """
    lengths = tuple(len(frame) for frame in frames)
    if len(set(lengths)) == 1:
        return np.stack(frames), None
    rows = np.zeros((len(frames), max(lengths)), dtype=np.uint64)
    for row, frame in zip(rows, frames, strict=True):
        row[: len(frame)] = frame
    return rows, lengths


def summarise(traffic: Traffic) -> dict[str, int]:
    """Give the three numbers that an answer file holds, without ``interval`` if unmeasured.

    >>> import numpy as np
    >>> frames = np.zeros((2, 1), dtype=np.uint64)
    >>> summarise(Traffic(frames, first_in=(3, 9), last_out=(12, 20), busy=10))
    {'cycles': 10, 'compute_cycles': 5, 'interval': 8}
    """
    numbers = {"cycles": traffic.cycles, "compute_cycles": traffic.compute_cycles}
    if traffic.interval is not None:
        numbers["interval"] = traffic.interval
    return numbers
