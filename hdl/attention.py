"""A whole attention layer: beats of q, k and v in, beats of spikes out."""

from typing import Any

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped
from numpy.typing import ArrayLike

from ..design import Design
from .banks import BankRing
from .beats import beat_stream
from .chunks import ChunkLoader
from .counting import fit
from .cycles import state_cycles
from .loader import Loader
from .memory import LayerMemory
from .plan import MemoryShape, Plan
from .score import ScoreEngine
from .state import StateEngine
from .state_gray import GrayInserter
from .state_plan import StatePlan
from .state_shift import StateShifter
from .unloader import Unloader
from .wide_cycles import wide_cycles
from .wide_layer import WideLayer
from .wide_plan import WidePlan

__all__ = ["Attention", "layer_plan"]


def layer_plan(design: Design) -> Plan:
    """Give the geometry of a layer, of the kind that its folding asks for."""
    if design.order == "score":
        return Plan(design)
    return WidePlan(design) if design.folding.spikes > 1 else StatePlan(design)


class Attention(wiring.Component):
    """Spiking self-attention, all heads and time steps, from stream to stream.

    Works head by head: the k, v and q sections of one head and step are loaded, computed and
    unloaded as one run, ``heads * steps`` runs an inference, with the membranes kept in memory from
    step to step. With two banks, loading, computing and unloading overlap. Stalls on either side
    and gaps between beats change the timing and never the answer.

    Latency: one inference computes for ``heads * steps * engine.cycles`` cycles, see
    :class:`~spikeloom.hdl.score.ScoreEngine`. Checked against
    :func:`spikeloom.golden.attention.attention`.

    Parameters
    ----------
    design : Design
        The layer.

    Members
    -------
    i : In(stream)
        Beats in, see :func:`spikeloom.golden.beats.pack`. ``last`` is not looked at.
    o : Out(stream)
        Beats out, see :func:`spikeloom.golden.beats.unpack`. ``last`` marks the end of an
        inference.
    busy : Out(1)
        High in every cycle in which the engine works.
    """

    i: stream.Interface
    o: stream.Interface
    busy: Signal

    def __init__(self, design: Design):
        self._design = design
        self._plan = layer_plan(design)
        self._engine: StateEngine | ScoreEngine | WideLayer
        if isinstance(self._plan, WidePlan):
            self._engine = WideLayer(design)
        elif isinstance(self._plan, StatePlan):
            self._engine = StateEngine(design)
        else:
            self._engine = ScoreEngine(design)
        super().__init__(
            {
                "i": In(beat_stream(design.beat)),
                "o": Out(beat_stream(design.beat)),
                "busy": Out(1),
            }
        )

    @property
    def design(self) -> Design:
        """The layer."""
        return self._design

    @property
    def plan(self) -> Plan:
        """Geometry of the layer."""
        return self._plan

    def compute_cycles(self, q: ArrayLike | None = None, k: ArrayLike | None = None) -> int:
        """Predict the cycles in which the engine works, summed over an inference.

        In state order these depend on the spikes; without any given, every spike is set.
        """
        design = self._design
        if isinstance(self._engine, ScoreEngine):
            return design.heads * design.steps * self._engine.cycles
        if q is None or k is None:
            q = k = np.ones((design.steps, design.tokens, design.dim), dtype=np.uint8)
        if isinstance(self._engine, WideLayer):
            return wide_cycles(design, q, k)
        return state_cycles(design, q, k)

    def manifest(self) -> dict[str, object]:
        """Describe what a user of the generated Verilog cannot see in it."""
        plan = self._plan
        return {
            "memories": [
                {
                    "name": shape.name,
                    "width": shape.width,
                    "depth": shape.depth,
                    "ebr": shape.ebr,
                    "spram": shape.spram,
                }
                for shape in plan.memories
            ],
            "banks": {"input": plan.in_banks, "output": plan.out_banks},
            "order": self._design.order,
            "passes": plan.passes,
            "compute_cycles": self.compute_cycles(),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        engine = self._engine
        if isinstance(engine, WideLayer):
            return self._wide(m, engine)
        if isinstance(engine, StateEngine):
            loader: ChunkLoader | Loader = self._load_chunks(m, engine)
        else:
            loader = self._load_words(m, engine)
        m.submodules.loader = loader
        m.submodules.engine = engine
        m.submodules.unloader = unloader = Unloader(self._design)
        connect(m, self._source(m), loader.i)
        connect(m, unloader.o, flipped(self.o))

        m.submodules.inputs = inputs = BankRing(plan.in_banks)
        m.submodules.outputs = outputs = BankRing(plan.out_banks)
        m.d.comb += [
            inputs.fill.eq(loader.full),
            inputs.drain.eq(engine.done),
            outputs.fill.eq(engine.done),
            outputs.drain.eq(unloader.free),
            loader.free.eq(inputs.free),
            loader.bank.eq(inputs.filling),
            engine.ready.eq(inputs.full & outputs.free),
            engine.bank.eq(inputs.draining),
            engine.bank_out.eq(outputs.filling),
            unloader.full.eq(outputs.full),
            unloader.bank.eq(outputs.draining),
            self.busy.eq(engine.busy),
        ]
        o = self._memory(m, plan.o, granularity=plan.o.width // len(engine.o_en))
        m.d.comb += [
            o.w_addr.eq(engine.o_addr),
            o.w_data.eq(engine.o_data),
            o.w_en.eq(engine.o_en),
            o.r_addr.eq(unloader.addr),
            o.r_en.eq(unloader.en),
            unloader.data.eq(o.r_data),
        ]
        return m

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

    def _stages(self) -> list[tuple[str, StateShifter | GrayInserter]]:
        """Stages that positions put in front of the loader in state order."""
        stages: list[tuple[str, StateShifter | GrayInserter]] = []
        if self._design.order == "state" and "shift" in self._design.positions:
            stages.append(("shifter", StateShifter(self._design)))
        if self._design.order == "state" and "gray" in self._design.positions:
            stages.append(("inserter", GrayInserter(self._design)))
        return stages

    def _load_words(self, m: Module, engine: ScoreEngine) -> Loader:
        """Keep q, k and v as words, one a token."""
        plan = self._plan
        loader = Loader(self._design)
        token, v_token = fit(loader.token, plan.tokens), fit(loader.v_token, plan.tokens)
        for name, en, data in (
            ("k", loader.k_en, engine.k_data),
            ("q", loader.q_en, engine.q_data),
        ):
            store = self._memory(m, plan.memory(name), granularity=plan.beat)
            m.d.comb += [
                store.w_addr.eq(Cat(token, loader.written)),
                store.w_data.eq(loader.data),
                store.w_en.eq(en),
                store.r_addr.eq(engine.kq_addr),
                store.r_en.eq(1),
                data.eq(store.r_data),
            ]
        store = self._memory(m, plan.memory("v"), granularity=plan.beat)
        m.d.comb += [
            store.w_addr.eq(Cat(loader.word, v_token, loader.bank)),
            store.w_data.eq(loader.beat.replicate(plan.slices)),
            store.w_en.eq(loader.v_en),
            store.r_addr.eq(engine.v_addr),
            store.r_en.eq(1),
            engine.v_data.eq(store.r_data),
        ]
        return loader

    def _load_chunks(self, m: Module, engine: StateEngine) -> ChunkLoader:
        """Keep q and k as chunks with spikes in them, and v as words."""
        plan = self._plan
        loader = ChunkLoader(self._design)
        shape = plan.memory("chunks")
        store = self._memory(m, shape, granularity=shape.width)
        m.d.comb += [
            store.w_addr.eq(loader.addr),
            store.w_data.eq(loader.entry),
            store.w_en.eq(loader.en),
            store.r_addr.eq(engine.chunk_addr),
            store.r_en.eq(engine.chunk_en),
            engine.chunk.eq(store.r_data),
        ]
        store = self._memory(m, plan.memory("v"), granularity=plan.beat)
        m.d.comb += [
            store.w_addr.eq(loader.v_addr),
            store.w_data.eq(loader.beat.replicate(plan.slices)),
            store.w_en.eq(loader.v_en),
            store.r_addr.eq(engine.v_addr),
            store.r_en.eq(1),
            engine.v_data.eq(store.r_data),
        ]
        return loader

    def _memory(self, m: Module, shape: MemoryShape, *, granularity: int) -> LayerMemory:
        store = LayerMemory(shape, granularity=granularity)
        m.submodules[shape.name] = store
        return store
