"""A layer that takes several spikes a cycle: loader, engine, memories and unloader."""

from typing import Final

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.wide.engine import WideEngine
from spikeloom.hdl.attention.wide.loader import WideLoader
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.frame.banks import add_ring
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.unloader import Unloader

__all__ = ["WideLayer"]


class WideLayer(Component):
    """What :class:`~spikeloom.hdl.attention.layer.AttentionLayer` holds where ``folding.spikes``
    is above 1.

    k and v are needed a stage earlier than q, so both have banks of their own.

    Parameters
    ----------
    design : AttentionDesign
        The layer.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.attention.layer.AttentionLayer`, behind its stages for positions.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = WidePlan(design)
        beats = beat_stream(design.beat)
        super().__init__({"i": In(beats), "o": Out(beats), "busy": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self._plan
        m.submodules.loader = loader = WideLoader(self.design)
        m.submodules.engine = engine = WideEngine(self.design)
        m.submodules.unloader = unloader = Unloader(plan.answer)
        connect(m, flipped(self.i), loader.i)
        connect(m, unloader.o, flipped(self.o))
        keys = add_ring(m, "keys", plan.in_banks, loader.keys_full, engine.keys_done)
        queries = add_ring(m, "queries", plan.in_banks, loader.queries_full, engine.queries_done)
        outputs = add_ring(m, "outputs", plan.out_banks, engine.queries_done, unloader.free)
        m.d.comb += [
            loader.keys_free.eq(keys.free),
            loader.keys_bank.eq(keys.filling),
            loader.queries_free.eq(queries.free),
            loader.queries_bank.eq(queries.filling),
            engine.keys_ready.eq(keys.full),
            engine.keys_bank.eq(keys.draining),
            engine.queries_ready.eq(queries.full & outputs.free),
            engine.queries_bank.eq(queries.draining),
            engine.bank_out.eq(outputs.filling),
            unloader.full.eq(outputs.full),
            unloader.bank.eq(outputs.draining),
            self.busy.eq(engine.busy),
        ]

        granularity = plan.span // len(loader.k_en)
        k = add_memory(m, plan.memory("k"), granularity)
        q = add_memory(m, plan.memory("q"), granularity)
        o = add_memory(m, plan.o, plan.out.part)
        k.write(m, loader.k_addr, loader.word, loader.k_en)
        m.d.comb += engine.k_word.eq(k.read(m, engine.k_addr, engine.k_en))
        q.write(m, loader.q_addr, loader.word, loader.q_en)
        m.d.comb += engine.q_word.eq(q.read(m, engine.q_addr, engine.q_en))
        o.write(m, engine.o_addr, engine.o_data, engine.o_en)
        m.d.comb += unloader.data.eq(o.read(m, unloader.addr, unloader.en))
        for port in range(plan.ports):
            v = add_memory(m, plan.memory(f"v{port}"), plan.v_width // plan.v.slices)
            v.write(m, loader.v_addr, loader.v_data, loader.v_en[port])
            m.d.comb += engine.v_data[port].eq(v.read(m, engine.v_addr[port]))
        return m
