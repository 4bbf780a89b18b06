"""A whole attention layer: beats of q, k and v in, beats of spikes out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from amaranth.hdl import Cat, Module, Value
from amaranth.lib.wiring import In, Out, connect, flipped
from amaranth.utils import ceil_log2
from numpy.typing import ArrayLike, NDArray

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.cycles import state_cycles, wide_cycles
from spikeloom.hdl.attention.loader import Loader
from spikeloom.hdl.attention.parallel import ParallelHeads
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.engine import ScoreEngine
from spikeloom.hdl.attention.state.chunks import ChunkLoader
from spikeloom.hdl.attention.state.engine import StateEngine
from spikeloom.hdl.attention.state.plan import StatePlan
from spikeloom.hdl.attention.state.sums import ValueSums
from spikeloom.hdl.attention.wide.layer import WideLayer
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.frame.counting import fit, head_counter
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.stage import BankedLayer
from spikeloom.hdl.position.inserter import CodeInserter
from spikeloom.hdl.position.part import units

__all__ = ["AttentionLayer", "layer_plan"]


def layer_plan(design: AttentionDesign) -> Plan:
    """Give the geometry of a layer, of the kind that its folding asks for."""
    if design.order == "score":
        return Plan(design)
    return WidePlan(design) if design.folding.spikes > 1 else StatePlan(design)


class AttentionLayer(BankedLayer):
    """Spiking self-attention, all heads and time steps, from stream to stream.

    Works head by head: the k, v and q sections of one head and step (or chunk of steps) are loaded,
    computed and unloaded as one run, with the membranes kept in memory from step to step. With two
    banks, loading, computing and unloading overlap. Stalls on either side and gaps between beats
    change the timing and never the answer.

    Latency: one inference computes for ``heads * steps / chunk * engine.cycles`` cycles, see
    :class:`~spikeloom.hdl.attention.score.engine.ScoreEngine`. Checked against
    :func:`spikeloom.golden.attention.formula.attention`.

    Parameters
    ----------
    design : AttentionDesign
        The layer.
    joined : bool
        Add ``waits`` and ``go``, by which several layers start a run together.
    lengths : bool
        Add ``end``: a sequence may be shorter, its beats and its cycles are those of its own
        tokens. Only without positions, ``causal``, ``window``, ``chunk`` and ``keys``.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    waits : Out(1)
        The engine could begin a run.
    go : In(1)
        It may. Looked at while ``waits`` is high.
    end : In(range(tokens))
        Last token of the sequence, from before its first beat until behind its last answer. Of k
        in state order beats of whole words come, zero behind that token.
    """

    def __init__(self, design: AttentionDesign, *, joined: bool = False, lengths: bool = False):
        self.design: Final = design
        self.order = design.order
        self.plan: Plan = layer_plan(design)
        self._engine: StateEngine | ScoreEngine | WideLayer
        if isinstance(self.plan, WidePlan):
            self._engine = WideLayer(design)
        elif isinstance(self.plan, StatePlan):
            self._engine = StateEngine(design)
        else:
            self._engine = ScoreEngine(design, lengths=lengths)
        self._joined = joined
        self._lengths = lengths
        more = {"waits": Out(1), "go": In(1)} if joined else {}
        super().__init__(design, more | ({"end": In(range(design.tokens))} if lengths else {}))

    @classmethod
    def of(cls, design: AttentionDesign) -> LayerComponent:
        """Make a layer, or several beside each other where heads are computed in parallel."""
        return cls(design) if design.folding.heads == 1 else ParallelHeads(design, cls)

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which the engine works, summed over an inference.

        In state order these depend on the spikes; without any given, every spike is set.
        """
        if isinstance(self._engine, WideLayer):
            return wide_cycles(self.design, *self._spikes(arrays))
        return int(self.run_cycles(arrays).sum())

    def run_cycles(
        self, arrays: Mapping[str, ArrayLike] | None = None, length: int | None = None
    ) -> NDArray[np.int64]:
        """Predict the cycles of every step (or chunk) and head, (T/c, H).

        See :meth:`compute_cycles`. With ``length`` of a sequence of so many tokens.
        """
        design = self.design
        if isinstance(self._engine, ScoreEngine):
            cycles = self._engine.cycles_of(design.tokens if length is None else length)
            return np.full((design.chunks, design.heads), cycles, dtype=np.int64)
        q, k = (np.asarray(x)[:, :length] for x in self._spikes(arrays))
        return state_cycles(design, q, k)

    def _spikes(self, arrays: Mapping[str, ArrayLike] | None) -> tuple[ArrayLike, ArrayLike]:
        """Give q and k, of which every spike is set where none are given."""
        if arrays is not None:
            return arrays["q"], arrays["k"]
        design = self.design
        ones = np.ones((design.steps, design.tokens, design.dim), dtype=np.uint8)
        return ones, ones

    def elaborate(self, platform: object) -> Module:
        m = Module()
        engine = self._engine
        if isinstance(engine, WideLayer):
            return self._wide(m, engine)
        if isinstance(engine, StateEngine):
            loader: ChunkLoader | Loader = self._load_chunks(m, engine)
        else:
            loader = self._load_words(m, engine)
        unloader = self._join(m, loader, engine, engine.done, lengths=self._lengths)
        if self._lengths:
            ends = [loader, unloader, *([engine] if isinstance(engine, ScoreEngine) else [])]
            m.d.comb += [part.end.eq(self.end) for part in ends]
        self._send(m, engine, unloader)
        return m

    def _ready(self, m: Module, complete: Value) -> Value:
        """Say whether the engine may begin a run whose input and output are there."""
        if not self._joined:
            return complete
        m.d.comb += self.waits.eq(complete & ~self._engine.busy)
        return self.go

    def _wide(self, m: Module, wide: WideLayer) -> Module:
        """Put what takes several spikes a cycle behind the stages."""
        m.submodules.wide = wide
        connect(m, self._source(m), wide.i)
        connect(m, wide.o, flipped(self.o))
        m.d.comb += self.busy.eq(wide.busy)
        return m

    def _source(self, m: Module) -> Any:
        """Give the beats as they come out of the stages."""
        source: Any = flipped(self.i)
        for name, stage in self._stages():
            m.submodules[name] = stage
            connect(m, source, stage.i)
            source = stage.o
        return source

    def _stages(self) -> list[tuple[str, Any]]:
        """Stages that positions put in front of the loader in state order, with their names."""
        plan = self.plan
        if not isinstance(plan, StatePlan):
            return []
        stages = [stage for unit in units(self.design) if (stage := unit.stage()) is not None]
        # Channels are appended to what has been permuted.
        if self.design.code_bits:
            stages.append(("inserter", CodeInserter(self.design, plan)))
        return stages

    def _load_words(self, m: Module, engine: ScoreEngine) -> Loader:
        """Keep q, k and v as words, one a token."""
        plan = self.plan
        loader = Loader(self.design, lengths=self._lengths)
        for name, tokens, en, data in (
            ("k", plan.keys, loader.k_en, engine.k_data),
            ("q", plan.tokens, loader.q_en, engine.q_data),
        ):
            store = add_memory(m, plan.memory(name), plan.beat)
            store.write(m, Cat(fit(loader.token, tokens), loader.written), loader.data, en)
            asked = engine.kq_addr
            address = Cat(fit(asked, tokens), asked[ceil_log2(plan.longest) :])
            m.d.comb += data.eq(store.read(m, address))
        store = add_memory(m, plan.memory("v"), plan.beat)
        address = Cat(loader.word, fit(loader.v_token, plan.keys), loader.bank)
        store.write(m, address, loader.beat.replicate(plan.v.slices), loader.v_en)
        m.d.comb += engine.v_data.eq(store.read(m, engine.v_addr))
        return loader

    def _load_chunks(self, m: Module, engine: StateEngine) -> ChunkLoader:
        """Keep q and k as chunks with spikes in them, and v as words."""
        plan = StatePlan(self.design)
        loader = ChunkLoader(self.design, lengths=self._lengths)
        store = add_memory(m, plan.memory("chunks"))
        store.write(m, loader.addr, loader.entry, loader.en)
        m.d.comb += engine.chunk.eq(store.read(m, engine.chunk_addr, engine.chunk_en))
        store = add_memory(m, plan.memory("v"), plan.beat)
        store.write(m, loader.v_addr, loader.beat.replicate(plan.v.slices), loader.v_en)
        m.d.comb += engine.v_data.eq(store.read(m, engine.v_addr))
        if plan.summed:
            m.submodules.sums = sums = ValueSums(self.design)
            if plan.weighed:
                m.d.comb += sums.head.eq(
                    head_counter(m, loader.full, plan.design.heads, plan.design.steps)
                )
            m.d.comb += [
                sums.beat.eq(loader.beat),
                sums.en.eq(loader.v_en),
                sums.first.eq(loader.v_first),
                sums.place.eq(loader.v_place),
                sums.word.eq(fit(loader.v_addr, plan.v.words)),
                sums.bank.eq(loader.bank),
                sums.addr.eq(engine.sum_addr),
                engine.sums.eq(sums.sums),
            ]
        return loader
