"""The program of a network: what the engine adds up, word by word.

A layer is a row of passes for each of its outputs. A pass goes once over the tokens: of every token
it takes ``lanes`` channels of a slot, and counts those whose weight has a bit set. Digits of
weights come with falling place values: the sum so far is doubled before a pass of the next. So one
engine computes with weights of any width.

A header says what passes follow: so many outputs, of each so many digits, of each so many slots.
Behind it come the weights of pass after pass, and behind the last pass of an output its parameters,
bias and threshold. Outputs that take other passes than those before begin with another header.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from amaranth.lib.data import StructLayout
from numpy.typing import NDArray

from spikeloom.hdl.network.geometry import Geometry
from spikeloom.hdl.network.program.layers import Layer
from spikeloom.hdl.network.program.passes import Group, Reading, groups, readings
from spikeloom.hdl.network.program.words import Sections, bits_of, header

__all__ = ["Pass", "Program", "Run", "assemble", "layout_of", "runs"]


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
    words : int
        Words that are read for it, but for the parameters of an output.
    begins : bool
        Whether it is the first of a layer.
    """

    row: int
    low: NDArray[np.uint8]
    high: NDArray[np.uint8]
    flags: dict[str, int] = field(default_factory=dict)
    words: int = 0
    begins: bool = False


@dataclass(frozen=True)
class Run:
    """What stands behind one header: outputs that take the same passes, or a part of one.

    Parameters
    ----------
    group : Group or None
        The passes of an output; None for what is no pass.
    fields : dict of str to int
        Other fields of the header that are set.
    passes : tuple of Reading
        Those of all outputs.
    outputs : range
        Which of the layer; their parameters follow where ``closes`` is set.
    layer : Layer or None
        That layer.
    """

    group: Group | None
    fields: dict[str, int]
    passes: tuple[Reading, ...] = ()
    outputs: range = range(0)
    layer: Layer | None = None

    @property
    def values(self) -> dict[str, int]:
        """Fields of its header, but for signs."""
        group = self.group
        if group is None:
            return self.fields
        counts = (group.slots, group.digits, len(self.outputs))
        numbers = zip(("slots", "digits", "outputs"), (n - 1 for n in counts), strict=True)
        return {**self.fields, **dict(numbers), "row": group.row, "moves": group.moves}


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


def runs(plan: Geometry, layers: Sequence[Layer | None]) -> Iterator[Run]:
    """Give the runs of a network."""
    for layer in layers:
        if layer is None:
            yield Run(None, {"attends": 1})
        else:
            yield from _joined(list(_runs(plan, layer)))
    yield Run(None, {"ends": 1})


def _runs(plan: Geometry, layer: Layer) -> Iterator[Run]:
    """Give runs of an output at most."""
    fields = {name: value for name, value in layer.flags.items() if value}
    fields |= {name: 1 for name in ("turned", "gathers") if getattr(layer, name)}
    fields |= {"sets": 1} if layer.join == "or" else {}
    fields |= {"clears": 1} if layer.join == "iand" else {}
    start = plan.tensors[layer.target].slot * plan.lanes if layer.target else 0
    start = 0 if layer.turned else start
    for n, passes in enumerate(readings(plan, layer)):
        found = groups(plan, passes)
        jumps = n == 0 or (layer.target and layer.channels[n] != layer.channels[n - 1] + 1)
        for k, (group, members) in enumerate(found):
            more = {"begins": int(k == 0), "closes": int(k == len(found) - 1)}
            if k == 0 and jumps:
                more |= {"sync": 1, "place": start + int(layer.channels[n])}
            if layer.flags.get("reads_out") and n == len(layer.bias) - 1:
                more["final"] = more["closes"]
            if n + k:
                # The input is given back once.
                fields.pop("release", None)
            yield Run(group, {**fields, **more}, tuple(members), range(n, n + 1), layer)


def _joined(given: Sequence[Run]) -> Iterator[Run]:
    """Join runs of outputs that follow each other with the same passes."""
    last: Run | None = None
    for run in given:
        if last is not None and _joins(last, run):
            fields = last.fields | {"final": run.fields.get("final", 0)}
            outputs = range(last.outputs.start, run.outputs.stop)
            last = replace(last, fields=fields, passes=last.passes + run.passes, outputs=outputs)
            continue
        if last is not None:
            yield last
        last = run
    if last is not None:
        yield last


