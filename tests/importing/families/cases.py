"""Small published models: what their configurations say, and how they are imported here."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from spikeloom.design.network.design import NetworkDesign
from spikeloom.importing.compare import whole_pass
from spikeloom.importing.config import Config

FOLDER = Path(__file__).parent.parent / "fixtures" / "families"
EPS = 2.0**-17


@dataclass(frozen=True)
class Case:
    """One model; ``make`` names its class and keywords in structures/."""

    make: tuple
    title: str
    config: dict
    shape: tuple
    file: str
    bits: int = 8
    left: bool = False
    seed: int = 3
    keywords: dict = field(default_factory=dict)

    @property
    def suffix(self):
        """What the file is called behind its name."""
        return self.file.partition(".")[2]

    @property
    def settings(self):
        """Configuration: what the published files say, and heads and eps as here."""
        return Config("config.yml", {"eps": EPS, **self.config})


def series(make, title, file, config, bits, **more):
    keys = {"network.heads": 2, "network.num_steps": 4, "network.dim": 16, "data.window": 12}
    return Case(("series", *make), title, keys | config, (12, 3), file, bits, **more)


def picture(make, title, file, config, side, bits, **more):
    keys = {"num_heads": 2, "img_size": side, "num_classes": 5}
    return Case(("pictures", *make), title, keys | config, (3, side, side), file, bits, **more)


def membrane(make, *others, **more):
    return replace(picture(make, *others, **more), make=("membranes", *make))


def of_type(name, **more):
    return {"network.type": name, **{f"network.{key}": value for key, value in more.items()}}


CASES = {
    "seqsnn": series(
        ("SeqSpikformer", "none"),
        "SeqSNN Spikformer",
        "model_best.pkl",
        of_type("Spikformer", depths=2),
        8,
        keywords={"outputs": 3, "depth": 2},
    ),
    "seqsnn-cpg-pe": series(
        ("SeqSpikformer", "neuron"),
        "SeqSNN Spikformer",
        "network_best.pkl",
        of_type("Spikformer", pe_type="neuron", pe_mode="concat", neuron_pe_scale=1000.0),
        4,
    ),
    "seqsnn-conv-pe": series(
        ("SeqSpikformer", "conv"),
        "SeqSNN Spikformer",
        "resume.pth",
        of_type("Spikformer", pe_type="conv"),
        3,
    ),
    "bit-shift-rope": series(
        ("SeqSpikformer", "turned"),
        "SeqSNN Spikformer, with bit-shift RoPE",
        "network_best.pkl",
        of_type("Spikformer_BitShift_RoPE_1D", num_groups=2, base=64),
        2,
    ),
    "seqsnn-xnor": series(
        ("SeqSpikformer", "xnor"),
        "SeqSNN Spikformer with XNOR",
        "network_best.pkl",
        of_type("Spikformer_XNOR"),
        8,
        left=True,
    ),
    "seqsnn-gray": series(
        ("SeqSpikformer", "gray"),
        "SeqSNN Spikformer with XNOR and Gray-PE",
        "network_best.pkl",
        of_type("Spikformer_XNOR_Gray", pe_type="conv"),
        4,
    ),
    "seqsnn-log": series(
        ("SeqSpikformer", "log"),
        "SeqSNN Spikformer with XNOR and Log-PE",
        "network_best.pkl",
        of_type("Spikformer_XNOR_Log", pe_type="conv"),
        2,
    ),
    "seqsnn-cpg": series(
        ("SpikformerCPG",),
        "SeqSNN SpikformerCPG",
        "network_best.pkl",
        of_type("SpikformerCPG"),
        8,
    ),
    "ispikformer": series(
        ("ISpikformer",),
        "SeqSNN iSpikformer",
        "network_best.pkl",
        {"network.type": "iSpikformer", "network.input_size": 3},
        8,
    ),
    "spikformer-cifar": picture(
        ("PictureSpikformer", "linear"),
        "Spikformer (CIFAR)",
        "model_best.pth.tar",
        {"time_step": 2, "layer": 1, "dim": 16},
        16,
        8,
    ),
    "spikformer-imagenet": picture(
        ("PictureSpikformer", "conv"),
        "Spikformer (ImageNet)",
        "checkpoint-299.pth",
        {"T": 2},
        32,
        1,
    ),
    "jelly-spikformer": picture(
        ("JellySpikformer",),
        "SpikingJelly Spikformer",
        "spikformer.safetensors",
        {"T": 2, "patch_size": 4},
        16,
        8,
    ),
    "qkformer-cifar": picture(
        ("QKFormer", "cifar"),
        "QKFormer (CIFAR)",
        "model_best.pth.tar",
        {"time_step": 2, "layer": 3, "dim": 32, "num_heads": 8},
        16,
        4,
        keywords={"heads": 8},
    ),
    "qkformer-imagenet": picture(
        ("QKFormer", "imagenet"),
        "QKFormer (ImageNet)",
        "checkpoint-199.pth",
        {"T": 2},
        32,
        8,
        keywords={"dim": 16},
    ),
    "jelly-qkformer": picture(
        ("QKFormer", "jelly"),
        "SpikingJelly QKFormer",
        "qkformer.safetensors",
        {"T": 2},
        32,
        2,
        keywords={"dim": 16},
        seed=7,
    ),
    "spikingformer-cifar": membrane(
        ("Spikingformer", "cifar"),
        "Spikingformer (CIFAR)",
        "model_best.pth.tar",
        {"time_step": 2, "layer": 1, "dim": 16},
        16,
        8,
    ),
    "spikingformer-imagenet": membrane(
        ("Spikingformer", "imagenet"),
        "Spikingformer (ImageNet)",
        "checkpoint-299.pth",
        {"T": 2},
        32,
        4,
    ),
    "spike-driven-v1": membrane(
        ("SpikeDriven",),
        "Spike-driven Transformer V1",
        "model_best.pth.tar",
        {"time_steps": 2, "layer": 1, "dim": 16, "pooling_stat": "0011"},
        16,
        8,
    ),
    "spike-driven-v2": replace(
        picture(
            ("SpikeDrivenV2",),
            "Spike-driven Transformer V2",
            "55M_kd_T4.pth",
            {"T": 2, "depths": 3},
            64,
            8,
        ),
        make=("metaformer", "SpikeDrivenV2"),
    ),
    "max-former": membrane(
        ("MaxFormer",),
        "Max-Former (CIFAR)",
        "model_best.pth.tar",
        {"time_step": 2, "layer": 3, "dim": 16},
        16,
        8,
    ),
}


def draw(case, seed=1):
    """Draw a sample on the grid: eighths, so that convolutions are exact in float32."""
    data = np.random.default_rng(seed).integers(-16, 17, size=case.shape) / 8
    return data.astype(np.float32)


def layers_of(imported, sample):
    """Return what the golden networks of an import give, by the names of the structures."""
    parts = imported.parts
    designs = [NetworkDesign.from_dict({**p.design, "weights": p.weights}) for p in parts]
    found = {}
    for part, trace in zip(parts, whole_pass(parts, designs, sample), strict=True):
        prefix = f"{part.name}." if len(parts) > 1 else ""
        found |= {prefix + name: array for name, array in trace.spikes.items()}
    return found


def differing(found, expected):
    """Return the layers that are not the same in both; what one does not have does not count."""
    both = [name for name in found if name in expected]
    assert len(both) >= 7
    return [name for name in both if not np.array_equal(found[name], expected[name])]


def spikes_of(found):
    """Return layers without membranes, whose integers have units of their own."""
    return {name: array for name, array in found.items() if array.dtype == np.uint8}
