"""The program of a network: what the engine adds up, word by word.

A layer is a row of passes for each of its outputs. A pass goes once over the tokens: of every token
it takes ``lanes`` channels of a slot, and counts those whose weight has a bit set. Bits of weights,
and of inputs that have several, come with falling place values: the sum so far is doubled before
a pass of the next. So one engine computes with weights of any width.

A pass is two words, its flags and the slot that it reads, then the weights; the last one of an
output has parameters behind them: where its spikes go, bias and threshold.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.network.geometry import Geometry, Tensor
from spikeloom.hdl.network.layers import Layer, Term
from spikeloom.hdl.network.lowered import Lowered
from spikeloom.hdl.network.planes import planes_of
from spikeloom.hdl.network.words import bits_of

__all__ = ["Pass", "Program", "assemble"]


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


def _passes(plan: Geometry, terms: Sequence[Term], output: int) -> Iterator[Pass]:
    """Give the passes of one output, one place value after the other, the highest first."""
    count, before = plan.planes, None
    share = plan.rows // len(terms[0].weight)
    digits = [[_digits(plan, term, group[output]) for group in term.weight] for term in terms]
    readings = [
        (low + at.place + term.shift, -n, low, bit)
        for n, term in enumerate(terms)
        for low in range(0, len(digits[n][0]), count)
        for bit, at in enumerate(term.inputs)
    ]
    for place, number, low, bit in sorted(readings, reverse=True):
        term, groups = terms[-number], digits[-number]
        source, at = plan.tensors[term.tensor], term.inputs[bit]
        while before is not None and before - place > 2:
            yield _move(plan, source, 2)
            before -= 2
        # The sign of a weight is its highest bit.
        minus, top = at.sign < 0, low + count == len(groups[0])
        flags = {"minus_low": minus ^ (top and count == 1), "minus_high": minus ^ top}
        for group, planes in enumerate(groups):
            for slot in range(planes.shape[1]):
                if term.sparse and not planes[low : low + count, slot].any():
                    continue
                gap = 0 if before is None else before - place
                flags |= {"first": before is None, "double": gap > 0, "twice": gap == 2}
                flags["stays"] = term.stays
                before = place
                row = source.slot + at.plane * source.slots + slot << plan.row_bits
                high = planes[low + 1, slot] if count == 2 else _nothing(plan.lanes)
                yield Pass(
                    *(row + group * share, planes[low, slot], high),
                    {k: 1 for k, v in flags.items() if v},
                )
    if before is None:
        nothing = _nothing(plan.lanes)
        yield Pass(source.slot << plan.row_bits, nothing, nothing, {"first": 1})
    while before:
        yield _move(plan, source, min(before, 2))
        before -= min(before, 2)


def _move(plan: Geometry, source: Tensor, places: int) -> Pass:
    """Return a pass that adds nothing, and moves the sum up by one or two places."""
    nothing = _nothing(plan.lanes)
    flags = {"double": 1, **({"twice": 1} if places == 2 else {})}
    return Pass(source.slot << plan.row_bits, nothing, nothing, flags)


def _digits(plan: Geometry, term: Term, weight: NDArray[np.int64]) -> NDArray[np.uint8]:
    """Return the bits of the weights of one output, (bits, slots, lanes)."""
    planes = planes_of(weight, term.bits)
    if len(planes) % plan.planes:
        # A sign goes on.
        planes = np.concatenate([planes, planes[-1:]])
    return planes.reshape(len(planes), -1, plan.lanes)


def _nothing(lanes: int) -> NDArray[np.uint8]:
    return np.zeros(lanes, dtype=np.uint8)


class _Writer:
    """Collects passes and their words."""

    def __init__(self, plan: Lowered):
        self.plan = plan
        self.words: list[int] = []
        self.passes: list[Pass] = []

    def layer(self, layer: Layer) -> None:
        """Write a layer: its passes, and behind those of each output its parameters."""
        outputs = len(layer.bias)
        for n in range(outputs):
            passes = list(_passes(self.plan, layer.terms, n))
            for k, one in enumerate(passes):
                flags = {**one.flags, **layer.flags}
                if n == 0 and k == 0:
                    flags["sync"] = 1
                if k == len(passes) - 1:
                    flags["last"] = 1
                    if layer.flags.get("reads_out") and n == outputs - 1:
                        flags["final"] = 1
                self._write(one, flags)
            self._number(_parameters(self.plan, layer, n), self.plan.sections.parameters)

    def special(self, flag: str) -> None:
        """Write what is no pass."""
        self.passes.append(Pass(0, _nothing(0), _nothing(0), {flag: 1}))
        self._number(bits_of(self.plan.flags, {flag: 1}), 1)

    def _write(self, one: Pass, flags: dict[str, int]) -> None:
        plan, sections = self.plan, self.plan.sections
        self.passes.append(Pass(one.row, one.low, one.high, flags))
        self._number(bits_of(plan.flags, flags) | one.row << BEAT, sections.head)
        bits = one.low if plan.planes == 1 else np.concatenate([one.low, one.high])
        packed = np.packbits(bits, bitorder="little").tobytes()
        self._number(int.from_bytes(packed, "little"), sections.weights)

    def _number(self, value: int, words: int) -> None:
        width = self.plan.sections.width
        self.words += [value >> width * n & (1 << width) - 1 for n in range(words)]


def assemble(plan: Lowered) -> Program:
    """Write the program of a network."""
    writer = _Writer(plan)
    for layer in plan.layers:
        if layer is None:
            writer.special("attends")
        else:
            writer.layer(layer)
    writer.special("ends")
    return Program(tuple(writer.words), tuple(writer.passes))


def _parameters(plan: Lowered, layer: Layer, n: int) -> int:
    """Join the parameters of an output to one number: where spikes go, bias, threshold."""
    wide, dest, lane = plan.widths, 0, 0
    if layer.target:
        channel = int(layer.channels[n])
        slot, lane = divmod(channel, plan.lanes)
        fields = {"slot": plan.tensors[layer.target].slot + slot, "turned": int(layer.turned)}
        if layer.gathers:
            fields["gathers"] = 1
        fields |= {"sets": int(layer.join == "or"), "clears": int(layer.join == "iand")}
        dest = bits_of(plan.dest, fields)
        lane = channel if layer.turned else lane
    word = dest | lane << BEAT
    word |= (int(layer.bias[n]) & (1 << wide.bias) - 1) << 2 * BEAT
    return word | int(layer.threshold[n]) << 2 * BEAT + wide.bias
