"""Input side of a layer: beats in, memory writes out."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame import stage
from spikeloom.hdl.position.part import units

__all__ = ["Loader"]


class Loader(stage.Loader):
    """Write the k, v and q sections of one head and step into their memories, bank after bank.

    Accepts one beat a cycle while the bank it fills is free. Every beat goes straight to its slice
    of the word by the write mask, so no word is ever assembled. Only where a position permutes
    channels, the tokens of q and k are assembled, permuted and written one cycle later.

    Latency: a word is in its memory one cycle after its last beat (two with a permutation).
    Throughput: one beat a cycle. Checked against :func:`spikeloom.golden.attention.beats.pack`.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    lengths : bool
        Whether sequences may have fewer tokens; without a position only.

    Members
    -------
    i, free, full, bank
        As :class:`~spikeloom.hdl.frame.stage.Loader`.
    written : Out(range(banks))
        Bank that is written, the same or, with a permutation, that of the cycle before.
    token : Out(range(longest))
        Token that is written to k and q.
    word : Out(range(words))
        Word of the token that is written to v.
    v_token : Out(range(longest))
        Token that is written to v.
    beat : Out(beat)
        Beat for every slice of v.
    data : Out(width)
        Word for k and q.
    k_en, q_en, v_en : Out
        Write enables, one bit a slice of ``beat`` bits.
    end : In(range(tokens))
        Last token that there is, as long as a run is worked on. With ``lengths`` only.
    """

    def __init__(self, design: AttentionDesign, *, lengths: bool = False):
        self.lengths: Final = lengths
        self.design: Final = design
        self._plan = plan = Plan(design)
        self._permuting = [unit for unit in units(design) if unit.permutes]
        super().__init__(
            plan,
            {
                "written": Out(range(plan.in_banks)),
                "token": Out(range(plan.longest)),
                "word": Out(range(plan.v.words)),
                "v_token": Out(range(plan.longest)),
                "beat": Out(plan.beat),
                "data": Out(plan.beats * plan.beat),
                "k_en": Out(plan.beats),
                "q_en": Out(plan.beats),
                "v_en": Out(plan.v.slices),
                **({"end": In(range(design.tokens))} if lengths else {}),
            },
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan

        beat = Signal(range(plan.beats))
        token = Signal(range(plan.longest))
        section = Signal(2)
        last_beat = beat == plan.beats - 1
        last_token = token == (self.end if self.lengths else plan.tokens - 1)
        if plan.keys != plan.tokens:
            last_token = Mux(section[1], last_token, token == plan.keys - 1)
        # A permuted word arrives a cycle late, and so does the news that the bank is full.
        ready = self.free & ~self.full if self._permuting else self.free
        accept = Signal()
        in_k, in_v, in_q = (Signal(name=f"in_{name}") for name in "kvq")
        m.d.comb += [
            self.i.ready.eq(ready),
            accept.eq(self.i.valid & ready),
            in_k.eq(section == 0),
            in_v.eq(section == 1),
            in_q.eq(section[1]),
        ]
        with m.If(accept):
            m.d.sync += beat.eq(Mux(last_beat, 0, beat + 1))
            with m.If(last_beat):
                m.d.sync += token.eq(Mux(last_token, 0, token + 1))
                with m.If(last_token):
                    m.d.sync += section.eq(Mux(in_q, 0, section + 1))

        # v is never permuted: its beats go straight to their slice.
        word, slices = plan.v.arrival(beat, accept & in_v)
        m.d.comb += [
            self.beat.eq(self.i.payload.data),
            self.v_token.eq(token),
            self.word.eq(word),
            self.v_en.eq(slices),
        ]

        end = accept & last_beat & last_token & in_q
        if self._permuting:
            self._assemble(m, accept & last_beat, accept, beat, token, in_k, in_q, end)
        else:
            lane = Signal(plan.beats)
            m.d.comb += [
                lane.eq(Const(1, plan.beats) << beat if plan.beats > 1 else 1),
                self.written.eq(self.bank),
                self.token.eq(token),
                self.data.eq(self.i.payload.data.replicate(plan.beats)),
                self.k_en.eq(Mux(accept & in_k, lane, 0)),
                self.q_en.eq(Mux(accept & in_q, lane, 0)),
                self.full.eq(end),
            ]
        return m

    def _assemble(
        self,
        m: Module,
        complete: Value,
        accept: Value,
        beat: Signal,
        token: Signal,
        in_k: Signal,
        in_q: Signal,
        end: Value,
    ) -> None:
        """Collect a token, permute its channels and write it whole in the next cycle."""
        plan = self._plan
        assembled = Signal(plan.beats * plan.beat, reset_less=True)
        for n in range(plan.beats):
            with m.If(accept & (beat == n)):
                m.d.sync += assembled.word_select(n, plan.beat).eq(self.i.payload.data)

        word: Value = assembled[: plan.design.head_dim]
        for unit in self._permuting:
            word = unit.permute(m, token, word)

        write = Signal(2)
        m.d.sync += [
            write.eq(Mux(complete, Cat(in_k, in_q), 0)),
            self.token.eq(token),
            self.written.eq(self.bank),
            self.full.eq(end),
        ]
        m.d.comb += [
            self.data.eq(word),
            self.k_en.eq(write[0].replicate(plan.beats)),
            self.q_en.eq(write[1].replicate(plan.beats)),
        ]
