"""SeqSNN's models for time series, with the names of their tensors."""

import math

import torch
from torch import nn

from .parts import Lif, Published, last, over


class ConvEncoder(nn.Module):
    def __init__(self, steps):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, steps, (1, 3), padding=(0, 1)), nn.BatchNorm2d(steps, eps=EPS)
        )
        self.lif = Lif()

    def forward(self, x):
        """Series (B, L, C) to spikes (T, B, L, C)."""
        drive = self.encoder(x.transpose(1, 2)[:, None])
        return self.lif(drive.permute(1, 0, 2, 3)).transpose(-1, -2)


EPS = 2.0**-17
"""Of all batch normalisations here: a variance of one has no rounding with it."""


def patterns(rows, neurons, scale):
    """NeuronPE's table."""
    at = torch.arange(rows).float()[:, None]
    even = torch.exp(torch.arange(0, neurons, 2).float() * (-math.log(scale) / neurons))
    table = torch.zeros(rows, neurons)
    table[:, 0::2] = (torch.sin(at * even) >= 0.8).float()
    table[:, 1::2] = (torch.cos(at * even[: neurons // 2]) >= 0.8).float()
    return table


class NeuronPE(nn.Module):
    def __init__(self, neurons, scale=1000.0, rows=512):
        super().__init__()
        self.register_buffer("pe", patterns(rows, neurons, scale)[:, None])

    def forward(self, x):
        steps, batch, tokens, _ = x.shape
        rows = self.pe[: steps * tokens, 0].reshape(steps, 1, tokens, -1)
        return torch.cat([x, rows.expand(-1, batch, -1, -1).to(x.dtype)], dim=-1)


class ConvPE(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.rpe_conv = nn.Conv1d(channels, channels, 3, padding=1, bias=False)
        self.rpe_bn = nn.BatchNorm1d(channels, eps=EPS)
        self.rpe_lif = Lif(axis=2)

    def forward(self, x):
        z = over(self.rpe_bn, over(self.rpe_conv, x.transpose(-1, -2)))
        return x + self.rpe_lif(z).transpose(-1, -2)


class Embedded(nn.Module):
    def __init__(self, emb):
        super().__init__()
        self.emb = emb

    def forward(self, x):
        return self.emb(x)


class Ssa(nn.Module):
    """Self-attention of SeqSNN: scores of q and k, then values."""

    def __init__(self, dim, heads, owner, kind="and"):
        super().__init__()
        self.heads, self.mark, self.kind = heads, owner, kind
        if kind != "and":
            self.scale = nn.Parameter(torch.tensor(-4.0))
        for name in ("q", "k", "v", "last"):
            setattr(self, f"{name}_m", nn.Linear(dim, dim))
            setattr(self, f"{name}_bn", nn.BatchNorm1d(dim, eps=EPS))
            setattr(self, f"{name}_lif", Lif())
        self.attn_lif = Lif(0.5)

    def project(self, name, x):
        return getattr(self, f"{name}_lif")(
            last(getattr(self, f"{name}_bn"), getattr(self, f"{name}_m")(x))
        )

    def scores(self, q, k):
        if self.kind == "and":
            return q @ k.transpose(-1, -2) * 0.125
        steps, tokens = q.shape[0], q.shape[3]
        if self.kind == "gray":
            index = torch.arange(steps * tokens)
            code = index ^ (index >> 1)
            bits = (code[:, None] >> torch.arange(9, -1, -1)) & 1
            bits = bits.reshape(steps, 1, 1, tokens, 10).expand(*q.shape[:-1], 10).to(q.dtype)
            q, k = torch.cat([q, bits], dim=-1), torch.cat([k, bits], dim=-1)
        equal = q @ k.transpose(-1, -2) + (1 - q) @ (1 - k).transpose(-1, -2)
        if self.kind == "log":
            equal = equal + log_matrix(tokens).to(q.dtype)
        return equal * torch.sigmoid(self.scale)

    def forward(self, x, at):
        parts = []
        for name, ours in (("q", "query"), ("k", "key"), ("v", "value")):
            spikes = self.mark(f"{at}.{ours}", self.project(name, x))
            parts.append(spikes.unflatten(-1, (self.heads, -1)).transpose(2, 3))
        q, k, v = self.moved(parts)
        merged = (self.scores(q, k) @ v).transpose(2, 3).flatten(3)
        spikes = self.mark(f"{at}.attention", self.attn_lif(merged))
        return self.mark(f"{at}.project", self.project("last", spikes))

    def moved(self, parts):
        return parts


class TurnedSsa(Ssa):
    """With shift-RoPE on queries and keys: 2 groups, base 64."""

    def moved(self, parts):
        q, k, v = parts
        return self.turned(q), self.turned(k), v

    def turned(self, x):
        tokens, wide = x.shape[3], x.shape[4] // 2
        out = []
        for group in range(2):
            amount = torch.round(torch.arange(tokens).float() * 64.0**-group).long()
            part = x[..., group * wide : (group + 1) * wide]
            rows = [torch.roll(part[:, :, :, n], int(amount[n]), dims=-1) for n in range(tokens)]
            out.append(torch.stack(rows, dim=3))
        return torch.cat(out, dim=-1)


def log_matrix(tokens):
    """The matrix of the published code, which is not logarithmic."""
    most = math.ceil(math.log2(tokens))
    matrix = torch.eye(tokens).int() * most
    for i in range(tokens - 1):
        ramp = torch.linspace(most - 1, 0, steps=tokens - i - 1).round().int()
        matrix[i, i + 1 :] = ramp
        matrix[i + 1 :, i] = ramp
    return matrix


class Mlp(nn.Module):
    def __init__(self, dim, hidden, owner):
        super().__init__()
        self.mark = owner
        self.fc1, self.fc2 = self.linear(dim, hidden), self.linear(hidden, dim)
        self.bn1, self.bn2 = nn.BatchNorm1d(hidden, eps=EPS), nn.BatchNorm1d(dim, eps=EPS)
        self.lif1, self.lif2 = Lif(), Lif()

    linear = staticmethod(nn.Linear)

    def forward(self, x, at):
        x = self.mark(f"{at}.expand", self.lif1(last(self.bn1, self.fc1(x))))
        return self.mark(f"{at}.contract", self.lif2(last(self.bn2, self.fc2(x))))


class Block(nn.Module):
    def __init__(self, attn, mlp, owner):
        super().__init__()
        self.attn, self.mlp, self.mark = attn, mlp, owner

    def forward(self, x, at):
        x = self.mark(f"{at}.x", x + self.attn(x, at))
        return self.mark(f"{at}.out", x + self.mlp(x, at))


class SeqSpikformer(Published):
    """``kind``: none, neuron or conv position as microsoft's; xnor, gray or log as the fork's."""

    def __init__(
        self,
        kind="none",
        channels=3,
        dim=16,
        hidden=32,
        heads=2,
        steps=4,
        depth=1,
        outputs=0,
        neurons=6,
    ):
        super().__init__()
        self.fork, self.depth = kind in ("xnor", "gray", "log"), depth
        self.temporal_encoder = ConvEncoder(steps)
        wide = channels
        if self.fork:
            self.pe = ConvPE(channels)
        elif kind == "neuron":
            self.pe, wide = Embedded(NeuronPE(neurons)), channels + neurons
        elif kind == "conv":
            self.pe = Embedded(ConvPE(channels))
        else:
            self.pe = nn.Module()
            self.pe.emb = nn.Embedding(32, channels)
            self.pe.forward = lambda x: x
        self.encoder = nn.Linear(wide, dim)
        if self.fork:
            self.init_bn = nn.BatchNorm1d(dim, eps=EPS)
        self.init_lif = Lif()
        ssa = TurnedSsa if kind == "turned" else Ssa
        score = kind if self.fork else "and"
        self.blocks = nn.ModuleList(
            Block(ssa(dim, heads, self.mark, score), Mlp(dim, hidden, self.mark), self.mark)
            for _ in range(depth)
        )
        if outputs:
            self.fc_out = nn.Linear(dim, outputs)

    def forward(self, x):
        x = self.mark("x", self.pe(self.temporal_encoder(x)))
        drive = self.encoder(x)
        x = self.mark("encoder", self.init_lif(last(self.init_bn, drive) if self.fork else drive))
        for n, block in enumerate(self.blocks):
            x = block(x, f"blocks.{n}")
        mean = x.mean(0).mean(1)
        return self.fc_out(mean) if hasattr(self, "fc_out") else mean

    def layers(self):
        yield 0, "encoder", "encoder", "init_bn" if self.fork else None, "init_lif", None
        yield from block_layers(self.depth)


def block_layers(depth):
    for n in range(depth):
        at = f"blocks.{n}"
        for ours, name in (("query", "q"), ("key", "k"), ("value", "v"), ("project", "last")):
            base = f"{at}.attn.{name}"
            yield 0, f"{at}.{ours}", f"{base}_m", f"{base}_bn", f"{base}_lif", None
        for ours, m in (("expand", 1), ("contract", 2)):
            base = f"{at}.mlp"
            yield 0, f"{at}.{ours}", f"{base}.fc{m}", f"{base}.bn{m}", f"{base}.lif{m}", None


class ISpikformer(Published):
    """Tokens are the variates."""

    def __init__(self, window=12, dim=16, hidden=32, heads=2, steps=4, depth=1):
        super().__init__()
        self.depth = depth
        self.encoder = ConvEncoder(steps)
        self.emb = nn.Module()
        self.emb.value_embedding = nn.Linear(window, dim)
        self.emb.bn = nn.BatchNorm1d(dim, eps=EPS)
        self.emb.lif = Lif()
        self.blocks = nn.ModuleList(
            Block(Ssa(dim, heads, self.mark), Mlp(dim, hidden, self.mark), self.mark)
            for _ in range(depth)
        )

    def forward(self, x):
        x = self.mark("x", self.encoder(x).transpose(-1, -2))
        x = self.mark("encoder", self.emb.lif(last(self.emb.bn, self.emb.value_embedding(x))))
        for n, block in enumerate(self.blocks):
            x = block(x, f"blocks.{n}")
        return x[-1]

    def layers(self):
        yield 0, "encoder", "emb.value_embedding", "emb.bn", "emb.lif", None
        yield from block_layers(self.depth)


class CpgLinear(nn.Module):
    def __init__(self, inputs, outputs, neurons=6):
        super().__init__()
        self.cpg = nn.Parameter(patterns(256, neurons, 10000.0), requires_grad=False)
        self.inp_linear, self.cpg_linear = nn.Linear(inputs, outputs), nn.Linear(neurons, outputs)
        self.table = None

    def forward(self, x):
        steps, _, tokens, _ = x.shape
        if self.table is not None:
            return self.inp_linear(x) + self.table[:, None]
        rows = self.cpg[: steps * tokens].reshape(steps, 1, tokens, -1)
        return self.inp_linear(x) + self.cpg_linear(rows)


class CpgMlp(Mlp):
    linear = staticmethod(CpgLinear)


class SpikformerCPG(Published):
    """Linear layers of encoder and MLP see the neurons of a pattern generator."""

    def __init__(self, channels=3, dim=16, hidden=32, heads=2, steps=4, depth=1):
        super().__init__()
        self.temporal_encoder = ConvEncoder(steps)
        self.encoder = CpgLinear(channels, dim)
        self.init_lif = Lif()
        self.blocks = nn.ModuleList(
            Block(Ssa(dim, heads, self.mark), CpgMlp(dim, hidden, self.mark), self.mark)
            for _ in range(depth)
        )

    def forward(self, x):
        x = self.mark("x", self.temporal_encoder(x))
        x = self.mark("encoder", self.init_lif(self.encoder(x)))
        for n, block in enumerate(self.blocks):
            x = block(x, f"blocks.{n}")
        return x.mean(0).mean(1)

    def cut(self):
        """Join the layers of the encoder."""
        dim = self.encoder.inp_linear.out_features
        self.encoder = JoinedLinear(self.encoder.cpg, self.encoder.inp_linear.in_features, dim)

    def layers(self):
        yield 0, "encoder", "encoder.both", None, "init_lif", None
        for part, ours, linear, *others in block_layers(len(self.blocks)):
            yield part, ours, f"{linear}.inp_linear" if ".fc" in linear else linear, *others


class JoinedLinear(nn.Module):
    """One layer on what it is given and on the neurons beside it."""

    def __init__(self, cpg, inputs, outputs):
        super().__init__()
        self.cpg, self.both = cpg, nn.Linear(inputs + cpg.shape[1], outputs)

    def forward(self, x):
        steps, batch, tokens, _ = x.shape
        rows = self.cpg[: steps * tokens].reshape(steps, 1, tokens, -1)
        return self.both(torch.cat([x, rows.expand(-1, batch, -1, -1).to(x.dtype)], dim=-1))
