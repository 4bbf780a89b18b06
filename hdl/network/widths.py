"""Bits of the numbers of a network's engine, from its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import bits
from spikeloom.hdl.network.geometry import HALVES
from spikeloom.hdl.network.layers import Layer, Place, Term
from spikeloom.hdl.network.planes import planes_of

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


def _counted(weight: NDArray[np.int64], bits: int, planes: int) -> list[NDArray[np.int64]]:
    """Return what a pass adds for each weight, low bits first, (passes, outputs, inputs)."""
    digits = planes_of(weight, bits).astype(np.int64)
    if len(digits) % planes:
        digits = np.concatenate([digits, digits[-1:]])
    last = len(digits) - planes
    if planes == 1:
        return [-digit if n == last else digit for n, digit in enumerate(digits)]
    return [
        digits[n] + (-2 if n == last else 2) * digits[n + 1] for n in range(0, len(digits), planes)
    ]


def _sums(terms: Sequence[Term], group: int, planes: int) -> tuple[int, int]:
    """Bound a sum at any time while it is added up, for the weights of a group.

    Each bit of each product is taken for what it adds alone, as if it did not go with others. Of a
    table's bits one is set at a time.
    """
    found = []
    for term in terms:
        digits = _counted(term.weight[group], term.bits, planes)
        for n, digit in enumerate(digits):
            for at in term.inputs:
                place = n * planes + at.place + term.shift
                found.append((place, _ends(term, at, at.sign * digit)))
    low = high = least = most = np.zeros(terms[0].weight.shape[1], dtype=np.int64)
    before = 0
    for place, (below, above) in sorted(found, key=lambda one: -one[0]):
        gap, before = max(before - place, 0), place
        low, high = (low << gap) + below, (high << gap) + above
        least, most = np.minimum(least, low), np.maximum(most, high)
    return int(least.min()), int(most.max())


def _ends(term: Term, at: Place, one: NDArray[np.int64]) -> tuple[NDArray[np.int64], ...]:
    """Return the least and the most that a bit of the inputs adds, (outputs,)."""
    table = term.table
    if table is None:
        return np.minimum(one, 0).sum(axis=1), np.maximum(one, 0).sum(axis=1)
    inputs, places = one[:, : table.start], one[:, table]
    low, high = np.minimum(inputs, 0).sum(axis=1), np.maximum(inputs, 0).sum(axis=1)
    if at.plane != term.table_plane:
        return low, high
    return low + np.minimum(places.min(axis=1), 0), high + np.maximum(places.max(axis=1), 0)


def _span(terms: Sequence[Term]) -> tuple[int, int]:
    """Return the range of the whole sum of the terms, of all outputs."""
    low = high = np.zeros(terms[0].weight.shape[1], dtype=np.int64)
    for term in terms:
        weight, bits = term.weight[0], term.inputs
        ends = [sum(at.sign << at.place for at in bits if at.sign == sign) for sign in (-1, 1)]
        inputs = weight
        if term.table is not None:
            inputs, places = weight[:, : term.table.start], weight[:, term.table]
            shift = next(at.place for at in bits if at.plane == term.table_plane)
            low, high = low + (places.min(axis=1) << shift), high + (places.max(axis=1) << shift)
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


def widths(design: NetworkDesign, layers: Sequence[Layer | None], planes: int) -> Widths:
    """Find the widths of an engine that takes so many bits of a weight at once."""
    shift = design.fraction
    sums, drives, membranes, biases, thresholds = [], [], [], [], []
    logits = []
    for layer in layers:
        if layer is None:
            continue
        bias = (int(layer.bias.min()), int(layer.bias.max()))
        biases.append(bias)
        if not layer.target:
            groups = [_sums(layer.terms, group, planes) for group in range(design.readout.groups)]
            many = design.tokens // design.readout.groups * design.steps
            low, high = (many * sum(one[n] for one in groups) for n in (0, 1))
            most = [design.tokens * end for end in bias]
            logits.append((low + min(*most, 0), high + max(*most, 0)))
            continue
        sums.append(_sums(layer.terms, 0, planes))
        span = _span(layer.terms)
        drive = ((span[0] << shift) + bias[0], (span[1] << shift) + bias[1])
        top = int(layer.threshold.max())
        membranes.append(_membrane(design, drive, int(layer.threshold.min()), top))
        drives.append(drive)
        thresholds.append(top)
    return Widths(
        total=_width(sums),
        drive=_width(drives),
        membrane=_width(membranes),
        bias=_width(biases),
        threshold=max(thresholds).bit_length(),
        logit=_width(logits),
    )
