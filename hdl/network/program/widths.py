"""Bits of the numbers of a network's engine, from its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import bits
from spikeloom.hdl.network.geometry import HALVES
from spikeloom.hdl.network.program.assemble import Run
from spikeloom.hdl.network.program.layers import Layer, Term
from spikeloom.hdl.network.program.passes import Reading

__all__ = ["Widths", "widths"]

_ENDS = (np.minimum, np.maximum)


@dataclass(frozen=True)
class Widths:
    """Bits of numbers; all but thresholds have a sign.

    Parameters
    ----------
    total : int
        Sum of a linear layer, at any time while it is added up.
    drive : int
        Sum with fraction bits, and bias.
    membrane : int
        Drive and membrane together.
    bias, threshold : int
        Parameters.
    logit : int
        Number of the read-out, at any time while it is added up.
    """

    total: int
    drive: int
    membrane: int
    bias: int
    threshold: int
    logit: int


def _width(spans: "list[tuple[int, int]]") -> int:
    low = min(min(span) for span in spans)
    high = max(max(span) for span in spans)
    width, signed = bits(low, high)
    return width if signed else width + 1


def _contribution(one: Reading) -> tuple[int, int]:
    """Return the least and the most that a pass adds, whatever the memories hold.

    Each bit is taken for what it adds alone, as if it did not go with others; of the lanes of a
    token's place one is set at a time.
    """
    counted: NDArray[np.int64] = np.zeros(one.bits.shape[1], dtype=np.int64)
    for plane, (counts, sign) in enumerate(zip(one.bits, one.signs, strict=True)):
        counted += sign * counts.astype(np.int64) << plane
    single = counted[one.single]
    low, high = (int(end(counted, 0).sum() - end(single, 0).sum()) for end in _ENDS)
    return low + int(single.min(initial=0)), high + int(single.max(initial=0))


class _Sum:
    """Bounds of a sum at any time while it is added up, for many rows at once."""

    def __init__(self, many: int):
        self._many = many
        self._low = self._high = self.least = self.most = 0

    def run(self, run: Run, planes: int) -> None:
        """Add the passes of a run, from the beginning for each of its outputs."""
        group = run.group
        assert group is not None
        each = group.slots * group.digits
        for n, one in enumerate(run.passes):
            k = n % each
            if k == 0 and run.fields["begins"]:
                self._low = self._high = 0
            gap = group.moves if k == 0 else planes * (k % group.slots == 0)
            low, high = _contribution(one)
            self._low = (self._low << gap) + self._many * low
            self._high = (self._high << gap) + self._many * high
            self.least, self.most = min(self.least, self._low), max(self.most, self._high)


def _span(terms: Sequence[Term]) -> tuple[int, int]:
    """Return the range of the whole sum of the terms, of all outputs."""
    low = high = np.zeros(terms[0].weight.shape[1], dtype=np.int64)
    for term in terms:
        weight, bits = term.weight[0], term.inputs
        ends = [sum(at.sign << at.place for at in bits if at.sign == sign) for sign in (-1, 1)]
        inputs = weight
        if term.table is not None:
            # Of these lanes one is set.
            inputs, places = np.delete(weight, term.table, axis=1), weight[:, term.table]
            low = low + (places.min(axis=1) << term.shift)
            high = high + (places.max(axis=1) << term.shift)
        products = np.stack([inputs * end for end in ends])
        low = low + (products.min(axis=0).sum(axis=1) << term.shift)
        high = high + (products.max(axis=0).sum(axis=1) << term.shift)
    return int(low.min()), int(high.max())


def _membrane(
    design: NetworkDesign, drive: tuple[int, int], least: int, most: int
) -> tuple[int, int]:
    """Bound drive and membrane together, for thresholds between two ends."""
    unit = NeuronSpec.from_design(design)
    if unit == HALVES:
        return 2 * min(drive[0], 0) - 1, max(drive[1], 0) + most
    low = high = bottom = top = 0
    for _ in range(design.steps):
        below, above = low + drive[0], high + drive[1]
        bottom, top = min(bottom, below), max(top, above)
        left = max(0, min(above, most - 1))
        if unit.reset == "soft":
            left = max(left, above - least + int(unit.up))
        low, high = unit.divide(min(below, 0)), unit.divide(left)
    return bottom, top + unit.rise


def widths(design: NetworkDesign, layers: Sequence[Layer | None], runs: Sequence[Run]) -> Widths:
    """Find the widths of an engine that takes these passes."""
    shift, planes = design.fraction, design.folding.planes
    drives, membranes, biases, thresholds = [], [], [], []
    numbers = _Sum(design.tokens // design.readout.groups * design.steps)
    sums, ends = _Sum(1), [0]
    for run in runs:
        if run.layer is not None:
            (sums if run.layer.target else numbers).run(run, planes)
    for layer in layers:
        if layer is None:
            continue
        bias = (int(layer.bias.min()), int(layer.bias.max()))
        biases.append(bias)
        if not layer.target:
            ends += [design.tokens * end for end in bias]
            continue
        span = _span(layer.terms)
        drive = ((span[0] << shift) + bias[0], (span[1] << shift) + bias[1])
        top = int(layer.threshold.max())
        membranes.append(_membrane(design, drive, int(layer.threshold.min()), top))
        drives.append(drive)
        thresholds.append(top)
    return Widths(
        total=_width([(sums.least, sums.most)]),
        drive=_width(drives),
        membrane=_width(membranes),
        bias=_width(biases),
        threshold=max(thresholds).bit_length(),
        logit=_width([(numbers.least + min(ends), numbers.most + max(ends))]),
    )
