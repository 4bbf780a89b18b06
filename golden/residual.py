"""Residual connections of spiking transformers: ADD, XOR, OR and IAND.

Ref: W. Fang et al., Deep Residual Learning in Spiking Neural Networks (SEW ResNet), NeurIPS 2021
(arXiv 2102.04159), table 1: with branch A and shortcut S, ADD is A + S and IAND is (not A) and S.
Ref: XOR residuals as in the accelerator XOR-Spikformer.
"""

from collections.abc import Mapping
from itertools import zip_longest
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.residual import ResidualDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
from spikeloom.golden.packing import planes

__all__ = ["ResidualModel", "residual"]

_AXES = "(T, N, D)"


def residual(mode: str, x: ArrayLike, z: ArrayLike) -> NDArray[np.int64]:
    """Join a shortcut ``x`` and a branch ``z``; all but ``"add"`` take 0 and 1 only.

    >>> [residual(mode, [0, 0, 1, 1], [0, 1, 0, 1]).tolist() for mode in ("add", "xor")]
    [[0, 1, 1, 2], [0, 1, 1, 0]]
    >>> [residual(mode, [0, 0, 1, 1], [0, 1, 0, 1]).tolist() for mode in ("or", "iand")]
    [[0, 1, 1, 1], [0, 0, 1, 0]]
    """
    shortcut, branch = np.asarray(x, dtype=np.int64), np.asarray(z, dtype=np.int64)
    for name, array in (("x", shortcut), ("z", branch)):
        low, high = int(array.min(initial=0)), int(array.max(initial=0))
        if low < 0 or (mode != "add" and high > 1):
            allowed = "integers of at least 0" if mode == "add" else "0 or 1"
            raise ValueError(f"{name} must hold {allowed} with mode {mode}, not {low} to {high}")
    if mode == "add":
        return shortcut + branch
    if mode == "xor":
        return shortcut ^ branch
    if mode == "or":
        return shortcut | branch
    if mode == "iand":
        return shortcut & ~branch
    raise ValueError(f"Mode must be add, xor, or or iand, not {mode!r}")


class ResidualModel(Model[ResidualDesign]):
    """Arrays x and z in, one array out, in bit planes.

    In, token by token and group by group: for each bit plane that either has, low first, the beat
    of x and then that of z. Out: the planes of the result.

    Parameters
    ----------
    design : ResidualDesign
        The connection.
    """

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self._design.steps, self._design.tokens, self._design.dim)

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The shortcut x and the branch z."""
        design = self._design
        return (
            ArraySpec("x", _AXES, self._shape, high=design.levels),
            ArraySpec("z", _AXES, self._shape, high=design.branch_levels),
        )

    @property
    def output(self) -> ArraySpec:
        """Spikes, or with mode add the sum."""
        high = self._design.output_levels
        return ArraySpec("spikes" if high == 1 else "sum", _AXES, self._shape, high=high)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes or sum."""
        x, z = (spec.check(arrays[spec.name]) for spec in self.inputs)
        return residual(self._design.mode, x, z).astype(self.output.dtype)

    def _planes(self, spec: ArraySpec) -> tuple[Part, ...]:
        """Return the bit planes of an array, low bit first."""
        axes = dict(zip(("step", "token", "channel"), self._shape, strict=True))
        return tuple(
            Part(spec, axes, "channel", (), planes(spec.high), self._design.beat, at=bit)
            for bit in range(planes(spec.high))
        )

    @property
    def stream_in(self) -> Stream:
        """Planes of x and of z in turn, while either has any, group by group."""
        both = zip_longest(*(self._planes(spec) for spec in self.inputs))
        parts = tuple(plane for pair in both for plane in pair if plane is not None)
        return Stream(Loop(("step", "token", "beat"), parts))

    @property
    def stream_out(self) -> Stream:
        """Planes of the result, group by group."""
        return Stream(Loop(("step", "token", "beat"), self._planes(self.output)))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        x, z = planes(design.levels), planes(design.branch_levels)
        names = [
            f"{name}{plane}"
            for plane in range(max(x, z))
            for name, count in (("x", x), ("z", z))
            if plane < count
        ]
        result = [f"{self.output.name}{plane}" for plane in range(planes(design.output_levels))]
        return {
            "beats": self.describe_beats(
                "for each step: for each token: for each group of width channels: the bit planes; "
                "channel c at bit c % width of group c // width",
                {"planes": names},
                {"planes": result},
            ),
            "numbers": {
                spec.name: {"low": 0, "high": spec.high, "bits": planes(spec.high)}
                for spec in (*self.inputs, self.output)
            },
        }
