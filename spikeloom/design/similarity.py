"""Similarities of a query and a key: three numbers each, and a row for every published one."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

__all__ = ["PAIRS", "SIMILARITIES", "Similarity", "SimilarityRow", "beside", "same_as"]


@dataclass(frozen=True)
class Similarity:
    """What the channels of a query and a key are worth: ones p + zeros z + each c.

    p counts the channels where both bits are set, z those where neither is, and c all channels.
    Everything else follows from these numbers: bounds and sign here, the form in state order in
    :mod:`spikeloom.hdl.attention.state.plan`.

    Parameters
    ----------
    ones : int
        Worth of a pair of ones, in units of 2**-fraction.
    zeros : int
        Worth of a pair of zeros, likewise. ``ones`` and ``zeros`` are not both 0.
    each : int
        What every channel adds, whatever its bits, likewise.
    fraction : int
        Fraction bits of a score, at least 0.

    >>> Similarity(2, 2, -1).bounds(16), Similarity(8, 3, fraction=3).bounds(16)
    ((-16, 16), (0, 128))
    """

    ones: int
    zeros: int = 0
    each: int = 0
    fraction: int = 0

    def __post_init__(self) -> None:
        """Refuse what makes no score."""
        numbers = (self.ones, self.zeros, self.each, self.fraction)
        if not all(type(number) is int for number in numbers) or self.fraction < 0:
            raise TypeError(
                f"Numbers must be integers, with a fraction of at least 0, not {numbers!r}"
            )
        if not self.ones and not self.zeros:
            raise ValueError("Ones or zeros must be another number than 0")

    def bounds(self, channels: int) -> tuple[int, int]:
        """Return the least and the greatest score of ``channels`` channels; both are reached."""
        worth = (0, self.ones, self.zeros)
        return channels * (self.each + min(worth)), channels * (self.each + max(worth))

    @property
    def never_negative(self) -> bool:
        """Whether no score of any number of channels is below zero."""
        return self.bounds(1)[0] >= 0

    @property
    def counts_zeros(self) -> bool:
        """Whether a score is more than the pairs of ones, so that state order sums up all v."""
        return self.zeros != 0 or self.each != 0


@dataclass(frozen=True)
class SimilarityRow:
    """A similarity that design files name.

    Parameters
    ----------
    numbers : Similarity
        Its numbers; with ``alpha``, those of alpha 0.
    alpha : bool
        Whether the key ``alpha`` gives the worth of a pair of zeros, in fractions of 1.
    beside : mapping of str to str
        Positions, and ``"gate"``, that published models have beside it, and the warning that each
        deserves; none where the text is empty.
    """

    numbers: Similarity
    alpha: bool = False
    beside: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two worths of a pair of zeros."""
        if self.alpha and self.numbers.zeros:
            raise ValueError(f"Zeros must be 0 where alpha gives it, not {self.numbers.zeros}")

    def at(self, kappa: int, bits: int) -> Similarity:
        """Return the numbers for an alpha of ``kappa / 2**bits``.

        >>> SimilarityRow(Similarity(1), alpha=True).at(3, 3)
        Similarity(ones=8, zeros=3, each=0, fraction=3)
        """
        how = self.numbers
        if not self.alpha:
            return how
        zeros = kappa << how.fraction
        return Similarity(how.ones << bits, zeros, how.each << bits, how.fraction + bits)


SIMILARITIES: dict[str, SimilarityRow] = {
    "and": SimilarityRow(
        Similarity(1),
        beside={
            "gate": "",
            "gray": "position: gray with and adds popcount(G(i) and G(j)), which depends on the "
            "absolute positions; the encoding is relative with xnor",
            "log": "position: log with and is advised against by its paper, where it diverged on "
            "one data set; our measurements found it to train, and better than with xnor",
        },
    ),
    "xnor": SimilarityRow(Similarity(1, 1), beside={"gray": "", "log": ""}),
    "alpha-xnor": SimilarityRow(Similarity(1), alpha=True),
    "hamming": SimilarityRow(Similarity(2, 2, -1)),
}
"""Rows by the value of the key ``similarity``; a new one needs nothing but its row.

Ref: Spikformer (and); arXiv 2501.16745, equation 9 (xnor); alpha-XNOR, CVPR 2025 (alpha-xnor);
arXiv 2505.10352 (hamming).
"""

PAIRS = Similarity(1)
"""The number of channels that spike in both words, the dot product of bits."""


def same_as(how: Similarity) -> tuple[str, ...]:
    """Return the names of similarities that need no alpha for these numbers, whatever their unit.

    >>> same_as(Similarity(8, 8, fraction=3)), same_as(Similarity(8, 3, fraction=3))
    (('xnor',), ())
    """
    return tuple(
        name
        for name, row in SIMILARITIES.items()
        if not row.alpha and _in_units_of(row.numbers, how.fraction) == how
    )


def _in_units_of(how: Similarity, fraction: int) -> Similarity | None:
    """Write the same numbers with more fraction bits."""
    more = fraction - how.fraction
    if more < 0:
        return None
    ones, zeros, each = (number << more for number in (how.ones, how.zeros, how.each))
    return replace(how, ones=ones, zeros=zeros, each=each, fraction=fraction)


def beside(similarity: str, position: str) -> str:
    """Return what is to be warned of beside a position; empty where nothing is.

    >>> beside("xnor", "gray"), beside("hamming", "gray")
    ('', 'position: gray with hamming is in no published model')
    """
    unpublished = f"position: {position} with {similarity} is in no published model"
    return SIMILARITIES[similarity].beside.get(position, unpublished)
