"""Score order: row after row of the attention map, A = similarity(q, k) first, then A v."""

from typing import Final

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden import gate as golden_gate
from spikeloom.hdl.attention.output import spike_word
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.accumulate import AccumulatorChain
from spikeloom.hdl.attention.score.bias import BiasStream
from spikeloom.hdl.attention.score.causal import KeySight
from spikeloom.hdl.attention.score.chunk import RowWalk
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.counting import delays, fit, following, head_counter
from spikeloom.hdl.frame.stage import Engine
from spikeloom.hdl.position.part import units
from spikeloom.hdl.similarity.alpha import AlphaSimilarity
from spikeloom.hdl.similarity.gate import GatedSimilarity
from spikeloom.hdl.similarity.similarity import Similarity

__all__ = ["ScoreEngine"]


class ScoreEngine(Engine):
    """Compute one head and step at a time, ``rows`` queries and ``lanes`` channels, a key a cycle.

    The queries of a block stand in a chain of registers, and so do their accumulators. A block
    costs ``rows`` shift slots, in which the finished rows leave one end of the accumulator chain
    through the neuron while the membranes of the next rows enter the other (and their queries enter
    the query chain), and one slot for each key. The membrane is the accumulator's initial value, so
    leak, drive and threshold are one sum.

    With ``chunk`` a run is a chunk of steps: queries and keys are those of all its steps, and
    :class:`~spikeloom.hdl.attention.score.chunk.RowWalk` says whose membranes a row has.

    Nothing stalls: a head and step starts when its inputs are complete and the output bank is free,
    and takes ``blocks * passes * (rows + keys) + rows + latency`` cycles.

    Checked against :func:`spikeloom.golden.attention.formula.attention`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with ``folding.order`` "score".
    lengths : bool
        Whether sequences may have fewer tokens; without a position, chunks and masks only.

    Members
    -------
    ready, done, busy, bank, bank_out, v_addr, v_data, o_addr, o_data, o_en
        As :class:`~spikeloom.hdl.frame.stage.Engine`.
    kq_addr : Out
        Word of k and q to read, one for both: bank, token, as the longer of them counts.
    k_data, q_data : In
        The words, one cycle later.
    end : In(range(tokens))
        Last token that there is, as long as a run is worked on. With ``lengths`` only.
    """

    def __init__(self, design: AttentionDesign, *, lengths: bool = False):
        self.design: Final = design
        self.lengths: Final = lengths
        self._plan = plan = Plan(design)
        shapes = {shape.name: shape for shape in plan.memories}
        self._similarities = [self._similarity() for _ in range(plan.rows)]
        super().__init__(
            plan,
            {
                "kq_addr": Out(range(max(shapes["k"].depth, shapes["q"].depth))),
                "k_data": In(shapes["k"].width),
                "q_data": In(shapes["q"].width),
                **({"end": In(range(design.tokens))} if lengths else {}),
            },
            parts=plan.out.shared,
        )

    @property
    def latency(self) -> int:
        """Cycles from the slot that reads a key to the slot that accumulates its score."""
        return 2 + self._similarities[0].latency + (1 if self._biased else 0)

    @property
    def cycles(self) -> int:
        """Cycles that a head and step takes."""
        return self.cycles_of(self._plan.keys)

    def cycles_of(self, keys: int) -> int:
        """Count the cycles for so many keys, and as many queries where ``lengths`` is set."""
        plan = self._plan
        blocks = -(-keys // plan.rows) if self.lengths else plan.blocks
        keys = keys if self.lengths else plan.keys
        return blocks * plan.passes * (plan.rows + keys) + plan.rows + self.latency

    def _following_key(self, token: Signal) -> Value:
        if self.lengths:
            return Mux(token == self.end, 0, token + 1)
        return following(token, self._plan.keys)

    def _following_block(self, block: Signal) -> Value:
        if self.lengths:
            return Mux(block == self._last_block, 0, block + 1)
        return following(block, self._plan.blocks)

    @property
    def _last_key(self) -> Value | int:
        return self.end if self.lengths else self._plan.keys - 1

    @property
    def _last_block(self) -> Value | int:
        if self.lengths:
            return self.end[ceil_log2(self._plan.rows) :]
        return self._plan.blocks - 1

    @property
    def _biased(self) -> bool:
        return self.design.biases is not None

    @property
    def _weighed(self) -> bool:
        """Whether heads have alphas of their own."""
        return len(set(self.design.similarities)) > 1

    @property
    def _zeros(self) -> tuple[int, ...]:
        """Worth of a pair of zeros in every head."""
        return tuple(how.zeros for how in self.design.similarities)

    def _similarity(self) -> Similarity | AlphaSimilarity | GatedSimilarity:
        design = self.design
        how, technology = design.similarities[0], design.target.cells
        zeros = self._zeros
        if design.gate is not None and not self._biased:
            return GatedSimilarity(
                design.channels,
                how.ones,
                zeros if self._weighed else how.zeros,
                how.each,
                level=golden_gate.level(design),
                technology=technology,
            )
        # A bias may pull a score back below the threshold: clip after it, not before.
        limit = None if self._biased else self._plan.ranges.saturate
        if self._weighed:
            return AlphaSimilarity(
                design.channels, how.ones, zeros, how.each, saturate=limit, technology=technology
            )
        return Similarity(
            design.channels, how.ones, how.zeros, how.each, saturate=limit, technology=technology
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        self._head: Signal | None = None
        latency = self.latency
        issue_key, issue_shift, token, fresh = self._issue(m)
        key = delays(m, issue_key, latency, "key")
        shift = delays(m, issue_shift, latency, "shift")
        scores = self._scores(m, key, shift, token, fresh)
        self._accumulate(m, scores, key, shift)
        return m

    def _issue(self, m: Module) -> tuple[Value, Value, Value, Value]:
        """Walk through blocks, passes and slots; read k and q."""
        plan = self._plan
        running, phase, tail = Signal(), Signal(), Signal()
        count = Signal(range(max(plan.keys, plan.rows)))
        block, turn = Signal(range(plan.blocks)), Signal(range(plan.passes))
        last_turn, last_block = turn == plan.passes - 1, block == self._last_block
        key, shift = running & phase, running & ~phase

        with m.If(~self.busy & self.ready):
            m.d.sync += [running.eq(1), self.busy.eq(1)]
        with m.If(self.done):
            m.d.sync += self.busy.eq(0)
        with m.If(running):
            m.d.sync += count.eq(count + 1)
        with m.If(shift & (count == plan.rows - 1)):
            m.d.sync += [count.eq(0), phase.eq(~tail), running.eq(~tail), tail.eq(0)]
        with m.If(key & (count == self._last_key)):
            m.d.sync += [count.eq(0), phase.eq(0), turn.eq(following(turn, plan.passes))]
            with m.If(last_turn):
                m.d.sync += [block.eq(self._following_block(block)), tail.eq(last_block)]

        token = Signal(range(plan.longest))
        m.d.comb += [
            token.eq(Mux(phase, count, Cat(count[: ceil_log2(plan.rows)], block))),
            self.kq_addr.eq(Cat(token, self.bank)),
        ]
        return key, shift, token, turn == 0

    def _scores(
        self, m: Module, key: list[Value], shift: list[Value], token: Value, fresh: Value
    ) -> list[Value]:
        """Compare a key with the query of every row, one key a cycle."""
        plan, design = self._plan, self.design
        was_fresh = Signal()
        m.d.sync += was_fresh.eq(fresh)
        words: list[Value] = [self.q_data[: design.head_dim], self.k_data[: design.head_dim]]
        if design.code_bits:
            codes = [unit.channels(m, token, self.done) for unit in units(design)]
            words = [Cat(word, *codes) for word in words]

        k = Signal(design.channels, reset_less=True)
        m.d.sync += k.eq(words[1])
        if self._weighed:
            zeros = self._zeros
            kappa = Signal(range(max(zeros) + 1), init=zeros[0])
            m.d.sync += kappa.eq(Array(zeros)[self._head_counter(m)])
        chain = words[0]
        scores: list[Value] = [Const(0)] * plan.rows
        for row in reversed(range(plan.rows)):
            q = Signal(design.channels, name=f"q{row}", reset_less=True)
            with m.If(shift[1] & was_fresh):
                m.d.sync += q.eq(chain)
            chain = q
            similarity = self._similarities[row]
            m.submodules[f"similarity{row}"] = similarity
            m.d.comb += [similarity.q.eq(q), similarity.k.eq(k)]
            if self._weighed and not isinstance(similarity, Similarity):
                m.d.comb += similarity.weight.eq(kappa)
            scores[row] = similarity.o
        return self._add_bias(m, scores, key, shift) if self._biased else scores

    def _add_bias(
        self, m: Module, scores: list[Value], key: list[Value], shift: list[Value]
    ) -> list[Value]:
        plan = self._plan
        m.submodules.bias = bias = BiasStream(self.design)
        slot = self.latency - 1 - bias.latency
        m.d.comb += [bias.key.eq(key[slot]), bias.shift.eq(shift[slot])]
        if bias.heads > 1:
            m.d.comb += bias.head.eq(self._head_counter(m))
        low, high = plan.ranges.summed_score
        sums: list[Value] = []
        for row, score in enumerate(scores):
            total = Signal(range(low, high + 1), name=f"total{row}")
            clipped = Signal(plan.score_shape, name=f"score{row}", reset_less=True)
            m.d.comb += total.eq(score + (bias.o[row] << self.design.score_fraction))
            m.d.sync += clipped.eq(self._clip(total))
            sums.append(clipped)
        return sums

    def _clip(self, total: Signal) -> Value:
        """Clip a score with its bias where that is exact, or send it through the gate."""
        limit = self._plan.ranges.saturate
        if self.design.gate is not None:
            level = golden_gate.level(self.design)
            return total >= level if total.shape().signed else at_least(total, max(0, level))
        return total if limit is None else Mux(total >= limit, limit, total)

    def _head_counter(self, m: Module) -> Signal:
        """Count the heads, each of which takes ``steps`` runs of the engine."""
        if self._head is not None:
            return self._head
        self._head = head_counter(m, self.done, self.design.heads, self.design.chunks)
        return self._head

    def _accumulate(
        self, m: Module, scores: list[Value], key: list[Value], shift: list[Value]
    ) -> None:
        """Add the scores of the channels that spike, and let finished rows through the neuron."""
        plan = self._plan
        latency = self.latency
        rows = ceil_log2(plan.rows)

        # What comes in: one slot ahead of the accumulators, since memories answer a cycle later.
        ahead_key, ahead_shift = key[latency - 1], shift[latency - 1]
        row, turn = Signal(rows, name="row_in"), Signal(range(plan.passes), name="turn_in")
        block, token = Signal(range(plan.blocks), name="block_in"), Signal(range(plan.keys))
        with m.If(ahead_shift):
            m.d.sync += row.eq(row + 1)
        with m.If(ahead_key):
            m.d.sync += token.eq(self._following_key(token))
            with m.If(token == self._last_key):
                m.d.sync += turn.eq(following(turn, plan.passes))
                with m.If(turn == plan.passes - 1):
                    m.d.sync += block.eq(self._following_block(block))

        m.d.comb += self.v_addr.eq(Cat(plan.v.word(turn), fit(token, plan.keys), self.bank))
        sub = Signal(range(plan.v.shared), name="sub")
        m.d.sync += sub.eq(turn)
        value = plan.v.select(sub, self.v_data)[: plan.lanes]

        # What goes out: the rows of the block before.
        row_out, turn_out = Signal(rows), Signal(range(plan.passes))
        block_out, filled = Signal(range(plan.blocks)), Signal()
        out = Signal()
        last_row = row_out == plan.rows - 1
        m.d.comb += out.eq(shift[latency] & filled)
        with m.If(shift[latency]):
            m.d.sync += row_out.eq(row_out + 1)
            with m.If(last_row):
                m.d.sync += filled.eq(~self.done)
        with m.If(out & last_row):
            m.d.sync += turn_out.eq(following(turn_out, plan.passes))
            with m.If(turn_out == plan.passes - 1):
                m.d.sync += block_out.eq(self._following_block(block_out))
        token_out = Signal(range(plan.blocks * plan.rows))
        exists = token_out < plan.tokens
        m.d.comb += [
            token_out.eq(Cat(row_out, block_out)),
            self.done.eq(
                out & last_row & (turn_out == plan.passes - 1) & (block_out == self._last_block)
            ),
            self.o_addr.eq(
                Cat(plan.out.word(turn_out), fit(token_out, plan.tokens), self.bank_out)
            ),
            self.o_en.eq(plan.out.enables(turn_out, out & exists)),
        ]

        if self.design.masked:
            sight = KeySight(self.design, blocks=plan.blocks, passes=plan.passes)
            m.submodules.sight = sight
            m.d.comb += sight.key.eq(ahead_key)
            scores = [Mux(sight.seen[n], score, 0) for n, score in enumerate(scores)]
        m.submodules.accumulators = chain = AccumulatorChain(self.design)
        token_enters = fit(Cat(row, block), plan.tokens)
        token_leaves = fit(token_out, plan.tokens)
        if self.design.chunk > 1:
            enters = RowWalk(self.design, passes=plan.passes)
            leaves = RowWalk(self.design, passes=plan.passes)
            m.submodules.enters, m.submodules.leaves = enters, leaves
            m.d.comb += [
                enters.row.eq(ahead_shift),
                enters.end.eq(ahead_key & (token == plan.keys - 1)),
                enters.last.eq(turn == plan.passes - 1),
                enters.restart.eq(self.done),
                leaves.row.eq(out),
                leaves.end.eq(out & last_row),
                leaves.last.eq(turn_out == plan.passes - 1),
                leaves.restart.eq(self.done),
            ]
            m.d.sync += chain.later.eq(enters.step != 0)
            token_enters, token_leaves = enters.token, leaves.token
        m.d.comb += [
            chain.shift.eq(shift[latency]),
            chain.v.eq(value),
            *(chain.scores[n].eq(score) for n, score in enumerate(scores)),
            chain.in_addr.eq(Cat(turn, token_enters)),
            chain.out_addr.eq(Cat(turn_out, token_leaves)),
            chain.out_en.eq(out & exists),
            chain.done.eq(self.done),
        ]
        if plan.spec is not None and (plan.neuron.by_head or plan.neuron.by_channel):
            m.d.comb += chain.head.eq(self._head_counter(m))
        if plan.spec is None:
            word = plan.out.extended(m, chain.drives)
        else:
            word = spike_word(m, plan, turn_out, chain.spikes)
        m.d.comb += self.o_data.eq(word)
