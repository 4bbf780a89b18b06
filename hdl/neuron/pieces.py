"""Spiking neurons on integers, folded into the accumulator that sums their drive.

Ref: SpikingJelly ``neuron.LIFNode`` and ``neuron.IFNode``, in the exact integer (floor) form.
"""

from functools import partial
from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.neuron.format import NeuronFormat
from spikeloom.hdl.ratio import Quotient, times

__all__ = ["NeuronAdd", "NeuronFire", "NeuronPreset", "divide"]


class _Piece(Component):
    """A combinational piece of a neuron."""

    def __init__(self, fmt: NeuronFormat):
        self.format: Final = fmt
        super().__init__(self._members())

    def _members(self) -> dict[str, wiring.Member]:
        raise NotImplementedError

    def _offset_member(self) -> dict[str, wiring.Member]:
        """Give the port of the offset, which only heads that differ have."""
        return {"offset": In(self.format.offset_shape)} if self.format.by_head else {}


class NeuronPreset(_Piece):
    """Start value of an accumulator from a word of the membrane memory.

    Combinational, latency 0. With tau 2 and without leak one gate a bit, for the first step; else
    the addition of a constant, and where ``spec.keep`` is not 1 the product with it.

    Parameters
    ----------
    fmt : NeuronFormat
        Layout of the neuron.

    Members
    -------
    membrane : In(format.membrane_shape)
        Word that :class:`NeuronFire` gave one step before.
    first : In(1)
        High in the first step: ``membrane`` is ignored, and the membrane is 0.
    offset : In(format.offset_shape)
        Offset of the head; absent where heads do not differ, or with ``apart``.
    acc : Out(format.acc_shape)
        Start value.
    """

    def _members(self) -> dict[str, wiring.Member]:
        return {
            "membrane": In(self.format.membrane_shape),
            "first": In(1),
            **({} if self.format.apart else self._offset_member()),
            "acc": Out(self.format.acc_shape),
        }

    def elaborate(self, platform: object) -> Module:
        """Build the start value."""
        m = Module()
        fmt = self.format
        offset: Value | int = 0
        if not fmt.apart:
            offset = self.offset if fmt.by_head else fmt.offset

        start: Value = self.membrane
        if not fmt.stores_start and not (fmt.apart and fmt.spec.keep == 1):
            start = times(self.membrane, fmt.spec.keep) + offset
        m.d.comb += self.acc.eq(Mux(self.first, offset, start))

        return m


class NeuronAdd(_Piece):
    """Add one score to an accumulator, or leave it as it is.

    Combinational, latency 0: one adder. Written as a choice between sum and accumulator, which
    iCE40 cells do at no cost behind the carry chain, where a gate in front of it would take a cell
    a bit.

    Parameters
    ----------
    fmt : NeuronFormat
        Layout of the neuron.

    Members
    -------
    acc : In(format.acc_shape)
        Accumulator before.
    score : In(format.addend_shape)
        Score; clipped at ``ranges.saturate`` in the saturating form.
    en : In(1)
        Whether to add: the bit of v.
    o : Out(format.acc_shape)
        Accumulator after.
    """

    def _members(self) -> dict[str, wiring.Member]:
        return {
            "acc": In(self.format.acc_shape),
            "score": In(self.format.addend_shape),
            "en": In(1),
            "o": Out(self.format.acc_shape),
        }

    def elaborate(self, platform: object) -> Module:
        """Build the adder; the lowest ``fraction`` bits never change."""
        m = Module()
        fmt = self.format

        fraction = fmt.fraction
        kept, upper = self.acc[:fraction], self.acc[fraction:]
        if fmt.saturating:
            low = upper[:-1]
            total = Signal(len(upper))
            m.d.comb += [
                total.eq(low + self.score),
                self.o.eq(
                    Cat(kept, Mux(self.en, total[:-1], low), upper[-1] | (self.en & total[-1]))
                ),
            ]
        else:
            total = Signal(len(upper))
            m.d.comb += [
                total.eq(upper.as_signed() + self.score),
                self.o.eq(Cat(kept, Mux(self.en, total, upper)).as_signed()),
            ]

        return m


