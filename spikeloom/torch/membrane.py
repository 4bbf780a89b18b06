"""Membrane shortcuts: blocks that add drives to a stream, and neurons in front of their layers.

Whoever adds to a channel of the stream counts in the same unit, which is trained. So these layers
have no batch normalisation, whose gains would be units of their own.
"""

from math import ceil, log

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.design.mask import MaskDesign
from spikeloom.torch.attention import Attention
from spikeloom.torch.block import PARTS, Packing
from spikeloom.torch.dense import Dense
from spikeloom.torch.fold import THRESHOLD, Folded
from spikeloom.torch.keys import BlockKeys
from spikeloom.torch.mask import Mask
from spikeloom.torch.quantize import quantize, round_through
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Drive", "MembraneBlock", "MembraneEncoder", "Units"]

_WIDE = (1 << 23) - 1
# A sum of some ternary weights is then about as large as a threshold.
_UNIT = 0.3


class Units(nn.Module):
    """What 1 of a weight is worth on each channel of the stream.

    Parameters
    ----------
    dim : int
        D, the channels.
    fraction : int
        F: after ``eval()`` the stream counts 2**-F of a unit.
    """

    def __init__(self, dim: int, *, fraction: int):
        super().__init__()
        self.fraction = fraction
        self.logarithm = nn.Parameter(torch.full((dim,), log(_UNIT)))

    def forward(self) -> Tensor:
        """Return the units, (D,), so large that thresholds fit the chip."""
        return self.logarithm.exp().clamp(min=2 * THRESHOLD * 2**self.fraction / _WIDE)

    @property
    def steps(self) -> Tensor:
        """What 1 of the stream is worth on the chip, (D,), float64."""
        return self().detach().double() / 2**self.fraction

    @torch.no_grad()
    def thresholds(self) -> NDArray[np.int64]:
        """Return the thresholds of neurons on the stream."""
        steps = self.steps.tolist()
        return np.array([min(ceil(2 * THRESHOLD / step), _WIDE) for step in steps], dtype=np.int64)

    def fire(self, stream: Tensor) -> Tensor:
        """Return the spikes of neurons on the stream, (steps, tokens, D)."""
        if self.training:
            return lif(stream, THRESHOLD)
        return integer_lif(stream, torch.from_numpy(self.thresholds()))


def _count(x: Tensor, steps: Tensor) -> NDArray[np.int64]:
    """Round real numbers to what the stream counts, within the range of biases."""
    whole = torch.round(x.detach().double() / steps).clamp(-_WIDE, _WIDE)
    return whole.numpy().astype(np.int64)


