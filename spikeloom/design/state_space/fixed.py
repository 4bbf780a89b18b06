"""A state-space layer in fixed point: its constants as integers, and how far each number goes."""

from collections.abc import Hashable
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache
from math import ceil
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.read import DesignError, show
from spikeloom.design.state_space.matrices import Matrices, to_fixed

__all__ = ["Fixed", "Formats", "Spans", "check_formats", "fixed", "h_fraction", "spans", "width"]

_STATE_BITS = 31  # two halves of 16 and 15 bits, each one factor of a multiplier
_SUM_BITS = 48
_FALL_BITS = 15  # of 1 - A, which is what is multiplied with
_MOST_EXTRA = 4


class Formats(Hashable, Protocol):
    """A state-space layer, as far as its numbers go."""

    @property
    def matrices(self) -> Matrices:
        """A, B and C."""

    @property
    def steps(self) -> int:
        """Time steps T."""

    @property
    def input_bits(self) -> int:
        """Bits of an input."""

    @property
    def a_fraction_bits(self) -> int:
        """Fraction bits of A."""

    @property
    def b_bits(self) -> int:
        """Bits of an entry of B."""

    @property
    def b_fraction_bits(self) -> int:
        """Fraction bits of B."""

    @property
    def c_bits(self) -> int:
        """Bits of an entry of C."""

    @property
    def c_fraction_bits(self) -> int:
        """Fraction bits of C."""

    @property
    def h_fraction(self) -> int | None:
        """Fraction bits of the state, where the design file says so."""

    @property
    def h_fraction_bits(self) -> int:
        """Fraction bits of the state."""

    @property
    def y_fraction(self) -> int:
        """Fraction bits of y."""

    @property
    def threshold_exact(self) -> Fraction:
        """The threshold in units of y."""


@dataclass(frozen=True, eq=False)
class Fixed:
    """The layer's constants as integers.

    Parameters
    ----------
    a : ndarray of shape (S,)
        In units of ``2**-a_fraction``, from 0 to one.
    b, c : ndarray of shape (S, D) and (D, S)
        In units of ``2**-b_fraction`` and ``2**-c_fraction``.
    threshold : int
        In units of ``2**-y_fraction``, rounded up.
    lift : int
        Bits by which B x is shifted left to the units of the state.
    drop : int
        Bits by which C h is shifted right to the units of y.
    rounded : tuple of float
        Greatest errors of A, B and C; 0 for integers.
    """

    a: NDArray[np.int64]
    b: NDArray[np.int64]
    c: NDArray[np.int64]
    threshold: int
    lift: int
    drop: int
    rounded: tuple[float, ...]


@dataclass(frozen=True)
class Spans:
    """Least and greatest value of each number; none of them is ever left.

    Parameters
    ----------
    h : tuple of int
        A state; both ends are reached by some input.
    product : tuple of int
        What passes through the accumulator: sums of C h, and A h - h, each with what rounds it.
    y : tuple of int
        An output before the gate.
    u : tuple of int
        A membrane before it is compared.
    v : tuple of int
        A membrane between steps.
    """

    h: tuple[int, int]
    product: tuple[int, int]
    y: tuple[int, int]
    u: tuple[int, int]
    v: tuple[int, int]


def _diagonal(design: Formats) -> NDArray[np.int64]:
    one = 1 << design.a_fraction_bits
    least = max(0, one - (1 << _FALL_BITS))
    return to_fixed(design.matrices, "a", design.a_fraction_bits, least, one)


def _rows(design: Formats, name: str, fraction: int, width: int) -> NDArray[np.int64]:
    end = 1 << width - 1
    return to_fixed(design.matrices, name, fraction, -end, end - 1)


@lru_cache(maxsize=32)
def fixed(design: Formats) -> Fixed:
    """Return the constants of a layer; :exc:`DesignError` for one that its format cannot hold."""
    given = design.matrices
    fractions = (design.a_fraction_bits, design.b_fraction_bits, design.c_fraction_bits)
    made = (
        _diagonal(design),
        _rows(design, "b", fractions[1], design.b_bits),
        _rows(design, "c", fractions[2], design.c_bits),
    )
    rounded = tuple(
        0.0 if given.is_integer(name) else float(abs(integers / 2.0**f - given.real(name)).max())
        for name, integers, f in zip("abc", made, fractions, strict=True)
    )
    lift = design.h_fraction_bits - fractions[1]
    drop = design.h_fraction_bits + fractions[2] - design.y_fraction
    return Fixed(*made, max(1, ceil(design.threshold_exact)), lift, drop, rounded)


