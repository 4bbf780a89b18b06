"""Streams cut and joined: rows in other beats, and several streams in turn."""

from collections.abc import Sequence
from typing import Any, Final

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.frame.counting import counted_to

__all__ = ["Regroup", "TakeTurns"]


class Regroup(Component):
    """Cut rows of bits into other beats: rows of ``row_in`` bits become rows of ``row_out``.

    Bits that a beat has beyond its row are not looked at, and are 0 in what goes out. One of the
    two lengths is a multiple of the other. Combinational from beat to beat: latency 0. Throughput:
    a beat in or out, or both, in every cycle. Cost: ``beat_in + beat_out`` flip-flops, and a
    shifter of as many bits and log2(beat_out) rows.

    Parameters
    ----------
    beat_in, beat_out : int
        Bits of a beat.
    row_in, row_out : int
        Bits of a row.

    Members
    -------
    i, o : stream
        Beats. ``last`` is passed on with the last bit.
    """

    def __init__(self, beat_in: int, row_in: int, beat_out: int, row_out: int):
        self.beat_in: Final = natural("Beat in", beat_in)
        self.beat_out: Final = natural("Beat out", beat_out)
        self.row_in: Final = natural("Row in", row_in)
        self.row_out: Final = natural("Row out", row_out)
        if row_in % row_out and row_out % row_in:
            raise ValueError(f"Rows must be multiples, not {row_in!r} and {row_out!r}")
        super().__init__({"i": In(beat_stream(beat_in)), "o": Out(beat_stream(beat_out))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        most = self.beat_in + self.beat_out - 1
        kept, count = Signal(most), Signal(range(most + 1))
        ended = Signal()
        mask_in, got = self._side(m, "in", self.beat_in, self.row_in, self.i)
        mask_out, need = self._side(m, "out", self.beat_out, self.row_out, self.o)
        have, enough = Signal(), Signal()
        joined, source, rest = Signal(most), Signal(most), Signal(most)
        takes, gives = self.i.valid & self.i.ready, self.o.valid & self.o.ready
        total = Signal(range(most + self.beat_in + 1))
        m.d.comb += [
            have.eq(count >= need),
            total.eq(count + got),
            enough.eq(total >= need),
            joined.eq(kept | ((self.i.payload.data & mask_in) << count[: ceil_log2(most)])),
            source.eq(Mux(have, kept, joined)),
            self.i.ready.eq(~have & (self.o.ready | ~enough)),
            self.o.valid.eq(have | (self.i.valid & enough)),
            self.o.payload.data.eq(source & mask_out),
            rest.eq(Mux(takes, joined, kept)),
        ]
        after = Signal(range(most + self.beat_in + 1))
        m.d.comb += after.eq(Mux(takes, total, count) - Mux(gives, need, 0))
        m.d.comb += self.o.payload.last.eq(
            Mux(have, ended & (count == need), self.i.payload.last & (total == need))
        )
        m.d.sync += [count.eq(after), kept.eq(Mux(gives, rest >> need, rest))]
        with m.If(takes):
            m.d.sync += ended.eq(self.i.payload.last)
        return m

    def _side(self, m: Module, name: str, beat: int, row: int, port: Any) -> tuple[Value, Value]:
        """Count the beats of a row; give the mask and the number of the bits of this one."""
        beats, tail = -(-row // beat), (row - 1) % beat + 1
        whole = (1 << beat) - 1
        at = Signal(range(beats), name=f"at_{name}")
        last = Signal(name=f"last_{name}")
        bits, mask = Signal(range(beat + 1), name=f"bits_{name}"), Signal(beat, name=f"mask_{name}")
        m.d.comb += [
            last.eq(at == beats - 1),
            bits.eq(Mux(last, tail, beat)),
            mask.eq(Mux(last, whole >> beat - tail, whole)),
        ]
        with m.If(port.valid & port.ready):
            m.d.sync += at.eq(Mux(last, 0, at + 1))
        return mask, bits


class TakeTurns(Component):
    """Make one stream of several: so many beats of each in turn.

    Combinational: latency 0. Cost: a multiplexer of the beats, and a counter. Joins the outputs of
    layers of one order, such as three projections, to what a reordering takes.

    Parameters
    ----------
    beat : int
        Bits of a beat.
    counts : sequence of int
        Beats of a turn, for each stream.

    Members
    -------
    i0, i1, ... : In(stream)
        Beats. ``last`` is not looked at.
    o : Out(stream)
        Beats, ``last`` low.
    """

    def __init__(self, beat: int, counts: Sequence[int]):
        self.beat: Final = beat
        self.counts: Final = tuple(natural("Count", count) for count in counts)
        if not self.counts:
            raise ValueError("Counts must be of at least one stream")
        streams = {f"i{n}": In(beat_stream(beat)) for n in range(len(self.counts))}
        super().__init__({**streams, "o": Out(beat_stream(beat))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        turn, at = Signal(range(len(self.counts))), Signal(range(max(self.counts)))
        ends = Signal()
        with m.Switch(turn):
            for n, count in enumerate(self.counts):
                port = getattr(self, f"i{n}")
                with m.Case(n):
                    m.d.comb += [
                        self.o.payload.data.eq(port.payload.data),
                        self.o.valid.eq(port.valid),
                        port.ready.eq(self.o.ready),
                        ends.eq(at == count - 1),
                    ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += at.eq(Mux(ends, 0, at + 1))
            counted_to(m, ends, turn, len(self.counts) - 1)
        return m
