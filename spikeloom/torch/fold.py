"""Batch normalisation, scale and threshold of a neuron folded to integers."""

from dataclasses import dataclass
from math import ceil

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

__all__ = [
    "BIAS_BITS",
    "THRESHOLD",
    "THRESHOLD_BITS",
    "Folded",
    "fold",
    "gain_and_offset",
    "normalisation",
]

THRESHOLD = 1.0
"""Threshold of every trained neuron but those of the attention."""

BIAS_BITS = 17
"""Biases of dense layers are below 2**BIAS_BITS in magnitude."""

THRESHOLD_BITS = 18
"""Thresholds of dense layers are below 2**THRESHOLD_BITS."""

_OFFSET = 0.8


@dataclass(frozen=True)
class Folded:
    """Integers of neurons: fires at ``a >= threshold`` with ``a = w + (x W^T << F) + bias``.

    Attributes
    ----------
    weight : int64 array of shape (out, in)
    bias, threshold : int64 arrays of shape (out,)
    unit : float64 array of shape (out,)
        What 1 of bias and threshold is worth, in units of the real drive.
    """

    weight: NDArray[np.int64]
    bias: NDArray[np.int64]
    threshold: NDArray[np.int64]
    unit: NDArray[np.float64]


def normalisation(channels: int) -> nn.BatchNorm1d:
    """Return batch normalisation that drives a fifth of the neurons behind it to fire.

    With an offset of 0 it would be one in eighteen, and little gradient would pass.
    """
    norm = nn.BatchNorm1d(channels)
    nn.init.constant_(norm.bias, _OFFSET)
    return norm


def gain_and_offset(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return g and h of ``y = g x + h``, float64, as the running statistics have it."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    variance, mean = norm.running_var.double(), norm.running_mean.double()
    gain = norm.weight.double() / torch.sqrt(variance + norm.eps)
    return gain, norm.bias.double() - gain * mean


def fold(
    integers: Tensor,
    scale: Tensor,
    norm: nn.BatchNorm1d,
    *,
    fraction: int,
    bias_bits: int = BIAS_BITS,
    threshold_bits: int = THRESHOLD_BITS,
) -> Folded:
    """Fold ``norm(scale * (x @ integers.T))`` and a LIF neuron of tau 2.

    The real drive is ``y = a acc + h`` a channel and fires where the sum of membrane and drive
    reaches twice the threshold. Divided by ``|a| 2**-F`` it is an integer but for the rounding of h
    and of the threshold; where a is negative the row of weights is negated. An a so near to 0 that
    bias or threshold would not fit their bits is taken for the least that fits: such a channel
    hardly hears its inputs.

    Parameters
    ----------
    integers, scale : Tensor of shape (out, in) and (out, 1)
        As :func:`spikeloom.torch.quantize.quantize` returns them.
    norm : BatchNorm1d
        With its running statistics.
    fraction : int
        F, fraction bits of the membranes.
    bias_bits, threshold_bits : int
        Magnitudes of biases and of thresholds are below these powers of two.
    """
    gain, offset = gain_and_offset(norm)
    slope = gain * scale[:, 0].double()
    least = torch.maximum(
        torch.full_like(slope, 2 * THRESHOLD / ((1 << threshold_bits) - 1)),
        offset.abs() / ((1 << bias_bits) - 1),
    )
    unit = torch.maximum(slope.abs() / 2**fraction, least)
    sign = torch.where(slope < 0, -1.0, 1.0).to(slope.dtype)
    return Folded(
        weight=_array(integers.double() * sign[:, None]),
        bias=_array(torch.round(offset / unit)),
        threshold=np.array([ceil(2 * THRESHOLD / one) for one in unit.tolist()], dtype=np.int64),
        unit=unit.detach().numpy(),
    )


def _array(x: Tensor) -> NDArray[np.int64]:
    array: NDArray[np.int64] = x.detach().numpy().astype(np.int64)
    return array