def _joins(one: Run, other: Run) -> bool:
    whole = all(run.fields["begins"] and run.fields["closes"] for run in (one, other))
    return whole and one.group == other.group and not other.fields.get("sync")


def layout_of(given: Sequence[Run], rows: int) -> StructLayout:
    """Return the layout of headers that has room for all of these runs, and names each of the rows.

    So another program may look into any tensor.
    """
    names = ("slots", "digits", "outputs", "place")
    most = {name: max(run.values.get(name, 0) for run in given) for name in names}
    used = {name for run in given for name, value in run.values.items() if value}
    if any(run.group is not None and run.group.stays for run in given):
        used.add("stays")
    return header({"row": rows - 1, **most}, used)


def assemble(
    given: Sequence[Run], sections: Sections, *, planes: int, bits: tuple[int, int]
) -> Program:
    """Write the program of a network.

    Parameters
    ----------
    given : sequence of Run
        What it does.
    sections : Sections
        Words of its parts.
    planes : int
        Bits of a weight at once.
    bits : tuple of int
        Bits of a bias and of a threshold.
    """
    writer = _Writer(sections, planes)
    for run in given:
        writer.run(run, bits)
    return Program(tuple(writer.words), tuple(writer.passes))


class _Writer:
    """Collects passes and their words."""

    def __init__(self, sections: Sections, planes: int):
        self.sections = sections
        self.planes = planes
        self.words: list[int] = []
        self.passes: list[Pass] = []

    def run(self, run: Run, bits: tuple[int, int]) -> None:
        """Write a header, and behind it weights and parameters."""
        sections, group = self.sections, run.group
        fields = dict(run.values)
        if group is None or run.layer is None:
            self._number(bits_of(sections.layout, fields), sections.head)
            nothing = np.zeros(0, dtype=np.uint8)
            flags = dict(run.fields)
            self.passes.append(Pass(0, nothing, nothing, flags, sections.head, "attends" in flags))
            return
        minus = {"top_low": group.top[0] < 0, "rest": group.rest < 0}
        if self.planes == 2:
            minus["top_high"] = group.top[1] < 0
        stays = {"stays": 1} if group.stays else {}
        fields |= {name: 1 for name, value in minus.items() if value} | stays
        self._number(bits_of(sections.layout, fields), sections.head)
        each = group.slots * group.digits
        names = ("whole", "reads_out", "release", "group", "spread")
        alike = {name: 1 for name in names if run.fields.get(name)}
        for n, output in enumerate(run.outputs):
            for k, one in enumerate(run.passes[n * each : (n + 1) * each]):
                begins = n == 0 and k == 0
                last = k == each - 1 and run.fields["closes"]
                flags = alike | stays | self._flags(run, k, one)
                flags |= {"sync": 1} if begins and run.fields.get("sync") else {}
                flags |= {"last": 1} if last else {}
                if last and run.fields.get("final") and output == run.outputs[-1]:
                    flags["final"] = 1
                words = sections.weights + sections.head * begins
                first = begins and output == 0 and bool(run.fields["begins"])
                high = one.bits[1] if self.planes == 2 else np.zeros_like(one.bits[0])
                self.passes.append(Pass(one.row, one.bits[0], high, flags, words, first))
                packed = np.packbits(one.bits.reshape(-1), bitorder="little").tobytes()
                self._number(int.from_bytes(packed, "little"), sections.weights)
            if run.fields["closes"]:
                value = int(run.layer.bias[output]) & (1 << bits[0]) - 1
                value |= int(run.layer.threshold[output]) << bits[0]
                self._number(value, sections.parameters)

    def _flags(self, run: Run, k: int, one: Reading) -> dict[str, int]:
        """Say of a pass what the sum before it counts, and what is taken away."""
        group = run.group
        assert group is not None
        moves = group.moves if k == 0 else self.planes * (k % group.slots == 0)
        found = {
            "first": k == 0 and run.fields["begins"],
            "double": moves > 0,
            "twice": moves == 2,
            "minus_low": one.signs[0] < 0,
            "minus_high": self.planes == 2 and one.signs[1] < 0,
        }
        return {name: 1 for name, value in found.items() if value}

    def _number(self, value: int, words: int) -> None:
        width = self.sections.width
        self.words += [value >> width * n & (1 << width) - 1 for n in range(words)]
