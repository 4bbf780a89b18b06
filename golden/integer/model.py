"""Attention on small integers as a :class:`~spikeloom.golden.model.Model`, and its beats.

In, for every head and step: k channel by channel (over the tokens), then v and q token by token. A
row begins a beat of its own; a beat holds as many values of w bits as the greatest power of two
allows, value n of a row at bit w (n % P) of its beat n // P. Signed values are two's complement.

Out, for every head and step: token by token, as values. Without a neuron, channel by channel,
ceil(w/B) beats of a w-bit two's complement number, low beat first.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.integer import IntegerDesign
from spikeloom.golden.integer import formula as integer
from spikeloom.golden.model import ArraySpec, Model
from spikeloom.golden.ranges import bits

__all__ = ["IntegerModel", "from_beats", "from_parts", "to_beats", "to_parts"]


def to_beats(rows: NDArray[Any], width: int, per: int) -> NDArray[np.uint64]:
    """Pack (..., n) integers of ``width`` bits into (..., ceil(n/per)) beats.

    >>> to_beats(np.array([1, -1, 3]), 4, 2).tolist()
    [241, 3]
    """
    lack = -rows.shape[-1] % per
    whole = np.pad(rows.astype(np.int64), [(0, 0)] * (rows.ndim - 1) + [(0, lack)])
    parts = (whole & (1 << width) - 1).astype(np.uint64).reshape(*rows.shape[:-1], -1, per)
    beats: NDArray[np.uint64] = (parts << width * np.arange(per, dtype=np.uint64)).sum(
        -1, dtype=np.uint64
    )
    return beats


def from_beats(
    beats: NDArray[np.uint64], width: int, per: int, count: int, *, signed: bool = False
) -> NDArray[np.int64]:
    """Unpack (..., ceil(count/per)) beats into (..., count) integers."""
    parts = beats[..., None] >> width * np.arange(per, dtype=np.uint64)
    values = (parts & np.uint64((1 << width) - 1)).astype(np.int64)
    values = values.reshape(*beats.shape[:-1], -1)[..., :count]
    return _signed(values, width) if signed else values


def _signed(values: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Read integers of ``width`` bits as two's complement."""
    extended: NDArray[np.int64] = values - (values >> width - 1 << width)
    return extended


def to_parts(numbers: NDArray[Any], beats: int, beat: int) -> NDArray[np.uint64]:
    """Cut (...) integers into (..., beats) beats, low beat first."""
    parts = numbers.astype(np.int64)[..., None] >> np.minimum(beat * np.arange(beats), 63)
    return parts.astype(np.uint64) & np.uint64((1 << beat) - 1)


def from_parts(parts: NDArray[np.uint64], beat: int, width: int, signed: bool) -> NDArray[np.int64]:
    """Join (..., beats) beats, low beat first, into integers of ``width`` bits."""
    moved = parts << np.uint64(beat) * np.arange(parts.shape[-1], dtype=np.uint64)
    values = (moved.sum(-1, dtype=np.uint64) & np.uint64((1 << width) - 1)).astype(np.int64)
    return _signed(values, width) if signed else values


class IntegerModel(Model):
    """Integers q, k and v in; spikes, integer spikes or the drive out.

    Parameters
    ----------
    design : IntegerDesign
        The layer.
    """

    def __init__(self, design: IntegerDesign):
        self._design = design

    @property
    def design(self) -> IntegerDesign:
        """The layer."""
        return self._design

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
    def _counts(self) -> dict[str, int]:
        return {
            name: rows * -(-values // per)
            for name, (rows, values, _, per) in self._sections.items()
        }

    @property
    def _out_width(self) -> int:
        design = self._design
        return design.out_bits or bits(*integer.ranges(design).drive)[0]

    @property
    def _out_beats(self) -> int:
        """Beats of a token of one head at the output."""
        design = self._design
        if design.out_bits is None:
            return design.value_head_dim * -(-self._out_width // design.beat)
        return -(-design.value_head_dim // design.per_beat(design.out_bits))

    @property
    def beats_in(self) -> int:
        """Beats of k, v and q of all heads and steps."""
        return self._design.heads * self._design.steps * sum(self._counts.values())

    @property
    def beats_out(self) -> int:
        """Beats of the output of all heads and steps."""
        design = self._design
        return design.heads * design.steps * design.tokens * self._out_beats

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        design = self._design
        parts = []
        for name in ("k", "v", "q"):
            spec = next(spec for spec in self.inputs if spec.name == name)
            x = spec.check(arrays[name])
            by_head = x.reshape(*x.shape[:2], design.heads, -1).transpose(2, 0, 1, 3)
            rows = by_head.swapaxes(2, 3) if name == "k" else by_head
            _, _, width, per = self._sections[name]
            parts.append(to_beats(rows, width, per).reshape(design.heads, design.steps, -1))
        return np.concatenate(parts, axis=2).reshape(-1)

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return the output from the output beats of one inference."""
        design = self._design
        array = np.asarray(beats, dtype=np.uint64)
        if array.shape != (self.beats_out,):
            raise ValueError(f"Beats must be of shape {(self.beats_out,)!r}, not {array.shape!r}")
        lead = (design.heads, design.steps, design.tokens)
        width, values = self._out_width, design.value_head_dim
        if design.out_bits is None:
            signed = integer.ranges(design).drive[0] < 0
            rows = from_parts(array.reshape(*lead, values, -1), design.beat, width, signed)
        else:
            rows = from_beats(array.reshape(*lead, -1), width, design.per_beat(width), values)
        shape = (design.steps, design.tokens, design.values)
        return rows.transpose(1, 2, 0, 3).reshape(shape).astype(self.output.dtype)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        signed = design.v_bits is not None
        sections = [
            {
                "name": name,
                "beats": self._counts[name],
                "order": f"{'channel by channel' if name == 'k' else 'token by token'}, value n of "
                f"a row at bit {width} * (n % {per}) of beat n // {per}",
                "bits": width,
                "signed": signed and name == "v",
            }
            for name, (_, _, width, per) in self._sections.items()
        ]
        width = self._out_width
        out: dict[str, Any] = {"name": self.output.name, "beats": design.tokens * self._out_beats}
        if design.out_bits is None:
            out["order"] = "token by token, channel by channel, two's complement, low beat first"
        else:
            per = design.per_beat(width)
            out["order"] = (
                f"token by token, channel c at bit {width} * (c % {per}) of beat c // {per}"
            )
        return {
            "beats": {
                "width": design.beat,
                "order": "for each head: for each step: the sections of that head and step",
                "in": {
                    "sections": sections,
                    "beats": self.beats_in,
                    "last": "not looked at: the number of beats decides",
                },
                "out": {
                    "sections": [{**out, "bits": width}],
                    "beats": self.beats_out,
                    "last": "high on the last beat of an inference",
                },
            },
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
