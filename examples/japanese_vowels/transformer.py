"""A small spiking transformer around one attention layer given by a design file (PyTorch).

Ref: Z. Zhou et al., Spikformer: when spiking neural network meets transformer, ICLR 2023.
"""

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from vowels import CHANNELS, SPEAKERS

from spikeloom.design import Design
from spikeloom.torch.attention import Attention
from spikeloom.torch.block import Packing
from spikeloom.torch.surrogate import lif

__all__ = ["FRACTION", "Forward", "SpikingTransformer"]

# Folded weights are multiples of 2**-FRACTION. With eight-bit inputs and one-bit spikes every sum
# is then exact in float64 in any order: the recorded spikes are the same on every machine.
FRACTION = 10

HIDDEN = 128


class Forward(NamedTuple):
    """What one pass computes: logits (batch, speakers), the rest (steps, batch, tokens, dim)."""

    logits: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    spikes: Tensor


class SpikingTransformer(nn.Module):
    """Stem, position code, one block of attention and MLP, mean over steps and tokens, head.

    Every ``dense`` is Linear and BatchNorm, followed by a LIF neuron of threshold 1; ``folded``
    replaces it by one Linear. Spikes join residually by OR, so that all activations are one bit.

    A padding token is no input anywhere: BatchNorm and the mean do not see it, and its q, k and v
    are 0. As v is 0 it adds nothing to the attention of the real tokens, whatever the similarity.

    Parameters
    ----------
    design : Design
        The attention layer, :exc:`ValueError` for one that cannot be trained.
    folded : bool
        Build the network that :meth:`fold` exports, rather than the one to train.
    """

    DENSE = {
        "stem": (CHANNELS, None),
        "query": (None, None),
        "key": (None, None),
        "value": (None, None),
        "project": (None, None),
        "expand": (None, HIDDEN),
        "contract": (HIDDEN, None),
    }

    def __init__(self, design: Design, *, folded: bool = False):
        super().__init__()
        self._steps = design.steps
        self.attention = Attention(design)
        self.dense = nn.ModuleDict()
        for name, (width_in, width_out) in self.DENSE.items():
            sizes = (width_in or design.dim, width_out or design.dim)
            self.dense[name] = (
                nn.Linear(*sizes)
                if folded
                else nn.Sequential(nn.Linear(*sizes, bias=False), nn.BatchNorm1d(sizes[1]))
            )
        self.position = nn.Parameter(0.1 * torch.randn(design.tokens, design.dim))
        self.head = nn.Linear(design.dim, SPEAKERS)

    def _neurons(self, name: str, x: Tensor) -> Tensor:
        drive = self.dense[name](x.flatten(0, 1)).unflatten(0, x.shape[:2])
        return lif(drive, 1.0)

    def forward(self, x: Tensor, mask: Tensor, silent: str = "") -> Forward:
        """Classify a batch.

        Parameters
        ----------
        x : Tensor of shape (batch, tokens, 12)
            Scaled channels, see :class:`vowels.Scaling`.
        mask : bool Tensor of shape (batch, tokens)
            True at the tokens that are time steps.
        silent : str
            ``"q"`` or ``"spikes"`` to set that array to zero, to see what it is good for.
        """
        steps, pack = self._steps, Packing(mask)
        position = self.position.expand(len(x), -1, -1)[mask]
        stem = lif((self.dense["stem"](x[mask]) + position).expand(steps, -1, -1), 1.0)

        q, k, v = (pack.scatter(self._neurons(name, stem)) for name in ("query", "key", "value"))
        q = q * (silent != "q")
        spikes = self.attention(q, k, v) * (silent != "spikes")

        mixed = either(stem, self._neurons("project", pack.gather(spikes)))
        hidden = self._neurons("expand", mixed)
        out = pack.scatter(either(mixed, self._neurons("contract", hidden)))

        # Counts are integers, so their weighted sum is exact; only then is it divided.
        weighted = out.sum(dim=(0, 2)) @ self.head.weight.T
        logits = weighted / (steps * mask.sum(dim=1, keepdim=True)) + self.head.bias
        return Forward(logits, q, k, v, spikes)

    def fold(self) -> dict[str, NDArray[np.int16]]:
        """Weights with BatchNorm folded in, as integers in units of 2**-FRACTION.

        Raises ValueError where a weight does not fit 16 bits.
        """
        folded = {"position": self.position.detach().double()}
        for name, (linear, norm) in self.dense.items():  # type: ignore[misc]
            gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
            folded[f"dense.{name}.weight"] = linear.weight.double() * gain[:, None]
            folded[f"dense.{name}.bias"] = norm.bias.double() - norm.running_mean.double() * gain
        folded |= {f"head.{n}": p.detach().double() for n, p in self.head.named_parameters()}

        exported = {}
        for name, value in folded.items():
            integers = np.rint(value.detach().numpy() * 2**FRACTION)
            if np.abs(integers).max() > np.iinfo(np.int16).max:
                raise ValueError(f"{name} must fit 16 bits in units of 2**-{FRACTION}")
            exported[name] = integers.astype(np.int16)
        return exported

    @classmethod
    def from_folded(
        cls, design: Design, weights: dict[str, NDArray[np.int16]]
    ) -> "SpikingTransformer":
        """Build the network of integers exported by :meth:`fold`, in float64, ready to run."""
        network = cls(design, folded=True).double().eval()
        # In floating point, so that comparing its spikes with the golden model says something.
        network.attention.train()
        network.load_state_dict(
            {n: torch.from_numpy(w.astype(np.float64) / 2**FRACTION) for n, w in weights.items()}
        )
        return network


def either(x: Tensor, y: Tensor) -> Tensor:
    """OR of spikes, as a polynomial that has a gradient."""
    return x + y - x * y
