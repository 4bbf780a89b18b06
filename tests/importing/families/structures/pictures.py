"""Spikformer for pictures and parts that others share, with the names of their tensors."""

from torch import nn

from .parts import Lif, Published, last, over
from .series import EPS


def conv(inputs, outputs, size=3, stride=1, bias=False):
    return nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=bias)


def norm2(channels):
    return nn.BatchNorm2d(channels, eps=EPS)


class Sps(nn.Module):
    """Patch embedding of Spikformer; it pools behind the neurons of ``pools``."""

    def __init__(self, channels, dim, pools):
        super().__init__()
        self.pools, self.pool = pools, nn.MaxPool2d(3, 2, 1)
        sizes = (channels, dim // 8, dim // 4, dim // 2, dim)
        for n, (before, behind) in enumerate(zip(sizes, sizes[1:], strict=False)):
            name = str(n) if n else ""
            setattr(self, f"proj_conv{name}", conv(before, behind))
            setattr(self, f"proj_bn{name}", norm2(behind))
            setattr(self, f"proj_lif{name}", Lif(axis=2))
        self.rpe_conv, self.rpe_bn, self.rpe_lif = conv(dim, dim), norm2(dim), Lif(axis=2)

    def forward(self, x):
        for name in ("", "1", "2", "3"):
            x = over(getattr(self, f"proj_bn{name}"), over(getattr(self, f"proj_conv{name}"), x))
            x = getattr(self, f"proj_lif{name}")(x)
            if name in self.pools:
                x = over(self.pool, x)
        return x + self.rpe_lif(over(self.rpe_bn, over(self.rpe_conv, x)))


class LinearAttention(nn.Module):
    """Self-attention of Spikformer for CIFAR: channels last."""

    def __init__(self, dim, heads, owner):
        super().__init__()
        self.heads, self.mark = heads, owner
        for name in ("q", "k", "v", "proj"):
            setattr(self, f"{name}_linear", nn.Linear(dim, dim))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(dim, eps=EPS))
            setattr(self, f"{name}_lif", Lif())
        self.attn_lif = Lif(0.5)

    def project(self, name, x):
        drive = last(getattr(self, f"{name}_bn"), getattr(self, f"{name}_linear")(x))
        return getattr(self, f"{name}_lif")(drive)

    def forward(self, x, at):
        parts = []
        for name, ours in (("q", "query"), ("k", "key"), ("v", "value")):
            spikes = self.mark(f"{at}.{ours}", self.project(name, x))
            parts.append(spikes.unflatten(-1, (self.heads, -1)).transpose(2, 3))
        q, k, v = parts
        merged = (q @ k.transpose(-1, -2) * 0.125 @ v).transpose(2, 3).flatten(3)
        spikes = self.mark(f"{at}.attention", self.attn_lif(merged))
        return self.mark(f"{at}.project", self.project("proj", spikes))


class LinearMlp(nn.Module):
    def __init__(self, dim, hidden, owner):
        super().__init__()
        self.mark = owner
        for name, before, behind in (("fc1", dim, hidden), ("fc2", hidden, dim)):
            setattr(self, f"{name}_linear", nn.Linear(before, behind))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(behind, eps=EPS))
            setattr(self, f"{name}_lif", Lif())

    def forward(self, x, at):
        for name, ours in (("fc1", "expand"), ("fc2", "contract")):
            drive = last(getattr(self, f"{name}_bn"), getattr(self, f"{name}_linear")(x))
            x = self.mark(f"{at}.{ours}", getattr(self, f"{name}_lif")(drive))
        return x


class AddBlock(nn.Module):
    """Spikes of two branches are added; norm1 and norm2 are never used."""

    def __init__(self, dim, attn, mlp, owner, *, first, dead=True):
        super().__init__()
        if dead:
            self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attn, self.mlp, self.mark, self.first = attn, mlp, owner, first

    def forward(self, x, at):
        x = self.mark(f"{at}.x", x + self.attn(x, at), first=self.first)
        return self.mark(f"{at}.out", x + self.mlp(x, at), first=self.first)


class ConvAttention(nn.Module):
    """Self-attention behind convolutions of one place: (T, B, C, N), order of Q (K^T V)."""

    def __init__(self, dim, heads, owner):
        super().__init__()
        self.heads, self.mark = heads, owner
        for name in ("q", "k", "v", "proj"):
            setattr(self, f"{name}_conv", nn.Conv1d(dim, dim, 1, bias=name == "proj"))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(dim, eps=EPS))
            setattr(self, f"{name}_lif", Lif(axis=2))
        self.attn_lif = Lif(0.5, axis=2)

    def project(self, name, x):
        drive = over(getattr(self, f"{name}_bn"), over(getattr(self, f"{name}_conv"), x))
        return getattr(self, f"{name}_lif")(drive)

    def forward(self, x, at):
        x, grid = x.flatten(3), x.shape[3:]
        q, k, v = (
            self.mark(f"{at}.{ours}", self.project(name, x), first=True).unflatten(
                2, (self.heads, -1)
            )
            for name, ours in (("q", "query"), ("k", "key"), ("v", "value"))
        )
        merged = (v @ k.transpose(-1, -2) @ q * 0.125).flatten(2, 3)
        spikes = self.mark(f"{at}.attention", self.attn_lif(merged), first=True)
        return self.mark(f"{at}.project", self.project("proj", spikes), first=True).unflatten(
            3, grid
        )


