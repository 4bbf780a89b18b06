"""Inferences as the words of both ports, with the answers of the golden model."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.golden.kinds import model
from spikeloom.golden.serial import split
from spikeloom.hdl.kinds import asked
from spikeloom.sim.spikes import draw_spikes

__all__ = ["RATES", "Vectors", "draw_vectors"]

RATES = (0.2, 0.5)
"""Firing rates of the inferences that are drawn."""


@dataclass(frozen=True)
class Vectors:
    """Words of ``width`` bits of tdata with tlast above them, in the order of the stream."""

    sent: list[int]
    wanted: list[int]
    width: int

    def to_hex(self, words: Iterable[int]) -> str:
        """Return one word a line, as ``$readmemh`` reads them."""
        digits = -(-(self.width + 1) // 4)
        return "".join(f"{word:0{digits}x}\n" for word in words)


def draw_vectors(design: Design) -> Vectors:
    """Draw an inference for each of :data:`RATES`, behind what the layer is loaded with.

    Where inferences may be shorter than others, the last is about half as long as the first.
    """
    golden, layer = model(design), asked(design)
    sent, wanted = [*layer.preamble], [*layer.preamble_answers]
    for seed, rate in enumerate(RATES):
        arrays = draw_spikes(design, rate=rate, seed=seed)
        if seed == len(RATES) - 1:
            lengths = [spec for spec in golden.inputs if spec.default is not None]
            arrays |= {spec.name: np.array((spec.low + spec.high) // 2) for spec in lengths}
        sent.append(golden.pack(arrays))
        wanted.append(golden.pack_answer(golden.answer(arrays)))
    return Vectors(_words(design, sent), _words(design, wanted), design.link)


def _words(design: Design, frames: list[NDArray[Any]]) -> list[int]:
    words = []
    for frame in frames:
        words += split(frame, design.beat, design.link).tolist()
        words[-1] |= 1 << design.link
    return words
