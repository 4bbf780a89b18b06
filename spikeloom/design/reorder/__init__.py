"""Reorderings: beats come in one order and go out in another, so that layers fit each other."""

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, Self

from pydantic import Field, model_validator

from spikeloom.design.base import Design
from spikeloom.design.read import DesignError, show
from spikeloom.design.shape import HeadKeys
from spikeloom.errors import nearest

__all__ = ["Order", "OrderPart", "ReorderDesign"]

_ORDER = re.compile(r"([\w ]*)((?:\([\w :]+\) *)+)")
_ROWS = {"channels": "channel", "tokens": "token"}
_BEATS = Literal[1, 2, 4, 8, 16, 32, 64]
_EXAMPLE = 'such as "head step (k: channel tokens) (v: token channels)"'


@dataclass(frozen=True)
class OrderPart:
    """Arrays in an order of beats.

    Parameters
    ----------
    arrays : tuple of str
        Its array; or several, whose channels stand side by side in a row.
    loops : tuple of str
        Axes inside of those of the order, outermost first; ``"beat"`` is that of a row's beats.
    row : str
        Axis of the values that share beats.
    """

    arrays: tuple[str, ...]
    loops: tuple[str, ...]
    row: str


@dataclass(frozen=True)
class Order:
    """The order of the beats of a stream: loops, and in every turn of them parts.

    >>> order = Order.read("step token (q: channels) (k: channels)")
    >>> order.loops, [part.arrays for part in order.parts], order.parts[0].loops
    (('step', 'token'), [('q',), ('k',)], ('beat',))
    """

    loops: tuple[str, ...]
    parts: tuple[OrderPart, ...]

    @classmethod
    def read(cls, text: str) -> "Order":
        """Read an order; :exc:`ValueError` says what is allowed."""
        found = _ORDER.fullmatch(" ".join(text.split()))
        if found is None:
            raise ValueError(f"must be axes and parts in parentheses, {_EXAMPLE}")
        outer, row = _loops(found[1].split())
        parts = []
        for said in re.findall(r"\(([^)]*)\)", found[2]):
            names, _, inner = said.partition(":")
            loops, own = _loops(inner.split())
            rows = [name for name in (row, own) if name]
            if len(rows) != 1 or not names.split():
                raise ValueError(
                    f"must name arrays and say once whose beats share values, channels or tokens, "
                    f"{_EXAMPLE}"
                )
            parts.append(OrderPart(tuple(names.split()), loops, rows[0]))
        return cls(outer, tuple(parts))

    @property
    def arrays(self) -> tuple[str, ...]:
        """Arrays in the order in which they come."""
        return tuple(name for part in self.parts for name in part.arrays)

    def axes(self, part: OrderPart) -> tuple[str, ...]:
        """Return all loops around the beats of a part."""
        return (*self.loops, *part.loops)


def _loops(words: list[str]) -> tuple[tuple[str, ...], str]:
    """Put ``"beat"`` for the word that names a row, and return that row; empty without one."""
    rows = [_ROWS[word] for word in words if word in _ROWS]
    if len(rows) > 1:
        raise ValueError("must say once whose beats share values, channels or tokens")
    return tuple("beat" if word in _ROWS else word for word in words), "".join(rows)


