"""A linear layer of few-bit weights, batch normalisation and neurons."""

import torch
from torch import Tensor, nn

from spikeloom.torch.fold import THRESHOLD, Folded, fold, normalisation
from spikeloom.torch.quantize import quantize, straight_through
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Dense"]


class Dense(nn.Module):
    """Spikes, or small numbers, to spikes: Linear, BatchNorm and a LIF neuron of threshold 1.

    Training computes in floating point with quantized weights; after ``eval()`` the layer computes
    the integers of :meth:`folded`, on float64 tensors that hold integers.

    Parameters
    ----------
    inputs, outputs : int
        Channels.
    weight_bits : int
        One of :data:`spikeloom.torch.quantize.WIDTHS`.
    fraction : int
        Fraction bits of the membranes, 0 to 8.
    """

    def __init__(self, inputs: int, outputs: int, *, weight_bits: int, fraction: int):
        super().__init__()
        self.weight_bits = weight_bits
        self.fraction = fraction
        self.weight = nn.Parameter(torch.empty(outputs, inputs).uniform_(-1, 1) / inputs**0.5)
        self.norm = normalisation(outputs)

    def forward(self, x: Tensor) -> Tensor:
        """Return spikes (steps, tokens, outputs) for x (steps, tokens, inputs).

        All tokens are real ones: those of padding would be in the statistics.
        """
        if self.training:
            drive = x @ straight_through(self.weight, self.weight_bits).T
            return lif(self.norm(drive.flatten(0, 1)).unflatten(0, x.shape[:2]), THRESHOLD)
        numbers = self.folded()
        weight, bias, threshold = (
            torch.from_numpy(array).double()
            for array in (numbers.weight, numbers.bias, numbers.threshold)
        )
        return integer_lif((x @ weight.T) * 2**self.fraction + bias, threshold)

    @torch.no_grad()
    def folded(self) -> Folded:
        """Return the integers of the layer."""
        return fold(*quantize(self.weight, self.weight_bits), self.norm, fraction=self.fraction)
