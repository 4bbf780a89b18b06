"""A whole spiking transformer to train, and the integers that it leaves to the chip."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from spikeloom.design.network.design import NetworkDesign
from spikeloom.torch.block import PARTS, Block, Packing
from spikeloom.torch.encoder import Encoder, Inputs
from spikeloom.torch.export import export
from spikeloom.torch.keys import NetworkKeys
from spikeloom.torch.membrane import MembraneBlock, MembraneEncoder, Units
from spikeloom.torch.readout import Readout

__all__ = ["Network"]


class Network(nn.Module):
    """Encoder, blocks and read-out of a design of kind ``network``.

    In training, floating point with quantized weights, batch normalisation over the real tokens,
    and surrogate gradients. After ``eval()`` exactly the integers of the chip: what
    :meth:`integers` returns is what is computed with, and logits are the chip's.

    A token behind the end of its sequence is no input anywhere: no statistics see it, its q, k and
    v are 0, and it is not counted.

    Parameters
    ----------
    design : mapping or NetworkDesign
        The keys of the design file. ``weights``, ``digest`` and ``encoder.position_shift``, which
        follow from training, may be missing and are not looked at. :exc:`ValueError` for what
        cannot be trained here, :exc:`spikeloom.design.DesignError` for what is no network.
    """

    def __init__(self, design: Mapping[str, Any] | Any):
        super().__init__()
        self.keys = keys = NetworkKeys.read(design)
        self._design = design
        sizes: dict[str, Any] = {
            **{"tokens": keys.tokens, "steps": keys.steps},
            "weight_bits": keys.encoder.weight_bits,
            "position": keys.encoder.position == "absolute",
            "most_shift": keys.encoder.most_shift,
        }
        inputs, fraction = keys.encoder.inputs, keys.fraction
        self.units = Units(keys.dim, fraction=fraction) if keys.membrane else None
        if self.units is None:
            self.encoder: Encoder | MembraneEncoder | Inputs = (
                Inputs() if keys.encoder.kind == "none" else Encoder(inputs, keys.dim, **sizes)
            )
            blocks = [Block(block, fraction=fraction) for block in keys.blocks]
        else:
            most = max(map(abs, keys.encoder.bounds))
            self.encoder = MembraneEncoder(inputs, self.units, most_input=most, **sizes)
            blocks = [MembraneBlock(block, self.units) for block in keys.blocks]
        self.blocks = nn.ModuleList(blocks)
        self.readout = Readout(
            keys.dim,
            keys.readout.outputs,
            tokens=keys.tokens,
            groups=keys.readout.groups,
            steps=keys.steps,
            weight_bits=keys.readout.weight_bits,
        )
        # What cannot be built is refused before it is trained.
        NetworkDesign.from_dict({**self.design(), "weights": self.integers()})

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Return logits of shape (batch, outputs): real in training, else integers in float64.

        Parameters
        ----------
        x : Tensor of shape (batch, tokens, inputs), or (batch, steps, tokens, inputs)
            The second with ``encoder.coding = "steps"``. In the units of the chip's inputs; after
            ``eval()`` integers within their bits, and :exc:`ValueError` for others. Tokens may be
            fewer than those of the design.
        length : integer Tensor of shape (batch,), or bool Tensor of shape (batch, tokens)
            Tokens of each sequence, or which tokens are real, those before the others; default all.
        """
        length = self._length(x, length)
        mask = torch.arange(x.shape[-2]) < length[:, None]
        pack = Packing(mask)
        real = pack.gather(x[None] if x.ndim == 3 else x.transpose(0, 1))
        if self.training:
            real = real.to(self.readout.weight.dtype)
        else:
            real = self._checked(real.double())
        # With residual membrane these are membranes, and spikes are inside of blocks.
        spikes = self.encoder(real, mask.nonzero()[:, 1])
        for block in self.blocks:
            spikes = block(spikes, pack)
        if self.units is not None:
            spikes = self.units.fire(spikes)
        logits: Tensor = self.readout(pack.scatter(spikes), length)
        return logits

    def _length(self, x: Tensor, length: Tensor | None) -> Tensor:
        tokens, inputs = self.keys.tokens, self.keys.encoder.inputs
        each = (self.keys.steps,) if self.keys.encoder.coding == "steps" else ()
        count, shape = x.shape[-2] if x.ndim > 1 else 0, tuple(x.shape)
        if not 1 <= count <= tokens or shape != (len(x), *each, count, inputs):
            wanted = ", ".join(map(str, ("batch", *each, f"1 to {tokens}", inputs)))
            raise ValueError(f"x must be of shape ({wanted}), not {shape!r}")
        if length is None:
            return torch.full((len(x),), count)
        if length.dtype == torch.bool:
            mask, length = length, length.sum(dim=1)
            if not torch.equal(mask, torch.arange(count) < length[:, None]):
                raise ValueError("mask must have the real tokens of a sequence before the others")
        if length.shape != (len(x),) or bool(((length < 1) | (length > count)).any()):
            raise ValueError(f"length must be {len(x)} numbers from 1 to {count}")
        return length

    def _checked(self, real: Tensor) -> Tensor:
        low, high = self.keys.encoder.bounds
        if bool(((real < low) | (real > high) | (real != real.round())).any()):
            raise ValueError(f"x must hold integers from {low} to {high}")
        return real

    def integers(self) -> dict[str, NDArray[np.int64]]:
        """Return the arrays of weights.npz, by their names."""
        arrays: dict[str, NDArray[np.int64]] = {}
        if not isinstance(self.encoder, Inputs):
            encoder = self.encoder.folded()
            arrays |= {f"encoder.{n}": getattr(encoder, n) for n in PARTS}
        if self.units is not None:
            del arrays["encoder.threshold"]
            arrays["readout.threshold"] = self.units.thresholds()
        if self.encoder.position is not None:
            arrays["encoder.position"] = self.encoder.position_table()[0]
        for i, block in enumerate(self.blocks):
            arrays |= {f"blocks.{i}.{name}": one for name, one in block.integers().items()}
        arrays["readout.weight"], arrays["readout.bias"] = self.readout.folded()
        return arrays

    def design(self) -> dict[str, Any]:
        """Return the design as a dictionary, with the position_shift of the trained table."""
        design = _plain(self._design)
        if self.encoder.position is not None:
            design["encoder"] = {
                **design["encoder"],
                "position_shift": self.encoder.position_table()[1],
            }
        return design

    def export(self, folder: Path | str, *, weights: str = "weights.npz") -> Path:
        """Write network.toml and the file ``weights`` into ``folder``, which is made if need be.

        Each is written whole or not at all, the weights first. Returns the path of the design.
        """
        return export(Path(folder), self.design(), self.integers(), weights=weights)


def _plain(design: Any) -> dict[str, Any]:
    """Return a design as a dictionary that can be changed, without what follows from the rest."""
    if isinstance(design, Mapping):
        return {key: value for key, value in design.items() if key not in ("weights", "digest")}
    made: dict[str, Any] = design.model_dump(
        mode="json", exclude_unset=True, exclude={"weights", "digest"}
    )
    for block in made["blocks"]:
        for key in ("name", "target", "tokens", "dim", "steps"):
            block["attention"].pop(key, None)
    return made
