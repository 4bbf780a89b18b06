"""Spiking transformers to train with PyTorch, which compute the chip's integers after training.

Needs the extra ``torch``. Inside this package ``import torch`` is PyTorch.
"""

from spikeloom.torch.network import Network
from spikeloom.torch.surrogate import lif
from spikeloom.torch.training import fit

__all__ = ["Network", "fit", "lif"]
