"""Spiking neurons: with a gradient for training, and on the integers of the chip.

Ref: SpikingJelly ``LIFNode`` (tau 2, decaying input, hard reset to 0) and its ``surrogate.ATan``.
"""

import math

import torch
from torch import Tensor

__all__ = ["Lif", "integer_lif", "lif"]


class Lif(torch.autograd.Function):
    """Neurons over all steps: a step function, with the derivative of (2 / pi) atan(pi x) / 2.

    The reset is no path of the gradient.
    """

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, drive: Tensor, threshold: float
    ) -> Tensor:
        """Return spikes; see :func:`lif`."""
        charged = torch.empty_like(drive)
        spikes = torch.empty_like(drive)
        membrane = torch.zeros_like(drive[0])
        for t, current in enumerate(drive):
            # (V + X) / 2 would be rounded elsewhere.
            charged[t] = membrane + (current - membrane) / 2
            torch.ge(charged[t], threshold, out=spikes[t])
            membrane = charged[t] * (1 - spikes[t])
        ctx.save_for_backward(charged, spikes)
        ctx.threshold = threshold
        return spikes

    @staticmethod
    def backward(ctx: torch.autograd.function.FunctionCtx, grad: Tensor) -> tuple[Tensor, None]:
        """Return the surrogate gradient, SpikingJelly's ATan with alpha 2."""
        charged, spikes = ctx.saved_tensors
        slope = charged.sub(ctx.threshold).mul_(math.pi).square_().add_(1)
        result = torch.div(grad, slope, out=slope)
        later = None
        for t in reversed(range(len(result))):
            if later is not None:
                result[t].addcmul_(later, 1 - spikes[t])
            later = result[t].div_(2)
        return result, None


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

    >>> lif(torch.tensor([1.5, 1.5, 1.5, -2.0]), 1.0).tolist()
    [0.0, 1.0, 0.0, 0.0]
    """
    spikes: Tensor = Lif.apply(drive, threshold)
    return spikes


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
