"""Log-PE: a bias that falls with the distance of two tokens.

Ref: arXiv 2501.16745, equation 12 and appendix E; ``create_symmetric_matrix`` of its code.
"""

from spikeloom.golden.position.log import paper_row
from spikeloom.hdl.position.part import BiasTable, PositionUnits

__all__ = ["LogUnits"]


class LogUnits(PositionUnits):
    """Units of Log-PE."""

    def bias(self) -> BiasTable | None:
        """Give the paper's bias by difference; the published code's is a function of both."""
        design = self.design
        if design.log.definition == "code":
            return super().bias()
        row = paper_row(design.tokens, design.log.length_of(design))
        table = [row[abs(n)] for n in range(1 - design.tokens, design.tokens)]
        return BiasTable("difference", [table], logic=design.log.built == "logic")
