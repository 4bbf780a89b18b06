"""Integer inputs to spikes: the first layer, with an absolute position."""

from math import ceil, log2

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.torch.fold import THRESHOLD, Folded, fold, normalisation
from spikeloom.torch.quantize import quantize, round_through, straight_through
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Encoder"]

# Of entries of the position's table, as the design admits it.
_MOST_SHIFT = 7


class Encoder(nn.Module):
    """The same drive in every step (direct coding): Linear, BatchNorm, position, LIF neuron.

    Parameters
    ----------
    inputs, outputs : int
        Channels of a token, and D.
    tokens : int
        N, the most tokens.
    steps : int
        T.
    weight_bits : int
        One of :data:`spikeloom.torch.quantize.WIDTHS`.
    position : bool
        Whether a learned table (N, D) is added before the neuron. Its entries have the bits of a
        weight, in units of a power of two of the drive's unit, the same power for all channels.
        What the greatest power does not reach is clipped, in training as well.
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
    ):
        super().__init__()
        self.steps = steps
        self.weight_bits = weight_bits
        self._most = max(1, 2 ** (weight_bits - 1) - 1)
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-1, 1) / inputs**0.5)
        self.norm = normalisation(outputs)
        self.position = nn.Parameter(0.5 * torch.randn(tokens, outputs)) if position else None

    def forward(self, x: Tensor, token: Tensor) -> Tensor:
        """Return spikes (steps, tokens, outputs).

        Parameters
        ----------
        x : Tensor of shape (tokens, inputs)
            Real tokens of all sequences.
        token : int64 Tensor of shape (tokens,)
            Which token of its sequence each is, from 0.
        """
        if self.training:
            drive = self.norm(x @ straight_through(self.weight, self.weight_bits).T)
            if self.position is not None:
                drive = drive + self._rounded_position()[token]
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
        numbers = quantize(self.weight, self.weight_bits)
        return fold(*numbers, self.norm, fraction=0, bias_bits=23, threshold_bits=23)

    @torch.no_grad()
    def position_table(self) -> tuple[NDArray[np.int64], int]:
        """Return the table (N, D), of eight bits from -127 to 127, and position_shift."""
        assert self.position is not None
        unit = torch.from_numpy(self.folded().unit)
        shift = self._shift(unit)
        entries = torch.round(self.position.double() / (unit * 2**shift))
        entries = entries.clamp(-self._most, self._most)
        return entries.numpy().astype(np.int64), shift

    def _rounded_position(self) -> Tensor:
        """Return the table as the chip will have it, with its gradient, in units of the drive."""
        assert self.position is not None
        with torch.no_grad():
            unit = torch.from_numpy(self.folded().unit)
            step = (unit * 2 ** self._shift(unit)).to(self.position.dtype)
        return round_through(self.position / step, -self._most, self._most) * step

    def _shift(self, unit: Tensor) -> int:
        """Return the least shift with which every entry fits, or the greatest there is."""
        assert self.position is not None
        most = float((self.position.double().abs() / unit).max())
        return min(max(0, ceil(log2(max(most, 1) / (self._most + 0.499)))), _MOST_SHIFT)
