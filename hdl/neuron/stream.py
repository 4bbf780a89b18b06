"""The neuron of a layer on its own: streams of drives in, streams of spikes out."""

from dataclasses import replace
from typing import Final

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, ranges
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.neuron.bank import NeuronBank
from spikeloom.hdl.neuron.format import NeuronFormat

__all__ = ["Neuron"]


class Neuron(Component):
    """Turn streams of drives into streams of spikes: the neuron of a layer on its own.

    Every transfer carries one step of ``channels`` channels; after ``steps`` transfers the
    membranes start at 0 again, for the next token or inference. Latency 1, a step in every cycle.
    One addition of a drive, one of a constant, and membrane and counter registers a channel; the
    accumulator has the plain form, so any drive in the layer's range is right. Checked against
    :meth:`spikeloom.golden.neuron.NeuronSpec.run`.

    Parameters
    ----------
    design : AttentionDesign
        Layer whose neuron is wanted, ``"lif"`` or ``"if"``.
    channels : int
        Channels side by side, at least 1.
    head : int
        Head whose scale is taken, where heads differ.

    Members
    -------
    i : In(stream.Signature(ArrayLayout(range(low, high + 1), channels)))
        Drives, from ``low`` to ``high`` as ``ranges.drive`` says.
    o : Out(stream.Signature(channels))
        Spikes, channel c at bit c.
    """

    #: Cycles from a drive to its spikes.
    latency: Final = 1

    def __init__(self, design: AttentionDesign, *, channels: int = 1, head: int = 0):
        if design.neuron == "none":
            raise ValueError("Neuron must be lif or if, not 'none'")
        if design.normed is not None:
            raise ValueError("Design must have no norm and no scale below zero")
        self.design: Final = design
        if not isinstance(head, int) or not 0 <= head < design.heads:
            raise TypeError(f"Head must be an integer from 0 to {design.heads - 1}, not {head!r}")
        self.channels: Final = natural("Channels", channels)
        self.head: Final = head
        self._ranges = _alone(ranges(design), head)
        low, high = self._ranges.drive
        super().__init__(
            {
                "i": In(stream.Signature(data.ArrayLayout(range(low, high + 1), channels))),
                "o": Out(stream.Signature(channels)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Step all channels at once whenever the output register is free."""
        m = Module()

        spec = NeuronSpec.from_design(self.design, self.head)
        fmt = NeuronFormat(spec, self._ranges, saturating=False)
        step = Signal(range(self.design.steps))
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        taken = Signal()
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        with m.If(taken):
            m.d.sync += step.eq(Mux(step == self.design.steps - 1, 0, step + 1))

        neurons = NeuronBank(m, fmt, self.channels)
        membranes = Signal(neurons.bits * self.channels, reset_less=True)
        kept = Signal.like(membranes)
        accs = [
            neurons.start(channel, membranes, step == 0)
            + (self.i.payload[channel] << spec.fraction)
            for channel in range(self.channels)
        ]
        spikes = neurons.fire(accs, kept)
        with m.If(taken):
            m.d.sync += [membranes.eq(kept), self.o.payload.eq(spikes)]

        return m


def _alone(found: Ranges, head: int) -> Ranges:
    """Give the ranges of one head, as if there were no other."""
    return replace(found, membrane=found.heads[head][1], heads=()) if found.heads else found
