"""Rows of inputs through a unit in Amaranth's own simulator: what every unit test repeats."""

from collections.abc import Iterable, Mapping
from typing import Any

from amaranth.hdl import ClockDomain, Module
from amaranth.lib import data, wiring
from amaranth.sim import Simulator

from spikeloom.sim.pysim import add_clock

__all__ = ["evaluate", "run"]


def evaluate(component: wiring.Component, rows: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Set each row of inputs on a combinational component and return its outputs.

    The outputs of a row are a dictionary by port name, or the bare value where there is one port.

    Parameters
    ----------
    component : wiring.Component
        Component without a clock.
    rows : iterable of dict
        Input values by port name.
    """
    answers: list[Any] = []

    async def testbench(ctx: Any) -> None:
        for row in rows:
            for name, value in row.items():
                ctx.set(getattr(component, name), value)
            answers.append(_outputs(component, ctx))

    sim = Simulator(component)
    sim.add_testbench(testbench)
    sim.run()
    return answers


def run(
    component: wiring.Component, rows: Iterable[Mapping[str, Any]], *, latency: int
) -> list[Any]:
    """Feed a free-running pipeline a row of inputs a cycle and return the outputs of each row.

    Parameters
    ----------
    component : wiring.Component
        Component in the clock domain ``sync``.
    rows : iterable of dict
        Input values by port name; the last row is held while its outputs are waited for.
    latency : int
        Cycles from a row to its outputs, which have the form of :func:`evaluate`.
    """
    answers: list[Any] = []
    inputs = list(rows)

    async def testbench(ctx: Any) -> None:
        for cycle in range(len(inputs) + latency):
            for name, value in inputs[min(cycle, len(inputs) - 1)].items():
                ctx.set(getattr(component, name), value)
            if cycle >= latency:
                answers.append(_outputs(component, ctx))
            await ctx.tick()

    top = Module()
    # The domain exists even where a component turned out to need no register.
    top.domains.sync = ClockDomain()
    top.submodules.dut = component
    sim = Simulator(top)
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()
    return answers


def _outputs(component: wiring.Component, ctx: Any) -> Any:
    """Read every output port; a port with a layout as one number."""
    values = {}
    for name, member in component.signature.members.items():
        if member.flow == wiring.Out:
            port = getattr(component, name)
            values[name] = ctx.get(port.as_value() if isinstance(port, data.View) else port)
    return values if len(values) > 1 else next(iter(values.values()))
