"""Spiking attention with the similarities and positions of the golden model."""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden import causal, position
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.torch.surrogate import integer_lif, lif

__all__ = ["Attention"]

_ONLY = {
    "neuron": "lif",
    "tau": 2,
    "decay": None,
    "decay_input": True,
    "reset": "hard",
    "fires": "at",
    "gate": None,
    "chunk": 1,
    "crossed": False,
}


class Attention(nn.Module):
    """The attention layer of a design: spikes q, k, v to spikes.

    It has no weights. Training computes drive and neuron in floating point, with a gradient; after
    ``eval()`` it computes the integers of :func:`spikeloom.golden.attention.formula.attention`.
    Codes, biases and permutations of the positions are the golden model's, as constants.

    Parameters
    ----------
    design : AttentionDesign
        Any similarity and position, with a LIF neuron of tau 2 and a hard reset; :exc:`ValueError`
        for what cannot be trained here.
    """

    def __init__(self, design: AttentionDesign):
        super().__init__()
        for key, only in _ONLY.items():
            if (value := getattr(design, key)) != only:
                raise ValueError(f"{key} must be {only!r} to be trained here, not {value!r}")
        if not design.norm.plain or min(design.scales) <= 0:
            raise ValueError("norm must be none and scale positive to be trained here")
        self.design = design
        each = design.similarities
        self._worth = [(one.ones, one.zeros, one.each) for one in each]
        channel: Any = np.broadcast_to(np.arange(design.head_dim), (design.tokens, design.head_dim))
        self.register_buffer("_place", _constant(position.permute(design, channel)).long(), False)
        codes = np.stack([position.channels(design, t) for t in range(design.steps)])
        self.register_buffer("_codes", _constant(codes), False)
        biases = [position.bias(design, head) for head in range(design.heads)]
        none = np.zeros((design.tokens, design.tokens))
        bias = np.stack([none if one is None else one for one in biases])
        self.register_buffer("_bias", _constant(bias), False)
        seen = causal.visible(design) if design.masked else none + 1
        self.register_buffer("_seen", _constant(seen), False)

    def forward(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return spikes, of the shape of ``v``.

        Parameters
        ----------
        q, k, v : Tensor of shape (steps, batch, tokens, dim)
            0 and 1. Tokens may be fewer than those of the design; those of padding are 0.
        """
        drive = self.drive(q, k, v)
        scales, threshold = self.design.scales, float(self.design.threshold)
        if self.training:
            unit = 2.0**-self.design.drive_fraction
            factor = torch.tensor([unit * float(scale) for scale in scales], dtype=drive.dtype)
            return lif(self._merged(drive * factor[:, None, None]), threshold)
        specs = NeuronSpec.each(self.design)
        fraction = specs[0].fraction
        thresholds = torch.tensor([spec.threshold for spec in specs])
        thresholds = thresholds.repeat_interleave(self.design.dim // len(specs))
        return integer_lif(self._merged(drive) * 2**fraction, thresholds)

    def drive(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Return the integer drive by heads, (steps, batch, heads, tokens, d), in 2**-f."""
        q, k, v = (self._by_head(x) for x in (q, k, v))
        tokens = q.shape[3]
        if self.design.position:
            place = self._place[:tokens].expand(q.shape)
            codes = self._codes[:, None, None, :tokens].to(q.dtype).expand(*q.shape[:-1], -1)
            q, k = (torch.cat([x.gather(-1, place), codes], dim=-1) for x in (q, k))
        score = self._scores(q, k)
        if self.design.position:
            bias = self._bias[:, :tokens, :tokens].to(q.dtype)
            score = score + bias * 2**self.design.score_fraction
        if self.design.masked:
            score = score * self._seen[:tokens, :tokens].to(q.dtype)
        return score @ v

    def _scores(self, q: Tensor, k: Tensor) -> Tensor:
        worth = torch.tensor(self._worth, dtype=q.dtype)[:, :, None, None]
        ones, zeros, each = worth.unbind(1)
        score = ones * (q @ k.transpose(-2, -1))
        if zeros.any():
            score = score + zeros * ((1 - q) @ (1 - k).transpose(-2, -1))
        return score + each * q.shape[-1]

    def _by_head(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.design.heads, self.design.head_dim)).transpose(2, 3)

    @staticmethod
    def _merged(x: Tensor) -> Tensor:
        return x.transpose(2, 3).flatten(3)


def _constant(array: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float64))
