"""Geometry of a projection: rows of weights, words of state, and what the memories take."""

from dataclasses import dataclass
from functools import cached_property

from amaranth.hdl import Shape
from amaranth.lib import data
from amaranth.utils import ceil_log2

from spikeloom.design.projection import ProjectionDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.packing import groups, planes
from spikeloom.golden.projection import neurons, spans
from spikeloom.golden.ranges import bits
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.unloader import OutputWords
from spikeloom.hdl.frame.words import TokenWords

__all__ = ["ProjectionPlan"]


@dataclass(frozen=True)
class ProjectionPlan(BankedPlan):
    """Everything about a projection's structure that follows from its design file by counting.

    A row of weights belongs to an input. Inputs are numbered as they come in beats, so that a row's
    number is that of its group beside that of its bit, and rows beyond the last input of a group
    are zero; the rows of CPG-PE begin a group of their own. Output channels beyond the last are
    neurons that never fire.

    Parameters
    ----------
    design : ProjectionDesign
        The projection.
    """

    design: ProjectionDesign

    @property
    def lanes(self) -> int:
        """Output channels in parallel."""
        return self.design.channels_at_once

    @property
    def passes(self) -> int:
        """Groups of ``lanes`` output channels."""
        return groups(self.design.dim, self.lanes)

    @property
    def runs(self) -> int:
        """Tokens of an inference, all steps together."""
        return self.design.tokens * self.design.steps

    @property
    def planes(self) -> int:
        """Bit planes of an input."""
        return planes(self.design.levels)

    @property
    def x_groups(self) -> int:
        """Groups of inputs, without those of CPG-PE."""
        return groups(self.design.inputs, self.beat)

    @property
    def code_groups(self) -> int:
        """Groups of CPG-PE."""
        return groups(self.design.cpg_neurons, self.beat)

    @property
    def first_code_group(self) -> int:
        """Group of rows that the first group of CPG-PE stands for."""
        return self.x_groups if self.design.cpg.mode == "concat" else 0

    @property
    def row_groups(self) -> int:
        """Groups of rows of weights."""
        return max(self.x_groups, self.first_code_group + self.code_groups)

    @property
    def events(self) -> int:
        """Events that a token has at most."""
        return self.design.inputs * self.planes + self.design.cpg_neurons

    @property
    def event(self) -> data.StructLayout:
        """Event: a row of weights, the plane that says how often, and whether it is the last."""
        return data.StructLayout(
            {
                "row": ceil_log2(self.row_groups * self.beat),
                "plane": ceil_log2(self.planes),
                "last": 1,
            }
        )

    @cached_property
    def spec(self) -> NeuronSpec | None:
        """Neuron of any channel but for its threshold; None where there is none."""
        return None if self.design.neuron == "none" else neurons(self.design)[0]

    @property
    def fraction(self) -> int:
        """Fraction bits of an accumulator."""
        return 0 if self.spec is None else self.spec.fraction

    @property
    def returns(self) -> bool:
        """Whether membranes go from step to step."""
        return self.spec is not None and self.design.steps > 1

    @property
    def rest(self) -> int:
        """Cycles between tokens; a single word of membranes must be written before it is read."""
        return 3 if self.returns and self.design.tokens * self.passes == 1 else 1

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """What the accumulator of each channel starts from: the bias, less the threshold."""
        low = [value << self.fraction for value in self.design.biases]
        return tuple(a - b for a, b in zip(low, self.thresholds, strict=True))

    @cached_property
    def thresholds(self) -> tuple[int, ...]:
        """Threshold of each channel in units of the accumulator; 0 without a neuron."""
        if self.spec is None:
            return (0,) * self.design.dim
        return tuple(neuron.threshold for neuron in neurons(self.design))

    @cached_property
    def acc_shape(self) -> Shape:
        """Shape of an accumulator: right for what it ends with, wrapping on the way there."""
        if self.spec is None:
            return Shape(*bits(*spans(self.design).drives))
        found = spans(self.design)
        low = high = 0
        for drive, membrane, threshold in zip(
            found.drive, found.membrane, self.thresholds, strict=True
        ):
            bottom = self.spec.keep * membrane[0] + (drive[0] << self.fraction)
            top = self.spec.keep * membrane[1] + (drive[1] << self.fraction)
            low = min(low, bottom, bottom - threshold)
            most = top - threshold + self.spec.up
            high = max(high, most, threshold - 1 if self.returns else 0)
        return Shape.cast(range(min(low, -1), high + 1))

    @cached_property
    def state_shape(self) -> Shape:
        """Shape of a number in the memory of membranes, starts and thresholds."""
        low, high = spans(self.design).membranes if self.returns else (0, 0)
        consts = (*self.starts, *(self.thresholds if self.returns else ()))
        shape = Shape.cast(range(min(low, *consts, 0), max(high, *consts, 0) + 1))
        return shape if shape.width <= self.acc_shape.width else self.acc_shape

    @property
    def turn_bits(self) -> int:
        """Bits of the number of a pass."""
        return ceil_log2(self.passes)

    @property
    def places(self) -> int:
        """Words of membranes."""
        return self.design.tokens * self.passes if self.returns else 0

    @property
    def state_bits(self) -> int:
        """Bits of an address of the state: membranes below, starts and thresholds at the top."""
        if not self.returns:
            return self.turn_bits
        return ceil_log2(self.places + (2 << self.turn_bits))

    @cached_property
    def state_words(self) -> list[int]:
        """Contents of the state to begin with."""
        width = self.state_shape.width
        kinds = [(self.starts, 0 if self.spec is None else -1)]
        if self.returns:
            kinds.append((self.thresholds, 1))
        words = [0] * (1 << self.state_bits)
        base = len(words) - (len(kinds) << self.turn_bits)
        for n, (numbers, beyond) in enumerate(kinds):
            for channel in range(self.passes * self.lanes):
                turn, lane = divmod(channel, self.lanes)
                number = numbers[channel] if channel < len(numbers) else beyond
                place = base + (n << self.turn_bits) + turn
                words[place] |= (number & (1 << width) - 1) << lane * width
        return words

    @cached_property
    def weight_words(self) -> list[int]:
        """Contents of the weights: the row above the pass."""
        design, width = self.design, self.design.weights.bits
        mask = (1 << width) - 1
        words = [0] * (self.row_groups * self.beat << self.turn_bits)
        code = self.first_code_group * self.beat - design.inputs
        for channel, row in enumerate(design.weight_rows):
            turn, lane = divmod(channel, self.lanes)
            for n, weight in enumerate(row):
                place = n + code if n >= design.inputs else n
                words[place << self.turn_bits | turn] |= (weight & mask) << lane * width
        return words

    @cached_property
    def out(self) -> TokenWords:
        """How the answer of a token lies in its memory: spikes, or drives without a neuron."""
        drives = self.spec is None
        bits = self.acc_shape.width if drives else 1
        return TokenWords(self.design.dim, bits, self.lanes, self.beat, whole=drives)

    @property
    def answer(self) -> OutputWords:
        """How the answer of a token lies in the output memory."""
        return self.out.answer(1, self.runs, self.out_banks, self.o.depth)

    @property
    def _banks(self) -> tuple[int, int]:
        return 2, 2

    def _may_move(self, shape: MemoryShape) -> bool:
        return False

    def _memories(self, in_banks: int, out_banks: int) -> tuple[MemoryShape, ...]:
        design = self.design
        state = self.lanes * self.state_shape.width
        shapes = [
            MemoryShape(
                "weights", self.lanes * design.weights.bits, len(self.weight_words), rom=True
            ),
            MemoryShape("events", self.event.size, in_banks << ceil_log2(self.events)),
            # Its constants stand beside the membranes, and are not written.
            MemoryShape(
                "state", state, 1 << self.state_bits, rom=not self.returns, initial="table"
            ),
            MemoryShape("o", self.out.width, self._depth(self.out.words, out_banks, tokens=1)),
        ]
        if design.cpg_neurons:
            shapes.append(MemoryShape("cpg", design.cpg_neurons, self.runs, rom=True))
        return tuple(shapes)
