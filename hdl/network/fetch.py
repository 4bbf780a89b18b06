"""Reads a network's program: flags, weights and parameters of the pass that comes next."""

from typing import Final

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.network.program import FLAGS

__all__ = ["Fetcher"]


class Fetcher(Component):
    """Read words of the program ahead, while the pass before them is computed.

    A pass is ready ``2 + weights + parameters`` cycles after the one before it was taken, one cycle
    more for each in which its parameters would take the place of those before.

    Parameters
    ----------
    depth : int
        Words of the program.
    weights, parameters : int
        Words of weights, and of the parameters behind the last pass of an output.

    Members
    -------
    rewind : In(1)
        Begin again, at the first word.
    addr, en : Out
        Word to read.
    data : In(16)
        That word, one cycle later.
    ready : Out(1)
        A pass is there: ``flags``, ``row``, ``weights``, and behind a last one ``parameters``.
    take : In(1)
        It is taken; the next is read.
    free : In(1)
        Parameters of the pass before are not needed any more.
    """

    def __init__(self, depth: int, *, weights: int, parameters: int):
        self.depth: Final = depth
        self.counts: Final = (weights, parameters)
        super().__init__(
            {
                "rewind": In(1),
                "addr": Out(range(depth)),
                "en": Out(1),
                "data": In(BEAT),
                "ready": Out(1),
                "flags": Out(FLAGS),
                "row": Out(BEAT),
                "weights": Out(weights * BEAT),
                "parameters": Out(parameters * BEAT),
                "take": In(1),
                "free": In(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        weights, parameters = self.counts
        word, there = Signal(range(2 + weights + parameters)), Signal()
        tail, special = Signal(), Signal()
        m.d.comb += [
            tail.eq(word >= 2 + weights),
            special.eq((self.data[FLAGS["attends"].offset] | self.data[FLAGS["ends"].offset])),
        ]
        taken = Signal()
        m.d.comb += [
            taken.eq(there & ~self.ready & ~(tail & ~self.free)),
            self.en.eq(~self.rewind & (~there | taken)),
        ]
        with m.If(self.en):
            m.d.sync += [self.addr.eq(self.addr + 1), there.eq(1)]

        whole = Signal()
        short = 1 + weights
        m.d.comb += whole.eq((word == short) & ~self.flags.last | (word == short + parameters))
        with m.If(taken):
            m.d.sync += word.eq(word + 1)
            with m.If(word == 0):
                m.d.sync += [self.flags.eq(self.data), self.ready.eq(special)]
            with m.Elif(word == 1):
                m.d.sync += self.row.eq(self.data)
            with m.Elif(~tail):
                m.d.sync += self.weights.eq(Cat(self.weights[BEAT:], self.data))
            with m.Else():
                m.d.sync += self.parameters.eq(Cat(self.parameters[BEAT:], self.data))
            with m.If(whole):
                m.d.sync += self.ready.eq(1)
        with m.If(self.take):
            m.d.sync += [self.ready.eq(0), word.eq(0)]
        with m.If(self.rewind):
            m.d.sync += [self.addr.eq(0), there.eq(0), self.ready.eq(0), word.eq(0)]
        return m
