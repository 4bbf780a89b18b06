"""Whether an imported network fits a device, what is missing, and the largest part that would."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from numpy.typing import NDArray

from spikeloom.boards.devices import DEVICES
from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.read import DesignError
from spikeloom.hdl.frame.memory_map import blocks_of
from spikeloom.hdl.network.plan import network_plan
from spikeloom.importing.rows import WIDTHS

__all__ = ["Fit"]

_TOTAL: Final = DEVICES["up5k-sg48"].total
_SPRAM_BITS: Final = 256 * 1024
"""Bits of one single-port RAM of the iCE40 UltraPlus."""

_BIAS: Final = 24
"""Bits of a bias or threshold in memory."""


@dataclass(frozen=True)
class Fit:
    """Memory that a network takes, and what the UP5K has.

    Parameters
    ----------
    part : str
        Name of the network.
    design : NetworkDesign
    """

    part: str
    design: NetworkDesign

    @property
    def room(self) -> int:
        """Bits of SPRAM that there are for weights."""
        return _TOTAL.spram * _SPRAM_BITS

    @cached_property
    def needed(self) -> int:
        """Bits of weights, biases and thresholds: without them nothing fits."""
        return self._ends + sum(
            _bits(size, block.weight_bits)
            for size, block in zip(self._sizes, self.design.blocks, strict=True)
        )

    @cached_property
    def largest(self) -> Mapping[int, int]:
        """How many of the first blocks would fit, by the bits of their weights."""
        found = {}
        for bits in WIDTHS:
            count, left = 0, self.room - self._ends
            for size in self._sizes:
                left -= _bits(size, bits)
                if left < 0:
                    break
                count += 1
            found[bits] = count
        return found

    @cached_property
    def memories(self) -> tuple[int, int] | str:
        """SPRAM and EBR of the hardware, or why there is none."""
        try:
            used = blocks_of(network_plan(self.design).memories)
        except DesignError as error:
            return str(error)
        return used.spram, used.ebr

    @property
    def fits(self) -> bool:
        """Whether its memories fit; logic is known when it is built."""
        if self.needed > self.room or isinstance(self.memories, str):
            return False
        return self.memories[0] <= _TOTAL.spram and self.memories[1] <= _TOTAL.ebr

    @property
    def text(self) -> str:
        """Say it in a sentence."""
        room = f"{self.room / 1024:,.0f} kbit of SPRAM on the UP5K"
        needed = f"{self.part}: weights take {self.needed / 1024:,.0f} kbit, of {room}"
        if self.needed > self.room:
            missing = f"{(self.needed - self.room) / 1024:,.0f} kbit too many"
            return f"{needed}: {missing}; {self._part_that_fits}"
        if isinstance(self.memories, str):
            return f"{needed}: there is no hardware for {self.memories}"
        spram, ebr = self.memories
        taken = f"{spram} of {_TOTAL.spram} SPRAM and {ebr} of {_TOTAL.ebr} EBR"
        if self.fits:
            return f"{needed}; the network takes {taken}: its memories fit"
        return f"{needed}; the network takes {taken}: too many"

    @property
    def _part_that_fits(self) -> str:
        most = max(self.largest.values())
        if not most:
            return "not one block fits, at any width"
        bits = max(bits for bits, count in self.largest.items() if count == most)
        width = f"{bits} bit{'s' * (bits > 1)}"
        return f"{most} of {self.design.depth} blocks with weights of {width} would fit"

    @cached_property
    def _sizes(self) -> list[tuple[int, int]]:
        weights = self.design.weights
        return [_entries(weights, f"blocks.{n}.") for n in range(self.design.depth)]

    @cached_property
    def _ends(self) -> int:
        """Bits of encoder and read-out."""
        design = self.design
        return sum(
            _bits(_entries(design.weights, at), bits)
            for at, bits in (
                ("encoder.", design.encoder.weight_bits),
                ("readout.", design.readout.weight_bits),
            )
        )

    def json(self) -> dict[str, Any]:
        """Return the same for programs."""
        found: dict[str, Any] = {
            "part": self.part,
            "needed": self.needed,
            "room": self.room,
            "fits": self.fits,
            "largest": [{"bits": bits, "blocks": count} for bits, count in self.largest.items()],
        }
        if self.needed <= self.room:
            if isinstance(self.memories, str):
                found["unbuilt"] = self.memories
            else:
                found["spram"], found["ebr"] = self.memories
        return found


def _entries(weights: Mapping[str, NDArray[Any]], at: str) -> tuple[int, int]:
    """Count weights, and biases and thresholds, of what begins with a name."""
    own = {name: array.size for name, array in weights.items() if name.startswith(at)}
    rows = sum(size for name, size in own.items() if name.endswith(".weight"))
    return rows, sum(own.values()) - rows


def _bits(entries: tuple[int, int], width: int) -> int:
    return entries[0] * width + entries[1] * _BIAS