def _ends(design: Formats, lift: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Bound each state after any step, from the inputs that push it furthest."""
    limit, fraction = (1 << design.input_bits) - 1, design.a_fraction_bits
    a, b = _diagonal(design), _rows(design, "b", design.b_fraction_bits, design.b_bits)
    ends = []
    for push in (np.minimum(b, 0), np.maximum(b, 0)):
        total = push.sum(axis=1) * limit
        # Beyond this every answer is too wide, and 64 bits would not hold the product.
        if int(abs(total).max()).bit_length() + lift > _STATE_BITS:
            return total << 1, abs(total) + (1 << _STATE_BITS)
        h = np.zeros_like(total)
        for _ in range(design.steps):
            after = (a * h + (1 << fraction - 1) >> fraction) + (total << lift)
            if (after == h).all() or int(abs(after).max()) >> _STATE_BITS:
                h = after
                break
            h = after
        ends.append(h)
    return ends[0], ends[1]


def width(low: int, high: int) -> int:
    """Return the bits of a two's complement number."""
    return max((-low - 1 if low < 0 else 0).bit_length(), high.bit_length()) + 1


def _state_width(design: Formats, lift: int) -> int:
    low, high = _ends(design, lift)
    return width(int(low.min()), int(high.max()))


@lru_cache(maxsize=32)
def h_fraction(design: Formats) -> int:
    """Return the fraction bits of the state where the design leaves them open."""
    extras = range(_MOST_EXTRA, 0, -1)
    extra = next((n for n in extras if _state_width(design, n) <= _STATE_BITS), 0)
    return design.b_fraction_bits + extra


@lru_cache(maxsize=32)
def spans(design: Formats) -> Spans:
    """Return the ranges of a layer's numbers.

    A state's range follows from the inputs that push it furthest, step by step, rounding included;
    what is made of several states is bounded by the ends of each.
    """
    made = fixed(design)
    low, high = _ends(design, made.lift)
    fraction = design.a_fraction_bits
    plus, minus = np.maximum(made.c, 0), np.minimum(made.c, 0)
    half = 1 << made.drop >> 1
    least = int((plus @ low + minus @ high).min()) + half
    most = int((plus @ high + minus @ low).max()) + half
    y = (least >> made.drop, most >> made.drop)
    falls = made.a - (1 << fraction)
    decay = np.concatenate([falls * low, falls * high]) + (1 << fraction - 1)
    product = (min(least, int(decay.min()), 0), max(most, int(decay.max())))
    # A membrane falls without end, and rises by what a spike does not take off.
    kept = top = 0
    for _ in range(design.steps):
        top = max(top, kept + y[1])
        if kept + y[1] < made.threshold:
            kept += y[1]
        else:
            kept = max(made.threshold - 1, kept + y[1] - made.threshold)
    floor = design.steps * y[0]
    return Spans((int(low.min()), int(high.max())), product, y, (floor, top), (floor, kept))


def check_formats(design: Formats) -> None:
    """Raise :exc:`DesignError` for formats that do not go together, or not with the hardware."""
    least = design.b_fraction_bits
    if design.h_fraction_bits < least:
        allowed = f"must be at least {least}, the fraction bits of B"
        raise DesignError("h_fraction", show(design.h_fraction_bits), allowed)
    most = design.h_fraction_bits + design.c_fraction_bits
    if design.y_fraction > most:
        allowed = f"must be at most {most}, the fraction bits of the state and of C"
        raise DesignError("y_fraction", show(design.y_fraction), allowed)
    made = fixed(design)
    if _state_width(design, made.lift) > _STATE_BITS:
        key = "h_fraction" if design.h_fraction is not None and made.lift else "b_fraction"
        value = getattr(design, f"{key}_bits")
        allowed = f"must be less: a state must fit the {_STATE_BITS} bits that are multiplied"
        raise DesignError(key, show(value), allowed)
    found = spans(design)
    for key, name, span in (
        ("h_fraction", "a sum of C h", found.product),
        ("y_fraction", "a membrane", found.u),
    ):
        if width(*span) > _SUM_BITS:
            value = design.h_fraction_bits if key == "h_fraction" else design.y_fraction
            allowed = f"must be less: {name} needs {width(*span)} bits of {_SUM_BITS}"
            raise DesignError(key, show(value), allowed)