class TokenAttention(nn.Module):
    """Q-K attention: a neuron on the sum of a token's q lets its k pass."""

    def __init__(self, dim, heads, owner):
        super().__init__()
        self.heads, self.mark = heads, owner
        for name in ("q", "k", "proj"):
            setattr(self, f"{name}_conv", nn.Conv1d(dim, dim, 1, bias=name == "proj"))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(dim, eps=EPS))
            setattr(self, f"{name}_lif", Lif(axis=2))
        self.attn_lif = Lif(0.5, axis=2)

    project = ConvAttention.project

    def forward(self, x, at):
        x, grid = x.flatten(3), x.shape[3:]
        q, k = (
            self.mark(f"{at}.{ours}", self.project(name, x), first=True).unflatten(
                2, (self.heads, -1)
            )
            for name, ours in (("q", "query"), ("k", "key"))
        )
        masked = (self.attn_lif(q.sum(3, keepdim=True)) * k).flatten(2, 3)
        self.mark(f"{at}.attention", masked, first=True)
        return self.mark(f"{at}.project", self.project("proj", masked), first=True).unflatten(
            3, grid
        )


class ConvMlp(nn.Module):
    """Convolutions of one place; ``names`` as fc1 and fc2, or mlp1 and mlp2."""

    def __init__(self, dim, hidden, owner, names=("fc1", "fc2")):
        super().__init__()
        self.mark, self.names = owner, names
        for name, before, behind in zip(names, (dim, hidden), (hidden, dim), strict=True):
            setattr(self, f"{name}_conv", nn.Conv2d(before, behind, 1))
            setattr(self, f"{name}_bn", norm2(behind))
            setattr(self, f"{name}_lif", Lif(axis=2))

    def forward(self, x, at):
        for name, ours in zip(self.names, ("expand", "contract"), strict=True):
            drive = over(getattr(self, f"{name}_bn"), over(getattr(self, f"{name}_conv"), x))
            x = self.mark(f"{at}.{ours}", getattr(self, f"{name}_lif")(drive), first=True)
        return x


class PictureSpikformer(Published):
    """Spikformer; ``layer`` is linear (CIFAR) or conv (ImageNet)."""

    def __init__(self, layer="linear", dim=16, hidden=32, heads=2, steps=2, depth=1, classes=5):
        super().__init__()
        self.steps, self.depth, self.layer = steps, depth, layer
        pools = ("2", "3") if layer == "linear" else ("", "1", "2", "3")
        self.patch_embed = Sps(3, dim, pools)
        attn, mlp = (LinearAttention, LinearMlp) if layer == "linear" else (ConvAttention, ConvMlp)
        self.block = nn.ModuleList(
            AddBlock(
                dim,
                attn(dim, heads, self.mark),
                mlp(dim, hidden, self.mark),
                self.mark,
                first=layer == "conv",
            )
            for _ in range(depth)
        )
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed(x[None].repeat(self.steps, 1, 1, 1, 1))
        self.mark("x", x, first=True)
        if self.layer == "linear":
            x = x.flatten(3).transpose(-1, -2)
        for n, block in enumerate(self.block):
            x = block(x, f"blocks.{n}")
        x = x.mean(2) if self.layer == "linear" else x.flatten(3).mean(3)
        return self.head(x.mean(0))

    def layers(self):
        for n in range(self.depth):
            for ours, name in PARTS:
                base = f"block.{n}.{name}"
                yield (
                    0,
                    f"blocks.{n}.{ours}",
                    f"{base}_{self.layer}",
                    f"{base}_bn",
                    f"{base}_lif",
                    None,
                )


PARTS = (
    ("query", "attn.q"),
    ("key", "attn.k"),
    ("value", "attn.v"),
    ("project", "attn.proj"),
    ("expand", "mlp.fc1"),
    ("contract", "mlp.fc2"),
)


class Sequence(nn.Module):
    """A row of modules that know no steps, as SpikingJelly's container."""

    def __init__(self, *modules):
        super().__init__()
        for n, module in enumerate(modules):
            self.add_module(str(n), module)

    def forward(self, x):
        for module in self.children():
            x = over(module, x)
        return x


class JellyConv(nn.Module):
    """conv_bn.block of SpikingJelly's stem, pooled in front of the neuron."""

    def __init__(self, inputs, outputs, *, pool):
        super().__init__()
        self.conv_bn = nn.Module()
        pools = (nn.MaxPool2d(3, 2, 1),) if pool else ()
        self.conv_bn.block = Sequence(conv(inputs, outputs), norm2(outputs), *pools)
        self.neuron = Lif(axis=2)

    def forward(self, x):
        return self.neuron(self.conv_bn.block(x))


