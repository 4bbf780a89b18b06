"""What the section of a position encoding says of the layer that has it."""

from collections.abc import Iterator
from typing import ClassVar, Protocol, Self

from spikeloom.design.read import DesignError, show
from spikeloom.design.values import Section

__all__ = ["Attended", "PositionPart", "check_grid"]


class Attended(Protocol):
    """A layer of attention, as far as its positions look at it."""

    @property
    def tokens(self) -> int:
        """Tokens N."""

    @property
    def head_dim(self) -> int:
        """Channels a head, d."""

    @property
    def heads(self) -> int:
        """Heads H."""

    @property
    def steps(self) -> int:
        """Time steps T."""

    @property
    def similarity(self) -> str:
        """How a query is compared with a key."""

    @property
    def parts(self) -> "tuple[PositionPart, ...]":
        """Sections of the positions in use."""


class PositionPart(Section):
    """Section of a position encoding: its keys, and what follows from them.

    A position overrides what it has. ``NAME`` is its value of ``position``, the name of its section
    and of its modules in :mod:`spikeloom.golden.position` and :mod:`spikeloom.hdl.position`.
    ``CELLS`` are logic cells in score and in state order, for the choice of an order;
    ``BEAT_CELLS`` is set where these are a bit of a beat.
    """

    NAME: ClassVar[str] = ""
    CELLS: ClassVar[tuple[float, float]] = (0, 0)
    BEAT_CELLS: ClassVar[bool] = False

    def check(self, layer: Attended) -> None:
        """Raise :exc:`DesignError` where the keys do not go with the layer."""

    def warnings(self, layer: Attended) -> Iterator[str]:
        """Yield what is exact but may not be what was meant."""
        yield from ()

    def code_bits(self, layer: Attended) -> tuple[int, ...]:
        """Return the bits of the codes that are appended to q and k as channels."""
        return ()

    def biases(self, layer: Attended) -> tuple[int, int] | None:
        """Return the least and the greatest number added to a score; None if none is."""
        return None

    @property
    def has_state(self) -> bool:
        """Whether there is a form in state order: no arbitrary matrix over pairs of tokens."""
        return True

    @property
    def own_heads(self) -> bool:
        """Whether heads differ."""
        return False

    def of_heads(self, heads: slice) -> Self:
        """Return the section for some of the heads."""
        return self

    @property
    def by_step(self) -> bool:
        """Whether time steps differ."""
        return False

    def windows(self, layer: Attended) -> list[int]:
        """Return the half-widths of the windows that state order moves over the tokens."""
        return []


def check_grid(key: str, grid: tuple[int, int], layer: Attended) -> None:
    """Refuse a picture that does not hold as many places as there are tokens."""
    if grid[0] * grid[1] != layer.tokens:
        allowed = f"must hold as many places as there are tokens ({layer.tokens})"
        raise DesignError(key, show(list(grid)), allowed)
