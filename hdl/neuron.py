"""Spiking neurons on integers, folded into the accumulator that sums their drive.

Ref: SpikingJelly ``neuron.LIFNode`` and ``neuron.IFNode``, in the exact integer (floor) form.
"""

from dataclasses import dataclass, replace
from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.ranges import Ranges, ranges
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.ratio import Quotient, times

__all__ = ["Neuron", "NeuronAdd", "NeuronFire", "NeuronFormat", "NeuronPreset", "divide"]


@dataclass(frozen=True)
class NeuronFormat:
    """How a neuron lies in its accumulator and in its membrane memory.

    The accumulator starts at an offset, so that it needs no comparator: a neuron fires where one
    bit of it says so.

    ``saturating`` form: bit ``bits`` is sticky and the rest is modulo ``2**bits``, with ``bits``
    large enough for the threshold. It starts at the membrane plus ``2**bits - threshold`` and
    fires where the sticky bit is set. Right for hard reset and scores that are never negative,
    and only if no addend exceeds ``2**bits``, which scores clipped at ``ranges.saturate`` do not.
    Plain form: a signed number, wide enough for every drive, that starts at the membrane less the
    threshold and fires where it is not negative.

    For tau 2 and for neurons without leak the membrane memory holds the start value of the next
    accumulation, which saves one addition of a constant a lane; where more than the membrane itself
    is kept (``spec.keep``), which makes start values much wider, or it is divided by more than a
    power of two, it holds the membrane. With ``apart`` it always does, and the offset is left to
    what else is added to the accumulator.

    Heads with thresholds of their own (``ranges.heads``) have one format, and accumulators that
    start at offsets of their own: the offset is an input of the pieces of a neuron then.

    Channels with numbers of their own (``ranges.channels``) have the plain form, with membranes in
    memory. The accumulator of a channel that counts its scores negatively holds the complement,
    ``-1 - a``, so that its scores are added as well; see
    :class:`~spikeloom.hdl.attention.score.norm.ChannelPreset`.

    Parameters
    ----------
    spec : NeuronSpec
        Integer neuron. Where heads have thresholds of their own, that of any head.
    ranges : Ranges
        Ranges of score, drive and membrane.
    saturating : bool or None
        Form; by default saturating wherever ``ranges.saturate`` says that it is exact.
    apart : bool
        Whether the start value leaves out the offset.

    Members
    -------
    by_head, by_channel : bool
        Whether heads have thresholds of their own, and whether channels have.
    fraction : int
        Bits of the accumulator below those of a score.
    offset : int
        Start value of the accumulator at membrane 0, for the threshold of ``spec``.
    offsets : tuple of int
        That of every head, or channel; one where these do not differ.
    acc_shape : Shape
        Shape of the accumulator.
    membrane_shape : Shape
        Shape of a word of the membrane memory.
    addend_shape : Shape
        Shape of what one score adds, before it is shifted left by ``fraction``.
    """

    spec: NeuronSpec
    ranges: Ranges
    saturating: bool | None = None
    apart: bool = False

    def __post_init__(self) -> None:
        """Settle the form."""
        if self.saturating is None:
            object.__setattr__(self, "saturating", self.ranges.saturate is not None)
        elif self.saturating and self.ranges.saturate is None:
            raise ValueError("Saturating must be False for a drive that must not be clipped")

    @property
    def hard(self) -> bool:
        """Whether a spike clears the membrane."""
        return self.spec.reset == "hard"

    @property
    def bits(self) -> int:
        """Bits of the accumulator below the sticky bit (saturating form)."""
        return max(ceil_log2(max(self._thresholds)), self.spec.fraction)

    @property
    def by_head(self) -> bool:
        """Whether heads have thresholds of their own."""
        return bool(self.ranges.heads)

    @property
    def by_channel(self) -> bool:
        """Whether channels have thresholds, offsets and signs of their own."""
        return bool(self.ranges.channels)

    @property
    def fraction(self) -> int:
        """Bits of the accumulator below those of a score: of the membrane, and of offsets."""
        return self.spec.fraction + self.ranges.shift

    @property
    def _thresholds(self) -> tuple[int, ...]:
        heads = tuple(threshold for threshold, _ in self.ranges.heads)
        return heads or (self.spec.threshold,)

    @property
    def offset(self) -> int:
        """Start value of the accumulator at membrane 0."""
        return ((1 << self.bits) if self.saturating else 0) - self.spec.threshold

    @property
    def offsets(self) -> tuple[int, ...]:
        """Start values of the accumulators of all heads, or channels, at membrane 0."""
        if self.by_channel:
            fraction = self.spec.fraction
            return tuple((c.offset << fraction) - c.threshold for c in self.ranges.channels)
        return tuple(self.offset + self.spec.threshold - own for own in self._thresholds)

    @property
    def offset_shape(self) -> Shape:
        """Shape of an offset that is an input."""
        return Shape.cast(range(min(self.offsets), max(self.offsets) + 1))

    @property
    def stores_start(self) -> bool:
        """Whether the membrane memory holds start values."""
        return self.spec.keep == self.spec.odd == 1 and not (self.apart or self.by_channel)

    @property
    def _membranes(self) -> list[tuple[int, int]]:
        """Lowest and highest membrane of every head between two steps, the first one's 0 too."""
        spans = [channel.membrane for channel in self.ranges.channels]
        spans = spans or [span for _, span in self.ranges.heads] or [self.ranges.membrane]
        return [(min(low, 0), max(high, 0)) for low, high in spans]

    def _span(self, leak: int, offsets: bool) -> tuple[int, int]:
        """Lowest and highest of ``leak`` times a membrane, with or without its offset."""
        pairs = list(zip(self._membranes, self.offsets, strict=True))
        low = min(leak * span[0] + offset * offsets for span, offset in pairs)
        return low, max(leak * span[1] + offset * offsets for span, offset in pairs)

    @property
    def dividend_shape(self) -> Shape:
        """Shape of what is divided and becomes a membrane."""
        lows, highs = zip(*self._membranes, strict=True)
        divisor = self.spec.divisor
        return Shape.cast(range(min(lows) * divisor, (max(highs) + 1) * divisor))

    @property
    def stages(self) -> int:
        """Registers for a division whose time does not matter: none in short ones."""
        if self.spec.odd == 1:
            return 0
        width = self.dividend_shape.width - self.spec.shift
        digits = Quotient.digits(Shape(width, self.dividend_shape.signed), self.spec.odd)
        return min(2, digits // 7)

    @property
    def membrane_shape(self) -> Shape:
        """Shape of a word of the membrane memory."""
        low, high = self._span(1, self.stores_start)
        return Shape.cast(range(low, high + 1))

    @property
    def acc_shape(self) -> Shape:
        """Shape of the accumulator."""
        if self.saturating:
            return Shape(self.bits + 1)
        if self.by_channel:
            return self._channel_shape()
        low, high = self._span(self.spec.keep, True)
        low += min(self.ranges.drive[0], 0) << self.spec.fraction
        high += max(self.ranges.drive[1], 0) << self.spec.fraction
        return Shape.cast(range(low, high + 1))

    def _channel_shape(self) -> Shape:
        """Hold every sum on its way, from start value to drive, and its complement."""
        least = most = 0
        for channel, span, start in zip(
            self.ranges.channels, self._membranes, self.offsets, strict=True
        ):
            sums = [(end - channel.offset) << self.spec.fraction for end in channel.drive]
            low, high = (self.spec.keep * end + start for end in span)
            least, most = min(least, low + min(0, *sums)), max(most, high + max(0, *sums))
        return Shape.cast(range(min(least, -1 - most), max(most, -1 - least) + 1))

    @property
    def addend_shape(self) -> Shape:
        """Shape of what one score adds, before the shift by ``fraction``."""
        low, high = self.ranges.clipped_score if self.saturating else self.ranges.score
        return Shape.cast(range(low, high + 1))


class _Piece(Component):
    """A combinational piece of a neuron: keeps the format."""

    def __init__(
        self,
        spec: NeuronSpec,
        ranges: Ranges,
        *,
        saturating: bool | None = None,
        apart: bool = False,
    ):
        self.format: Final = NeuronFormat(spec, ranges, saturating, apart)
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
    spec, ranges, saturating, apart
        As :class:`NeuronFormat`.

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
    spec, ranges, saturating, apart
        As :class:`NeuronFormat`.

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
    spec, ranges, saturating, apart
        As :class:`NeuronFormat`.
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

    def __init__(
        self,
        spec: NeuronSpec,
        ranges: Ranges,
        *,
        saturating: bool | None = None,
        apart: bool = False,
        stages: int = 0,
    ):
        self.stages: Final = stages
        super().__init__(spec, ranges, saturating=saturating, apart=apart)

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
        # these, else membranes. offset + threshold is what the accumulator counts from.
        if fmt.by_head:
            m.d.comb += self.membrane.eq(self._following(m, low))
            return m
        rest = fmt.offset if fmt.stores_start else 0
        change = (rest << spec.shift) - fmt.offset + spec.rise
        if fmt.hard:
            m.d.comb += self.membrane.eq(self._quiet(m, low + change, rest))
        else:
            after = change - spec.subtracted
            step = Signal(range(min(change, after, 0), max(change, after, 0) + 1))
            m.d.comb += [
                step.eq(Mux(self.spike, after, change)),
                self.membrane.eq(self._divide(m, low + step)),
            ]

        return m

    def _following(self, m: Module, low: Value) -> Value:
        """Leak and reset with the head's offset, which is less the threshold in the plain form."""
        fmt = self.format
        spec, offset = fmt.spec, self.offset
        rest: Value | int = offset if fmt.stores_start else 0
        change: Value = -offset
        if fmt.stores_start:
            change = times(offset, spec.divisor - 1) if spec.shift else Const(0)
        if spec.rise:
            change = change + spec.rise
        if fmt.hard:
            return self._quiet(m, low + change, rest)
        after = change + offset
        if spec.up:
            after = after + 1
        return self._divide(m, low + Mux(self.spike, after, change))

    def _quiet(self, m: Module, number: Value, rest: Value | int) -> Value:
        """Divide, or clear after a spike, when the number may be anything."""
        if self.format.spec.odd > 1:
            return self._divide(m, Mux(self.spike, 0, number))
        return Mux(self.spike, rest, self._divide(m, number))

    def _divide(self, m: Module, number: Value) -> Value:
        return divide(m, self.format, number, stages=self.stages)


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
        step = Signal(range(self.design.steps))
        m.d.comb += self.i.ready.eq(~self.o.valid | self.o.ready)
        with m.If(self.i.ready):
            m.d.sync += self.o.valid.eq(self.i.valid)
        taken = Signal()
        m.d.comb += taken.eq(self.i.valid & self.i.ready)
        with m.If(taken):
            m.d.sync += step.eq(Mux(step == self.design.steps - 1, 0, step + 1))

        spikes = Signal(self.channels)
        for channel in range(self.channels):
            preset = NeuronPreset(spec, self._ranges, saturating=False)
            fire = NeuronFire(spec, self._ranges, saturating=False)
            m.submodules[f"preset{channel}"] = preset
            m.submodules[f"fire{channel}"] = fire
            membrane = Signal(
                preset.format.membrane_shape, name=f"membrane{channel}", reset_less=True
            )
            m.d.comb += [
                preset.membrane.eq(membrane),
                preset.first.eq(step == 0),
                fire.acc.eq(preset.acc + (self.i.payload[channel] << spec.fraction)),
                spikes[channel].eq(fire.spike),
            ]
            with m.If(taken):
                m.d.sync += membrane.eq(fire.membrane)
        with m.If(taken):
            m.d.sync += self.o.payload.eq(spikes)

        return m


def _alone(found: Ranges, head: int) -> Ranges:
    """Give the ranges of one head, as if there were no other."""
    return replace(found, membrane=found.heads[head][1], heads=()) if found.heads else found
