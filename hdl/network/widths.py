"""Bits of the numbers of a network's engine, from its weights."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.design.network.sections import DENSE
from spikeloom.golden.network.ranges import encoder_range, sum_range
from spikeloom.golden.ranges import bits
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


def _sums(
    parts: "list[tuple[NDArray[np.int64], int | None]]",
    bits: int,
    planes: int,
    inputs: Sequence[tuple[int, int]] = ((0, 1),),
) -> tuple[int, int]:
    """Bound a sum of inputs of several bits, times weights, at any time while it is added up.

    Each bit of each product is taken for what it adds alone, as if it did not go with others.
    Weights are (outputs, inputs); those of a table, of whose inputs one is set at a time, come with
    the only bit in which it is. Bits of the inputs have a place value and a sign.
    """
    counted = [(_counted(weight, bits, planes), only) for weight, only in parts]
    low = high = least = most = np.zeros(len(parts[0][0]), dtype=np.int64)
    before = 0
    count = range(len(counted[0][0]))
    pairs = [(n * planes + bit[0], n, k) for n in count for k, bit in enumerate(inputs)]
    for place, n, bit in sorted(pairs, reverse=True):
        gap, before = max(before - place, 0), place
        low, high = low << gap, high << gap
        for passes, only in counted:
            one = inputs[bit][1] * passes[n]
            if only is None:
                low = low + np.minimum(one, 0).sum(axis=1)
                high = high + np.maximum(one, 0).sum(axis=1)
            elif only == bit:
                low = low + np.minimum(one.min(axis=1), 0)
                high = high + np.maximum(one.max(axis=1), 0)
        least, most = np.minimum(least, low), np.maximum(most, high)
    return int(least.min()), int(most.max())


def widths(design: NetworkDesign, planes: int) -> Widths:
    """Find the widths of a network whose engine takes so many bits of a weight at once."""
    weights, shift, encoder = design.weights, design.fraction, design.encoder
    first: list[tuple[NDArray[np.int64], int | None]] = [(weights["encoder.weight"], None)]
    if encoder.position == "absolute":
        first.append((weights["encoder.position"].T, encoder.position_plane))
    sums = [_sums(first, encoder.weight_bits, planes, encoder.planes)]
    layers = [("encoder", encoder_range(design), shift - encoder.fraction)]
    for n, block in enumerate(design.blocks):
        for name in DENSE:
            weight = weights[f"blocks.{n}.{name}.weight"]
            sums.append(_sums([(weight, None)], block.weight_bits, planes))
            layers.append((f"blocks.{n}.{name}", sum_range(weight), 0))
    drives, membranes, biases, thresholds = [], [], [], []
    for at, span, lift in layers:
        bias, threshold = weights[f"{at}.bias"] << lift, weights[f"{at}.threshold"] << lift
        ends = (int(bias.min()), int(bias.max()))
        drive = ((span[0] << shift) + ends[0], (span[1] << shift) + ends[1])
        top = int(threshold.max())
        membranes.append((2 * min(drive[0], 0) - 1, max(drive[1], 0) + top))
        drives.append(drive)
        biases.append(ends)
        thresholds.append(top)
    readout = weights["readout.bias"]
    biases.append((int(readout.min()), int(readout.max())))
    many = design.tokens // design.readout.groups * design.steps
    parts = [
        _sums([(part, None)], design.readout.weight_bits, planes)
        for part in weights["readout.weight"]
    ]
    low, high = many * sum(part[0] for part in parts), many * sum(part[1] for part in parts)
    most = [design.tokens * end for end in biases[-1]]
    return Widths(
        total=_width(sums),
        drive=_width(drives),
        membrane=_width(membranes),
        bias=_width(biases),
        threshold=max(thresholds).bit_length(),
        logit=_width([(low + min(*most, 0), high + max(*most, 0))]),
    )
