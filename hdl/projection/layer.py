"""A whole projection: beats of small integers in, beats of spikes out."""

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from amaranth.hdl import Module, Signal, Value
from numpy.typing import ArrayLike

from spikeloom.design.projection import ProjectionDesign
from spikeloom.golden.projection import coded
from spikeloom.hdl.frame.banks import BankRing, add_ring
from spikeloom.hdl.frame.memory import add_memory
from spikeloom.hdl.frame.stage import BankedLayer
from spikeloom.hdl.projection.engine import ProjectionEngine
from spikeloom.hdl.projection.loader import ProjectionLoader
from spikeloom.hdl.projection.plan import ProjectionPlan

__all__ = ["ProjectionLayer"]


class ProjectionLayer(BankedLayer):
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
        self.plan: ProjectionPlan = ProjectionPlan(design)
        super().__init__(design)

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

    def _room(self, m: Module, outputs: BankRing, done: Value, sent: Value) -> Value:
        # It is taken when a token is done, long before its last word is written.
        return add_ring(m, "room", self.plan.out_banks, done, sent).free

    def elaborate(self, platform: object) -> Module:
        m = Module()
        plan = self.plan
        loader, engine = ProjectionLoader(plan), ProjectionEngine(plan)
        unloader = self._join(m, loader, engine, engine.written)
        empty = Signal(plan.in_banks)
        with m.If(loader.full):
            m.d.sync += empty.bit_select(loader.bank, 1).eq(loader.empty)
        m.d.comb += engine.empty.eq(empty.bit_select(engine.bank, 1))

        events = add_memory(m, plan.memory("events"))
        events.write(m, loader.addr, loader.event, loader.en)
        m.d.comb += engine.event.eq(events.read(m, engine.addr, engine.en))
        self._send(m, engine, unloader)
        return m
