"""Residual connections of spiking transformers: ADD, XOR, OR and IAND.

Ref: W. Fang et al., Deep Residual Learning in Spiking Neural Networks (SEW ResNet), NeurIPS 2021
(arXiv 2102.04159), table 1: with branch A and shortcut S, ADD is A + S and IAND is (not A) and S.
Ref: XOR residuals as in the accelerator XOR-Spikformer.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.residual import ResidualDesign
from spikeloom.golden.model import ArraySpec, Model
from spikeloom.golden.packing import check_beats, from_planes, groups, planes, to_planes

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


class ResidualModel(Model):
    """Arrays x and z in, one array out, in bit planes.

    In, token by token and group by group: for each bit plane that either has, low first, the beat
    of x and then that of z. Out: the planes of the result.

    Parameters
    ----------
    design : ResidualDesign
        The connection.
    """

    def __init__(self, design: ResidualDesign):
        self._design = design

    @property
    def design(self) -> ResidualDesign:
        """The connection."""
        return self._design

    @property
    def _shape(self) -> tuple[int, ...]:
        return (self._design.steps, self._design.tokens, self._design.dim)

    @property
    def _groups(self) -> int:
        return (
            self._design.steps * self._design.tokens * groups(self._design.dim, self._design.beat)
        )

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

    @property
    def beats_in(self) -> int:
        """Beats of x and z."""
        design = self._design
        return self._groups * (planes(design.levels) + planes(design.branch_levels))

    @property
    def beats_out(self) -> int:
        """Beats of spikes or sum."""
        return self._groups * planes(self._design.output_levels)

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        beat = self._design.beat
        x, z = (to_planes(spec.check(arrays[spec.name]), spec.high, beat) for spec in self.inputs)
        parts = []
        for plane in range(max(x.shape[-1], z.shape[-1])):
            parts += [a[..., plane] for a in (x, z) if plane < a.shape[-1]]
        return np.stack(parts, axis=-1).reshape(-1)

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return spikes or sum from the output beats."""
        design = self._design
        high = design.output_levels
        shape = (design.steps, design.tokens, groups(design.dim, design.beat), planes(high))
        array = check_beats(beats, self.beats_out).reshape(shape)
        return from_planes(array, high, design.beat, design.dim).astype(self.output.dtype)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        x, z = planes(design.levels), planes(design.branch_levels)
        result = [f"{self.output.name}{plane}" for plane in range(planes(design.output_levels))]
        order = [
            f"{name}{plane}"
            for plane in range(max(x, z))
            for name, count in (("x", x), ("z", z))
            if plane < count
        ]
        return {
            "beats": {
                "width": design.beat,
                "order": "for each step: for each token: for each group of width channels: the "
                "bit planes; channel c at bit c % width of group c // width",
                "in": {
                    "planes": order,
                    "beats": self.beats_in,
                    "last": "not looked at: the number of beats decides",
                },
                "out": {
                    "planes": result,
                    "beats": self.beats_out,
                    "last": "high on the last beat of an inference",
                },
            },
            "numbers": {
                spec.name: {"low": 0, "high": spec.high, "bits": planes(spec.high)}
                for spec in (*self.inputs, self.output)
            },
        }
