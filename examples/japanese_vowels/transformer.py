"""A small spiking transformer around one attention layer given by a design file (PyTorch).

Ref: Z. Zhou et al., Spikformer: when spiking neural network meets transformer, ICLR 2023.
Ref: Changze Lv et al., relative positional encoding for spiking transformers, arXiv 2501.16745.
"""

from dataclasses import dataclass
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from vowels import CHANNELS, SPEAKERS

from spikeloom.design import Design
from spikeloom.torch.surrogate import lif

__all__ = ["FRACTION", "Forward", "SpikingTransformer", "attention"]

# Folded weights are multiples of 2**-FRACTION. With eight-bit inputs and one-bit spikes every sum
# is then exact in float64 in any order: the recorded spikes are the same on every machine.
FRACTION = 10

HIDDEN = 128


def rotate(x: Tensor, groups: int, base: float) -> Tensor:
    """Cyclic-shift position code of ``x``, shape (..., tokens, width): roll each group."""
    tokens, width = x.shape[-2:]
    size = width // groups
    exponent = torch.arange(groups, dtype=torch.float32) / max(1, groups - 1)
    amount = torch.outer(torch.arange(tokens).float(), base**-exponent).round().long()
    place = torch.arange(size)
    source = torch.cat(
        [g * size + (place - amount[:, g, None]) % size for g in range(groups)], dim=1
    )
    return x.gather(-1, source.expand(x.shape))


def gray_code(tokens: int, bits: int) -> Tensor:
    """Low ``bits`` bits of the Gray code of each position, shape (tokens, bits)."""
    position = torch.arange(tokens)
    code = position ^ (position >> 1)
    return (code[:, None] >> torch.arange(bits)) & 1


def log_bias(tokens: int, length: int) -> Tensor:
    """ceil(log2((length - 1) / (|i - j| + 1))), never below 0, shape (tokens, tokens)."""
    position = torch.arange(tokens)
    distance = (position[:, None] - position).abs().double()
    return torch.log2((length - 1) / (distance + 1)).ceil().clamp(min=0)


def attention(design: Design, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Output spikes of the attention layer that ``design`` describes, in floating point.

    Parameters
    ----------
    design : Design
        Similarity ``and`` or ``xnor``; position ``none``, or ``shift``, ``gray`` (index l, one
        dimension) and ``log`` (the paper's definition).
    q, k, v : Tensor of shape (steps, batch, tokens, dim)
        0 and 1.

    Returns
    -------
    Tensor
        Spikes, of the shape of ``v``.
    """
    steps, batch, tokens, dim = v.shape

    def by_head(x: Tensor) -> Tensor:
        return x.reshape(steps, batch, tokens, design.heads, -1).transpose(2, 3)

    q, k, v = by_head(q), by_head(k), by_head(v)
    if "shift" in design.position:
        q, k = (rotate(x, design.shift.groups, design.shift.base) for x in (q, k))
    if "gray" in design.position:
        code = gray_code(tokens, design.code_bits).to(q.dtype)
        q, k = (torch.cat([x, code.expand(*x.shape[:-1], -1)], dim=-1) for x in (q, k))

    score = q @ k.transpose(-2, -1)
    if design.similarity == "xnor":
        neither = (1 - q) @ (1 - k).transpose(-2, -1)
        score = score + neither
    if "log" in design.position:
        score = score + log_bias(tokens, design.log.length_of(design)).to(q.dtype)

    drive = float(design.scales[0]) * (score @ v)
    return lif(drive.transpose(2, 3).reshape(steps, batch, tokens, dim), float(design.threshold))


def _refuse_other(design: Design) -> None:
    """Raise ValueError where ``design`` is not one that :func:`attention` computes."""
    allowed = {
        "similarity": ("and", "xnor"),
        "position": ((), ("gray",), ("log",), ("shift",)),
        "neuron": ("lif",),
        "tau": (2,),
        "decay_input": (True,),
        "reset": ("hard",),
        "gray.index": ("l",),
        "gray.grid": (None,),
        "log.definition": ("paper",),
        "shift.rounding": ("float32",),
        "shift.values": (None,),
    }
    for key, values in allowed.items():
        if (value := attrgetter(key)(design)) not in values:
            raise ValueError(f"{key} must be one of {values} to be trained here, not {value!r}")


class Forward(NamedTuple):
    """What one pass computes: logits (batch, speakers), the rest (steps, batch, tokens, dim)."""

    logits: Tensor
    q: Tensor
    k: Tensor
    v: Tensor
    spikes: Tensor


@dataclass(frozen=True)
class Packing:
    """Where the real tokens of a batch are, so that nothing is computed for padding."""

    mask: Tensor

    def scatter(self, x: Tensor) -> Tensor:
        """(steps, real tokens, dim) to (steps, batch, tokens, dim), zero at padding."""
        padded = x.new_zeros((x.shape[0], *self.mask.shape, x.shape[-1]))
        padded[:, self.mask] = x
        return padded

    def gather(self, x: Tensor) -> Tensor:
        """(steps, batch, tokens, dim) to (steps, real tokens, dim)."""
        return x[:, self.mask]


class SpikingTransformer(nn.Module):
    """Stem, position code, one block of attention and MLP, mean over steps and tokens, head.

    Every ``dense`` is Linear and BatchNorm, followed by a LIF neuron of threshold 1; ``folded``
    replaces it by one Linear. Spikes join residually by OR, so that all activations are one bit.

    A padding token is no input anywhere: BatchNorm and the mean do not see it, and its q, k and v
    are 0. As v is 0 it adds nothing to the attention of the real tokens, whatever the similarity.

    Parameters
    ----------
    design : Design
        The attention layer, see :func:`attention`.
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
        _refuse_other(design)
        self._design = design
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
        steps, pack = self._design.steps, Packing(mask)
        position = self.position.expand(len(x), -1, -1)[mask]
        stem = lif((self.dense["stem"](x[mask]) + position).expand(steps, -1, -1), 1.0)

        q, k, v = (pack.scatter(self._neurons(name, stem)) for name in ("query", "key", "value"))
        q = q * (silent != "q")
        spikes = attention(self._design, q, k, v) * (silent != "spikes")

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
        network.load_state_dict(
            {n: torch.from_numpy(w.astype(np.float64) / 2**FRACTION) for n, w in weights.items()}
        )
        return network


def either(x: Tensor, y: Tensor) -> Tensor:
    """OR of spikes, as a polynomial that has a gradient."""
    return x + y - x * y
