"""Models whose shortcuts add membranes, with the names of their tensors."""

import torch
from torch import nn

from .parts import Lif, Published, over
from .pictures import conv, norm2
from .series import EPS


class Attention(nn.Module):
    """Neurons in front, none behind; ``kind`` is ssa, or sdsa for a mask of keys and values."""

    def __init__(self, dim, heads, owner, kind, front, flat):
        super().__init__()
        self.heads, self.mark, self.kind, self.front, self.flat = heads, owner, kind, front, flat
        for name in ("q", "k", "v", "proj"):
            layer = nn.Conv1d if flat else nn.Conv2d
            norm = nn.BatchNorm1d if flat else nn.BatchNorm2d
            setattr(self, f"{name}_conv", layer(dim, dim, 1, bias=name == "proj"))
            setattr(self, f"{name}_bn", norm(dim, eps=EPS))
            if name != "proj":
                setattr(self, f"{name}_lif", Lif(axis=2))
        setattr(self, front, Lif(axis=2))
        if kind == "sdsa":
            self.talking_heads = nn.Conv1d(heads, heads, 1, bias=False)
        self.attn_lif = Lif(0.5, axis=2)

    def drive(self, name, x):
        return over(getattr(self, f"{name}_bn"), over(getattr(self, f"{name}_conv"), x))

    def forward(self, u, at):
        grid = u.shape[3:]
        x = self.mark(f"{at}.input", getattr(self, self.front)(u), first=True)
        x = x.flatten(3) if self.flat else x
        parts = []
        for name, ours in (("q", "query"), ("k", "key"), ("v", "value")):
            spikes = self.mark(
                f"{at}.{ours}", getattr(self, f"{name}_lif")(self.drive(name, x)), first=True
            )
            parts.append(spikes.flatten(3).unflatten(2, (self.heads, -1)))
        q, k, v = parts
        if self.kind == "sdsa":
            z = (self.attn_lif((k * v).sum(-1, keepdim=True)) * q).flatten(2, 3)
        else:
            z = self.attn_lif((v @ k.transpose(-1, -2) @ q * 0.125).flatten(2, 3))
        self.mark(f"{at}.attention", z, first=True)
        z = z if self.flat else z.unflatten(3, grid)
        return self.drive("proj", z).flatten(3).unflatten(3, grid)


class Mlp(nn.Module):
    def __init__(self, dim, hidden, owner, names):
        super().__init__()
        self.mark, self.names = owner, names
        for name, before, behind in zip(names, (dim, hidden), (hidden, dim), strict=True):
            setattr(self, f"{name}_conv", nn.Conv2d(before, behind, 1))
            setattr(self, f"{name}_bn", norm2(behind))
            setattr(self, f"{name}_lif", Lif(axis=2))

    def forward(self, u, at):
        for name, ours in zip(self.names, ("mlp", "expand"), strict=True):
            spikes = self.mark(f"{at}.{ours}", getattr(self, f"{name}_lif")(u), first=True)
            u = over(getattr(self, f"{name}_bn"), over(getattr(self, f"{name}_conv"), spikes))
        return u


class Block(nn.Module):
    def __init__(self, attn, mlp, owner, *, dead=0):
        super().__init__()
        if dead:
            self.norm1, self.norm2 = nn.LayerNorm(dead), nn.LayerNorm(dead)
        self.attn, self.mlp, self.mark = attn, mlp, owner

    def forward(self, u, at):
        u = self.mark(f"{at}.x", u + self.attn(u, at), first=True)
        return self.mark(f"{at}.out", u + self.mlp(u, at), first=True)


