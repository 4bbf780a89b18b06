"""Mask attentions: a neuron on a sum of spikes decides which spikes of a word may pass.

Ref: QKFormer, arXiv 2403.16552 (``Token_QK_Attention`` of its code; channel attention as in the
paper and in SpikingJelly's ``QKAttention``); Spike-driven Transformer (``MS_SSA_Conv``).
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, bits, membrane_range

__all__ = ["MaskModel", "is_or", "mask", "mask_ranges", "sums"]

_INPUTS = {"qk-token": ("q", "k"), "qk-channel": ("q", "k"), "sdsa": ("q", "k", "v")}


def _spec(design: MaskDesign, name: str) -> ArraySpec:
    return ArraySpec(name, "(T, N, D)", (design.steps, design.tokens, design.dim))


def _heads(design: MaskDesign, x: NDArray[Any]) -> NDArray[Any]:
    """(T, N, D) to (T, N, H, d)."""
    return x.reshape(design.steps, design.tokens, design.heads, design.head_dim)


def _counted(design: MaskDesign, arrays: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
    """Return the spikes that are summed, (T, N, H, d): q, or k and v."""
    names = ("k", "v") if design.attention == "sdsa" else ("q",)
    checked = [_heads(design, _spec(design, name).check(arrays[name])) for name in names]
    counted: NDArray[np.uint8] = np.bitwise_and.reduce(checked)
    return counted


def sums(design: MaskDesign, arrays: Mapping[str, ArrayLike]) -> NDArray[np.int64]:
    """Return the drive of the neurons: a sum a token, (T, N, H, 1), or a channel, (T, 1, H, d)."""
    axis = 3 if design.attention == "qk-token" else 1
    total: NDArray[np.int64] = _counted(design, arrays).sum(
        axis=axis, dtype=np.int64, keepdims=True
    )
    return total


def mask(design: MaskDesign, arrays: Mapping[str, ArrayLike]) -> NDArray[np.uint8]:
    """Return what the layer computes: spikes (T, N, D), for q, k (and v) of that shape.

    With SN a neuron whose membrane starts at zero, for every head::

        qk-token     SN(sum_c q[n, c]) and k[n, c]
        qk-channel   SN(sum_n q[n, c]) and k[n, c]
        sdsa         SN(sum_n (k[n, c] and v[n, c])) and q[n, c]

    >>> q = [[[1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]]]
    >>> k = [[[1, 1, 0, 0], [0, 0, 1, 0], [1, 0, 1, 1]]]
    >>> keys = {"attention": "qk-token", "tokens": 3, "dim": 4, "heads": 1, "steps": 1}
    >>> mask(MaskDesign.from_dict(keys), {"q": q, "k": k})[0].tolist()
    [[1, 1, 0, 0], [0, 0, 0, 0], [1, 0, 1, 1]]
    """
    fired = NeuronSpec.from_design(design).run(sums(design, arrays))
    name = "q" if design.attention == "sdsa" else "k"
    passing = _heads(design, _spec(design, name).check(arrays[name]))
    answer: NDArray[np.uint8] = (fired & passing).reshape(design.steps, design.tokens, design.dim)
    return answer


def is_or(spec: NeuronSpec, most: int, steps: int) -> bool:
    """Whether the neuron fires exactly when its drive, of 0 to ``most``, is not zero.

    It does if a drive of one fires from rest, and silence never fires, whatever came before:
    the membrane is highest after the greatest drive in every step, since all of these fire.

    >>> [is_or(NeuronSpec("lif", 1, 0, 1, reset), 64, 4) for reset in ("hard", "soft")]
    [True, False]
    """
    w, fired = 0, 0
    if not spec.step(w, 1)[0]:
        return False
    for _ in range(steps - 1):
        _, w = spec.step(w, most)
        fired, _ = spec.step(w, 0)
        if fired:
            return False
    return True


def mask_ranges(design: MaskDesign) -> Ranges:
    """Return the ranges of one spike (``score``), of a sum (``drive``) and of the membrane."""
    spec = NeuronSpec.from_design(design)
    drive = (0, design.most)
    return Ranges((0, 1), drive, membrane_range(spec, drive, design.steps), spec.saturate)


class MaskModel(Model[MaskDesign]):
    """Spikes in, those of them that the mask lets pass out.

    For every head, for every step, beats of B channels, channel c at bit c % B of beat c // B::

        qk-token     for every token: its beats of q, then its beats of k
        qk-channel   q token by token, then k token by token
        sdsa         k and v token by token, a beat of k and a beat of v in turn; then q

    Parameters
    ----------
    design : MaskDesign
        The layer.
    """

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """Spikes q and k, and for sdsa v."""
        return tuple(_spec(self._design, name) for name in _INPUTS[self._design.attention])

    @property
    def output(self) -> ArraySpec:
        """Spikes that pass."""
        return _spec(self._design, "spikes")

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint8]:
        """Return the spikes that pass."""
        return mask(self._design, arrays)

    def _part(self, spec: ArraySpec, *order: str) -> Part:
        design = self._design
        axes = {"step": design.steps, "token": design.tokens, "head": design.heads}
        axes["channel"] = design.head_dim
        return Part(spec, axes, "channel", order, width=1, chunk=design.beat)

    @property
    def stream_in(self) -> Stream:
        """Spikes of a head and step after those of another."""
        names = {spec.name: spec for spec in self.inputs}
        attention = self._design.attention
        if attention == "qk-token":
            parts = tuple(self._part(names[name], "beat") for name in "qk")
            return Stream(Loop(("head", "step", "token"), parts))
        q = self._part(names["q"], "token", "beat")
        if attention == "qk-channel":
            return Stream(Loop(("head", "step"), (q, self._part(names["k"], "token", "beat"))))
        pairs = Loop(("token", "beat"), tuple(self._part(names[name]) for name in "kv"))
        return Stream(Loop(("head", "step"), (pairs, q)))

    @property
    def stream_out(self) -> Stream:
        """Spikes that pass, likewise."""
        return Stream(Loop(("head", "step"), (self._part(self.output, "token", "beat"),)))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        beats = design.tokens * design.beats_per_token
        channels = "channel c at bit c % width of beat c // width"
        tokens = f"token by token, {channels}"
        sections = {
            "qk-token": [("q, k", 2, f"for each token: its beats of q, then of k; {channels}")],
            "qk-channel": [("q", 1, tokens), ("k", 1, tokens)],
            "sdsa": [
                ("k, v", 2, f"a beat of k and a beat of v in turn, {tokens}"),
                ("q", 1, tokens),
            ],
        }[design.attention]
        return {
            "beats": self.describe_beats(
                "for each head: for each step: the sections of that head and step",
                {
                    "sections": [
                        {"name": name, "beats": count * beats, "order": order}
                        for name, count, order in sections
                    ]
                },
                {"sections": [{"name": "spikes", "beats": beats, "order": tokens}]},
            ),
            "numbers": self._numbers(),
        }

    def _numbers(self) -> dict[str, Any]:
        design = self._design
        spec = NeuronSpec.from_design(design)
        spans = mask_ranges(design)
        numbers: dict[str, Any] = {
            "fraction_bits": spec.fraction,
            "threshold": spec.threshold,
            "stateless": is_or(spec, design.most, design.steps),
        }
        for name, (low, high) in (("sum", spans.drive), ("membrane", spans.membrane)):
            width, signed = bits(low, high)
            numbers[name] = {"low": low, "high": high, "bits": width, "signed": signed}
        return numbers
