"""Host parts of published models, gathered operation by operation."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spikeloom.importing.families.source import Source
from spikeloom.importing.host import Operation, Program

__all__ = ["Stem"]

_HOST = "runs on the host"


class Stem:
    """A program of the host that grows.

    Every method takes and returns names of arrays of the program.

    Parameters
    ----------
    source : Source
    eps : float
        Of its batch normalisations.
    """

    def __init__(self, source: Source, eps: float):
        self._source = source
        self._eps = eps
        self._operations: list[Operation] = []
        self._weights: dict[str, NDArray[Any]] = {}

    def do(self, name: str, *inputs: str, weights: tuple[str, ...] = (), **numbers: Any) -> str:
        """Add any operation."""
        out = f"a{len(self._operations)}"
        self._operations.append(Operation(name, out, inputs, weights, numbers))
        return out

    def conv(self, x: str, base: str, *, stride: int = 1) -> str:
        """Add a convolution whose padding keeps the size; kernels of one row have none above."""
        weight = self._keep(f"{base}.weight")
        if weight.ndim not in (3, 4):
            raise self._source.refuse(f"{base}.weight", "must be the kernel of a convolution")
        if weight.ndim == 3:
            weight = self._weights[f"{base}.weight"] = weight[:, :, None]
        bias = f"{base}.bias" if self._source.has(f"{base}.bias") else ""
        if bias:
            self._keep(bias, (len(weight),))
        high, wide = weight.shape[2:]
        padding = [high // 2, wide // 2]
        return self.do("conv", x, weights=(f"{base}.weight", bias), stride=stride, padding=padding)

    def norm(self, x: str, base: str) -> str:
        """Add a batch normalisation."""
        channels = self._source.shape(f"{base}.weight", 1)[0]
        norm = self._source.norm(base, _HOST, channels, self._eps)
        parts = {"weight": norm.weight, "bias": norm.bias, "mean": norm.mean, "var": norm.var}
        self._weights |= {f"{base}.{name}": part for name, part in parts.items()}
        return self.do("norm", x, weights=tuple(f"{base}.{name}" for name in parts), eps=self._eps)

    def table(self, name: str, table: NDArray[Any]) -> str:
        """Add an array that is not a tensor of the checkpoint; return its name among weights."""
        self._weights[name] = np.asarray(table)
        return name

    def end(self, x: str) -> Program:
        """Return the program that ends in an array, as (T, N, C)."""
        last = Operation("axes", "x", (x,), (), {"order": [0, 1, 2]})
        return Program((*self._operations, last), self._weights)

    def _keep(self, name: str, shape: tuple[int, ...] | None = None) -> NDArray[Any]:
        self._weights[name] = self._source.take(name, _HOST, shape)
        return self._weights[name]
