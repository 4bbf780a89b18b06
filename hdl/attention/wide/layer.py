"""A layer that takes several spikes a cycle: loader, engine, memories and unloader."""

from typing import Final

from amaranth.hdl import Module
from amaranth.lib.wiring import In, Out, connect, flipped

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.wide.engine import WideEngine
from spikeloom.hdl.attention.wide.loader import WideLoader
from spikeloom.hdl.attention.wide.plan import WidePlan
from spikeloom.hdl.frame.banks import BankRing
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.memory import LayerMemory
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
        m.submodules.keys = keys = BankRing(plan.in_banks)
        m.submodules.queries = queries = BankRing(plan.in_banks)
        m.submodules.outputs = outputs = BankRing(plan.out_banks)
        m.d.comb += [
            keys.fill.eq(loader.keys_full),
            keys.drain.eq(engine.keys_done),
            queries.fill.eq(loader.queries_full),
            queries.drain.eq(engine.queries_done),
            outputs.fill.eq(engine.queries_done),
            outputs.drain.eq(unloader.free),
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
        k = self._memory(m, "k", granularity)
        q = self._memory(m, "q", granularity)
        o = self._memory(m, "o", plan.o.width // len(engine.o_en))
        m.d.comb += [
            k.w_addr.eq(loader.k_addr),
            k.w_data.eq(loader.word),
            k.w_en.eq(loader.k_en),
            k.r_addr.eq(engine.k_addr),
            k.r_en.eq(engine.k_en),
            engine.k_word.eq(k.r_data),
            q.w_addr.eq(loader.q_addr),
            q.w_data.eq(loader.word),
            q.w_en.eq(loader.q_en),
            q.r_addr.eq(engine.q_addr),
            q.r_en.eq(engine.q_en),
            engine.q_word.eq(q.r_data),
            o.w_addr.eq(engine.o_addr),
            o.w_data.eq(engine.o_data),
            o.w_en.eq(engine.o_en),
            o.r_addr.eq(unloader.addr),
            o.r_en.eq(unloader.en),
            unloader.data.eq(o.r_data),
        ]
        for port in range(plan.ports):
            v = self._memory(m, f"v{port}", plan.v_width // plan.slices)
            m.d.comb += [
                v.w_addr.eq(loader.v_addr),
                v.w_data.eq(loader.v_data),
                v.w_en.eq(loader.v_en[port]),
                v.r_addr.eq(engine.v_addr[port]),
                v.r_en.eq(1),
                engine.v_data[port].eq(v.r_data),
            ]
        return m

    def _memory(self, m: Module, name: str, granularity: int) -> LayerMemory:
        store = LayerMemory(self._plan.memory(name), granularity=granularity)
        m.submodules[name] = store
        return store