class Drive(nn.Module):
    """Spikes to what they add to the stream: a linear layer.

    Parameters
    ----------
    inputs : int
        Channels of the spikes.
    units : Units
        Those of the stream.
    weight_bits : int
        One of :data:`spikeloom.torch.quantize.WIDTHS`.
    """

    def __init__(self, inputs: int, units: Units, *, weight_bits: int):
        super().__init__()
        self.weight_bits = weight_bits
        dim = len(units.logarithm)
        self.weight = nn.Parameter(torch.empty(dim, inputs).uniform_(-1, 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.zeros(dim))
        # Not a part of this layer: a block has it once.
        self._units = [units]

    def forward(self, x: Tensor) -> Tensor:
        """Return drives (steps, tokens, D) for spikes (steps, tokens, inputs)."""
        if self.training:
            with torch.no_grad():
                integers, scale = quantize(self.weight, self.weight_bits)
                change = integers - self.weight / scale
            return x @ (self.weight / scale + change).T * self._units[0]() + self.bias
        weight, bias = (torch.from_numpy(array).double() for array in self.folded())
        return (x @ weight.T) * 2 ** self._units[0].fraction + bias

    @torch.no_grad()
    def folded(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return weights (D, inputs) and biases (D,)."""
        weight = quantize(self.weight, self.weight_bits)[0].numpy().astype(np.int64)
        return weight, _count(self.bias, self._units[0].steps)


class MembraneEncoder(nn.Module):
    """Integer inputs to the first of the stream, the same in every step or some for each.

    Weights, and entries of the position's table, are rounded to what the stream counts: more
    fraction bits, or fewer bits of the inputs, make them finer.

    Parameters
    ----------
    inputs : int
        Channels of a token.
    units : Units
        Those of the stream.
    most_input : int
        Greatest magnitude of an input.
    tokens, steps, weight_bits, position, most_shift
        As :class:`spikeloom.torch.encoder.Encoder`.
    """

    def __init__(
        self,
        inputs: int,
        units: Units,
        *,
        most_input: int,
        tokens: int,
        steps: int,
        weight_bits: int,
        position: bool,
        most_shift: int = 0,
    ):
        super().__init__()
        self.steps = steps
        self.most_shift = most_shift
        self._units = [units]
        self._most = max(1, 2 ** (weight_bits - 1) - 1)
        self._binary = weight_bits == 1
        # Inputs fill about half of their range.
        self._scale = 2 / most_input
        dim = len(units.logarithm)
        self.weight = nn.Parameter(torch.empty(dim, inputs).uniform_(-1, 1) / inputs**0.5)
        self.bias = nn.Parameter(torch.full((dim,), 0.5))
        self.position = nn.Parameter(0.5 * torch.randn(tokens, dim)) if position else None

    def forward(self, x: Tensor, token: Tensor) -> Tensor:
        """Return the stream (steps, tokens, D), as :class:`spikeloom.torch.encoder.Encoder`."""
        if self.training:
            step = self._units[0].steps.to(x.dtype)
            drive = x @ (self._rounded(step) * step[:, None]).T + self.bias
            if self.position is not None:
                place = step * 2 ** self._shift()
                drive = drive + self._entries(place)[token] * place
            return drive.expand(self.steps, -1, -1)
        numbers = self.folded()
        drive = x @ torch.from_numpy(numbers.weight).double().T + torch.from_numpy(numbers.bias)
        if self.position is not None:
            table, shift = self.position_table()
            drive = drive + torch.from_numpy(table << shift)[token]
        return drive.expand(self.steps, -1, -1)

    @torch.no_grad()
    def folded(self) -> Folded:
        """Return the integers of the layer; there are no neurons that have the thresholds."""
        units = self._units[0]
        weight = self._rounded(units.steps).numpy().astype(np.int64)
        bias, unit = _count(self.bias, units.steps), units.steps.numpy()
        return Folded(weight=weight, bias=bias, threshold=units.thresholds(), unit=unit)

    @torch.no_grad()
    def position_table(self) -> tuple[NDArray[np.int64], int]:
        """Return the table (N, D) and position_shift."""
        shift = self._shift()
        entries = self._entries(self._units[0].steps * 2**shift)
        return entries.numpy().astype(np.int64), shift

    def _rounded(self, step: Tensor) -> Tensor:
        """Return the weights in steps of the stream, rounded, with their gradient."""
        weight = self.weight.to(step.dtype) * self._scale / step[:, None]
        if self._binary:
            clipped = weight.clamp(-1, 1)
            return clipped + (torch.where(weight < 0, -1.0, 1.0) - clipped).detach()
        return round_through(weight, -self._most, self._most)

    def _entries(self, place: Tensor) -> Tensor:
        assert self.position is not None
        entries = self.position.to(place.dtype) / place
        if self._binary:
            return round_through(entries, -1, 1)
        return round_through(entries, -self._most, self._most)

    @torch.no_grad()
    def _shift(self) -> int:
        """Return the least power of two with which all entries fit, at most the greatest."""
        assert self.position is not None
        most = (self.position.double().abs() / self._units[0].steps).max() / (self._most + 0.499)
        needed = 0 if most <= 1 else int(torch.ceil(torch.log2(most)))
        return min(needed, self.most_shift)


class MembraneBlock(nn.Module):
    """Attention and MLP on the spikes of a stream, each of which adds to it.

    Parameters
    ----------
    keys : BlockKeys
        Its section of the design.
    units : Units
        Those of the stream.
    """

    def __init__(self, keys: BlockKeys, units: Units):
        super().__init__()
        dim, hidden, bits = keys.attention.dim, keys.hidden, keys.weight_bits
        self._units = [units]
        self.layers = keys.layers
        for name in keys.layers:
            if name in ("project", "contract"):
                inputs = dim if name == "project" else hidden
                layer: nn.Module = Drive(inputs, units, weight_bits=bits)
            else:
                outputs = hidden if name == "expand" else dim
                layer = Dense(dim, outputs, weight_bits=bits, fraction=units.fraction)
            setattr(self, name, layer)
        design = keys.attention
        self.attention = Mask(design) if isinstance(design, MaskDesign) else Attention(design)

    def forward(self, stream: Tensor, pack: Packing) -> Tensor:
        """Return the stream behind the block, (steps, real tokens, D)."""
        fire = self._units[0].fire
        x = fire(stream)
        spikes = (pack.scatter(getattr(self, name)(x)) for name in self.layers[:-3])
        stream = stream + self.project(pack.gather(self.attention(*spikes)))
        return stream + self.contract(self.expand(fire(stream)))

    @torch.no_grad()
    def integers(self) -> dict[str, NDArray[np.int64]]:
        """Return the arrays of its layers by their names."""
        thresholds = self._units[0].thresholds()
        arrays = {"input.threshold": thresholds, "mlp.threshold": thresholds}
        for name in self.layers:
            layer = getattr(self, name)
            if isinstance(layer, Drive):
                arrays[f"{name}.weight"], arrays[f"{name}.bias"] = layer.folded()
            else:
                folded = layer.folded()
                arrays |= {f"{name}.{part}": getattr(folded, part) for part in PARTS}
        return arrays
