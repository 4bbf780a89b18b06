"""Integer inputs to spikes: the first layer, with an absolute position, or none."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.torch.fold import THRESHOLD, Folded, fold, normalisation
from spikeloom.torch.quantize import quantize, round_through
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Encoder", "Inputs"]

# Bits that a weight of eight may lose to a position with entries far beyond the weights.
_MOST_COARSE = 4


class Inputs(nn.Module):
    """No encoder: inputs of each step are what the first block takes."""

    position = None

    def forward(self, x: Tensor, token: Tensor) -> Tensor:
        """Return x, (steps, tokens, D)."""
        return x


class Encoder(nn.Module):
    """Linear, BatchNorm, position, LIF neuron; the same drive in every step, or one for each.

    Parameters
    ----------
    inputs, outputs : int
        Channels of a token, and D.
    tokens : int
        N, the most tokens.
    steps : int
        T, the time steps.
    weight_bits : int
        One of :data:`spikeloom.torch.quantize.WIDTHS`.
    position : bool
        Whether a learned table (N, D) is added before the neuron. Its entries have the bits of a
        weight, in units of a power of two of the drive's unit, the same power for all channels, and
        in training as well. A channel whose entries need a greater power than ``most_shift`` gets a
        coarser unit: its weights of eight bits lose up to four. What still does not fit is clipped.
    most_shift : int
        Greatest exponent of that power.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        tokens: int,
        steps: int,
        weight_bits: int,
        position: bool,
        most_shift: int = 0,
    ):
        super().__init__()
        self.steps = steps
        self.weight_bits = weight_bits
        self.most_shift = most_shift
        self._most = max(1, 2 ** (weight_bits - 1) - 1)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-1, 1) / inputs**0.5)
        self.norm = normalisation(outputs)
        self.position = nn.Parameter(0.5 * torch.randn(tokens, outputs)) if position else None

    def forward(self, x: Tensor, token: Tensor) -> Tensor:
        """Return spikes (steps, tokens, outputs).

        Parameters
        ----------
        x : Tensor of shape (1 or steps, tokens, inputs)
            Real tokens of all sequences; with direct coding once for all steps.
        token : int64 Tensor of shape (tokens,)
            Which token of its sequence each is, from 0.
        """
        if self.training:
            integers, scale, shift = self._quantized()
            weight = self.weight + (integers * scale - self.weight).detach()
            drive = self.norm((x @ weight.T).flatten(0, 1)).unflatten(0, x.shape[:2])
            if self.position is not None:
                drive = drive + self._rounded_position(integers, scale, shift)[token]
            return lif(drive.expand(self.steps, -1, -1), THRESHOLD)
        numbers = self.folded()
        drive = x @ torch.from_numpy(numbers.weight).double().T
        drive = drive + torch.from_numpy(numbers.bias)
        if self.position is not None:
            table, shift = self.position_table()
            drive = drive + torch.from_numpy(table << shift)[token]
        threshold = torch.from_numpy(numbers.threshold)
        return integer_lif(drive.expand(self.steps, -1, -1), threshold)

    @torch.no_grad()
    def folded(self) -> Folded:
        """Return the integers of the layer; membranes have no fraction bits."""
        integers, scale, _ = self._quantized()
        return self._fold(integers, scale)

    @torch.no_grad()
    def position_table(self) -> tuple[NDArray[np.int64], int]:
        """Return the table (N, D), of eight bits from -127 to 127, and position_shift."""
        assert self.position is not None
        integers, scale, shift = self._quantized()
        step = torch.from_numpy(self._fold(integers, scale).unit) * 2**shift
        entries = torch.round(self.position.double() / step).clamp(-self._most, self._most)
        return entries.numpy().astype(np.int64), shift

    def _fold(self, integers: Tensor, scale: Tensor) -> Folded:
        return fold(integers, scale, self.norm, fraction=0, bias_bits=23, threshold_bits=23)

    @torch.no_grad()
    def _quantized(self) -> tuple[Tensor, Tensor, int]:
        """Return integers and scales of the weights, and position_shift."""
        integers, scale = quantize(self.weight, self.weight_bits)
        if self.position is None:
            return integers, scale, 0
        unit = torch.from_numpy(self._fold(integers, scale).unit)
        most = self.position.double().abs().amax(dim=0) / unit
        needed = torch.ceil(torch.log2(most / (self._most + 0.499))).clamp(min=0)
        if self.weight_bits == 8:
            coarse = (needed - self.most_shift).clamp(0, _MOST_COARSE)
            scale = scale * 2 ** coarse[:, None].to(scale.dtype)
            integers = torch.round(self.weight / scale)
        return integers, scale, min(int(needed.max()), self.most_shift)

    def _rounded_position(self, integers: Tensor, scale: Tensor, shift: int) -> Tensor:
        """Return the table as the chip will have it, with its gradient, in units of the drive."""
        assert self.position is not None
        with torch.no_grad():
            unit = torch.from_numpy(self._fold(integers, scale).unit)
            step = (unit * 2**shift).to(self.position.dtype)
        return round_through(self.position / step, -self._most, self._most) * step
