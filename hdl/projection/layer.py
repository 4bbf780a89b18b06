"""A whole projection: beats of small integers in, beats of spikes out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from amaranth.hdl import Cat, Module, Signal
from amaranth.lib.wiring import connect, flipped
from numpy.typing import ArrayLike

from spikeloom.design.projection import ProjectionDesign
from spikeloom.golden.projection import coded
from spikeloom.hdl.frame.banks import add_ring
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.projection.engine import ProjectionEngine
from spikeloom.hdl.projection.loader import ProjectionLoader
from spikeloom.hdl.projection.plan import ProjectionPlan
from spikeloom.hdl.projection.unloader import ProjectionUnloader

__all__ = ["ProjectionLayer"]


class ProjectionLayer(LayerComponent):
    """An integer linear layer with its neurons, all time steps, from stream to stream.

    Works token by token: the events of one token are listed, computed and unloaded, each in two
    banks, so that the three overlap. Stalls on either side and gaps between beats change the timing
    and never the answer.

    Latency: see :class:`~spikeloom.hdl.projection.engine.ProjectionEngine`. Checked against
    :func:`spikeloom.golden.projection.projection`.

    Parameters
    ----------
    design : ProjectionDesign
        The projection.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`.
    """

    def __init__(self, design: ProjectionDesign):
        self.design: Final = design
        self.plan: Final = ProjectionPlan(design)
        super().__init__(design)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """Memories, those of constants among them."""
        return self.plan.memories

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which the engine works, summed over an inference.

        They depend on the input; without any given, every input is at its greatest.
        """
        design, plan = self.design, self.plan
        shape = (design.steps, design.tokens, design.inputs)
        x = np.full(shape, design.levels) if arrays is None else np.asarray(arrays["x"])
        events = int(coded(design, x).sum())
        slots = design.steps + (2 * (design.steps - 1) if plan.returns else 0)
        return plan.passes * (events + design.tokens * slots) + plan.rest * plan.runs

    def _about(self) -> dict[str, Any]:
        plan = self.plan
        return {
            "memories": [{**shape.describe(), "constant": shape.rom} for shape in plan.memories],
            "banks": {"input": plan.in_banks, "output": plan.out_banks},
            "lanes": plan.lanes,
            "passes": plan.passes,
        }

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        m.submodules.loader = loader = ProjectionLoader(self.design)
        m.submodules.engine = engine = ProjectionEngine(self.design)
        m.submodules.unloader = unloader = ProjectionUnloader(plan.answer)
        connect(m, flipped(self.i), loader.i)
        connect(m, unloader.o, flipped(self.o))

        # Room for a token's output is taken when it is begun, long before its last word is written.
        inputs = add_ring(m, "inputs", 2, loader.full, engine.close)
        room = add_ring(m, "room", 2, engine.close, unloader.free)
        outputs = add_ring(m, "outputs", 2, engine.done, unloader.free)
        empty = Signal(2)
        with m.If(loader.full):
            m.d.sync += empty.bit_select(inputs.filling, 1).eq(loader.empty)
        m.d.comb += [
            loader.free.eq(inputs.free),
            engine.ready.eq(inputs.full & room.free),
            engine.empty.eq(empty.bit_select(inputs.draining, 1)),
            unloader.full.eq(outputs.full),
            unloader.bank.eq(outputs.draining),
            self.busy.eq(engine.busy),
        ]

        events = add_memory(m, plan.memory("events"))
        events.write(m, Cat(loader.addr, inputs.filling), loader.event, loader.en)
        address = Cat(engine.addr, inputs.draining)
        m.d.comb += engine.event.eq(events.read(m, address, engine.en))
        store = add_memory(m, plan.o, plan.out.part)
        store.write(m, Cat(engine.o_addr, outputs.filling), engine.o_data, engine.o_en)
        m.d.comb += unloader.data.eq(store.read(m, unloader.addr, unloader.en))
        return m
