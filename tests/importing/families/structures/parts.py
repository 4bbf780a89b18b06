"""Neurons of published models, and what their layers are quantized and looked at with.

Layouts are those of the published code: channels last behind linear layers, (T, B, N, C), and
channels third behind convolutions, (T, B, C, ...).
"""

import torch
from torch import nn


class Lif(nn.Module):
    """SpikingJelly's LIFNode for all steps: tau 2, the input decays, hard reset to 0.

    ``threshold`` may become a tensor (channels,), with ``axis`` that of the channels.
    """

    def __init__(self, threshold=1.0, axis=-1):
        super().__init__()
        self.threshold, self.axis = threshold, axis

    def forward(self, x):
        threshold = self.threshold
        if torch.is_tensor(threshold):
            shape = [1] * (x.ndim - 1)
            shape[self.axis if self.axis < 0 else self.axis - 1] = -1
            threshold = threshold.reshape(shape)
        v, spikes = torch.zeros_like(x[0]), []
        for drive in x:
            v = v + (drive - v) / 2
            spike = (v >= threshold).to(x.dtype)
            v = v * (1 - spike)
            spikes.append(spike)
        return torch.stack(spikes)


class Shift(nn.Module):
    """What a batch normalisation becomes when its gain is folded away."""

    def __init__(self, bias):
        super().__init__()
        self.bias = bias

    def forward(self, x):
        return x + self.bias.reshape([-1] + [1] * (x.ndim - 2))


class Published(nn.Module):
    """A model that remembers what its layers gave, (T, N, C) of the first sample, by our names."""

    membrane = False

    def __init__(self):
        super().__init__()
        self.seen = {}

    def mark(self, name, x, *, first=False):
        """Remember ``x``, whose channels are last, or third."""
        kept = x[:, 0]
        kept = kept.flatten(2).transpose(1, 2) if first else kept.flatten(1, -2)
        self.seen[name] = kept.detach().double().numpy()
        return x

    def cut(self):
        """Leave out what is not carried over."""

    def settle(self, noise):
        """Draw again what is on the grid only together with others."""

    def layers(self):
        """Give (part, layer, linear, norm or None, neuron, rows) by the names of modules."""
        raise NotImplementedError


def over(module, x):
    """Apply a module that knows no steps to (T, B, ...)."""
    return module(x.flatten(0, 1)).unflatten(0, x.shape[:2])


def last(norm, x):
    """Apply a batch normalisation to (T, B, N, C)."""
    return over(norm, x.transpose(-1, -2)).transpose(-1, -2)


def randomise(model, seed, *, grid):
    """Fill a model: any numbers, or those that folding and float32 compute without rounding.

    On the grid every weight is a few eighths, statistics leave variances of one, gains are powers
    of two, some of them negative.
    """
    noise = torch.Generator().manual_seed(seed)

    def draw(shape, low, high):
        return torch.randint(low, high + 1, shape, generator=noise).float()

    for name, tensor in model.state_dict().items():
        shape = tensor.shape
        if tensor.dtype != torch.float32 or name.endswith((".pe", ".cpg", "attn.scale")):
            continue
        if name.endswith("running_var"):
            value = (
                torch.full(shape, 1 - 2.0**-17)
                if grid
                else 0.3 + torch.rand(shape, generator=noise)
            )
        elif name.endswith("running_mean"):
            value = draw(shape, -8, 8) / 32 if grid else torch.randn(shape, generator=noise) * 0.2
        elif name.endswith("weight") and len(shape) == 1:
            sign = torch.where(torch.rand(shape, generator=noise) < 0.2, -1.0, 1.0)
            value = sign * (
                2.0 ** draw(shape, 0, 1) if grid else 0.8 + torch.rand(shape, generator=noise)
            )
        elif name.endswith("bias"):
            value = (
                draw(shape, -8, 24) / 32
                if grid
                else torch.randn(shape, generator=noise) * 0.4 + 0.3
            )
        else:
            wide = shape[1:].numel() ** -0.5
            value = torch.randn(shape, generator=noise) * 2 * wide
            if grid:
                value = (value * 8).round().clamp(-15, 15) / 8
        tensor.copy_(value)
    if grid:
        with torch.no_grad():
            model.settle(noise)
    return model.eval()


def quantize(model, parts, sample, fraction=4):
    """Give a model the integers of an import, in float64: spikes then do not depend on rounding."""
    model.cut()
    model.double()
    if model.membrane:
        model.take(parts, sample)
    grouped = {}
    for part, layer, linear, norm, neuron, rows in model.layers():
        arrays = {
            name: torch.tensor(parts[part].weights[f"{layer}.{name}"], dtype=torch.float64)
            for name in ("weight", "bias", "threshold")
            if f"{layer}.{name}" in parts[part].weights
        }
        table = parts[part].weights.get(f"{layer}.position")
        if table is not None:
            owner = model.get_submodule(linear.rpartition(".")[0])
            owner.table = torch.tensor(table, dtype=torch.float64)
        grouped.setdefault((linear, norm, neuron), []).append((rows, arrays))
    for (linear, norm, neuron), found in grouped.items():
        arrays = {name: torch.cat([own[name] for _, own in found]) for name in found[0][1]}
        if neuron is not None:
            model.get_submodule(neuron).threshold = arrays["threshold"] / 2
        if linear is None:
            continue
        module = model.get_submodule(linear)
        module.weight.data = (arrays["weight"] * 2**fraction).reshape(module.weight.shape)
        if norm is None:
            module.bias.data = arrays["bias"]
            continue
        if module.bias is not None:
            module.bias.data.zero_()
        model.set_submodule(norm, Shift(arrays["bias"]))
    return model
