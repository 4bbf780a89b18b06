"""A learned signed bias a head, indexed by the difference or by the xor of two tokens."""

from spikeloom.golden.position.table import entries
from spikeloom.hdl.position.part import BiasTable, PositionUnits

__all__ = ["TableUnits"]


class TableUnits(PositionUnits):
    """Units of a learned bias."""

    def bias(self) -> BiasTable:
        """Give the tables of the heads."""
        design = self.design
        tables = [entries(design, head) for head in range(design.heads)]
        return BiasTable(design.table.index, tables)
