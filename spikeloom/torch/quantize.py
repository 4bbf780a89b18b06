"""Weights of few bits: integers and a scale, and the gradient straight through them.

Ref: F. Li, B. Liu, Ternary weight networks, arXiv 1605.04711 (threshold and scale of two bits);
Y. Bengio et al., arXiv 1308.3432 (straight through).
"""

import torch
from torch import Tensor

__all__ = ["WIDTHS", "quantize", "round_through", "straight_through"]

WIDTHS = (1, 2, 3, 4, 8)
"""Bits of a weight: 1 is -1 and 1, 2 is -1, 0 and 1, others are two's complement, symmetric."""

# Of the mean magnitude: smaller ternary weights are 0.
_TERNARY = 0.7


def quantize(weight: Tensor, bits: int, *, rows: bool = True) -> tuple[Tensor, Tensor]:
    """Return integers and scales whose product is near to ``weight``.

    Parameters
    ----------
    weight : Tensor of shape (..., width)
        Any real numbers.
    bits : int
        One of :data:`WIDTHS`; :exc:`ValueError` else.
    rows : bool
        A scale for every row, of shape (..., 1); otherwise one for all, of shape ().

    Returns
    -------
    tuple
        Integers of the shape and type of ``weight``, and positive scales.

    >>> integers, scale = quantize(torch.tensor([[0.5, -0.1, -0.7, 0.3]]), 2)
    >>> integers.int().tolist(), round(scale.item(), 3)
    ([[1, 0, -1, 1]], 0.5)
    """
    if bits not in WIDTHS:
        raise ValueError(f"Weight bits must be one of {', '.join(map(str, WIDTHS))}, not {bits!r}")
    size = weight.abs()

    def mean(x: Tensor) -> Tensor:
        return x.mean(dim=-1, keepdim=True) if rows else x.mean()

    if bits == 1:
        integers = torch.where(weight < 0, -1.0, 1.0).to(weight.dtype)
        scale = mean(size)
    elif bits == 2:
        large = (size > _TERNARY * mean(size)).to(weight.dtype)
        integers = torch.sign(weight) * large
        scale = mean(size * large) / mean(large).clamp(min=1e-6)
    else:
        most = 2 ** (bits - 1) - 1
        scale = (size.amax(dim=-1, keepdim=True) if rows else size.max()) / most
        scale = scale.clamp(min=1e-12)
        integers = torch.round(weight / scale)
    return integers, scale.clamp(min=1e-12)


def straight_through(weight: Tensor, bits: int, *, rows: bool = True) -> Tensor:
    """Return ``weight`` as :func:`quantize` leaves it, with the gradient of ``weight`` itself."""
    with torch.no_grad():
        integers, scale = quantize(weight, bits, rows=rows)
        change = integers * scale - weight
    return weight + change


def round_through(x: Tensor, low: int, high: int) -> Tensor:
    """Round to integers from ``low`` to ``high``, with the gradient of ``x`` clipped to them."""
    clipped = x.clamp(low, high)
    return clipped + (torch.round(clipped) - clipped).detach()