class NeuronFire(_Piece):
    """Spike and next word of the membrane memory from a finished accumulator.

    Combinational, latency 0. No comparator; the addition of one constant, except without leak and
    hard reset, and except in the saturating form with a threshold that is a power of two, where
    the next membrane is a shift by wires; and a :class:`~spikeloom.hdl.ratio.Quotient` where the
    divisor is no power of two. Checked against :meth:`spikeloom.golden.neuron.NeuronSpec.step`.

    Parameters
    ----------
    fmt : NeuronFormat
        Layout of the neuron.
    stages : int
        Registers in the division: the membrane comes as many cycles later than the spike.

    Members
    -------
    acc : In(format.acc_shape)
        Accumulator after the last score.
    offset : In(format.offset_shape)
        Offset of the head; absent where heads do not differ.
    spike : Out(1)
        Whether the neuron fires.
    membrane : Out(format.membrane_shape)
        Word for the next step's :class:`NeuronPreset`.
    """

    def __init__(self, fmt: NeuronFormat, *, stages: int = 0):
        self.stages: Final = stages
        super().__init__(fmt)

    def _members(self) -> dict[str, wiring.Member]:
        return {
            "acc": In(self.format.acc_shape),
            **self._offset_member(),
            "spike": Out(1),
            "membrane": Out(self.format.membrane_shape),
        }

    def elaborate(self, platform: object) -> Module:
        """Read the spike from the accumulator; leak, and reset."""
        m = Module()
        fmt = self.format
        spec = fmt.spec

        low: Value
        if fmt.saturating:
            low, spike = self.acc[:-1], self.acc[-1]
        else:
            low, spike = self.acc, ~self.acc[-1]
        m.d.comb += self.spike.eq(spike)

        # What follows a step without a spike, and one with: start values where the memory holds
        # these, else membranes. The offset is less the threshold where resets are soft.
        offset = self.offset if fmt.by_head else fmt.offset
        rest = offset if fmt.stores_start else 0
        change = self._change(offset)
        shared = partial(divide, m, fmt, stages=self.stages)
        if fmt.hard:
            number = low + change
            if spec.odd > 1:
                m.d.comb += self.membrane.eq(shared(Mux(self.spike, 0, number)))
            else:
                m.d.comb += self.membrane.eq(Mux(self.spike, rest, shared(number)))
            return m
        after = change + offset
        if spec.up:
            after = after + 1
        chosen = Mux(self.spike, after, change)
        if isinstance(change, int) and isinstance(after, int):
            step = Signal(range(min(change, after, 0), max(change, after, 0) + 1))
            m.d.comb += [step.eq(chosen), self.membrane.eq(shared(low + step))]
        else:
            m.d.comb += self.membrane.eq(shared(low + chosen))
        return m

    def _change(self, offset: Value | int) -> Value | int:
        """Give what leads from an accumulator to the dividend: its offset off, the next one on."""
        fmt, spec = self.format, self.format.spec
        if isinstance(offset, int):
            return (offset << spec.shift if fmt.stores_start else 0) - offset + spec.rise
        change: Value = -offset
        if fmt.stores_start:
            change = times(offset, spec.divisor - 1) if spec.shift else Const(0)
        return change + spec.rise if spec.rise else change


def divide(m: Module, fmt: NeuronFormat, number: Value, *, stages: int = 0) -> Value:
    """Divide what becomes a membrane, with registers between the digits of a long division."""
    spec = fmt.spec
    if spec.odd == 1:
        return number >> spec.shift
    dividend = Signal(fmt.dividend_shape)
    m.d.comb += dividend.eq(number)
    shifted = dividend >> spec.shift
    m.submodules.quotient = quotient = Quotient(shifted.shape(), spec.odd, stages=stages)
    m.d.comb += quotient.i.eq(shifted)
    return quotient.o
