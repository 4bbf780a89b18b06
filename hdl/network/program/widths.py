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


class _Sum:
    """Bounds of a sum at any time while it is added up, for many rows at once.

    A bit of the memories that several passes read is the same in each: it is taken for what all of
    them so far add for it. Of the lanes of a token's place one is set at a time.
    """

    def __init__(self, many: int):
        self._many = many
        self._rows: dict[int, int] = {}
        self._weight: NDArray[np.int64] = np.zeros((0, 0), dtype=np.int64)
        self._single = self._weight.astype(bool)
        self.least = self.most = 0

    def run(self, run: Run, planes: int) -> None:
        """Add the passes of a run, from the beginning for each of its outputs."""
        group = run.group
        assert group is not None
        each = group.slots * group.digits
        for n, one in enumerate(run.passes):
            k = n % each
            if k == 0 and run.fields["begins"]:
                self._rows = {}
                self._weight = np.zeros((0, one.bits.shape[1]), dtype=np.int64)
                self._single = self._weight.astype(bool)
            self._weight <<= group.moves if k == 0 else planes * (k % group.slots == 0)
            self._add(one)
            # A token's place has lanes in several slots, but one of them is set.
            ends = [end(self._weight, 0) for end in (np.minimum, np.maximum)]
            low, high = (int(end.sum(where=~self._single)) for end in ends)
            if self._single.any():
                low += int(ends[0][self._single].min())
                high += int(ends[1][self._single].max())
            self.least = min(self.least, self._many * low)
            self.most = max(self.most, self._many * high)

    def _add(self, one: Reading) -> None:
        """Add what a pass counts for each lane of its row."""
        row = self._rows.setdefault(one.row, len(self._rows))
        if row == len(self._weight):
            empty = np.zeros((1, one.bits.shape[1]), dtype=np.int64)
            self._weight = np.concatenate([self._weight, empty])
            self._single = np.concatenate([self._single, empty.astype(bool)])
            self._single[row, one.single] = True
        for plane, (counts, sign) in enumerate(zip(one.bits, one.signs, strict=True)):
            self._weight[row] += sign * counts.astype(np.int64) << plane


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
