"""The input of a network: bit planes of tokens into the memories of activations."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.network.design import BEAT
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.network.plan import NetworkPlan

__all__ = ["Intake"]


class Intake(Component):
    """Write the beats of a sequence where the encoder reads them.

    Each is for all time steps, or where every step has inputs of its own, for one: those of a token
    come step after step. Behind the beats of a token come, without any beat, the words of its
    place: of as many bits as there are tokens the one of this token is set.

    Parameters
    ----------
    plan : NetworkPlan
        Geometry of the network.

    Members
    -------
    i : In(stream)
        Beats; ``last`` ends a sequence. What comes behind the most tokens is dropped, up to it.
    free : In(1)
        High for one cycle when the sequence that was taken is not needed any more.
    full : Out(1)
        A sequence is there.
    end : Out(range(tokens))
        Its last token.
    write : In(1)
        Words may be written.
    w_en, w_row, w_slot, w_column, w_part, w_data : Out
        Word to write, where, and for which of the tokens that are computed at once.
    w_steps : Out(steps)
        For which time steps, where every step has inputs of its own, or tokens (``plan.spread``).
    """

    def __init__(self, plan: NetworkPlan):
        self.plan: Final = plan
        tokens = plan.design.tokens
        self.stepped: Final = plan.design.encoder.coding == "steps"
        self.chooses: Final = self.stepped or plan.spread > 0
        steps = {"w_steps": Out(plan.design.steps)} if self.chooses else {}
        super().__init__(
            {
                **steps,
                "i": In(beat_stream(BEAT)),
                "free": In(1),
                "full": Out(1),
                "end": Out(range(tokens)),
                "write": In(1),
                "w_en": Out(1),
                "w_row": Out(plan.row_bits),
                "w_slot": Out(range(plan.slot_count)),
                "w_column": Out(range(plan.columns)),
                "w_part": Out(range(plan.at_once)),
                "w_data": Out(BEAT),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan, encoder = self.plan, self.plan.design.encoder
        at = plan.encoding
        words, places = at.words, at.places
        part, row = Signal(range(plan.at_once)), Signal(plan.row_bits)
        word, plane = Signal(range(words)), Signal(range(encoder.bits))
        place, placing, ends = Signal(range(places)), Signal(), Signal()

        takes, token_done, skips = Signal(), Signal(), Signal()
        token_read, last = Signal(), self.i.payload.last
        m.d.comb += [
            self.i.ready.eq((~self.full & ~placing & self.write) | skips),
            takes.eq(self.i.valid & self.i.ready & ~skips),
            self.w_en.eq(takes | (placing & self.write)),
        ]
        counted = [(word, words), (plane, encoder.bits)]
        step = Signal(range(plan.design.steps))
        if self.stepped:
            counted.append((step, plan.design.steps))
            m.d.comb += self.w_steps.eq(Mux(placing, ~0, (1 << step)[: plan.design.steps]))
        elif self.chooses:
            m.d.comb += self.w_steps.eq(1 << row[: plan.spread])
        complete = odometer(m, takes, *counted)
        m.d.comb += token_read.eq(complete | (takes & last))
        with m.If(takes & last):
            m.d.sync += [number.eq(0) for number, _ in counted]
        with m.If(self.i.valid & last & skips):
            m.d.sync += skips.eq(0)
        token = Cat(part, row)
        m.d.comb += self.end.eq(token)
        last_token = token == plan.design.tokens - 1
        if places:
            with m.If(token_read):
                m.d.sync += [placing.eq(1), ends.eq(last)]
            placed = odometer(m, placing & self.write, (place, places))
            m.d.comb += token_done.eq(placed)
            with m.If(placed):
                m.d.sync += placing.eq(0)
            ended = ends
        else:
            m.d.comb += token_done.eq(token_read)
            ended = last
        over = ended | last_token
        odometer(m, token_done & ~over, (part, plan.at_once), (row, 1 << plan.row_bits))
        with m.If(token_done & over):
            m.d.sync += [self.full.eq(1), skips.eq(~ended)]
        with m.If(self.free):
            m.d.sync += [self.full.eq(0), part.eq(0), row.eq(0)]

        # Words lie one behind the other, those of a plane together.
        column = Signal(range(at.slots * plan.columns), init=at.offset)
        plane_ends = takes & (word == words - 1)
        with m.If(self.w_en):
            m.d.sync += column.eq(column + Mux(plane_ends, 1 + at.gap, 1))
        with m.If(plane_ends & (plane == encoder.bits - 1)):
            m.d.sync += column.eq(at.offset)
        with m.If(token_read):
            m.d.sync += column.eq(at.place if places else at.offset)
        with m.If(token_done):
            m.d.sync += column.eq(at.offset)
        columns = ceil_log2(plan.columns)
        m.d.comb += self.w_column.eq(column[:columns])
        m.d.comb += self.w_slot.eq(plan.tensors["input"].slot + column[columns:])

        one = Signal(BEAT)
        m.d.comb += one.eq(1 << token[:4])
        mine = place == token[4:] if places > 1 else 1
        m.d.comb += [
            self.w_row.eq(row[plan.spread :]),
            self.w_part.eq(part),
            self.w_data.eq(Mux(placing, Mux(mine, one, 0), self.i.payload.data)),
        ]
        return m
