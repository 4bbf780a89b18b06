"""Blocks of a network whose branches end in spikes."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.design.mask import MaskDesign
from spikeloom.torch.attention import Attention
from spikeloom.torch.dense import Dense
from spikeloom.torch.keys import BlockKeys
from spikeloom.torch.mask import Mask

__all__ = ["PARTS", "Block", "Packing"]

PARTS = ("weight", "bias", "threshold")
"""Arrays of a layer."""


@dataclass(frozen=True)
class Packing:
    """Where the real tokens of a batch are, so that nothing is computed for padding.

    Attributes
    ----------
    mask : bool Tensor of shape (batch, tokens)
    """

    mask: Tensor

    def scatter(self, x: Tensor) -> Tensor:
        """(steps, real tokens, dim) to (steps, batch, tokens, dim), zero at padding."""
        padded = x.new_zeros((x.shape[0], *self.mask.shape, x.shape[-1]))
        padded[:, self.mask] = x
        return padded

    def gather(self, x: Tensor) -> Tensor:
        """(steps, batch, tokens, dim) to (steps, real tokens, dim)."""
        return x[:, self.mask]


class Block(nn.Module):
    """Attention and MLP, each joined to what it was given: spikes, or with add small numbers.

    Parameters
    ----------
    keys : BlockKeys
        Its section of the design.
    fraction : int
        Fraction bits of the membranes.
    """

    def __init__(self, keys: BlockKeys, *, fraction: int):
        super().__init__()
        dim, hidden = keys.attention.dim, keys.hidden
        sizes = {"expand": (dim, hidden), "contract": (hidden, dim)}
        self.layers = keys.layers
        for name in keys.layers:
            inputs, outputs = sizes.get(name, (dim, dim))
            dense = Dense(inputs, outputs, weight_bits=keys.weight_bits, fraction=fraction)
            setattr(self, name, dense)
        layer = keys.attention
        self.attention = Mask(layer) if isinstance(layer, MaskDesign) else Attention(layer)
        self.residual = keys.residual

    def forward(self, x: Tensor, pack: Packing) -> Tensor:
        """Return what the block makes of x, (steps, real tokens, dim)."""
        spikes = (pack.scatter(getattr(self, name)(x)) for name in self.layers[:-3])
        x = self._join(x, self.project(pack.gather(self.attention(*spikes))))
        return self._join(x, self.contract(self.expand(x)))

    @torch.no_grad()
    def integers(self) -> dict[str, NDArray[np.int64]]:
        """Return the arrays of its layers by their names."""
        arrays: dict[str, NDArray[np.int64]] = {}
        for name in self.layers:
            folded = getattr(self, name).folded()
            arrays |= {f"{name}.{part}": getattr(folded, part) for part in PARTS}
        return arrays

    def _join(self, x: Tensor, z: Tensor) -> Tensor:
        """Return the join of x and z, as a polynomial that has a gradient."""
        if self.residual == "add":
            return x + z
        if self.residual == "xor":
            return x + z - 2 * x * z
        return x + z - x * z if self.residual == "or" else x - x * z
