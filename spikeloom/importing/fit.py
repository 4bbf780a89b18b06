"""Whether the weights of an imported network fit a device, and the largest part that would."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from numpy.typing import NDArray

from spikeloom.boards.devices import DEVICES
from spikeloom.importing.rows import WIDTHS

__all__ = ["Fit", "fit_of"]

_DEVICE: Final = "up5k-sg48"
_SPRAM_BITS: Final = 256 * 1024
"""Bits of one single-port RAM of the iCE40 UltraPlus."""

_BIAS: Final = 24
"""Bits of a bias or threshold in memory."""


@dataclass(frozen=True)
class Fit:
    """Memory that weights, biases and thresholds take, and what there is.

    Parameters
    ----------
    part : str
        Name of the network.
    needed, room : int
        Bits.
    largest : tuple of tuple of int
        Bits of a weight, and how many of the first blocks fit with it, beside encoder and read-out.
    blocks : int
        How many there are.
    """

    part: str
    needed: int
    room: int
    largest: tuple[tuple[int, int], ...]
    blocks: int

    @property
    def fits(self) -> bool:
        """Whether there is room."""
        return self.needed <= self.room

    @property
    def text(self) -> str:
        """Say it in a sentence."""
        room = f"{self.room / 1024:,.0f} kbit of SPRAM on the UP5K"
        needed = f"{self.part}: weights take {self.needed / 1024:,.0f} kbit"
        if self.fits:
            return f"{needed}, of {room}: they fit"
        missing = f"{(self.needed - self.room) / 1024:,.0f} kbit too many"
        parts = [(bits, count) for bits, count in self.largest if count]
        if not parts:
            return f"{needed}, of {room}: {missing}; not one block fits, at any width"
        most = max(count for _, count in parts)
        bits = max(bits for bits, count in parts if count == most)
        each = f"{most} of {self.blocks} blocks with weights of {bits} bit{'s' * (bits > 1)}"
        return f"{needed}, of {room}: {missing}; {each} would fit"


def fit_of(part: str, design: Mapping[str, Any], weights: Mapping[str, NDArray[Any]]) -> Fit:
    """Count the memory of a network.

    Passes, positions and padding of its program come on top: a network that does not fit here does
    not fit at all.
    """
    blocks: Sequence[Mapping[str, Any]] = design["blocks"]
    sizes = [_entries(weights, f"blocks.{n}.") for n in range(len(blocks))]
    ends = sum(
        _bits(_entries(weights, f"{at}."), design[at].get("weight_bits", 8))
        for at in ("encoder", "readout")
    )
    room = DEVICES[_DEVICE].total.spram * _SPRAM_BITS
    needed = ends + sum(
        _bits(size, block["weight_bits"]) for size, block in zip(sizes, blocks, strict=True)
    )
    largest = []
    for bits in WIDTHS:
        count, left = 0, room - ends
        for size in sizes:
            left -= _bits(size, bits)
            if left < 0:
                break
            count += 1
        largest.append((bits, count))
    return Fit(part, needed, room, tuple(largest), len(blocks))


def _entries(weights: Mapping[str, NDArray[Any]], at: str) -> tuple[int, int]:
    """Count weights, and biases and thresholds, of what begins with a name."""
    own = {name: array.size for name, array in weights.items() if name.startswith(at)}
    rows = sum(size for name, size in own.items() if name.endswith(".weight"))
    return rows, sum(own.values()) - rows


def _bits(entries: tuple[int, int], width: int) -> int:
    return entries[0] * width + entries[1] * _BIAS
