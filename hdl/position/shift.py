"""Cyclic shift in a layer: rotators behind an assembled token, or a stage of beats."""

from typing import ClassVar

from amaranth.hdl import Module, Value

from spikeloom.hdl.position.part import PositionUnits
from spikeloom.hdl.position.rotate import GroupShifter, ShiftSchedule
from spikeloom.hdl.position.shift_state import StateShifter

__all__ = ["ShiftUnits"]


class ShiftUnits(PositionUnits):
    """Units of the cyclic shift."""

    permutes: ClassVar[bool] = True

    def permute(self, m: Module, token: Value, word: Value) -> Value:
        """Rotate the groups by the amounts of the token, which come out of a memory."""
        m.submodules.schedule = schedule = ShiftSchedule(self.design)
        m.submodules.shifter = shifter = GroupShifter(schedule.groups, schedule.group_width)
        m.d.comb += [
            schedule.token.eq(token),
            shifter.i.eq(word),
            shifter.amounts.eq(schedule.amounts),
        ]
        return shifter.o

    def stage(self) -> tuple[str, StateShifter]:
        """Rotate beats."""
        return "shifter", StateShifter(self.design)
