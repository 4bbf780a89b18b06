"""Residual connections: two streams of bit planes become one, beat by beat."""

from collections.abc import Mapping
from typing import Any, Final

from amaranth.hdl import Module, Mux, Signal, Value
from numpy.typing import ArrayLike

from spikeloom.design.residual import ResidualDesign
from spikeloom.golden.packing import groups, planes
from spikeloom.golden.residual import ResidualModel
from spikeloom.hdl.frame.counting import odometer
from spikeloom.hdl.frame.layer import LayerComponent
from spikeloom.hdl.frame.memory_map import MemoryShape

__all__ = ["ResidualLayer"]


class ResidualLayer(LayerComponent):
    """Join the beats of a shortcut and a branch, one bit a channel and plane.

    The beat of x is kept until that of z comes; the two, and with mode add the carries of the plane
    below, are a beat out. A plane that only one of them has is a beat in and a beat out, and a
    plane that neither has, the last carry, a beat out alone. So a sum of any width takes one full
    adder for each bit of a beat. No memory; the output is registered.

    Latency: one cycle from a pair to its beat. Throughput: a beat in every cycle but for the last
    carry. ``busy`` counts one cycle for each beat out. Checked against
    :func:`spikeloom.golden.residual.residual`.

    Parameters
    ----------
    design : ResidualDesign
        The connection.

    Members
    -------
    i, o, busy
        As :class:`~spikeloom.hdl.frame.layer.LayerComponent`; busy while a beat out is made.
    """

    def __init__(self, design: ResidualDesign):
        self.design: Final = design
        super().__init__(design)

    @property
    def memories(self) -> tuple[MemoryShape, ...]:
        """None."""
        return ()

    def compute_cycles(self, arrays: Mapping[str, ArrayLike] | None = None) -> int:
        """Predict the cycles in which a beat out is made, whatever the input."""
        return ResidualModel(self.design).beats_out

    def _about(self) -> dict[str, Any]:
        return {"slots": self._slots}

    @property
    def _slots(self) -> list[str]:
        """What happens to a group: keep a beat, join two, pass one on, or send the carries."""
        design = self.design
        x, z = planes(design.levels), planes(design.branch_levels)
        slots: list[str] = []
        for plane in range(planes(design.output_levels)):
            if plane < min(x, z):
                slots += ["keep", "join"]
            else:
                slots.append("pass" if plane < max(x, z) else "carry")
        return slots

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self.design
        slots = self._slots
        slot = Signal(range(len(slots)))

        def now(name: str) -> Value:
            """Tell whether the slot is one of a kind."""
            found = Signal(name=f"is_{name}")
            with m.Switch(slot):
                for n, kind in enumerate(slots):
                    if kind == name:
                        with m.Case(n):
                            m.d.comb += found.eq(1)
            return found

        keeps, carries = now("keep"), now("carry")
        room, advance, makes = Signal(), Signal(), Signal()
        m.d.comb += [
            room.eq(~self.o.valid | self.o.ready),
            self.i.ready.eq(keeps | (room & ~carries)),
            advance.eq(Mux(carries, room, self.i.valid & self.i.ready)),
            makes.eq(advance & ~keeps),
            self.busy.eq(makes),
        ]

        last = Signal()
        m.d.comb += last.eq(slot == len(slots) - 1)
        with m.If(advance):
            m.d.sync += slot.eq(Mux(last, 0, slot + 1))
        count = groups(design.dim, design.beat)
        group, run = Signal(range(count)), Signal(range(design.steps * design.tokens))
        ended = odometer(m, advance & last, (group, count), (run, design.steps * design.tokens))

        # Zero where there is no beat of x: only the joining slots come after one was kept.
        kept, beat = Signal(design.beat), Signal(design.beat)
        m.d.comb += beat.eq(Mux(carries, 0, self.i.payload.data))
        with m.If(advance):
            m.d.sync += kept.eq(Mux(keeps, self.i.payload.data, 0))
        result = self._join(m, kept, beat, makes, last)
        beyond = count * design.beat - design.dim
        if beyond:
            whole = (1 << design.beat) - 1
            result = result & Mux(group == count - 1, whole >> beyond, whole)
        with m.If(room):
            m.d.sync += self.o.valid.eq(0)
        with m.If(makes):
            m.d.sync += [
                self.o.valid.eq(1),
                self.o.payload.data.eq(result),
                self.o.payload.last.eq(ended),
            ]
        return m

    def _join(self, m: Module, kept: Signal, beat: Signal, makes: Value, last: Value) -> Value:
        mode = self.design.mode
        if mode == "xor":
            return kept ^ beat
        if mode == "or":
            return kept | beat
        if mode == "iand":
            return kept & ~beat
        carry = Signal(self.design.beat)
        with m.If(makes):
            above = (kept & beat) | (carry & (kept | beat))
            m.d.sync += carry.eq(Mux(last, 0, above))
        return kept ^ beat ^ carry
