"""The attention layer as a :class:`~spikeloom.golden.model.Model`."""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.attention.beats import (
    counts,
    input_specs,
    output_spec,
    stream_in,
    stream_out,
)
from spikeloom.golden.attention.formula import attention
from spikeloom.golden.layout import Stream
from spikeloom.golden.model import Model
from spikeloom.golden.ranges import bits, ranges

__all__ = ["AttentionModel"]


class AttentionModel(Model[AttentionDesign]):
    """Spikes q, k and v in, spikes or the drive out; see :mod:`spikeloom.golden.attention.beats`.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    """

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The spikes q, k and v."""
        return input_specs(self._design)

    @property
    def output(self) -> ArraySpec:
        """Spikes, or without a neuron the drive."""
        return output_spec(self._design)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes or drive."""
        return attention(self._design, arrays["q"], arrays["k"], arrays["v"])

    @property
    def stream_in(self) -> Stream:
        """Sections k, v and q of a head and step after those of another."""
        return stream_in(self._design)

    @property
    def stream_out(self) -> Stream:
        """Spikes or drive, likewise."""
        return stream_out(self._design)

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
        sections = [
            {"name": "k", "beats": number.k, "order": channels if state else tokens},
            {"name": "v", "beats": number.v, "order": tokens},
            {"name": "q", "beats": number.q, "order": tokens},
        ]
        order = drive if design.neuron == "none" else tokens
        out = {"name": self.output.name, "beats": number.out, "order": order}
        round_ = _round(design.folding.heads, design.chunk)
        return self.describe_beats(round_, {"sections": sections}, {"sections": [out]})

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