class Membrane(Published):
    """``given``, where it is set, stands for what the patch embedding gives."""

    membrane = True
    blocks, front, mlp, head_lif = "block", "x_lif", ("fc1", "fc2"), None

    def __init__(self):
        super().__init__()
        self.given = None

    def forward(self, x):
        u = self.stem(x[None].repeat(self.steps, 1, 1, 1, 1))
        u = u if self.given is None else self.given.unflatten(3, u.shape[3:])
        self.mark("encoder", u, first=True)
        for n, block in enumerate(getattr(self, self.blocks)):
            u = block(u, f"blocks.{n}")
        u = u.flatten(3).mean(3)
        if self.head_lif is not None:
            u = self.mark("readout", self.head_lif(u)[:, :, None])[:, :, 0]
        return self.head(u).mean(0)

    def take(self, parts, sample):
        """Take what neurons see in front of layers from the host, in units of the first part."""
        self.given = self.integers(parts[0], sample)

    def integers(self, part, x):
        """Return what the host gives in front of a part, (T, 1, D, N)."""
        shift = part.design["encoder"]["fraction"]
        found = torch.tensor(part.host.run(x).astype("float64") * 2**shift)
        return found.transpose(1, 2)[:, None]

    def layers(self):
        for n in range(len(getattr(self, self.blocks))):
            own, at = f"{self.blocks}.{n}", f"blocks.{n}"
            yield 0, f"{at}.input", None, None, f"{own}.attn.{self.front}", None
            for ours, name in (("query", "q"), ("key", "k"), ("value", "v")):
                base = f"{own}.attn.{name}"
                yield 0, f"{at}.{ours}", f"{base}_conv", f"{base}_bn", f"{base}_lif", None
            yield 0, f"{at}.project", f"{own}.attn.proj_conv", f"{own}.attn.proj_bn", None, None
            first, second = (f"{own}.mlp.{name}" for name in self.mlp)
            yield 0, f"{at}.mlp", None, None, f"{first}_lif", None
            yield 0, f"{at}.expand", f"{first}_conv", f"{first}_bn", f"{second}_lif", None
            yield 0, f"{at}.contract", f"{second}_conv", f"{second}_bn", None, None
        if self.head_lif is not None:
            yield 0, "readout", None, None, "head_lif", None


