"""Inferences as the words of both ports, with the answers of the golden model."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.base import Design
from spikeloom.golden.arrays import one_by_one
from spikeloom.golden.kinds import model
from spikeloom.golden.serial import split
from spikeloom.hdl.kinds import asked
from spikeloom.sim.spikes import draw_spikes

__all__ = ["Vectors", "make_vectors"]

_RATES = (0.2, 0.5)


@dataclass(frozen=True)
class Vectors:
    """Words of ``width`` bits of tdata with tlast above them, in the order of the stream."""

    sent: list[int]
    wanted: list[int]
    width: int
    inferences: int

    def to_hex(self, words: Iterable[int]) -> str:
        """Return one word a line, as ``$readmemh`` reads them."""
        digits = -(-(self.width + 1) // 4)
        return "".join(f"{word:0{digits}x}\n" for word in words)


def make_vectors(design: Design, arrays: Mapping[str, NDArray[Any]] | None = None) -> Vectors:
    """Make the words of inferences, behind what the layer is loaded with.

    Parameters
    ----------
    design : Design
        The layer.
    arrays : mapping or None
        Inputs of one or several inferences, as :func:`spikeloom.sim.simulate.simulate` takes them.
        Without them two are drawn, at firing rates of 20 and 50 %; where inferences may be shorter
        than others, the second is about half as long as the first.
    """
    golden, layer = model(design), asked(design)
    batch = _drawn(design) if arrays is None else one_by_one(golden.inputs, arrays)
    sent = [*layer.preamble, *map(golden.pack, batch)]
    answers = [golden.pack_answer(golden.answer(inference)) for inference in batch]
    wanted = [*layer.preamble_answers, *answers]
    return Vectors(_words(design, sent), _words(design, wanted), design.link, len(batch))


def _drawn(design: Design) -> list[dict[str, NDArray[Any]]]:
    drawn = [draw_spikes(design, rate=rate, seed=seed) for seed, rate in enumerate(_RATES)]
    lengths = [spec for spec in model(design).inputs if spec.default is not None]
    drawn[-1] |= {spec.name: np.array((spec.low + spec.high) // 2) for spec in lengths}
    return drawn


def _words(design: Design, frames: list[NDArray[Any]]) -> list[int]:
    words = []
    for frame in frames:
        words += split(frame, design.beat, design.link).tolist()
        words[-1] |= 1 << design.link
    return words
