"""A layer as passes of its outputs, and passes that go on regularly as groups behind one header."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloom.hdl.network.geometry import Geometry
from spikeloom.hdl.network.program.digits import Digits, few, zeros_of
from spikeloom.hdl.network.program.layers import Layer, Term

__all__ = ["Group", "Reading", "groups", "readings"]

_Array = NDArray[np.int64]


@dataclass(frozen=True)
class Reading:
    """A pass of an output: the row that it begins with, and what it counts.

    Parameters
    ----------
    row : int
        First row that is read.
    place : int
        What is counted counts 2**place.
    bits : numpy.ndarray
        (planes, lanes), bits of the weights; the second counts twice.
    signs : tuple of int
        Of the planes.
    stays : bool
        Whether the first row is read for all tokens.
    single : range
        Lanes of which one at most is set in the memories.
    """

    row: int
    place: int
    bits: NDArray[np.uint8]
    signs: tuple[int, ...]
    stays: bool = False
    single: range = range(0)

    def goes_on(self, other: "Reading", rows: int) -> bool:
        """Whether another pass differs in its weights and in being so many rows on."""
        return (other.row - self.row, other.place, other.signs, other.stays) == (
            rows,
            self.place,
            self.signs,
            self.stays,
        )


@dataclass(frozen=True)
class Group:
    """Passes behind one header: digit after digit, of each one slot after the other.

    Parameters
    ----------
    row : int
        First row of the first slot.
    slots, digits : int
        How many there are.
    moves : int
        How often the sum so far counts twice before the first pass.
    top : tuple of int
        Signs of the planes of the first digit.
    rest : int
        Sign of the planes of the others.
    stays : bool
        Whether the first row is read for all tokens.
    """

    row: int
    slots: int
    digits: int
    moves: int
    top: tuple[int, ...]
    rest: int
    stays: bool


@dataclass(frozen=True)
class _Part:
    """The weights of a term that meet one bit of its inputs, for a group of the read-out."""

    term: Term
    row: int
    values: _Array
    """(outputs, slots, lanes), multiplied with what the bit counts."""

    @property
    def ends(self) -> tuple[_Array, _Array, _Array]:
        """Least and greatest weight, and low bits that are zero, of each output and slot."""
        return self.values.min(axis=2), self.values.max(axis=2), zeros_of(self.values, axis=2)


def _parts(plan: Geometry, layer: Layer) -> Iterator[_Part]:
    for term in layer.terms:
        source = plan.tensors[term.tensor]
        share = plan.rows // len(term.weight)
        for group, weight in enumerate(term.weight):
            slots = weight.reshape(len(weight), -1, plan.lanes)
            for at in term.inputs:
                row = (source.slot + at.plane * source.slots << plan.row_bits) + group * share
                yield _Part(term, row, slots * at.sign << at.place + term.shift)


def readings(plan: Geometry, layer: Layer) -> Iterator[list[Reading]]:
    """Give the passes of each output of a layer, the highest place value first.

    All outputs alike, where that takes no pass more than each by itself.
    """
    parts = list(_parts(plan, layer))
    sparse = any(part.term.sparse for part in parts)
    alike = None if sparse else [_alike(plan, part) for part in parts]
    fewest = [_fewest(plan, part) for part in parts]
    split: dict[tuple[int, int], NDArray[np.uint8]] = {}
    for n in range(len(layer.bias)):
        found: list[Reading] = []
        number = sum(sum(one.number for one in each[n] if one) for each in fewest)
        same = alike is not None and number == sum(
            one.number for each in alike for one in each if one
        )
        for k, part in enumerate(parts):
            for slot in range(part.values.shape[1]):
                how = alike[k][slot] if same and alike is not None else fewest[k][n][slot]
                if how is None:
                    continue
                if same:
                    if (k, slot) not in split:
                        split[k, slot] = how.split(part.values[:, slot])
                    bits = split[k, slot][:, :, n]
                else:
                    bits = how.split(part.values[n, slot])
                found += _slot(plan, part, slot, how, bits, keep=same)
        found.sort(key=lambda one: (-one.place, one.row))
        yield found


def _slot(
    plan: Geometry, part: _Part, slot: int, how: Digits, bits: NDArray[np.uint8], *, keep: bool
) -> Iterator[Reading]:
    """Give the passes of a slot, without those that count nothing, or with them."""
    single = range(0)
    if part.term.table is not None:
        start = slot * plan.lanes
        ends = (part.term.table.start - start, part.term.table.stop - start)
        single = range(*(min(max(end, 0), plan.lanes) for end in ends))
    for digit in range(how.number):
        if keep or bits[digit].any():
            yield Reading(
                part.row + (slot << plan.row_bits),
                how.place(digit),
                bits[digit],
                how.signs(digit),
                part.term.stays,
                single,
            )


def _alike(plan: Geometry, part: _Part) -> list[Digits | None]:
    """Write every slot in the same way for all outputs."""
    low, high, _ = part.ends
    zeros = zeros_of(part.values.transpose(1, 0, 2).reshape(part.values.shape[1], -1), axis=1)
    ends = zip(low.min(axis=0), high.max(axis=0), zeros, strict=True)
    return [few(*map(int, one), plan.planes) for one in ends]


def _fewest(plan: Geometry, part: _Part) -> list[list[Digits | None]]:
    """Write every slot of every output by itself."""
    ends = (array.tolist() for array in part.ends)
    return [
        [few(*one, plan.planes) for one in zip(*each, strict=True)]
        for each in zip(*ends, strict=True)
    ]


def groups(plan: Geometry, passes: Sequence[Reading]) -> list[tuple[Group, list[Reading]]]:
    """Join the passes of an output to groups, with passes that only move the sum where needed."""
    found: list[tuple[Group, list[Reading]]] = []
    nothing = np.zeros((plan.planes, plan.lanes), dtype=np.uint8)
    before: int | None = None

    def move(place: int) -> int:
        """Move the sum but for two places, and return how many are left."""
        nonlocal before
        while before is not None and before - place > 2:
            add(Reading(0, before - 2, nothing, (1,) * plan.planes), 2)
        return 0 if before is None else before - place

    def add(first: Reading, moves: int, slots: int = 1, behind: Sequence[Reading] = ()) -> None:
        nonlocal before
        members = [first, *behind]
        digits = len(members) // slots
        before = members[-1].place
        rest = members[-1].signs[0] if digits > 1 else 1
        group = Group(first.row, slots, digits, moves, first.signs, rest, first.stays)
        found.append((group, members))

    at = 0
    while at < len(passes):
        first = passes[at]
        step = 1 << plan.row_bits
        slots = 1
        while at + slots < len(passes) and first.goes_on(passes[at + slots], slots * step):
            slots += 1
        members = list(passes[at : at + slots])
        at += slots
        while _next_digit(plan, members[-slots:], passes[at : at + slots], members[slots:]):
            members += passes[at : at + slots]
            at += slots
        add(first, move(first.place), slots, members[1:])
    if not found:
        add(Reading(plan.tensors["x"].slot << plan.row_bits, 0, nothing, (1,) * plan.planes), 0)
    while before:
        last = max(before - 2, 0)
        add(Reading(0, last, nothing, (1,) * plan.planes), before - last)
    return found


def _next_digit(
    plan: Geometry, these: Sequence[Reading], those: Sequence[Reading], rest: Sequence[Reading]
) -> bool:
    """Whether passes are the next digit of the same slots, with the signs of those before."""
    if len(those) < len(these):
        return False
    signs = rest[-1].signs if rest else (those[0].signs[0],) * plan.planes
    return all(
        (other.row, other.place, other.signs, other.stays)
        == (one.row, one.place - plan.planes, signs, one.stays)
        for one, other in zip(these, those, strict=True)
    )
