"""Position encodings: the section of each, with its keys, rules and warnings."""

from spikeloom.design.position.gray import Gray
from spikeloom.design.position.log import Log
from spikeloom.design.position.part import Attended, PositionPart
from spikeloom.design.position.shift import Shift
from spikeloom.design.position.table import Table

__all__ = ["POSITIONS", "Attended", "Gray", "Log", "PositionPart", "Shift", "Table"]

POSITIONS = ("gray", "log", "shift", "table")
"""Values of the key ``position``, in alphabetical order."""
