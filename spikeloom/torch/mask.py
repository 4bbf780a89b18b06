"""Mask attentions: neurons on sums of spikes decide which spikes may pass."""

import torch
from torch import Tensor, nn

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Mask"]

_ONLY = {"neuron": "lif", "tau": 2, "decay": None, "decay_input": True, "reset": "hard"}


class Mask(nn.Module):
    """The mask of a design: spikes q, k and for sdsa v to those that pass.

    It has no weights. After ``eval()`` it computes the integers of
    :func:`spikeloom.golden.mask.mask`.

    Parameters
    ----------
    design : MaskDesign
        Any mask, with a LIF neuron of tau 2 and a hard reset; :exc:`ValueError` for what cannot be
        trained here.
    """

    def __init__(self, design: MaskDesign):
        super().__init__()
        for key, only in {**_ONLY, "fires": "at"}.items():
            if (value := getattr(design, key)) != only:
                raise ValueError(f"{key} must be {only!r} to be trained here, not {value!r}")
        self.design = design

    def forward(self, q: Tensor, k: Tensor, v: Tensor | None = None) -> Tensor:
        """Return spikes of the same shape.

        Parameters
        ----------
        q, k, v : Tensor of shape (steps, batch, tokens, dim)
            0 and 1, 0 behind the end of a sequence; v with sdsa only.
        """
        counted, passing = (q, k) if v is None else (k * v, q)
        heads = counted.unflatten(-1, (self.design.heads, self.design.head_dim))
        axis = -1 if self.design.attention == "qk-token" else 2
        fired = self._fire(heads.sum(dim=axis, keepdim=True)).expand(heads.shape)
        return fired.flatten(-2) * passing

    def _fire(self, sums: Tensor) -> Tensor:
        if self.training:
            return lif(sums * float(self.design.scale), float(self.design.threshold))
        spec = NeuronSpec.from_design(self.design)
        return integer_lif(sums * 2**spec.fraction, torch.tensor(spec.threshold))
