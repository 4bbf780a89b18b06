"""Networks of the neutral form in real numbers: what their integers are compared with."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.network.formula import attend
from spikeloom.golden.residual import residual
from spikeloom.importing.neutral.source import Layer, Source

__all__ = ["forward", "moments"]

_Array = NDArray[Any]


def forward(
    design: NetworkDesign, source: Source, layers: Mapping[str, Layer], x: _Array
) -> dict[str, _Array]:
    """Return what every layer gives in float64, and the numbers."""

    def fire(at: str, x: _Array, more: _Array | float = 0.0) -> _Array:
        return _fire(design, layers[at].drive(x) + more, layers[at].threshold)

    out = np.repeat(x[None], design.steps, axis=0) if design.encoder.coding == "direct" else x
    found: dict[str, _Array] = {}
    if design.encoder.kind == "linear":
        out = fire("encoder", out, source.table(design.encoder.position))
    found["encoder"] = out
    for n, block in enumerate(design.blocks):
        at = f"blocks.{n}"
        own = {name: fire(f"{at}.{name}", out) for name in block.layers[:-3]}
        own["attention"] = attend(design, n, {k: v.astype(np.uint8) for k, v in own.items()})
        own["project"] = fire(f"{at}.project", own["attention"])
        own["x"] = residual(block.residual, out.astype(int), own["project"].astype(int))
        own["expand"] = fire(f"{at}.expand", own["x"])
        own["contract"] = fire(f"{at}.contract", own["expand"])
        out = residual(block.residual, own["x"], own["contract"].astype(int))
        found |= {f"{at}.{name}": array for name, array in {**own, "out": out}.items()}
    weight, bias = source.readout()
    groups = np.arange(design.tokens) * design.readout.groups // design.tokens
    mean = np.stack([out[:, groups == g].sum(axis=(0, 1)) for g in range(len(weight))])
    count = design.steps * design.tokens
    found["numbers"] = np.einsum("god,gd->o", weight, mean) / count + bias
    return found


def moments(
    design: NetworkDesign, passes: Sequence[Mapping[str, _Array]]
) -> dict[str, NDArray[np.float64]]:
    """Return the mean of x x^T over the inputs x of the layers of blocks, by their names."""
    found = {}
    before = "encoder"
    for n, block in enumerate(design.blocks):
        at = f"blocks.{n}"
        inputs = dict.fromkeys(block.layers[:-3], before)
        inputs |= {"project": f"{at}.attention", "expand": f"{at}.x", "contract": f"{at}.expand"}
        for name, given in inputs.items():
            width = passes[0][given].shape[-1]
            rows = np.concatenate([one[given].reshape(-1, width) for one in passes]).astype(float)
            # A little of every channel, for those that are silent in the samples.
            found[f"{at}.{name}"] = rows.T @ rows / len(rows) + np.eye(width) * 1e-3
        before = f"{at}.out"
    return found


def _fire(design: NetworkDesign, drive: _Array, threshold: float) -> _Array:
    """Return the spikes of a drive (T, N, channels): membranes in units of the drive."""
    leaky = design.neuron == "lif" and "decay" not in design.model_fields_set
    reach = threshold * (float(design.tau) if leaky else 1.0)
    kept = np.zeros(drive.shape[1:])
    spikes = np.zeros_like(drive)
    for t, now in enumerate(drive):
        a = kept + now
        spikes[t] = a >= reach if design.fires == "at" else a > reach
        after = 0.0 if design.reset == "hard" else a - reach
        kept = float(design.leak) * np.where(spikes[t] > 0, after, a)
    return spikes
