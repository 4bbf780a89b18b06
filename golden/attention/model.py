"""The attention layer as a :class:`~spikeloom.golden.model.Model`."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.attention.beats import counts, pack, unpack
from spikeloom.golden.attention.formula import attention, axes_of
from spikeloom.golden.model import ArraySpec, Model
from spikeloom.golden.ranges import bits, ranges

__all__ = ["AttentionModel"]


class AttentionModel(Model):
    """Spikes q, k and v in, spikes or the drive out; see :mod:`spikeloom.golden.attention.beats`.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    """

    def __init__(self, design: AttentionDesign):
        self._design = design

    @property
    def design(self) -> AttentionDesign:
        """The layer."""
        return self._design

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The spikes q, k and v."""
        beyond = 'integers above 1 are for kind = "integer-attention"'
        return tuple(
            ArraySpec(name, *axes_of(self._design, name), beyond=beyond) for name in ("q", "k", "v")
        )

    @property
    def output(self) -> ArraySpec:
        """Spikes, or without a neuron the drive."""
        if self._design.neuron != "none":
            return ArraySpec("spikes", *axes_of(self._design, "spikes"))
        low, high = ranges(self._design).drive
        # An answer file holds a drive as int32 even where it has no sign.
        return ArraySpec("drive", *axes_of(self._design, "drive"), min(low, -1), high)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes or drive."""
        return attention(self._design, arrays["q"], arrays["k"], arrays["v"])

    @property
    def beats_in(self) -> int:
        """Beats of k, v and q of all heads and steps."""
        return counts(self._design).inputs

    @property
    def beats_out(self) -> int:
        """Beats of spikes or drive."""
        return counts(self._design).outputs

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        return pack(self._design, arrays["q"], arrays["k"], arrays["v"])

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return spikes or drive from the output beats."""
        return unpack(self._design, beats)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        return {"beats": self._beats(), "numbers": self._numbers()}

    def _beats(self) -> dict[str, Any]:
        design = self._design
        number = counts(design)
        state = design.order == "state"
        tokens = "token by token, channel c at bit c % width of beat c // width"
        channels = "channel by channel, token j at bit j % width of beat j // width"
        drive = "token by token, channel by channel, two's complement, low beat first"
        if design.chunk > 1:
            tokens, drive = (f"step by step, {order}" for order in (tokens, drive))
        return {
            "width": design.beat,
            "order": _round(design.folding.heads, design.chunk),
            "in": {
                "sections": [
                    {"name": "k", "beats": number.k, "order": channels if state else tokens},
                    {"name": "v", "beats": number.v, "order": tokens},
                    {"name": "q", "beats": number.q, "order": tokens},
                ],
                "beats": number.inputs,
                "last": "not looked at: the number of beats decides",
            },
            "out": {
                "sections": [
                    {
                        "name": self.output.name,
                        "beats": number.out,
                        "order": drive if design.neuron == "none" else tokens,
                    }
                ],
                "beats": number.outputs,
                "last": "high on the last beat of an inference",
            },
        }

    def _numbers(self) -> dict[str, Any]:
        spans = ranges(self._design)
        numbers: dict[str, Any] = {"fraction_bits": self._design.drive_fraction}
        for name in ("score", "drive", "membrane"):
            low, high = getattr(spans, name)
            width, signed = bits(low, high)
            numbers[name] = {"low": low, "high": high, "bits": width, "signed": signed}
        numbers["saturates_at"] = spans.saturate
        return numbers


def _round(side: int, chunk: int) -> str:
    """Say in which order heads and steps, or chunks of steps, follow each other."""
    part, each = ("step", "step") if chunk == 1 else ("chunk", f"chunk of {chunk} steps")
    if side == 1:
        return f"for each head: for each {each}: the sections of that head and {part}"
    return (
        f"for each group of {side} heads: for each {each}: for each head of the group: the "
        f"sections of that head and {part}"
    )