class Spikingformer(Membrane):
    """``kind`` is cifar or imagenet."""

    front, mlp = "proj_lif", ("mlp1", "mlp2")

    def __init__(self, kind="cifar", dim=16, hidden=32, heads=2, steps=2, depth=1, classes=5):
        super().__init__()
        self.steps, self.kind = steps, kind
        self.patch_embed = nn.Module()
        sizes = (3, dim // 8, dim // 4, dim // 2, dim, dim)
        self.bases = [f"block{n}" if kind == "cifar" else f"proj{n or ''}" for n in range(5)]
        for base, before, behind in zip(self.bases, sizes, sizes[1:], strict=False):
            self.patch_embed.add_module(f"{base}_conv", conv(before, behind))
            self.patch_embed.add_module(f"{base}_bn", norm2(behind))
        self.lif, self.pool = Lif(), nn.MaxPool2d(3, 2, 1)
        self.block = nn.ModuleList(
            Block(
                Attention(dim, heads, self.mark, "ssa", self.front, True),
                Mlp(dim, hidden, self.mark, self.mlp),
                self.mark,
                dead=dim,
            )
            for _ in range(depth)
        )
        self.head = nn.Linear(dim, classes)

    def stem(self, x):
        for n, base in enumerate(self.bases):
            x = self.lif(x) if n else x
            x = over(self.pool, x) if n > (2 if self.kind == "cifar" else 0) else x
            x = over(getattr(self.patch_embed, f"{base}_conv"), x)
            x = over(getattr(self.patch_embed, f"{base}_bn"), x)
        return x


class SpikeDriven(Membrane):
    """Spike-driven Transformer V1."""

    front = "shortcut_lif"

    def __init__(self, pools="0011", dim=16, hidden=32, heads=2, steps=2, depth=1, classes=5):
        super().__init__()
        self.steps, self.pools = steps, pools
        self.patch_embed = nn.Module()
        sizes = (3, dim // 8, dim // 4, dim // 2, dim)
        for n, (before, behind) in enumerate(zip(sizes, sizes[1:], strict=False)):
            self.patch_embed.add_module(f"proj_conv{n or ''}", conv(before, behind))
            self.patch_embed.add_module(f"proj_bn{n or ''}", norm2(behind))
        self.patch_embed.rpe_conv, self.patch_embed.rpe_bn = conv(dim, dim), norm2(dim)
        self.lif, self.pool = Lif(), nn.MaxPool2d(3, 2, 1)
        self.block = nn.ModuleList(
            Block(
                Attention(dim, heads, self.mark, "sdsa", self.front, False),
                Mlp(dim, hidden, self.mark, self.mlp),
                self.mark,
            )
            for _ in range(depth)
        )
        self.head_lif = Lif()
        self.head = nn.Linear(dim, classes)

    def stem(self, x):
        own = self.patch_embed
        for n in range(4):
            x = over(
                getattr(own, f"proj_bn{n or ''}"), over(getattr(own, f"proj_conv{n or ''}"), x)
            )
            x = self.lif(x) if n < 3 else x
            x = over(self.pool, x) if self.pools[n] == "1" else x
        return over(own.rpe_bn, over(own.rpe_conv, self.lif(x))) + x


class Embed(nn.Module):
    def __init__(self, before, behind, size):
        super().__init__()
        self.embed_conv, self.embed_bn = conv(before, behind, size), norm2(behind)

    def forward(self, x):
        return over(self.embed_bn, over(self.embed_conv, x))


class HostBlock(nn.Module):
    """A convolution of each channel, or nothing; and an MLP."""

    def __init__(self, dim, hidden, *, mixes):
        super().__init__()
        self.mixes, self.lif = mixes, Lif()
        if mixes:
            self.mixer = nn.Module()
            self.mixer.conv = nn.Conv2d(dim, dim, 3, padding=1, groups=dim)
            self.mixer.conv_bn = norm2(dim)
        self.mlp = Mlp(dim, hidden, lambda name, x, first: x, ("fc1", "fc2"))

    def forward(self, u):
        if self.mixes:
            u = u + over(self.mixer.conv_bn, over(self.mixer.conv, self.lif(u)))
        return u + self.mlp(u, "")


class MaxFormer(Membrane):
    """Max-Former of CIFAR."""

    blocks = "stage3"

    def __init__(self, dim=16, hidden=32, heads=2, steps=2, classes=5):
        super().__init__()
        self.steps, self.lif, self.pool = steps, Lif(), nn.MaxPool2d(3, 2, 1)
        first, second = dim // 4, dim // 2
        self.patch_embed1 = nn.Module()
        self.patch_embed1.proj_conv, self.patch_embed1.proj_bn = (
            conv(3, first // 2),
            norm2(first // 2),
        )
        self.patch_embed1.embed1 = Embed(first // 2, first, 3)
        self.patch_embed1.embed2 = Embed(first // 2, first, 1)
        for n, before, behind in ((2, first, second), (3, second, dim)):
            embed = nn.Module()
            embed.max_embed1, embed.embed1 = Embed(before, behind, 3), Embed(behind, behind, 3)
            embed.max_embed2 = Embed(before, behind, 1)
            self.add_module(f"patch_embed{n}", embed)
        self.stage1 = nn.ModuleList([HostBlock(first, 2 * first, mixes=False)])
        self.stage2 = nn.ModuleList([HostBlock(second, 2 * second, mixes=True)])
        self.stage3 = nn.ModuleList(
            [
                Block(
                    Attention(dim, heads, self.mark, "ssa", self.front, True),
                    Mlp(dim, hidden, self.mark, self.mlp),
                    self.mark,
                )
            ]
        )
        self.head_lif = Lif()
        self.head = nn.Linear(dim, classes)

    def stem(self, x):
        own = self.patch_embed1
        spikes = self.lif(over(own.proj_bn, over(own.proj_conv, x)))
        x = own.embed1(spikes) + own.embed2(spikes)
        for stage, embed in ((self.stage1, self.patch_embed2), (self.stage2, self.patch_embed3)):
            for block in stage:
                x = block(x)
            spikes = self.lif(x)
            z = embed.embed1(self.lif(over(self.pool, embed.max_embed1(spikes))))
            x = z + over(self.pool, embed.max_embed2(spikes))
        return x
