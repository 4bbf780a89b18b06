"""Attention on small integers as a :class:`~spikeloom.golden.model.Model`, and its beats.

In, for every head and step: k channel by channel (over the tokens), then v and q token by token. A
row begins a beat of its own; a beat holds as many values of w bits as the greatest power of two
allows, value n of a row at bit w (n % P) of its beat n // P. Signed values are two's complement.

Out, for every head and step: token by token, as values. Without a neuron, channel by channel,
ceil(w/B) beats of a w-bit two's complement number, low beat first.
"""

from collections.abc import Mapping
from typing import Any

from numpy.typing import NDArray

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model
from spikeloom.golden.ranges import bits

__all__ = ["IntegerModel"]


class IntegerModel(Model[IntegerDesign]):
    """Integers q, k and v in; spikes, integer spikes or the drive out.

    Parameters
    ----------
    design : IntegerDesign
        The layer.
    """

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The integers q, k and v."""
        return integer.inputs(self._design)

    @property
    def output(self) -> ArraySpec:
        """Spikes, integer spikes, or without a neuron the drive."""
        design = self._design
        axes, shape = "(T, N, Dv)", (design.steps, design.tokens, design.values)
        if design.neuron == "none":
            low, high = integer.ranges(design).drive
            # An answer file holds a drive as int32 even where it has no sign.
            return ArraySpec("drive", axes, shape, min(low, -1), high)
        top = design.levels if design.neuron == "multispike" else 1
        return ArraySpec("spikes", axes, shape, 0, top)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return spikes, integer spikes or drive."""
        design = self._design
        found = integer.attention(design, arrays["q"], arrays["k"], arrays["v"])
        return found.astype(self.output.dtype)

    @property
    def _sections(self) -> dict[str, tuple[int, int, int, int]]:
        """Rows, values a row, bits a value and values a beat of k, v and q."""
        design = self._design
        tokens, code, value = design.tokens, design.code_bits, design.value_bits
        per, v_per = design.per_beat(code), design.per_beat(value)
        return {
            "k": (design.head_dim, tokens, code, per),
            "v": (tokens, design.value_head_dim, value, v_per),
            "q": (tokens, design.head_dim, code, per),
        }

    @property
    def _out_width(self) -> tuple[int, bool]:
        """Bits of a number at the output, and whether it has a sign."""
        design = self._design
        if design.out_bits is not None:
            return design.out_bits, False
        return bits(*integer.ranges(design).drive)

    def _part(
        self, spec: ArraySpec, row: str, order: tuple[str, ...], width: int, per: int, signed: bool
    ) -> Part:
        """Put ``per`` values into a beat; 0 puts each into beats of its own."""
        design = self._design
        axes = {"step": design.steps, "token": design.tokens, "head": design.heads}
        axes["channel"] = spec.shape[2] // design.heads
        return Part(spec, axes, row, order, width, width * per or design.beat, signed=signed)

    @property
    def stream_in(self) -> Stream:
        """Values of k, v and q of a head and step after those of another."""
        specs = {spec.name: spec for spec in self.inputs}
        parts = []
        for name, (_, _, width, per) in self._sections.items():
            row, outer = ("token", "channel") if name == "k" else ("channel", "token")
            signed = name == "v" and self._design.v_bits is not None
            order = (outer, "beat")
            parts.append(self._part(specs[name], row, order, width, per, signed))
        return Stream(Loop(("head", "step"), tuple(parts)))

    @property
    def stream_out(self) -> Stream:
        """Values of a head and step likewise; a drive in whole beats."""
        design = self._design
        width, signed = self._out_width
        order: tuple[str, ...] = ("token", "channel", "beat")
        per = 0
        if design.out_bits is not None:
            order, per = ("token", "beat"), design.per_beat(width)
        part = self._part(self.output, "channel", order, width, per, signed)
        return Stream(Loop(("head", "step"), (part,)))

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        signed = design.v_bits is not None
        sections = [
            {
                "name": name,
                "beats": rows * -(-values // per),
                "order": f"{'channel by channel' if name == 'k' else 'token by token'}, value n of "
                f"a row at bit {width} * (n % {per}) of beat n // {per}",
                "bits": width,
                "signed": signed and name == "v",
            }
            for name, (rows, values, width, per) in self._sections.items()
        ]
        width, _ = self._out_width
        runs = design.heads * design.steps
        out: dict[str, Any] = {"name": self.output.name, "beats": self.beats_out // runs}
        if design.out_bits is None:
            out["order"] = "token by token, channel by channel, two's complement, low beat first"
        else:
            per = design.per_beat(width)
            out["order"] = (
                f"token by token, channel c at bit {width} * (c % {per}) of beat c // {per}"
            )
        return {
            "beats": self.describe_beats(
                "for each head: for each step: the sections of that head and step",
                {"sections": sections},
                {"sections": [{**out, "bits": width}]},
            ),
            "numbers": self._numbers(),
        }

    def _numbers(self) -> dict[str, Any]:
        spans = integer.ranges(self._design)
        numbers: dict[str, Any] = {}
        for name in ("score", "drive", "membrane"):
            low, high = getattr(spans, name)
            width, signed = bits(low, high)
            numbers[name] = {"low": low, "high": high, "bits": width, "signed": signed}
        numbers["saturates_at"] = spans.saturate
        if self._design.neuron == "multispike":
            numbers["thresholds"] = list(integer.thresholds(self._design))
        return numbers