class ReorderDesign(HeadKeys, Design):
    """A layer that computes nothing: the beats of an array, or several, change their order.

    >>> keys = {"tokens": 4, "dim": 6, "heads": 2, "steps": 1, "input": "step token (q: channels)"}
    >>> ReorderDesign.from_dict({**keys, "output": "head step (q: token channel)"})
    Traceback (most recent call last):
    spikeloom.design.read.DesignError: output: 'head step (q: token channel)': must name arrays \
and say once whose beats share values, channels or tokens, such as "head step (k: channel tokens) \
(v: token channels)"
    """

    kind: Literal["reorder"] = Field(default="reorder", description="What the file describes.")
    heads: int = Field(
        default=1, ge=1, le=8192, description="H, the parts that the channels of an array have."
    )
    input: str = Field(
        max_length=400,
        description="Order of the beats in: axes, the first outermost, then parts in parentheses, "
        "each arrays, a colon and axes; channels or tokens is the row whose values share beats.",
    )
    output: str = Field(max_length=400, description="Order of the beats out, likewise.")
    input_beat: _BEATS | None = Field(
        default=None, description="Low bits of a beat in that are used. Default: target.beat."
    )
    output_beat: _BEATS | None = Field(
        default=None, description="Low bits of a beat out that are used. Default: target.beat."
    )
    levels: int = Field(
        default=1, ge=1, le=65535, description="Greatest value: 1 for spikes, more in bit planes."
    )
    chunk: int = Field(
        default=1, ge=1, le=64, description="Time steps of a chunk; the axes are chunk and step."
    )
    places: int = Field(
        default=1, ge=1, le=64, description="Heads of a group; the axes are group and place."
    )
    buffers: Literal["auto", 1, 2] = Field(
        default="auto",
        description="Banks: with two, beats come in while others go out. auto: two where they fit.",
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.steps % self.chunk:
            raise DesignError("chunk", show(self.chunk), f"must divide steps ({self.steps})")
        if self.heads % self.places:
            raise DesignError("places", show(self.places), f"must divide heads ({self.heads})")
        for key in ("input_beat", "output_beat"):
            if (getattr(self, key) or 1) > self.beat:
                allowed = f"must be at most target.beat ({self.beat})"
                raise DesignError(key, show(getattr(self, key)), allowed)
        orders = {}
        for key in ("input", "output"):
            try:
                orders[key] = Order.read(getattr(self, key))
                self._check_order(orders[key])
            except ValueError as error:
                raise DesignError(key, repr(getattr(self, key)), str(error)) from None
        there, here = (set(orders[key].arrays) for key in ("input", "output"))
        if there != here:
            allowed = f"must have the arrays of input ({', '.join(orders['input'].arrays)})"
            raise DesignError("output", repr(self.output), allowed)
        for key, order, beat in (
            ("input", orders["input"], self.beat_in),
            ("output", orders["output"], self.beat_out),
        ):
            self._check_rows(key, order, beat)
        return self

    def _check_order(self, order: Order) -> None:
        """Raise :exc:`ValueError` for an order that does not go over all beats once."""
        if len(set(order.arrays)) != len(order.arrays):
            raise ValueError("must name every array once")
        if len(order.parts) > 1 and any(len(part.arrays) > 1 for part in order.parts):
            raise ValueError("must have arrays side by side in one part, or each in its own")
        for part in order.parts:
            axes = order.axes(part)
            for axis in axes:
                if axis not in (*self.sizes, "beat"):
                    known = (*self.sizes, *_ROWS)
                    raise ValueError(f"must not have {axis!r}: axes here are {', '.join(known)}"
                                     f"{nearest(axis, known)}")  # fmt: skip
            if len(set(axes)) != len(axes) or part.row in axes:
                raise ValueError("must go over every axis once")
            cut = {"head"} if self.places == 1 else {"group", "place"}
            needed = {axis for axis, size in self.sizes.items() if size > 1}
            needed -= {part.row, *(set() if cut & set(axes) else cut)}
            if missing := sorted(needed - set(axes)):
                raise ValueError(f"must go over {', '.join(missing)} for {' '.join(part.arrays)}")
            alike = self.cuts(order, part) == self.cuts(order, order.parts[0])
            if not alike and {"channel", "beat"} & set(order.loops):
                raise ValueError("must cut channels into heads in all parts or in none")
            if len(part.arrays) > 1 and (cut & set(axes) or part.row != "channel"):
                raise ValueError("must have whole rows of channels where arrays are side by side")

    @property
    def sizes(self) -> dict[str, int]:
        """Sizes of the axes by name; of channels, those of a head."""
        steps = {"step": self.steps}
        if self.chunk > 1:
            steps = {"chunk": self.steps // self.chunk, "step": self.chunk}
        heads = {"head": self.heads}
        if self.places > 1:
            heads = {"group": self.heads // self.places, "place": self.places}
        sizes = {**steps, "token": self.tokens, **heads, "channel": self.head_dim}
        return sizes | ({"bit": self.bits} if self.bits > 1 else {})

    @property
    def bits(self) -> int:
        """Bit planes of a value."""
        return self.levels.bit_length()

    @property
    def beat_in(self) -> int:
        """Used bits of a beat in."""
        return self.input_beat or self.beat

    @property
    def beat_out(self) -> int:
        """Used bits of a beat out."""
        return self.output_beat or self.beat

    @property
    def word(self) -> int:
        """Bits that are stored and read at once: those of the narrower beat."""
        return min(self.beat_in, self.beat_out)

    @cached_property
    def order_in(self) -> Order:
        """Order of the beats in."""
        return Order.read(self.input)

    @cached_property
    def order_out(self) -> Order:
        """Order of the beats out."""
        return Order.read(self.output)

    @property
    def arrays(self) -> tuple[str, ...]:
        """Arrays, as their channels stand side by side in x and y: in the order of the input."""
        return self.order_in.arrays

    def cuts(self, order: Order, part: OrderPart) -> bool:
        """Whether rows and loops of channels are those of a head."""
        return any(axis in ("head", "group", "place") for axis in order.axes(part))

    @property
    def segment(self) -> int:
        """Channels that stay together in words: those of a head where one side cuts rows so."""
        orders = (Order.read(self.input), Order.read(self.output))
        cut = any(self.cuts(order, part) for order in orders for part in order.parts)
        return self.head_dim if cut else self.dim

    def rows(self, order: Order, part: OrderPart) -> tuple[int, int]:
        """Values of a row in the beats of a side, and in the words that are stored."""
        if part.row == "token":
            return self.tokens, self.tokens
        whole = self.head_dim if self.cuts(order, part) else self.dim
        return len(part.arrays) * whole, self.segment

    def regroups(self, order: Order, beat: int) -> tuple[int, int] | None:
        """Say which rows become which where a side has other beats than words that are stored.

        None where every beat is a word. Rows that both sides have in whole beats count as one beat.
        """
        found = self._regroups(order, beat)
        return next(iter(found)) if found else None

    def _regroups(self, order: Order, beat: int) -> set[tuple[int, int]]:
        word, found = self.word, set()
        for part in order.parts:
            row, stored = self.rows(order, part)
            if beat == word and (row == stored or stored % word == 0):
                found.add((0, 0))
            elif row % beat == 0 and stored % beat == 0:
                found.add((beat, beat))
            else:
                found.add((row, stored))
        return set() if found == {(0, 0)} else found

    def _check_rows(self, key: str, order: Order, beat: int) -> None:
        """Refuse rows that cannot be cut into words as they come."""
        found = self._regroups(order, beat)
        last = all(order.axes(part)[-1] == "beat" for part in order.parts)
        if not found or (last and len(found) == 1):
            return
        sides = f"beats of {beat} bits, words of {self.word}, {self.segment} channels together"
        allowed = "must have rows that are a whole number of beats, or one kind of row, innermost"
        raise DesignError(key, repr(getattr(self, key)), f"{allowed} ({sides})")

    @property
    def same(self) -> bool:
        """Whether beats come and go in the same order, as far as the orders say it."""
        return self.beat_in == self.beat_out and self._plain(self.order_in) == self._plain(
            self.order_out
        )

    @property
    def passes(self) -> bool:
        """Whether nothing is stored: the orders are one, and every beat is a word."""
        return self.same and self.regroups(self.order_in, self.beat_in) is None

    def _plain(self, order: Order) -> list[tuple[str, ...]]:
        """Say an order without axes of size 1, arrays side by side one after the other."""
        said = []
        single = {axis for axis, size in self.sizes.items() if size == 1}
        aligned = self.dim % self.word == 0
        for part in order.parts:
            names = part.arrays
            inner = [axis for axis in part.loops if axis not in single]
            outer = [axis for axis in order.loops if axis not in single]
            if len(order.parts) == 1:
                outer, inner = outer + inner, []
                if len(names) > 1 and aligned and outer[-1:] == ["beat"]:
                    outer, inner = outer[:-1], ["beat"]
                elif len(names) > 1:
                    names = (" ".join(names),)
            said += [(name, part.row, *outer, "/", *inner) for name in names]
        return said

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is exact but may not be what was meant, one sentence each, with the reason."""
        if not self.same:
            return ()
        return ("input and output: are the same order: the layers fit without a reordering",)
