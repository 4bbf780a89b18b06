"""Rate-coded attention: IF neurons that make spikes of rates, in front of attention on integers."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2
from numpy.typing import ArrayLike

from spikeloom.design.rate import RateDesign
from spikeloom.golden.rate import spikes
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape, place
from spikeloom.hdl.frame.rom import look_up
from spikeloom.hdl.integer.layer import IntegerLayer, integer_cycles

__all__ = ["RateEncoder", "RateLayer"]


class RateEncoder(Component):
    """Keep the rates of k and q, and send their spikes step by step, as a sender of spikes would.

    One neuron for all channels: each keeps its rate and its sum in a word of one memory, from which
    a step reads it in one cycle, and writes it in the next. A rate above the threshold fires in
    every step, as one at the threshold does, and is kept as that. v passes through, behind the keys
    of the first step. Sums that float64 rounds are not added up: what a rate makes of every step is
    a word of a table, and a channel keeps its rate alone.

    Throughput: a rate a cycle while loading; two cycles a rate and step, three with the table; a
    beat of v a cycle. A step begins when the layer behind can take all of it. Checked against
    :func:`spikeloom.golden.rate.spikes`.

    Parameters
    ----------
    design : RateDesign
        The layer.
    shape : MemoryShape
        Memory of the rates and sums.

    Members
    -------
    i : In(stream)
        Beats: rates of k, channel by channel, rates of q, token by token, v.
    o : Out(stream)
        Beats: spikes of k, v (in the first step alone), spikes of q, step by step.
    busy : Out(1)
        High while spikes are made.
    """

    def __init__(self, design: RateDesign, shape: MemoryShape):
        self.design: Final = design
        self._shape = shape
        super().__init__(
            {
                "i": In(beat_stream(design.beat)),
                "o": Out(beat_stream(design.beat)),
                "busy": Out(1),
            }
        )

    @property
    def cycles(self) -> int:
        """Cycles that making spikes takes in an inference."""
        each = 2 if self.design.accumulate == "exact" else 3
        return 2 * each * self.design.steps * self.design.tokens * self.design.dim

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self.design
        store = add_memory(m, self._shape)

        # k and q are walked through alike, to load them and in every step.
        in_q, walk = Signal(), Signal()
        row = Signal(range(max(design.tokens, design.dim)))
        column = Signal.like(row, name="column")
        place = Signal(ceil_log2(2 * design.tokens * design.dim))
        end_row, end_section, end = Signal(), Signal(), Signal()
        tokens, channels = design.tokens - 1, design.dim - 1
        m.d.comb += [
            end_row.eq(column == Mux(in_q, channels, tokens)),
            end_section.eq(end_row & (row == Mux(in_q, tokens, channels))),
            end.eq(end_section & in_q),
            store.r_addr.eq(place),
            store.w_addr.eq(place),
        ]
        with m.If(walk):
            m.d.sync += [
                column.eq(Mux(end_row, 0, column + 1)),
                row.eq(Mux(end_section, 0, row + end_row)),
                place.eq(Mux(end, 0, place + 1)),
                in_q.eq(in_q ^ end_section),
            ]

        # A neuron: what it keeps, what it becomes, and whether it fires.
        exact = design.accumulate == "exact"
        threshold = int(design.threshold_exact)
        top, most = (1 << design.rate_bits) - 1, design.most
        rate_bits = most.bit_length()
        sum_bits = (threshold - 1).bit_length() if exact else 0
        per = design.inner.per_beat(design.rate_bits)
        given = self.i.payload.data.word_select(column[: ceil_log2(per)], design.rate_bits)
        rate = Signal(rate_bits)
        step = Signal(range(design.steps))
        fires = Signal()
        m.d.comb += rate.eq(given if most == top else Mux(given > most, most, given))
        rest = Signal(sum_bits)
        if exact:
            total = Signal(range(most + threshold))
            m.d.comb += [
                total.eq(store.r_data[:rate_bits] + store.r_data[rate_bits:]),
                fires.eq(total >= threshold),
                rest.eq(Mux(fires, total - threshold, total)),
            ]
        else:
            word = look_up(m, _words(design), store.r_data, shape=design.steps, rom_style="block")
            m.d.comb += fires.eq(word.bit_select(step, 1))

        beat, valid = Signal(design.beat), Signal()
        part = column[: ceil_log2(design.beat)]
        collected = Signal(design.beat)
        # Whether v passes: the layer's paths to its memories begin here, at a register.
        passes = Signal()
        m.d.comb += [
            collected.eq(Mux(part == 0, 0, beat) | (fires << part)),
            self.o.valid.eq(valid | (passes & self.i.valid)),
            self.o.payload.data.eq(Mux(valid, beat, self.i.payload.data)),
        ]
        with m.If(self.o.ready):
            m.d.sync += valid.eq(0)

        values = design.tokens * -(-design.dim // design.inner.per_beat(design.v_bits))
        count = Signal(range(values))
        final = Signal(init=values == 1)
        with m.FSM(name="phase"):
            with m.State("Load"):
                m.d.comb += [
                    walk.eq(self.i.valid),
                    store.w_en.eq(self.i.valid),
                    store.w_data.eq(Cat(rate, Const(0, sum_bits))),
                    self.i.ready.eq(end_row | (column[: ceil_log2(per)] == per - 1)),
                ]
                with m.If(walk & end):
                    m.next = "Wait"
            with m.State("Wait"):
                # The layer behind takes a whole step without a pause, or nothing yet.
                with m.If(self.o.ready & ~valid):
                    m.next = "Read"
            with m.State("Read"):
                m.d.comb += [self.busy.eq(1), store.r_en.eq(1)]
                with m.If(self.o.ready | ~valid):
                    m.next = "Write" if exact else "Look"
            if not exact:
                with m.State("Look"):
                    m.d.comb += self.busy.eq(1)
                    m.next = "Write"
            with m.State("Write"):
                m.d.comb += [
                    self.busy.eq(1),
                    walk.eq(1),
                    store.w_en.eq(exact),
                    store.w_data.eq(Cat(store.r_data[:rate_bits], rest)),
                ]
                m.d.sync += [beat.eq(collected), valid.eq(end_row | (part == design.beat - 1))]
                m.next = "Read"
                with m.If(end_section & ~in_q & (step == 0)):
                    m.next = "Values"
                with m.If(end):
                    last_step = step == design.steps - 1
                    m.d.sync += step.eq(Mux(last_step, 0, step + 1))
                    m.next = "Wait"
                    with m.If(last_step):
                        m.next = "Load"
            with m.State("Values"):
                m.d.comb += self.i.ready.eq(passes & self.o.ready)
                m.d.sync += passes.eq(~valid)
                with m.If(self.i.valid & self.i.ready):
                    m.d.sync += count.eq(Mux(final, 0, count + 1))
                    if values > 1:
                        m.d.sync += final.eq(count == values - 2)
                    with m.If(final):
                        m.d.sync += passes.eq(0)
                        m.next = "Read"
        return m


def _words(design: RateDesign) -> list[int]:
    """Return the spikes that each rate makes, from 0 to the greatest; step t at bit t."""
    made = spikes(design, range(design.most + 1))
    return [sum(int(bit) << t for t, bit in enumerate(row)) for row in made.T]


class RateLayer(LayerComponent):
    """Rate-coded attention, from stream to stream.

    A :class:`RateEncoder` sends the spikes of every step to an
    :class:`~spikeloom.hdl.integer.layer.IntegerLayer` that adds up its drives and keeps v.

    Latency: an inference works for ``4 * steps * tokens * dim`` cycles on the spikes, and for
    :func:`~spikeloom.hdl.integer.layer.integer_cycles` on what they select. Checked against
    :func:`spikeloom.golden.rate.attention`.

    Parameters
    ----------
    design : RateDesign
        The layer.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    def __init__(self, design: RateDesign):
        self.design: Final = design
        self._inner = IntegerLayer(design.inner, accumulate=True)
        self._encoder = RateEncoder(design, self.memories[0])
        super().__init__(design)

    @cached_property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of the layer: rates and sums go to SPRAM where the EBR do not hold all."""
        design = self.design
        width = design.most.bit_length()
        others = self._inner.memories
        if design.accumulate == "exact":
            width += (int(design.threshold_exact) - 1).bit_length()
        else:
            # The spikes of every rate, where float64 rounds its sums.
            others = (MemoryShape("spikes", design.steps, design.most + 1, rom=True), *others)
        shape = MemoryShape("rates", width, 1 << ceil_log2(2 * design.tokens * design.dim))
        # Even where it is not enough: what is missing is then said of the rest.
        device = design.target.resources
        return (*place([shape], device, lambda _: True, others=others, partly=True), *others)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which encoder or engine work in an inference.

        They depend on the rates of q and k; without any given, every neuron fires in every step.
        """
        design = self.design
        if arrays is None:
            return self._encoder.cycles + self._inner.compute_cycles()
        q, k = (spikes(design, arrays[name]) for name in ("q", "k"))
        return self._encoder.cycles + integer_cycles(self._inner.plan, q, k)

    def _about(self) -> dict[str, Any]:
        return self._inner._about()

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.encoder = encoder = self._encoder
        m.submodules.attention = inner = self._inner
        connect(m, flipped(self.i), encoder.i)
        connect(m, encoder.o, inner.i)
        connect(m, inner.o, flipped(self.o))
        m.d.comb += self.busy.eq(encoder.busy | inner.busy)
        return m
