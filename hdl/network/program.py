"""The program of a network: what the engine adds up, word by word.

A layer is a row of passes for each of its outputs. A pass goes once over the tokens: of every token
it takes ``lanes`` channels of a slot, and counts those whose weight has a bit set. Bits of weights,
and of inputs that have several, come with falling place values: the sum so far is doubled before
a pass of the next. So one engine computes with weights of any width.

A pass is two words, its flags and the slot that it reads, then the weights; the last one of an
output has parameters behind them: where its spikes go, bias and threshold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import BEAT, NetworkDesign
from spikeloom.design.network.sections import DENSE
from spikeloom.design.network.shapes import dense_sizes
from spikeloom.hdl.network.geometry import Geometry, Tensor
from spikeloom.hdl.network.planes import planes_of
from spikeloom.hdl.network.words import DEST, FLAGS, bits_of

__all__ = ["Pass", "Program", "assemble"]

_HEADED = ("query", "key", "value")


@dataclass(frozen=True)
class Pass:
    """One pass over the tokens.

    Parameters
    ----------
    row : int
        First row that is read.
    low, high : numpy.ndarray
        Weight bits of the lanes; the high ones count twice.
    flags : dict of str to int
        Those that are set.
    """

    row: int
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
    flags: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """The words of a program, and what they mean.

    Parameters
    ----------
    words : tuple of int
        Words of ``plan.sections.width`` bits.
    passes : tuple of Pass
        Passes; attention and end are passes without weights.
    """

    words: tuple[int, ...]
    passes: tuple[Pass, ...]


_Plane = tuple[int, int]
"""Place value and sign of a bit of the inputs."""

_Part = tuple[int, NDArray[np.int64]]
"""The first row that a pass reads, and the weights of one output for it, lane by lane."""


_SPIKES = ((0, 1),)
"""Place value and sign of the only bit of a spike."""


def _passes(
    plan: Geometry, source: Tensor, parts: Sequence[_Part], bits: int, inputs: Sequence[_Plane]
) -> Iterator[Pass]:
    """Give the passes of one output, one place value after the other, the highest first."""
    count = plan.planes
    rows = [(start, _rows(plan, source, weight, bits)) for start, weight in parts]
    low_bits = range(0, len(rows[0][1]), count)
    pairs = [(low + bit[0], low, n) for low in low_bits for n, bit in enumerate(inputs)]
    before = None
    for place, low, bit in sorted(pairs, reverse=True):
        while before is not None and before - place > 2:
            nothing = _nothing(plan.lanes)
            yield Pass(source.slot << plan.row_bits, nothing, nothing, {"double": 1, "twice": 1})
            before -= 2
        # The sign of a weight is its highest bit.
        minus, top = inputs[bit][1] < 0, low == low_bits[-1]
        flags = {"minus_low": minus ^ (top and count == 1), "minus_high": minus ^ top}
        for start, planes in rows:
            for slot in range(source.slots):
                gap = 0 if before is None else before - place
                flags |= {"first": before is None, "double": gap > 0, "twice": gap == 2}
                before = place
                at = (source.slot + bit * source.slots + slot << plan.row_bits) + start
                high = planes[low + 1, slot] if count == 2 else _nothing(plan.lanes)
                yield Pass(at, planes[low, slot], high, {k: 1 for k, v in flags.items() if v})


def _rows(
    plan: Geometry, source: Tensor, weight: NDArray[np.int64], bits: int
) -> NDArray[np.uint8]:
    """Return the bits of the weights of one output, (bits, slots, lanes)."""
    planes = planes_of(weight, bits)
    if len(planes) % plan.planes:
        # A sign goes on.
        planes = np.concatenate([planes, planes[-1:]])
    return planes.reshape(len(planes), source.slots, plan.lanes)


def _nothing(lanes: int) -> NDArray[np.uint8]:
    return np.zeros(lanes, dtype=np.uint8)


class _Writer:
    """Collects passes and their words."""

    def __init__(self, plan: Geometry):
        self.plan = plan
        self.words: list[int] = []
        self.passes: list[Pass] = []

    def layer(
        self,
        source: Tensor,
        weight: NDArray[np.int64],
        bits: int,
        params: Sequence[int],
        more: dict[str, int],
        inputs: Sequence[_Plane] = _SPIKES,
    ) -> None:
        """Write a layer: its passes, and behind those of each output its parameters.

        Weights are (groups, outputs, lanes of all slots); a group has tokens of its own.
        """
        share = self.plan.rows // len(weight)
        for n, tail in enumerate(params):
            parts = [(g * share, rows[n]) for g, rows in enumerate(weight)]
            passes = list(_passes(self.plan, source, parts, bits, inputs))
            for k, one in enumerate(passes):
                flags = {**one.flags, **more}
                if n == 0 and k == 0:
                    flags["sync"] = 1
                if k == len(passes) - 1:
                    flags["last"] = 1
                    if more.get("reads_out") and n == len(params) - 1:
                        flags["final"] = 1
                self._write(one, flags)
            self._number(tail, self.plan.sections.parameters)

    def special(self, flag: str) -> None:
        """Write what is no pass."""
        self.passes.append(Pass(0, _nothing(0), _nothing(0), {flag: 1}))
        self._number(bits_of(FLAGS, {flag: 1}), 1)

    def _write(self, one: Pass, flags: dict[str, int]) -> None:
        plan, sections = self.plan, self.plan.sections
        self.passes.append(Pass(one.row, one.low, one.high, flags))
        self._number(bits_of(FLAGS, flags) | one.row << BEAT, sections.head)
        bits = one.low if plan.planes == 1 else np.concatenate([one.low, one.high])
        packed = np.packbits(bits, bitorder="little").tobytes()
        self._number(int.from_bytes(packed, "little"), sections.weights)

    def _number(self, value: int, words: int) -> None:
        width = self.plan.sections.width
        self.words += [value >> width * n & (1 << width) - 1 for n in range(words)]


def _spread(weight: NDArray[np.int64], places: NDArray[np.int64], width: int) -> NDArray[np.int64]:
    """Put the columns of a matrix at places of a wider one, zero elsewhere."""
    wide = np.zeros((*weight.shape[:-1], width), dtype=np.int64)
    wide[..., places] = weight
    return wide


def assemble(design: NetworkDesign, plan: Geometry) -> Program:
    """Write the program of a network."""
    writer = _Writer(plan)
    _encoder(design, plan, writer)
    for n in range(design.depth):
        for name in DENSE:
            if name == "project":
                writer.special("attends")
            _dense(design, plan, writer, n, name)
    _readout(design, plan, writer)
    writer.special("ends")
    return Program(tuple(writer.words), tuple(writer.passes))


def _parameters(plan: Geometry, dest: int, lane: int, bias: int, threshold: int) -> int:
    """Join the parameters of an output to one number."""
    wide = plan.widths
    word = dest | lane << BEAT
    word |= (bias & (1 << wide.bias) - 1) << 2 * BEAT
    return word | threshold << 2 * BEAT + wide.bias


def _encoder(design: NetworkDesign, plan: Geometry, writer: _Writer) -> None:
    encoder, weights, source = design.encoder, design.weights, plan.tensors["input"]
    width = source.slots * plan.lanes
    weight = _spread(weights["encoder.weight"], np.arange(encoder.inputs), width)
    if plan.placed:
        # The place of a token is an input of its own, in the bit that counts position_shift.
        start = plan.input_words * BEAT
        weight[:, start : start + design.tokens] = weights["encoder.position"].T
    params = []
    for c, (bias, threshold) in enumerate(_neurons(design, "encoder")):
        slot, lane = divmod(c, plan.lanes)
        dest = bits_of(DEST, {"slot": plan.tensors["x"].slot + slot})
        shift = design.fraction - design.encoder.fraction
        params.append(_parameters(plan, dest, lane, bias << shift, threshold << shift))
    more = {} if design.encoder.fraction else {"whole": 1}
    writer.layer(source, weight[None], encoder.weight_bits, params, more, encoder.planes)


def _neurons(design: NetworkDesign, at: str) -> Iterator[tuple[int, int]]:
    """Give bias and threshold of every output of a layer."""
    parts = (design.weights[f"{at}.{name}"].tolist() for name in ("bias", "threshold"))
    return zip(*parts, strict=True)


def _dense(design: NetworkDesign, plan: Geometry, writer: _Writer, n: int, name: str) -> None:
    block, at = design.blocks[n], f"blocks.{n}.{name}"
    head = plan.inner.head_dim
    channel = np.arange(design.dim)
    by_head = channel // head * (plan.head_words * BEAT) + channel % head
    _, inputs = dense_sizes(design, n, name)
    places = by_head if name == "project" else np.arange(inputs)
    tensor = plan.tensors[{"project": "attention", "contract": "expand"}.get(name, "x")]
    # Blocks differ in their hidden channels, and the tensor has room for the most.
    source = replace(tensor, slots=plan.slots(1 + int(places[-1])))
    weight = _spread(design.weights[f"{at}.weight"], places, source.slots * plan.lanes)
    target = plan.tensors[name if name in plan.tensors else "x"]
    how: dict[str, int] = {}
    if name in ("project", "contract"):
        how = {"sets": int(block.residual == "or"), "clears": int(block.residual == "iand")}
    turned = name == "key" and plan.keys_turned
    params = []
    for c, (bias, threshold) in enumerate(_neurons(design, at)):
        slot, lane = divmod(int(by_head[c]) if name in _HEADED else c, plan.lanes)
        dest = bits_of(DEST, {"slot": target.slot + slot, "turned": int(turned), **how})
        params.append(_parameters(plan, dest, c if turned else lane, bias, threshold))
    more = {"release": 1} if n == 0 and name == "query" else {}
    writer.layer(source, weight[None], block.weight_bits, params, more)


def _readout(design: NetworkDesign, plan: Geometry, writer: _Writer) -> None:
    readout, source = design.readout, plan.tensors["x"]
    width = source.slots * plan.lanes
    wide = _spread(design.weights["readout.weight"], np.arange(design.dim), width)
    biases = design.weights["readout.bias"].tolist()
    params = [_parameters(plan, 0, 0, bias, 0) for bias in biases]
    more = {"reads_out": 1, "group": int(readout.groups > 1)}
    writer.layer(source, wide, readout.weight_bits, params, more)
