"""Neurons with a gain and an offset a channel: what stands at both ends of an accumulator."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.attention.channels import ChannelTable
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import look_up
from spikeloom.hdl.neuron import NeuronFormat, divide
from spikeloom.hdl.ratio import times

__all__ = ["ChannelFire", "ChannelPreset", "ChannelRom"]


class ChannelRom(Component):
    """Give a number and a sign to each lane, for the head and pass of a cycle ago.

    Latency: 1 cycle. In block memory, or up to 16 words in logic; constants where all are alike.

    Parameters
    ----------
    table : ChannelTable
        The numbers.

    Members
    -------
    head : In(range(heads))
        Head.
    turn : In(range(passes))
        Pass.
    numbers : Out(table.number_shape).array(lanes)
        Number of each lane.
    negative : Out(lanes)
        Whether the sign of each lane is negative.
    """

    def __init__(self, table: ChannelTable):
        self.table: Final = table
        turns = len(table.words) // table.heads
        super().__init__(
            {
                "head": In(range(table.heads)),
                "turn": In(range(turns)),
                "numbers": Out(table.number_shape).array(table.lanes),
                "negative": Out(table.lanes),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        table = self.table
        width = table.memory.width
        word: Value = Const(table.words[0], width)
        if not table.constant:
            style = "block" if table.in_block else "logic"
            address = Cat(self.turn, self.head)
            word = look_up(m, table.words, address, shape=width, rom_style=style)
        for lane in range(table.lanes):
            number, negative = table.read(word, lane)
            m.d.comb += [self.numbers[lane].eq(number), self.negative[lane].eq(negative)]
        return m


class ChannelPreset(Component):
    """Start value of an accumulator: the membrane and the offset, less the threshold.

    Of a channel with a negative sign the complement ``-1 - a`` of what it counts is kept. Adding a
    score to it takes the score from what it counts, since ``(-1 - a) + x = -1 - (a - x)``, so that
    the accumulators of a chain add for either sign.

    Combinational, latency 0: one addition, and where ``spec.keep`` is not 1 the product with it.

    Parameters
    ----------
    fmt : NeuronFormat
        Format, of channels with numbers of their own.
    table : ChannelTable
        Table that ``start`` comes from.

    Members
    -------
    membrane : In(fmt.membrane_shape)
        Membrane after the step before.
    first : In(1)
        High in the first step, in which the membrane is 0.
    start : In
        What the accumulator starts from at membrane 0: the offset less the threshold.
    negative : In(1)
        Whether the sign is negative.
    acc : Out(fmt.acc_shape)
        Start value.
    """

    def __init__(self, fmt: NeuronFormat, table: ChannelTable):
        self.fmt: Final = fmt
        super().__init__(
            {
                "membrane": In(fmt.membrane_shape),
                "first": In(1),
                "start": In(table.number_shape),
                "negative": In(1),
                "acc": Out(fmt.acc_shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        start = Signal(self.fmt.acc_shape)
        follows = times(self.membrane, self.fmt.spec.keep) + self.start
        m.d.comb += [
            start.eq(Mux(self.first, self.start, follows)),
            self.acc.eq(Mux(self.negative, ~start, start)),
        ]
        return m


class ChannelFire(Component):
    """Spike and next membrane from a finished accumulator, with the channel's threshold.

    Combinational, latency 0: one addition, and a :class:`~spikeloom.hdl.ratio.Quotient` where the
    divisor is no power of two. Checked against :meth:`spikeloom.golden.norm.ChannelNeurons.run`.

    Parameters
    ----------
    fmt : NeuronFormat
        Format, of channels with numbers of their own.
    table : ChannelTable
        Table that ``threshold`` comes from.

    Members
    -------
    acc : In(fmt.acc_shape)
        Accumulator after the last score.
    threshold : In
        Threshold.
    negative : In(1)
        Whether the sign is negative: the accumulator holds a complement.
    spike : Out(1)
        Whether the neuron fires.
    membrane : Out(fmt.membrane_shape)
        Membrane for the next step.
    """

    def __init__(self, fmt: NeuronFormat, table: ChannelTable):
        self.fmt: Final = fmt
        super().__init__(
            {
                "acc": In(fmt.acc_shape),
                "threshold": In(table.number_shape),
                "negative": In(1),
                "spike": Out(1),
                "membrane": Out(fmt.membrane_shape),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        spec = self.fmt.spec
        # What is counted, less the threshold.
        over = Signal(self.fmt.acc_shape)
        m.d.comb += [
            over.eq(Mux(self.negative, ~self.acc, self.acc)),
            self.spike.eq(~over[-1]),
        ]
        if self.fmt.hard:
            quiet = divide(m, self.fmt, over + (self.threshold + spec.rise))
            m.d.comb += self.membrane.eq(Mux(self.spike, 0, quiet))
        else:
            back = Mux(self.spike, spec.rise + spec.up, self.threshold + spec.rise)
            m.d.comb += self.membrane.eq(divide(m, self.fmt, over + back))
        return m
