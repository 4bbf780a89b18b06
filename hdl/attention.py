"""A whole attention layer: beats of q, k and v in, beats of spikes out."""

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import memory, stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from ..design import Design
from .beats import beat_stream
from .chunks import ChunkLoader
from .counting import fit
from .loader import Loader
from .plan import MemoryShape, Plan
from .score import ScoreEngine
from .state import StateEngine
from .state_plan import StatePlan
from .unloader import Unloader

__all__ = ["Attention"]


class Attention(wiring.Component):
    """Spiking self-attention, all heads and time steps, from stream to stream.

    Works head by head: the k, v and q sections of one head and step are loaded, computed and unloaded as one run,
    ``heads * steps`` runs an inference, with the membranes kept in memory from step to step. With two banks, loading,
    computing and unloading overlap. Stalls on either side and gaps between beats change the timing and never the
    answer.

    Latency: one inference computes for ``heads * steps * engine.cycles`` cycles, see
    :class:`~spikeloom.hdl.score.ScoreEngine`. Checked against :func:`spikeloom.golden.attention.attention`.

    Parameters
    ----------
    design : Design
        The layer.

    Members
    -------
    i : In(stream)
        Beats in, see :func:`spikeloom.golden.beats.pack`. ``last`` is not looked at.
    o : Out(stream)
        Beats out, see :func:`spikeloom.golden.beats.unpack`. ``last`` marks the end of an inference.
    busy : Out(1)
        High in every cycle in which the engine works.
    """

    i: stream.Interface
    o: stream.Interface
    busy: Signal

    def __init__(self, design: Design):
        self._design = design
        self._plan = StatePlan(design) if design.order == "state" else Plan(design)
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

    def compute_cycles(self) -> int:
        """Predict the cycles in which the engine works, summed over an inference."""
        return self._design.heads * self._design.steps * ScoreEngine(self._design).cycles

    def manifest(self) -> dict[str, object]:
        """Describe what a user of the generated Verilog cannot see in it."""
        plan = self._plan
        return {
            "memories": [
                {"name": shape.name, "width": shape.width, "depth": shape.depth, "ebr": shape.ebr}
                for shape in plan.memories
            ],
            "banks": {"input": plan.in_banks, "output": plan.out_banks},
            "passes": plan.passes,
            "blocks": plan.blocks,
            "compute_cycles": self.compute_cycles(),
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        state = self._design.order == "state"
        m.submodules.loader = loader = ChunkLoader(self._design) if state else Loader(self._design)
        m.submodules.engine = engine = StateEngine(self._design) if state else ScoreEngine(self._design)
        m.submodules.unloader = unloader = Unloader(self._design)
        connect(m, flipped(self.i), loader.i)
        connect(m, unloader.o, flipped(self.o))

        loaded = self._banks(m, "in", plan.in_banks, loader.full, engine.done)
        filled = self._banks(m, "out", plan.out_banks, engine.done, unloader.free)
        m.d.comb += [
            loader.free.eq(loaded != plan.in_banks),
            engine.ready.eq((loaded != 0) & (filled != plan.out_banks)),
            unloader.full.eq(filled != 0),
            self.busy.eq(engine.busy),
        ]
        if state:
            self._connect_chunks(m, loader, engine)
        else:
            self._connect_words(m, loader, engine)

        o = self._memory(m, plan.o, granularity=plan.o.width // len(engine.o_en))
        m.d.comb += [
            o[0].addr.eq(engine.o_addr),
            o[0].data.eq(engine.o_data),
            o[0].en.eq(engine.o_en),
            o[1].addr.eq(unloader.addr),
            o[1].en.eq(unloader.en),
            unloader.data.eq(o[1].data),
        ]
        return m

    def _connect_words(self, m: Module, loader: Loader, engine: ScoreEngine) -> None:
        """Keep q, k and v as words, one a token."""
        plan = self._plan
        token, v_token = fit(loader.token, plan.tokens), fit(loader.v_token, plan.tokens)
        for name, en, data in (("k", loader.k_en, engine.k_data), ("q", loader.q_en, engine.q_data)):
            write, read = self._memory(m, plan.memory(name), granularity=plan.beat)
            m.d.comb += [
                write.addr.eq(Cat(token, loader.bank)),
                write.data.eq(loader.data),
                write.en.eq(en),
                read.addr.eq(engine.kq_addr),
                data.eq(read.data),
            ]
        write, read = self._memory(m, plan.memory("v"), granularity=plan.beat)
        m.d.comb += [
            write.addr.eq(Cat(loader.word, v_token, loader.bank)),
            write.data.eq(loader.beat.replicate(plan.slices)),
            write.en.eq(loader.v_en),
            read.addr.eq(engine.v_addr),
            engine.v_data.eq(read.data),
        ]

    def _connect_chunks(self, m: Module, loader: ChunkLoader, engine: StateEngine) -> None:
        """Keep q and k as chunks with spikes in them, and v as words."""
        plan = self._plan
        shape = plan.memory("chunks")
        write, read = self._memory(m, shape, granularity=shape.width)
        m.d.comb += [
            write.addr.eq(loader.addr),
            write.data.eq(loader.entry),
            write.en.eq(loader.en),
            read.addr.eq(engine.chunk_addr),
            read.en.eq(engine.chunk_en),
            engine.chunk.eq(read.data),
        ]
        write, read = self._memory(m, plan.memory("v"), granularity=plan.beat)
        m.d.comb += [
            write.addr.eq(loader.v_addr),
            write.data.eq(loader.beat.replicate(plan.slices)),
            write.en.eq(loader.v_en),
            read.addr.eq(engine.v_addr),
            engine.v_data.eq(read.data),
        ]

    def _banks(self, m: Module, name: str, banks: int, fill: Signal, drain: Signal) -> Signal:
        """Count the banks that hold something."""
        count = Signal(range(banks + 1), name=f"{name}_count")
        with m.If(fill & ~drain):
            m.d.sync += count.eq(count + 1)
        with m.If(drain & ~fill):
            m.d.sync += count.eq(count - 1)
        return count

    def _memory(
        self, m: Module, shape: MemoryShape, *, granularity: int
    ) -> tuple[memory.WritePort, memory.ReadPort]:
        store = memory.Memory(
            shape=shape.width, depth=shape.depth, init=[], attrs={"ram_style": "block"}
        )
        m.submodules[shape.name] = store
        return store.write_port(granularity=granularity), store.read_port()
