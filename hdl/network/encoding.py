"""Where the bits of an input lie in the slots of a token, and the weights that meet them there.

A bit of an input that is a weight's 2**b times is a spike with a weight of that many. So bits of
all place values may share a slot, and a linear encoder is a layer as any other: what it takes
depends on which bits share a slot, as a slot takes as many digits as its widest weight.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.hdl.network.program.digits import few, zeros_of

__all__ = ["Encoding", "encoding"]

_Array = NDArray[np.int64]


@dataclass(frozen=True)
class Encoding:
    """Columns of 16 lanes, in the order in which words come: plane after plane, then the place.

    Parameters
    ----------
    words, planes, places : int
        Words of a plane, planes, and words of a token's place.
    offset : int
        Columns in front of the first.
    stride : int
        Columns from a plane to the next.
    columns : int
        Columns of a slot.
    """

    words: int
    planes: int
    places: int
    offset: int
    stride: int
    columns: int

    @property
    def gap(self) -> int:
        """Columns between the words of two planes."""
        return self.stride - self.words

    @property
    def place(self) -> int:
        """Column of the first word of a token's place."""
        return self.offset + (self.planes - 1) * self.stride + self.words

    @property
    def slots(self) -> int:
        """Slots that are begun."""
        return ceil((self.place + self.places) / self.columns)

    def lane(self, plane: int, channel: int | _Array) -> int | _Array:
        """Return the lane of a channel's bit, counted through all slots."""
        return (self.offset + plane * self.stride) * BEAT + channel


def _weight(design: NetworkDesign, at: Encoding) -> _Array:
    """Return the weights of the bits, (outputs, lanes of all slots)."""
    encoder, weights = design.encoder, design.weights
    found = np.zeros((design.dim, at.slots * at.columns * BEAT), dtype=np.int64)
    channels = np.arange(encoder.inputs)
    for plane, (place, sign) in enumerate(encoder.planes):
        found[:, at.lane(plane, channels)] = sign * weights["encoder.weight"] << place
    if at.places:
        lanes = at.place * BEAT + np.arange(design.tokens)
        found[:, lanes] = weights["encoder.position"].T << encoder.position_shift
    return found


def _passes(weight: _Array, lanes: int, planes: int) -> int:
    """Count the passes of all outputs."""
    slots = weight.reshape(len(weight), -1, lanes)
    ends = (slots.min(axis=2), slots.max(axis=2), zeros_of(slots, axis=2))
    each = zip(*(array.reshape(-1).tolist() for array in ends), strict=True)
    return sum(0 if one is None else one.number for one in (few(*ends, planes) for ends in each))


@lru_cache(maxsize=16)
def encoding(design: NetworkDesign) -> tuple[Encoding, _Array | None]:
    """Return where inputs lie, so that their weights take the fewest passes, and these weights.

    Without an encoder every plane begins a slot, and there are no weights.
    """
    encoder, columns = design.encoder, design.folding.lanes // BEAT
    words = ceil(encoder.inputs / BEAT)
    places = ceil(design.tokens / BEAT) if encoder.position == "absolute" else 0
    whole = ceil(words / columns) * columns
    if encoder.kind == "none":
        return Encoding(words, encoder.bits, 0, 0, whole, columns), None
    candidates = [
        Encoding(words, encoder.bits, places, offset, stride, columns)
        for stride, offset in product(range(words, whole + 1), range(columns))
    ]
    weights = [_weight(design, at) for at in candidates]
    counts = [_passes(weight, columns * BEAT, design.folding.planes) for weight in weights]
    best = min(range(len(counts)), key=lambda n: (counts[n], candidates[n].slots, n))
    return candidates[best], weights[best]
