"""The order of the beats of a stream, as loops over the axes of arrays.

A stream is a tree. A :class:`Part` is an array, cut into bits that share beats; a :class:`Loop`
repeats what it holds over axes that its parts share, the first axis outermost. What a model packs
and unpacks, what is counted, and what a user of the Verilog reads follow from this one description.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.packing import check_beats

__all__ = ["Loop", "Part", "Stream"]

_Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class Part:
    """An array in a stream.

    Values are cut into bits, low bit first. Which of them share beats, ``order`` says: with
    ``"beat"`` alone, those of a row of values, value after value (``chunk`` bits a beat; a value
    may lie in two beats); with the row's axis in front of it, those of one value, which then takes
    whole beats, its sign repeated in what is left; with ``"bit"``, a bit of every value of a row,
    the low ones first: bit planes.

    Parameters
    ----------
    spec : ArraySpec
        The array.
    axes : dict of str to int
        Names and sizes of its axes, in the order in which it lies in memory. An axis that is cut in
        two, as D into heads and channels, is two axes.
    row : str
        Axis of the values that share beats.
    order : tuple of str
        Axes that no loop around goes over, outermost first, ``"beat"`` and ``"bit"`` among them.
    width : int
        Bits of a value.
    chunk : int
        Bits of a beat that are used.
    at : int or None
        The one bit of each value that is sent; all where None.
    signed : bool or None
        Whether the highest bit is a sign; by default where the array holds negative numbers.
    """

    spec: ArraySpec
    axes: Mapping[str, int]
    row: str
    order: tuple[str, ...]
    width: int
    chunk: int
    at: int | None = None
    signed: bool | None = None

    @property
    def has_sign(self) -> bool:
        """Whether the highest bit is a sign."""
        return self.spec.low < 0 if self.signed is None else self.signed

    def sizes(self, loops: tuple[str, ...]) -> dict[str, int]:
        """Return the sizes of all axes of its beats, those of the array first."""
        _, names = self._split(loops)
        sizes = dict(self.axes)
        if names == ("bit",):
            sizes["beat"] = -(-self.width // self.chunk)
        elif names == (self.row,):
            del sizes[self.row]
            sizes |= {"bit": self.width, "beat": -(-self.axes[self.row] // self.chunk)}
        else:
            del sizes[self.row]
            sizes["beat"] = -(-self.axes[self.row] * self.width // self.chunk)
        return sizes

    def _split(self, loops: tuple[str, ...]) -> tuple[list[str], tuple[str, ...]]:
        """Say which axes a beat stands in, and which of row and bit lie inside of beats."""
        outer = [name for name in self.axes if name != self.row]
        used = {*loops, *self.order}
        if self.row in used:
            return [*outer, self.row], ("bit",)
        if "bit" in used or self.at is not None:
            return [*outer, "bit"], (self.row,)
        return outer, (self.row, "bit")

    def count(self, loops: tuple[str, ...]) -> int:
        """Count the beats in one turn of the loops around."""
        sizes = self.sizes(loops)
        return prod(sizes[name] for name in self.order)

    def pack(self, arrays: _Arrays, loops: tuple[str, ...]) -> NDArray[np.uint64]:
        """Return beats of shape (sizes of the loops around ..., count)."""
        outer, inner = self._split(loops)
        values = self.spec.check(arrays[self.spec.name]).astype(np.int64)
        names = [name for name in self.axes if name != self.row] + [self.row]
        values = values.reshape(tuple(self.axes.values()))
        values = values.transpose([list(self.axes).index(name) for name in names])
        # A sign goes on in the bits of a last beat that are left.
        taken = self.width if inner != ("bit",) else -(-self.width // self.chunk) * self.chunk
        digits = (values[..., None] >> np.arange(taken) & 1).astype(np.uint8)
        if inner == (self.row,):
            digits = digits.swapaxes(-1, -2)
        elif len(inner) == 2:
            digits = digits.reshape(*digits.shape[:-2], -1)
        digits = np.pad(
            digits, [(0, 0)] * (digits.ndim - 1) + [(0, -digits.shape[-1] % self.chunk)]
        )
        weights = np.uint64(1) << np.arange(self.chunk, dtype=np.uint64)
        cut = digits.reshape(*digits.shape[:-1], -1, self.chunk).astype(np.uint64)
        return self._turn((cut * weights).sum(-1, dtype=np.uint64), [*outer, "beat"], loops)

    def _turn(
        self, beats: NDArray[np.uint64], names: list[str], loops: tuple[str, ...]
    ) -> NDArray[np.uint64]:
        """Put the axes of beats into the order of the stream."""
        if self.at is not None:
            beats = np.take(beats, [self.at], axis=names.index("bit")).squeeze(names.index("bit"))
            names = [name for name in names if name != "bit"]
        ordered = beats.transpose([names.index(name) for name in (*loops, *self.order)])
        return ordered.reshape(*ordered.shape[: len(loops)], -1)

    def unpack(
        self, beats: NDArray[np.uint64], loops: tuple[str, ...], found: dict[str, NDArray[np.int64]]
    ) -> None:
        """Put what beats of that shape hold into the array of its name."""
        outer, inner = self._split(loops)
        sizes = self.sizes(loops)
        ordered = [*loops, *self.order]
        names = [name for name in (*outer, "beat") if name in ordered]
        array = beats.reshape([sizes[name] for name in ordered])
        array = array.transpose([ordered.index(name) for name in names])
        digits = (array[..., None] >> np.arange(self.chunk, dtype=np.uint64) & np.uint64(1)).astype(
            np.int64
        )
        digits = digits.reshape(*digits.shape[:-2], -1)
        length = self.axes[self.row]
        if self.at is not None:
            values = digits[..., :length] << self.at
        elif inner == (self.row,):
            weights = 1 << np.arange(self.width, dtype=np.int64)
            values = (digits[..., :length] * weights[:, None]).sum(-2)
        else:
            if len(inner) == 2:
                digits = digits[..., : length * self.width]
                digits = digits.reshape(*digits.shape[:-1], length, self.width)
            weights = 1 << np.arange(self.width, dtype=np.int64)
            if self.has_sign:
                weights[-1] *= -1
            values = (digits[..., : self.width] * weights).sum(-1)
        kept = [name for name in self.axes if name != self.row] + [self.row]
        back = values.transpose([kept.index(name) for name in self.axes])
        found[self.spec.name] = found.get(self.spec.name, 0) + back.reshape(self.spec.shape)

    def describe(self, loops: tuple[str, ...]) -> dict[str, Any]:
        """Describe it for users of the Verilog."""
        _, inner = self._split(loops)
        shares = "value" if inner == ("bit",) else self.row
        told: dict[str, Any] = {"array": self.spec.name, "for": list(self.order), "beat": shares}
        told |= {"bits": self.width, "signed": self.has_sign, "used": self.chunk}
        return told if self.at is None else {**told, "bit": self.at}


@dataclass(frozen=True)
class Loop:
    """Parts of a stream, one after the other, in every turn of loops over axes that they share."""

    axes: tuple[str, ...]
    parts: "tuple[Part | Loop, ...]"

    def sizes(self, loops: tuple[str, ...]) -> dict[str, int]:
        """Return the sizes of the axes of its first part."""
        return self.parts[0].sizes((*loops, *self.axes))

    def _turns(self, loops: tuple[str, ...]) -> int:
        sizes = self.sizes(loops)
        return prod(sizes[name] for name in self.axes)

    def count(self, loops: tuple[str, ...] = ()) -> int:
        """Count the beats in one turn of the loops around."""
        inner = (*loops, *self.axes)
        return self._turns(loops) * sum(part.count(inner) for part in self.parts)

    def pack(self, arrays: _Arrays, loops: tuple[str, ...] = ()) -> NDArray[np.uint64]:
        """Return beats of shape (sizes of the loops around ..., count)."""
        packed = [part.pack(arrays, (*loops, *self.axes)) for part in self.parts]
        joined = np.concatenate(packed, axis=-1)
        return joined.reshape(*joined.shape[: len(loops)], -1)

    def unpack(
        self, beats: NDArray[np.uint64], loops: tuple[str, ...], found: dict[str, NDArray[np.int64]]
    ) -> None:
        """Put what beats of that shape hold into arrays by name."""
        sizes, inner = self.sizes(loops), (*loops, *self.axes)
        turned = beats.reshape([sizes[name] for name in inner] + [-1])
        ends = np.cumsum([part.count(inner) for part in self.parts])[:-1]
        for part, piece in zip(self.parts, np.split(turned, ends, axis=-1), strict=True):
            part.unpack(piece, inner, found)

    def describe(self, loops: tuple[str, ...] = ()) -> dict[str, Any]:
        """Describe it for users of the Verilog."""
        inner = (*loops, *self.axes)
        return {"for": list(self.axes), "parts": [part.describe(inner) for part in self.parts]}


@dataclass(frozen=True)
class Stream:
    """All beats of an inference on one side of a layer.

    >>> spec = ArraySpec("x", "(N, D)", (2, 3), high=3)
    >>> axes = {"token": 2, "channel": 3}
    >>> x = {"x": np.array([[1, 2, 3], [0, 3, 1]], dtype=np.uint8)}
    >>> planes = Part(spec, axes, "channel", ("token", "beat", "bit"), width=2, chunk=2)
    >>> Stream(Loop((), (planes,))).pack(x).tolist()
    [1, 2, 1, 1, 2, 2, 1, 0]
    >>> row = Part(spec, axes, "channel", ("token", "beat"), width=2, chunk=4)
    >>> Stream(Loop((), (row,))).pack(x).tolist()
    [9, 3, 12, 1]
    """

    root: Loop

    @property
    def count(self) -> int:
        """Beats of an inference."""
        return self.root.count()

    def pack(self, arrays: _Arrays) -> NDArray[np.uint64]:
        """Return the beats of arrays by name; :exc:`ValueError` for arrays that do not fit."""
        return self.root.pack(arrays)

    def unpack(self, beats: ArrayLike) -> dict[str, NDArray[np.int64]]:
        """Return the arrays that beats hold; :exc:`ValueError` for another number of beats."""
        found: dict[str, NDArray[np.int64]] = {}
        self.root.unpack(check_beats(beats, self.count), (), found)
        return found

    def describe(self) -> dict[str, Any]:
        """Describe it for users of the Verilog: which loops, and what each beat holds."""
        return self.root.describe()

    @property
    def arrays(self) -> dict[str, dict[str, Any]]:
        """Describe the arrays of the loops by name: sizes of the axes, and the range of values."""
        found: dict[str, dict[str, Any]] = {}
        waiting: list[Part | Loop] = [self.root]
        while waiting:
            part = waiting.pop(0)
            if isinstance(part, Loop):
                waiting = [*part.parts, *waiting]
            else:
                span = {"low": part.spec.low, "high": part.spec.high}
                found[part.spec.name] = {"axes": dict(part.axes), **span}
        return found
