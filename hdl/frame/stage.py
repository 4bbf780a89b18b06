"""Layers that work in three stages, around banks of memories: load, compute, unload."""

from collections.abc import Mapping
from typing import Any

from amaranth.hdl import Module, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from spikeloom.hdl.frame.banks import BankRing, add_ring
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.plan import BankedPlan
from spikeloom.hdl.frame.unloader import Unloader

__all__ = ["BankedLayer", "Engine", "Loader"]


class Loader(Component):
    """The first stage: beats in, and bank after bank is filled with a run.

    Parameters
    ----------
    plan : BankedPlan
        Geometry of the layer.
    more : mapping
        What the loader writes.

    Members
    -------
    i : In(stream)
        Beats. ``last`` is not looked at.
    free : In(1)
        High while the bank to be filled is free.
    full : Out(1)
        High for one cycle when that bank has been filled.
    bank : In(range(in_banks))
        That bank.
    """

    def __init__(self, plan: BankedPlan, more: Mapping[str, wiring.Member]):
        super().__init__(
            {
                "i": In(beat_stream(plan.beat)),
                "free": In(1),
                "full": Out(1),
                "bank": In(range(plan.in_banks)),
                **more,
            }
        )


class Engine(Component):
    """The stage between: a run computed from one bank of the inputs into one of the output.

    Parameters
    ----------
    plan : BankedPlan
        Geometry of the layer.
    more : mapping
        What else the engine reads and writes.
    parts : int
        Parts of an output word that are written apart; 0 for an engine that keeps its output.

    Members
    -------
    ready : In(1)
        High while inputs are complete and the output bank is free.
    done : Out(1)
        High for one cycle when the output bank is complete and the inputs are no longer needed.
    busy : Out(1)
        High while it works.
    bank, bank_out : In
        Banks of the inputs and of the output.
    v_addr, v_data : Out, In
        Word of v to read: bank, token, word; the word, one cycle later. Absent without v.
    o_addr, o_data, o_en : Out
        Output word to write: bank, token, word; one enable bit for every part, a pass. Absent
        without parts.
    """

    def __init__(self, plan: BankedPlan, more: Mapping[str, wiring.Member], *, parts: int):
        shapes = {shape.name: shape for shape in plan.memories}
        values, output = {}, {}
        if v := shapes.get("v"):
            values = {"v_addr": Out(range(v.depth)), "v_data": In(v.width)}
        if parts:
            output = {
                "o_addr": Out(range(plan.o.depth)),
                "o_data": Out(plan.o.width),
                "o_en": Out(parts),
            }
        super().__init__(
            {
                "ready": In(1),
                "done": Out(1),
                "busy": Out(1),
                "bank": In(range(plan.in_banks)),
                "bank_out": In(range(plan.out_banks)),
                **values,
                **output,
                **more,
            }
        )


class BankedLayer(LayerComponent):
    """A layer that loads, computes and unloads a run at a time, as its ``plan`` says.

    With two banks of a memory, the stages before and behind it overlap. Parameters and members are
    those of :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    plan: BankedPlan
    order: str

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "banks": {"input": plan.in_banks, "output": plan.out_banks},
            "order": self.order,
            "passes": plan.passes,
        }

    def _source(self, m: Module) -> Any:
        """Give the beats that are to be loaded."""
        return flipped(self.i)

    def _ready(self, m: Module, complete: Value) -> Value:
        """Say whether the engine may begin a run whose input and output are there."""
        return complete

    def _room(self, m: Module, outputs: BankRing, done: Value, sent: Value) -> Value:
        """Say whether the run that is to begin has a bank for its output.

        ``done`` is high when a run needs its inputs no longer, ``sent`` when its output has gone.
        """
        return outputs.free

    def _join(
        self, m: Module, loader: Loader, engine: Engine, written: Value, *, lengths: bool = False
    ) -> Unloader:
        """Put loader, engine and an unloader around their banks; give the unloader.

        ``written`` is high for one cycle when the engine has filled a bank of the output.
        """
        plan = self.plan
        m.submodules.loader = loader
        m.submodules.engine = engine
        m.submodules.unloader = unloader = Unloader(plan.answer, lengths=lengths)
        connect(m, self._source(m), loader.i)
        connect(m, unloader.o, flipped(self.o))

        inputs = add_ring(m, "inputs", plan.in_banks, loader.full, engine.done)
        outputs = add_ring(m, "outputs", plan.out_banks, written, unloader.free)
        room = self._room(m, outputs, engine.done, unloader.free)
        m.d.comb += [
            loader.free.eq(inputs.free),
            loader.bank.eq(inputs.filling),
            engine.ready.eq(self._ready(m, inputs.full & room)),
            engine.bank.eq(inputs.draining),
            engine.bank_out.eq(outputs.filling),
            unloader.full.eq(outputs.full),
            unloader.bank.eq(outputs.draining),
            self.busy.eq(engine.busy),
        ]
        return unloader

    def _send(self, m: Module, engine: Engine, unloader: Unloader) -> None:
        """Put the memory of the output between engine and unloader."""
        store = add_memory(m, self.plan.o, self.plan.out.part)
        store.write(m, engine.o_addr, engine.o_data, engine.o_en)
        m.d.comb += unloader.data.eq(store.read(m, unloader.addr, unloader.en))
