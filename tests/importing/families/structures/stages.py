"""QKFormer for pictures: stages with a patch embedding each, with the names of their tensors."""

from torch import nn

from .parts import Lif, Published, over
from .pictures import (
    ConvAttention,
    ConvMlp,
    JellyAttention,
    JellyMlp,
    TokenAttention,
    conv,
    jelly_layers,
    norm2,
)

# Of each patch embedding: main branch and shortcut, as (conv, norm, pools in front of the neuron).
CIFAR = (
    (
        (("proj_conv", "proj_bn", False),),
        (("proj1_conv", "proj1_bn", False),),
        ("proj_res_conv", "proj_res_bn"),
    ),
    (
        (),
        (("proj3_conv", "proj3_bn", False), ("proj4_conv", "proj4_bn", True)),
        ("proj_res_conv", "proj_res_bn"),
    ),
)
IMAGENET = (
    (
        (("proj_conv", "proj_bn", True),),
        (("proj1_conv", "proj1_bn", True), ("proj2_conv", "proj2_bn", False)),
        ("proj_res_conv", "proj_res_bn"),
    ),
    (
        (),
        (("proj3_conv", "proj3_bn", True), ("proj4_conv", "proj4_bn", False)),
        ("proj_res_conv", "proj_res_bn"),
    ),
)
JELLY = (
    (
        (("conv1", "bn1", True),),
        (("conv2", "bn2", True), ("conv3", "bn3", False)),
        ("shortcut.0", "shortcut.1"),
    ),
    ((), (("conv1", "bn1", True), ("conv2", "bn2", False)), ("shortcut.0", "shortcut.1")),
)


class Embedding(nn.Module):
    """A patch embedding of QKFormer: spikes of a branch and of its shortcut."""

    def __init__(self, plan, inputs, dim, *, bias):
        super().__init__()
        self.common, self.main, self.shortcut_names = plan
        self.pool = nn.MaxPool2d(3, 2, 1)
        before = inputs
        for name, norm, _ in self.common:
            self.place(name, conv(before, dim // 2, bias=bias)), self.place(norm, norm2(dim // 2))
            before = dim // 2
        res = before
        for name, norm, _ in self.main:
            self.place(name, conv(before, dim, bias=bias)), self.place(norm, norm2(dim))
            before = dim
        stride = 2 ** sum(pools for _, _, pools in self.main)
        self.place(self.shortcut_names[0], conv(res, dim, 1, stride, bias=bias))
        self.place(self.shortcut_names[1], norm2(dim))
        self.lif = Lif(axis=2)

    def place(self, name, module):
        """Set a module by a name that may have a dot."""
        owner, _, own = name.rpartition(".")
        if owner and not hasattr(self, owner):
            setattr(self, owner, nn.Module())
        (getattr(self, owner) if owner else self).add_module(own, module)

    def one(self, x, name, norm, pools):
        x = over(self.get_submodule(norm), over(self.get_submodule(name), x))
        return self.lif(over(self.pool, x) if pools else x)

    def forward(self, x):
        for stage in self.common:
            x = self.one(x, *stage)
        z = x
        for stage in self.main:
            x = self.one(x, *stage)
        return x + self.one(z, *self.shortcut_names, False)


class QKFormer(Published):
    """``kind``: cifar, imagenet or jelly."""

    def __init__(self, kind="cifar", dim=32, heads=2, steps=2, depths=(1, 1, 1), classes=5):
        super().__init__()
        self.kind, self.steps, self.depths = kind, steps, depths
        plans = {"cifar": CIFAR, "imagenet": IMAGENET, "jelly": JELLY}[kind]
        sizes = (3, dim // 4, dim // 2, dim)
        for n in range(3):
            plan = plans[min(n, 1)]
            setattr(
                self,
                f"patch_embed{n + 1}",
                Embedding(plan, sizes[n], sizes[n + 1], bias=kind == "jelly"),
            )
            blocks = [self.block(n, sizes[n + 1], heads) for _ in range(depths[n])]
            setattr(self, f"stage{n + 1}", nn.ModuleList(blocks))
        self.head = nn.Linear(dim, classes)

    def block(self, n, dim, heads):
        hidden, block = 2 * dim, nn.Module()
        if self.kind == "jelly":
            block.attn = JellyAttention(dim, heads, self.mark, "qkv" if n == 2 else "qk")
            block.mlp = JellyMlp(dim, hidden, self.mark, rows=False)
            return block
        attention = (ConvAttention if n == 2 else TokenAttention)(dim, heads, self.mark)
        block.add_module(self.attention_name(n), attention)
        names = ("mlp1", "mlp2") if self.kind == "cifar" else ("fc1", "fc2")
        block.mlp = ConvMlp(dim, hidden, self.mark, names)
        return block

    def attention_name(self, n):
        if n < 2:
            return "attn" if self.kind == "jelly" else "tssa"
        return "ssa" if self.kind == "cifar" else "attn"

    def forward(self, x):
        x = x[None].repeat(self.steps, 1, 1, 1, 1)
        for n in range(3):
            x = self.mark(f"stage{n + 1}.x", getattr(self, f"patch_embed{n + 1}")(x), first=True)
            grid = x.shape[3:]
            x = x.flatten(3) if self.kind == "jelly" else x
            for m, block in enumerate(getattr(self, f"stage{n + 1}")):
                at = f"stage{n + 1}.blocks.{m}"
                x = self.mark(
                    f"{at}.x", x + getattr(block, self.attention_name(n))(x, at), first=True
                )
                x = self.mark(f"{at}.out", x + block.mlp(x, at), first=True)
            x = x.unflatten(3, grid) if self.kind == "jelly" else x
        return self.head(x.flatten(3).mean(3).mean(0))

    def layers(self):
        for n in range(3):
            names = ("query", "key", "value") if n == 2 else ("query", "key")
            for m in range(self.depths[n]):
                own, at = f"stage{n + 1}.{m}", f"blocks.{m}"
                if self.kind == "jelly":
                    yield from jelly_layers(n, at, own, names)
                    for k, ours in ((1, "expand"), (2, "contract")):
                        yield (
                            n,
                            f"{at}.{ours}",
                            f"{own}.mlp.fc{k}",
                            f"{own}.mlp.bn{k}",
                            f"{own}.mlp.neuron{k}",
                            None,
                        )
                    continue
                base = f"{own}.{self.attention_name(n)}"
                for ours, name in zip(
                    (*names, "project"),
                    ("q", "k", "v", "proj") if n == 2 else ("q", "k", "proj"),
                    strict=True,
                ):
                    yield (
                        n,
                        f"{at}.{ours}",
                        f"{base}.{name}_conv",
                        f"{base}.{name}_bn",
                        f"{base}.{name}_lif",
                        None,
                    )
                parts = ("mlp1", "mlp2") if self.kind == "cifar" else ("fc1", "fc2")
                for ours, name in zip(("expand", "contract"), parts, strict=True):
                    base_mlp = f"{own}.mlp.{name}"
                    yield (
                        n,
                        f"{at}.{ours}",
                        f"{base_mlp}_conv",
                        f"{base_mlp}_bn",
                        f"{base_mlp}_lif",
                        None,
                    )
