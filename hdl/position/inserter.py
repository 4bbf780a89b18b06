"""Appended channels in state order: rows of k and bits of q, which no sender has to send."""

from typing import Final

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position import channels
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import following
from spikeloom.hdl.frame.memory import add_block
from spikeloom.hdl.frame.rom import packed

__all__ = ["CodeInserter"]


class CodeInserter(Component):
    """Insert the beats of the position codes into a stream of beats.

    The bits of the code are channels like all others: rows of k over the tokens, which follow the
    rows that were sent, and bits of q, which follow those of each token. They lie in a ROM in the
    order in which they are needed. In a token of q they begin a beat of their own.

    Latency 0, one beat a cycle; ``i`` waits while beats are inserted. Checked against
    :func:`spikeloom.golden.position.part.channels`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with a position that appends channels and ``folding.order`` "state".
    plan : StatePlan or None
        Geometry of the layer; by default that of one spike a cycle. Rows of zeros come before the
        code's rows of k where it has more rows than there are channels.

    Members
    -------
    i : In(stream)
        Beats of k, v and q, in turn.
    o : Out(stream)
        Beats with the code's among them.
    """

    def __init__(self, design: AttentionDesign, plan: StatePlan | None = None):
        self.design: Final = design
        self._plan = plan = plan or StatePlan(design)
        super().__init__({"i": In(beat_stream(plan.beat)), "o": Out(beat_stream(plan.beat))})

    def _contents(self) -> list[int]:
        """List the inserted beats of a head, or of a step where all steps are alike."""
        plan, design = self._plan, self.design
        steps = design.steps if design.by_step else 1
        beats = []
        for step in range(steps):
            table = channels(design, step)
            empty = [[0] * plan.tokens] * (plan.key_rows - plan.design.channels)
            for row in [*empty, *table.T.tolist(), *table.tolist()]:
                beats += [packed(row[n : n + plan.beat]) for n in range(0, len(row), plan.beat)]
        return beats

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, design = self._plan, self.design
        beats = self._contents()
        port = add_block(m, "rom", plan.beat, len(beats), beats, rom=True).read_port()

        section = Signal(2)
        row = Signal(range(max(plan.key_rows, plan.tokens)))
        beat = Signal(range(max(design.beats_per_channel, plan.query_beats)))
        at = Signal(range(len(beats)))
        in_v, in_q = section[0], section[1]
        rows = Mux(in_v | in_q, plan.tokens - 1, plan.key_rows - 1)
        length = Mux(
            in_q, plan.query_beats - 1, Mux(in_v, plan.beats - 1, design.beats_per_channel - 1)
        )
        inserted, moves = Signal(), Signal()
        m.d.comb += [
            inserted.eq(Mux(in_q, beat >= plan.beats, ~in_v & (row >= plan.design.head_dim))),
            self.o.valid.eq(inserted | self.i.valid),
            self.i.ready.eq(self.o.ready & ~inserted),
            self.o.payload.data.eq(Mux(inserted, port.data, self.i.payload.data)),
            self.o.payload.last.eq(self.i.payload.last & ~inserted),
            moves.eq(self.o.valid & self.o.ready),
            # The ROM is a cycle ahead.
            port.addr.eq(Mux(moves & inserted, following(at, len(beats)), at)),
        ]
        with m.If(moves):
            m.d.sync += beat.eq(beat + 1)
            with m.If(beat == length):
                m.d.sync += [beat.eq(0), row.eq(row + 1)]
                with m.If(row == rows):
                    m.d.sync += [row.eq(0), section.eq(Mux(in_q, 0, section + 1))]
            with m.If(inserted):
                m.d.sync += at.eq(following(at, len(beats)))
        return m
