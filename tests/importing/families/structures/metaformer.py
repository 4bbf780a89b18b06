"""Spike-driven Transformer V2, with the names of its tensors."""

import torch
from torch import nn
from torch.nn import functional

from .membranes import Block, Membrane
from .parts import Lif, over
from .pictures import conv, norm2
from .series import EPS


class BnAndPad(nn.Module):
    """The frame has what the normalisation gives for 0."""

    def __init__(self, dim):
        super().__init__()
        self.bn = norm2(dim)

    def forward(self, x):
        bn = self.bn
        frame = bn.bias - bn.running_mean * bn.weight / torch.sqrt(bn.running_var + bn.eps)
        frame = frame[:, None, None]
        return functional.pad(bn(x) - frame, (1, 1, 1, 1)) + frame


class RepConv(nn.Module):
    def __init__(self, dim):
        super().__init__()
        ends = (nn.Conv2d(dim, dim, 3, groups=dim, bias=False), conv(dim, dim, 1), norm2(dim))
        self.body = nn.Sequential(conv(dim, dim, 1), BnAndPad(dim), nn.Sequential(*ends))

    def forward(self, x):
        return self.body(x)

    def settle(self, noise):
        """Take weights whose products are a few eighths, as all others on the grid."""
        first, padded, (own, _, _) = self.body
        dim = len(first.weight)
        signs = torch.randint(0, 2, (dim,), generator=noise) * 2.0 - 1
        first.weight.copy_(torch.diag(signs)[torch.randperm(dim, generator=noise), :, None, None])
        own.weight.copy_(torch.randint(-1, 2, own.weight.shape, generator=noise))
        for tensor in (padded.bn.bias, padded.bn.running_mean):
            tensor.copy_(torch.randint(-2, 3, (dim,), generator=noise) / 4)


class Attention(nn.Module):
    def __init__(self, dim, heads, owner):
        super().__init__()
        self.heads, self.mark = heads, owner
        for name in ("q", "k", "v", "proj"):
            setattr(self, f"{name}_conv", nn.Sequential(RepConv(dim), norm2(dim)))
            if name != "proj":
                setattr(self, f"{name}_lif", Lif(axis=2))
        self.head_lif, self.attn_lif = Lif(axis=2), Lif(0.5, axis=2)

    def forward(self, u, at):
        x = self.mark(f"{at}.input", self.head_lif(u), first=True)
        parts = []
        for name, ours in (("q", "query"), ("k", "key"), ("v", "value")):
            drive = over(getattr(self, f"{name}_conv"), x)
            spikes = self.mark(f"{at}.{ours}", getattr(self, f"{name}_lif")(drive), first=True)
            # (T, B, heads, N, channels of a head)
            parts.append(spikes.flatten(3).unflatten(2, (self.heads, -1)).transpose(-1, -2))
        q, k, v = parts
        z = q @ (k.transpose(-2, -1) @ v) * 0.125
        z = self.attn_lif(z.transpose(3, 4).flatten(2, 3))
        self.mark(f"{at}.attention", z, first=True)
        return over(self.proj_conv, z.unflatten(3, u.shape[3:]))


class Mlp(nn.Module):
    """Its kernels have one dimension."""

    def __init__(self, dim, hidden, owner):
        super().__init__()
        self.mark = owner
        for name, before, behind in (("fc1", dim, hidden), ("fc2", hidden, dim)):
            setattr(self, f"{name}_conv", nn.Conv1d(before, behind, 1))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(behind, eps=EPS))
            setattr(self, f"{name}_lif", Lif(axis=2))

    def forward(self, u, at):
        grid, u = u.shape[3:], u.flatten(3)
        for name, ours in (("fc1", "mlp"), ("fc2", "expand")):
            spikes = self.mark(f"{at}.{ours}", getattr(self, f"{name}_lif")(u), first=True)
            u = over(getattr(self, f"{name}_bn"), over(getattr(self, f"{name}_conv"), spikes))
        return u.unflatten(3, grid)


class Down(nn.Module):
    def __init__(self, before, behind, size, stride, *, fires=True):
        super().__init__()
        self.fires, self.lif = fires, Lif()
        self.encode_conv = conv(before, behind, size, stride, bias=True)
        self.encode_bn = norm2(behind)

    def forward(self, x):
        x = self.lif(x) if self.fires else x
        return over(self.encode_bn, over(self.encode_conv, x))


