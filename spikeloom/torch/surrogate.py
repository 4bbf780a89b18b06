"""Spiking neurons: with a gradient for training, and on the integers of the chip.

Ref: SpikingJelly ``LIFNode`` (tau 2, decaying input, hard reset to 0) and its ``surrogate.ATan``.
"""

import math

import torch
from torch import Tensor

__all__ = ["Spike", "integer_lif", "lif"]


class Spike(torch.autograd.Function):
    """Heaviside step, 1 at 0, with the derivative of (2 / pi) atan(pi x) / 2 behind it."""

    @staticmethod
    def forward(ctx: torch.autograd.function.FunctionCtx, x: Tensor) -> Tensor:
        """Return 1 where ``x >= 0``, else 0."""
        ctx.save_for_backward(x)
        return (x >= 0).to(x.dtype)

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> Tensor:
        """Return the surrogate gradient, SpikingJelly's ATan with alpha 2."""
        (x,) = ctx.saved_tensors
        return grad / (1 + (math.pi * x) ** 2)


def lif(drive: Tensor, threshold: float) -> Tensor:
    """Spikes of SpikingJelly's LIF neuron: tau 2, decaying input, hard reset to 0.

    Written in its own floating-point form, not in the integer form of the golden model, so that
    comparing the two says something.

    Parameters
    ----------
    drive : Tensor of shape (steps, ...)
        Input current per step; the membrane starts at 0.
    threshold : float
        A membrane at or above it fires.

    Returns
    -------
    Tensor
        0 and 1, of the shape and type of ``drive``.
    """
    membrane = torch.zeros_like(drive[0])
    spikes = []
    for current in drive:
        membrane = membrane + (current - membrane) / 2
        fired = Spike.apply(membrane - threshold)
        membrane = membrane * (1 - fired.detach())
        spikes.append(fired)
    return torch.stack(spikes)


def integer_lif(drive: Tensor, threshold: Tensor | int) -> Tensor:
    """Spikes of the same neuron in the floor form, on integers.

    With ``a = w + drive[t]`` it fires where ``a >= threshold``; then ``w = 0``, else
    ``w = floor(a / 2)``.

    Parameters
    ----------
    drive : Tensor of shape (steps, ...)
        Integers, in float64 of magnitudes below 2**52.
    threshold : Tensor or int
        Integers that broadcast to one step of ``drive``.

    Returns
    -------
    Tensor
        0 and 1, of the shape and type of ``drive``.

    >>> drive = torch.tensor([5.0, 6.0, 1.0, -3.0, 9.0], dtype=torch.float64)
    >>> integer_lif(drive, 8).tolist()
    [0.0, 1.0, 0.0, 0.0, 0.0]
    """
    membrane = torch.zeros_like(drive[0])
    spikes = []
    for current in drive:
        reached = membrane + current
        fired = reached >= threshold
        membrane = torch.where(fired, torch.zeros_like(reached), torch.floor(reached / 2))
        spikes.append(fired.to(drive.dtype))
    return torch.stack(spikes)
