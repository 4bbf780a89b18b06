"""Reorderings: the same numbers in other beats. On the arrays they are the identity."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.reorder import Order, OrderPart, ReorderDesign
from spikeloom.golden.arrays import ArraySpec
from spikeloom.golden.layout import Loop, Part, Stream
from spikeloom.golden.model import Model

__all__ = ["ReorderModel"]

_AXES = "(T, N, A D)"


class ReorderModel(Model[ReorderDesign]):
    """Array x in, the same as y out; their channels are those of A arrays side by side.

    The two streams differ: :attr:`stream_in` goes through ``input`` of the design, and
    :attr:`stream_out` through ``output``.

    >>> keys = {"tokens": 2, "dim": 2, "steps": 1, "target": {"beat": 2}}
    >>> orders = {"input": "token (k: channels)", "output": "channel (k: tokens)"}
    >>> layer = ReorderModel(ReorderDesign.from_dict({**keys, **orders}))
    >>> x = np.array([[[1, 1], [0, 1]]])
    >>> layer.pack({"x": x}).tolist(), layer.pack_answer(x).tolist()
    ([3, 2], [1, 3])

    Parameters
    ----------
    design : ReorderDesign
        The reordering.
    """

    @property
    def _shape(self) -> tuple[int, int, int]:
        design = self._design
        return (design.steps, design.tokens, len(design.arrays) * design.dim)

    @property
    def inputs(self) -> tuple[ArraySpec, ...]:
        """The arrays side by side."""
        return (ArraySpec("x", _AXES, self._shape, high=self._design.levels),)

    @property
    def output(self) -> ArraySpec:
        """The same."""
        return ArraySpec("y", _AXES, self._shape, high=self._design.levels)

    def answer(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        """Return x."""
        return self.inputs[0].check(arrays["x"]).astype(self.output.dtype)

    def _part(self, order: Order, part: OrderPart, beat: int) -> Part:
        design = self._design
        steps, tokens, _ = self._shape
        width = len(part.arrays) * design.dim
        used = {*order.axes(part), part.row}
        axes = {axis: size for axis, size in design.sizes.items() if axis != "bit"}
        if not used & {"head", "group", "place"}:
            axes = {k: v for k, v in axes.items() if k not in ("head", "group", "place")}
            axes["channel"] = width
        axes = {axis: size for axis, size in axes.items() if axis in used or size > 1}
        spec = ArraySpec(" ".join(part.arrays), _AXES, (steps, tokens, width), high=design.levels)
        return Part(spec, axes, part.row, part.loops, design.bits, beat)

    def _stream(self, order: Order, beat: int) -> Stream:
        return Stream(
            Loop(order.loops, tuple(self._part(order, part, beat) for part in order.parts))
        )

    @property
    def stream_in(self) -> Stream:
        """Beats as ``input`` has them."""
        return self._stream(self._design.order_in, self._design.beat_in)

    @property
    def stream_out(self) -> Stream:
        """Beats as ``output`` has them."""
        return self._stream(self._design.order_out, self._design.beat_out)

    def _apart(self, order: Order, x: ArrayLike) -> dict[str, NDArray[Any]]:
        """Cut the channels of x into the arrays of each part."""
        values, width = self.inputs[0].check(x), self._design.dim
        pieces = {
            name: values[..., n * width : (n + 1) * width]
            for n, name in enumerate(self._design.arrays)
        }
        return {
            " ".join(part.arrays): np.concatenate([pieces[name] for name in part.arrays], axis=-1)
            for part in order.parts
        }

    def pack(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.uint64]:
        """Return the input beats of one inference."""
        return self.stream_in.pack(self._apart(self._design.order_in, arrays["x"]))

    def pack_answer(self, values: ArrayLike) -> NDArray[np.uint64]:
        """Return the output beats of one inference that hold an answer: what unpack undoes."""
        return self.stream_out.pack(self._apart(self._design.order_out, values))

    def unpack(self, beats: ArrayLike) -> NDArray[Any]:
        """Return the output from the output beats of one inference."""
        found = self.stream_out.unpack(beats)
        width = self._design.dim
        pieces = {}
        for part in self._design.order_out.parts:
            whole = found[" ".join(part.arrays)]
            for n, name in enumerate(part.arrays):
                pieces[name] = whole[..., n * width : (n + 1) * width]
        joined = np.concatenate([pieces[name] for name in self._design.arrays], axis=-1)
        return joined.astype(self.output.dtype)

    def describe(self) -> dict[str, Any]:
        """Describe beats and widths."""
        design = self._design
        said = "{} (channels and tokens: the row whose values share beats, value n at bit n % {})"
        span = {"low": 0, "high": design.levels, "bits": design.bits, "signed": False}
        return {
            "beats": self.describe_beats(
                f"in: {design.input}; out: {design.output}",
                {"sections": [self._section("x", said.format(design.input, design.beat_in), 0)]},
                {"sections": [self._section("y", said.format(design.output, design.beat_out), 1)]},
            ),
            "numbers": {"x": span, "y": span},
        }

    def _section(self, name: str, order: str, side: int) -> dict[str, Any]:
        beats = (self.beats_in, self.beats_out)[side]
        return {"name": name, "beats": beats, "order": order}
