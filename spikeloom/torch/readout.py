"""Spikes to numbers: counts of spikes, weighted."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.torch.quantize import quantize, straight_through

__all__ = ["Readout"]


class Readout(nn.Module):
    """Mean over steps and tokens, and a linear layer; or one a group of tokens, summed up.

    Training gives real numbers, ``eval()`` integers; real ones are integers / (steps * length) *
    :attr:`scale`, but for the rounding of the bias.

    Parameters
    ----------
    dim, outputs : int
        D and O.
    tokens : int
        N, the most tokens.
    groups : int
        G: token n is of group n * G // N, and each group has weights of its own.
    steps : int
        T, the time steps.
    weight_bits : int
        One of :data:`spikeloom.torch.quantize.WIDTHS`; one scale for all weights.
    """

    def __init__(
        self, dim: int, outputs: int, *, tokens: int, groups: int, steps: int, weight_bits: int
    ):
        super().__init__()
        self.steps = steps
        self.weight_bits = weight_bits
        self.weight = nn.Parameter(torch.empty(groups, outputs, dim).uniform_(-1, 1) / dim**0.5)
        self.bias = nn.Parameter(torch.zeros(outputs))
        group = torch.arange(tokens) * groups // tokens
        member = (group[:, None] == torch.arange(groups)).float()
        self.register_buffer("_member", member, persistent=False)

    def forward(self, x: Tensor, length: Tensor) -> Tensor:
        """Return logits (batch, outputs).

        Parameters
        ----------
        x : Tensor of shape (steps, batch, tokens, dim)
            Spikes, or small numbers, 0 behind the end of a sequence.
        length : int64 Tensor of shape (batch,)
            Tokens of each sequence.
        """
        member = self._member[: x.shape[2]].to(x.dtype)
        counts = torch.einsum("bnd,ng->bgd", x.sum(dim=0), member)
        if self.training:
            weight = straight_through(self.weight, self.weight_bits, rows=False)
            total = torch.einsum("bgd,god->bo", counts, weight)
            return total / (self.steps * length[:, None]) + self.bias
        weight, bias = (torch.from_numpy(array).double() for array in self.folded())
        return torch.einsum("bgd,god->bo", counts, weight) + length[:, None] * bias

    @property
    def scale(self) -> float:
        """What 1 of a weight is worth."""
        return float(quantize(self.weight.detach(), self.weight_bits, rows=False)[1])

    @torch.no_grad()
    def folded(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return weights (G, O, D) and biases (O,)."""
        weight, scale = quantize(self.weight, self.weight_bits, rows=False)
        bias = torch.round(self.bias.double() * self.steps / scale.double())
        return weight.numpy().astype(np.int64), bias.numpy().astype(np.int64)