class JellyAttention(nn.Module):
    """Projections in one convolution; ``kind`` qkv is self-attention, qk Q-K attention."""

    def __init__(self, dim, heads, owner, kind="qkv"):
        super().__init__()
        self.heads, self.mark, self.kind, count = heads, owner, kind, len(kind)
        setattr(
            self,
            f"{kind}_conv_bn",
            Sequence(
                nn.Conv1d(dim, count * dim, 1, bias=False), nn.BatchNorm1d(count * dim, eps=EPS)
            ),
        )
        setattr(self, f"{kind}_lif", Lif(axis=2))
        self.attn_lif = Lif(0.5, axis=2)
        self.proj_conv_bn = Sequence(
            nn.Conv1d(dim, dim, 1, bias=False), nn.BatchNorm1d(dim, eps=EPS)
        )
        self.proj_lif = Lif(axis=2)

    def forward(self, x, at):
        whole = getattr(self, f"{self.kind}_lif")(getattr(self, f"{self.kind}_conv_bn")(x))
        parts = whole.chunk(len(self.kind), dim=2)
        for name, part in zip(("query", "key", "value"), parts, strict=False):
            self.mark(f"{at}.{name}", part, first=True)
        parts = [part.unflatten(2, (self.heads, -1)) for part in parts]
        if self.kind == "qkv":
            q, k, v = parts
            spikes = self.attn_lif((v @ k.transpose(-1, -2) @ q * 0.125).flatten(2, 3))
        else:
            q, k = parts
            spikes = (self.attn_lif(q.sum(3, keepdim=True)) * k).flatten(2, 3)
        self.mark(f"{at}.attention", spikes, first=True)
        return self.mark(f"{at}.project", self.proj_lif(self.proj_conv_bn(spikes)), first=True)


class JellyMlp(nn.Module):
    """``rows``: fc1 is a row of convolution and normalisation; else these are fc1 and bn1."""

    def __init__(self, dim, hidden, owner, *, rows=True):
        super().__init__()
        self.mark, self.rows = owner, rows
        for n, before, behind in ((1, dim, hidden), (2, hidden, dim)):
            layer, norm = (
                nn.Conv1d(before, behind, 1, bias=not rows),
                nn.BatchNorm1d(behind, eps=EPS),
            )
            setattr(self, f"fc{n}", Sequence(layer, norm) if rows else layer)
            if not rows:
                setattr(self, f"bn{n}", norm)
            setattr(self, f"neuron{n}", Lif(axis=2))

    def forward(self, x, at):
        for n, ours in ((1, "expand"), (2, "contract")):
            layer = getattr(self, f"fc{n}")
            drive = layer(x) if self.rows else over(getattr(self, f"bn{n}"), over(layer, x))
            x = self.mark(f"{at}.{ours}", getattr(self, f"neuron{n}")(drive), first=True)
        return x


class JellySpikformer(Published):
    """SpikingJelly's Spikformer with patches of 4."""

    def __init__(self, dim=16, hidden=32, heads=2, steps=2, depth=1, classes=5):
        super().__init__()
        self.steps, self.depth, sizes = steps, depth, (3, dim // 8, dim // 4, dim // 2, dim)
        self.patch_embed = nn.Module()
        self.patch_embed.stages = nn.Sequential(
            *(JellyConv(sizes[n], sizes[n + 1], pool=n > 1) for n in range(4))
        )
        self.patch_embed.positional_encoding = JellyConv(dim, dim, pool=False)
        self.blocks = nn.ModuleList(
            AddBlock(
                dim,
                JellyAttention(dim, heads, self.mark),
                JellyMlp(dim, hidden, self.mark),
                self.mark,
                first=True,
                dead=False,
            )
            for _ in range(depth)
        )
        self.head = nn.Linear(dim, classes)

    def forward(self, x):
        x = self.patch_embed.stages(x[None].repeat(self.steps, 1, 1, 1, 1))
        x = self.mark("x", x + self.patch_embed.positional_encoding(x), first=True).flatten(3)
        for n, block in enumerate(self.blocks):
            x = block(x, f"blocks.{n}")
        return self.head(x.mean(3)).mean(0)

    def layers(self):
        for n in range(self.depth):
            yield from jelly_layers(0, f"blocks.{n}", f"blocks.{n}", ("query", "key", "value"))
            for m, ours in ((1, "expand"), (2, "contract")):
                base = f"blocks.{n}.mlp"
                yield (
                    0,
                    f"blocks.{n}.{ours}",
                    f"{base}.fc{m}.0",
                    f"{base}.fc{m}.1",
                    f"{base}.neuron{m}",
                    None,
                )


def jelly_layers(part, at, own, names):
    kind = "".join(name[0] if name != "query" else "q" for name in names)
    base = f"{own}.attn.{kind}_conv_bn"
    for name in names:
        yield part, f"{at}.{name}", f"{base}.0", f"{base}.1", f"{own}.attn.{kind}_lif", name
    base = f"{own}.attn.proj_conv_bn"
    yield part, f"{at}.project", f"{base}.0", f"{base}.1", f"{own}.attn.proj_lif", None
