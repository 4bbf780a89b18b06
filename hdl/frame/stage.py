"""Layers that work in three stages, around banks of memories: load, compute, unload."""

from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib.wiring import connect, flipped

from spikeloom.hdl.frame.banks import add_ring
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.unloader import Unloader

__all__ = ["BankedLayer"]


class BankedLayer(LayerComponent):
    """A layer that loads, computes and unloads a run at a time, as its ``plan`` says.

    With two banks of a memory, the stages before and behind it overlap. Parameters and members are
    those of :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    plan: BankedPlan

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories of the layer."""
        return self.plan.memories

    def manifest(self) -> dict[str, Any]:
        """Describe what a user of the generated Verilog cannot see in it."""
        plan = self.plan
        return {
            **super().manifest(),
            "banks": {"input": plan.in_banks, "output": plan.out_banks},
            "passes": plan.passes,
        }

    def _source(self, m: Module) -> Any:
        """Give the beats that are to be loaded."""
        return flipped(self.i)

    def _ready(self, m: Module, complete: Value) -> Value:
        """Say whether the engine may begin a run whose input and output are there."""
        return complete

    def _join(self, m: Module, loader: Component, engine: Component, written: Value) -> Unloader:
        """Put loader, engine and an unloader around their banks; give the unloader.

        ``written`` is high for one cycle when the engine has filled a bank of the output.
        """
        plan = self.plan
        m.submodules.loader = loader
        m.submodules.engine = engine
        m.submodules.unloader = unloader = Unloader(plan.answer)
        connect(m, self._source(m), loader.i)
        connect(m, unloader.o, flipped(self.o))

        inputs = add_ring(m, "inputs", plan.in_banks, loader.full, engine.done)
        outputs = add_ring(m, "outputs", plan.out_banks, written, unloader.free)
        m.d.comb += [
            loader.free.eq(inputs.free),
            loader.bank.eq(inputs.filling),
            engine.ready.eq(self._ready(m, inputs.full & outputs.free)),
            engine.bank.eq(inputs.draining),
            engine.bank_out.eq(outputs.filling),
            unloader.full.eq(outputs.full),
            unloader.bank.eq(outputs.draining),
            self.busy.eq(engine.busy),
        ]
        return unloader
