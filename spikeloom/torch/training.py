"""A plain training loop, the same numbers on every run of a machine."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from spikeloom.torch.network import Network

__all__ = ["fit", "logits"]


def fit(
    network: Network,
    x: Tensor,
    length: Tensor,
    target: Tensor,
    *,
    loss: Callable[[Tensor, Tensor], Tensor],
    augment: Callable[[Tensor], Tensor] | None = None,
    seed: int = 0,
    steps: int = 1000,
    batch: int = 64,
    rate: float = 1e-2,
    decay: float = 1e-2,
    report: Callable[[int, float], None] | None = None,
) -> Network:
    """Train ``network`` in place for a number of batches and return it after ``eval()``.

    AdamW with a learning rate that rises and falls once; nothing is chosen along the way. At the
    end the statistics of batch normalisation are taken anew, over the whole of ``x``, with the
    final weights.

    Parameters
    ----------
    network : Network
        Made under the same seed where runs are to be repeatable.
    x, length : Tensor of shapes (samples, tokens, inputs) and (samples,)
        Inputs in the units of the chip.
    target : Tensor of shape (samples, ...)
        What ``loss`` compares logits with.
    loss : function
        Of logits and targets, to one number.
    augment : function
        Changes a batch of inputs, (batch, tokens, inputs).
    seed : int
        Of order and augmentation.
    steps, batch, rate, decay
        Batches, samples in one, greatest learning rate, weight decay of matrices.
    report : function
        Is told, after every hundred batches, how many there were and the loss of the last.
    """
    torch.manual_seed(seed)
    network.train()
    parameters = [*network.parameters()]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=rate, total_steps=steps)
    order = torch.randperm(len(x))
    for step in range(steps):
        if len(order) < batch:
            order = torch.cat([order, torch.randperm(len(x))])
        chosen, order = order[:batch], order[batch:]
        shown = x[chosen] if augment is None else augment(x[chosen])
        value = loss(network(shown, length[chosen]), target[chosen])
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
        schedule.step()
        if report is not None and (step + 1) % 100 == 0:
            report(step + 1, value.item())
    _take_statistics(network, x, length, augment)
    return network.eval()


@torch.no_grad()
def _take_statistics(
    network: Network, x: Tensor, length: Tensor, augment: Callable[[Tensor], Tensor] | None
) -> None:
    """Replace running statistics, which lag behind the weights, by a mean over all samples."""
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm1d)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    for part in torch.randperm(len(x)).split(256):
        network(x[part] if augment is None else augment(x[part]), length[part])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@torch.no_grad()
def logits(network: Network, x: Tensor, length: Tensor, *, batch: int = 512) -> Tensor:
    """Return the logits of many samples, computed in parts."""
    parts = zip(x.split(batch), length.split(batch), strict=True)
    return torch.cat([network(*part) for part in parts])