class SepConv(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.lif, self.pwconv1, self.bn1 = Lif(), conv(dim, 2 * dim, 1), norm2(2 * dim)
        self.dwconv = nn.Conv2d(2 * dim, 2 * dim, 7, padding=3, groups=2 * dim, bias=False)
        self.pwconv2, self.bn2 = conv(2 * dim, dim, 1), norm2(dim)

    def forward(self, x):
        x = self.lif(over(self.bn1, over(self.pwconv1, self.lif(x))))
        return over(self.bn2, over(self.pwconv2, over(self.dwconv, x)))


class ConvBlock(nn.Module):
    def __init__(self, dim, ratio=4):
        super().__init__()
        self.Conv, self.lif = SepConv(dim), Lif()
        self.conv1, self.bn1 = conv(dim, ratio * dim), norm2(ratio * dim)
        self.conv2, self.bn2 = conv(ratio * dim, dim), norm2(dim)

    def forward(self, x):
        x = self.Conv(x) + x
        z = over(self.bn1, over(self.conv1, self.lif(x)))
        return x + over(self.bn2, over(self.conv2, self.lif(z)))


class SpikeDrivenV2(Membrane):
    """``dims`` are those of the four stages, ``depths`` those of the two of attention."""

    def __init__(self, dims=(8, 8, 16, 24), depths=(2, 1), heads=2, steps=2, classes=5, kd=False):
        super().__init__()
        self.steps, self.between = steps, None
        half = dims[0] // 2
        self.downsample1_1 = Down(3, half, 7, 2, fires=False)
        self.ConvBlock1_1 = nn.ModuleList([ConvBlock(half)])
        self.downsample1_2 = Down(half, dims[0], 3, 2)
        self.ConvBlock1_2 = nn.ModuleList([ConvBlock(dims[0])])
        self.downsample2 = Down(dims[0], dims[1], 3, 2)
        self.ConvBlock2_1 = nn.ModuleList([ConvBlock(dims[1])])
        self.ConvBlock2_2 = nn.ModuleList([ConvBlock(dims[1])])
        self.downsample3 = Down(dims[1], dims[2], 3, 2)
        self.block3 = self.attended(dims[2], heads, depths[0])
        self.downsample4 = Down(dims[2], dims[3], 3, 1)
        self.block4 = self.attended(dims[3], heads, depths[1])
        self.head = nn.Linear(dims[3], classes)
        if kd:
            self.head_kd = nn.Linear(dims[3], classes)

    def attended(self, dim, heads, depth):
        return nn.ModuleList(
            Block(Attention(dim, heads, self.mark), Mlp(dim, 2 * dim, self.mark), self.mark)
            for _ in range(depth)
        )

    def stem(self, x):
        x = self.downsample1_1(x)
        for lists, down in (
            ((self.ConvBlock1_1,), self.downsample1_2),
            ((self.ConvBlock1_2,), self.downsample2),
            ((self.ConvBlock2_1, self.ConvBlock2_2), self.downsample3),
        ):
            for block in (block for one in lists for block in one):
                x = block(x)
            x = down(x)
        return x

    def forward(self, x):
        u = self.stem(x[None].repeat(self.steps, 1, 1, 1, 1))
        u = u if self.given is None else self.given.unflatten(3, u.shape[3:])
        for stage in (3, 4):
            if stage == 4:
                u = (self.between or self.downsample4)(u)
            self.mark(f"stage{stage}.encoder", u, first=True)
            for n, block in enumerate(getattr(self, f"block{stage}")):
                u = block(u, f"stage{stage}.blocks.{n}")
        return self.head(u.flatten(3).mean(3)).mean(0)

    def settle(self, noise):
        for module in self.modules():
            if isinstance(module, RepConv):
                module.settle(noise)

    def take(self, parts, sample):
        """Take what the host gives between the stages as well."""
        super().take(parts, sample)

        def between(u):
            x = u[:, 0].flatten(2).transpose(1, 2).numpy()
            return self.integers(parts[1], x).unflatten(3, u.shape[3:])

        self.between = between

    def cut(self):
        """Let a convolution stand for each RepConv."""
        for block in (*self.block3, *self.block4):
            for name in ("q", "k", "v", "proj"):
                whole = getattr(block.attn, f"{name}_conv")
                dim = whole[1].num_features
                whole[0] = conv(dim, dim)

    def layers(self):
        for part, stage in enumerate((3, 4)):
            for n in range(len(getattr(self, f"block{stage}"))):
                own, at = f"block{stage}.{n}", f"blocks.{n}"
                yield part, f"{at}.input", None, None, f"{own}.attn.head_lif", None
                for ours, name in (("query", "q"), ("key", "k"), ("value", "v")):
                    base = f"{own}.attn.{name}"
                    names = (f"{base}_conv.0", f"{base}_conv.1", f"{base}_lif")
                    yield part, f"{at}.{ours}", *names, None
                base = f"{own}.attn.proj_conv"
                yield part, f"{at}.project", f"{base}.0", f"{base}.1", None, None
                first, second = f"{own}.mlp.fc1", f"{own}.mlp.fc2"
                yield part, f"{at}.mlp", None, None, f"{first}_lif", None
                names = (f"{first}_conv", f"{first}_bn", f"{second}_lif")
                yield part, f"{at}.expand", *names, None
                yield part, f"{at}.contract", f"{second}_conv", f"{second}_bn", None, None
