"""A learned signed bias a head, indexed by the difference or by the xor of two tokens."""

from typing import Final

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.table import entries
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import check_style, look_up
from spikeloom.hdl.position.part import BiasTable, PositionUnits

__all__ = ["TableBias", "TableUnits"]


class TableBias(Component):
    """Give the learned bias of a query's and a key's token in a head.

    One synchronous ROM holds the tables of all heads, or the one table that they share. The head
    stands above the index in the address, so nothing is multiplied. The pipeline runs freely: a
    pair is taken in every cycle and its bias given ``latency`` cycles later; what comes before
    the first pair's bias means nothing. The bias counts ones; a layer whose scores have fraction
    bits shifts it left by these. Checked against
    :func:`spikeloom.golden.position.table.bias_matrix`.

    Index ``"xor"``, latency 1: ``2**w`` words a head, with ``w = ceil(log2(tokens))``, and w XORs.
    Index ``"difference"``, latency 2: ``2**(w + 1)`` words a head, addressed by i - j in two's
    complement, and one subtraction. On the iCE40 a table of 8-bit entries takes one EBR for each
    512 words.

    Parameters
    ----------
    design : AttentionDesign
        Layer with position ``table``.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.

    Members
    -------
    head : In(range(heads))
        Head of the pair; looked at only where heads have tables of their own.
    i, j : In(range(tokens))
        Tokens of the query and of the key.
    o : Out(signed(width))
        Bias of the pair taken ``latency`` cycles before, in the fewest bits that hold all entries.
    """

    def __init__(self, design: AttentionDesign, *, rom_style: str = "block"):
        if "table" not in design.position:
            raise ValueError(f"Position must contain table, not {design.position!r}")
        self.design: Final = design
        self.rom_style: Final = check_style(rom_style)
        tables = [entries(design, head) for head in range(design.heads)]
        self._tables = tables[:1] if all(table == tables[0] for table in tables) else tables
        flat = [entry for table in self._tables for entry in table]
        # One below zero even for tables without: the port is signed for every table.
        self._shape = range(min(-1, *flat), max(0, *flat) + 1)
        super().__init__(
            {
                "head": In(range(design.heads)),
                "i": In(range(design.tokens)),
                "j": In(range(design.tokens)),
                "o": Out(self._shape),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a pair to its bias."""
        return 1 if self.design.table.index == "xor" else 2

    def elaborate(self, platform: object) -> Module:
        """Form the address and look up."""
        m = Module()

        tokens = self.design.tokens
        width = ceil_log2(tokens)
        head: Value = self.head
        index: Value
        if self.design.table.index == "xor":
            index = self.i ^ self.j
            words = [entry for table in self._tables for entry in table]
        else:
            late_head = Signal.like(self.head, reset_less=True)
            difference = Signal(width + 1, reset_less=True)
            m.d.sync += [late_head.eq(head), difference.eq(self.i - self.j)]
            head, index = late_head, difference
            gap = [0] * ((2 << width) - len(self._tables[0]))
            # Differences from 0 up, those that no pair has, and on from 1 - tokens to -1.
            words = [
                entry
                for table in self._tables
                for entry in (*table[tokens - 1 :], *gap, *table[: tokens - 1])
            ]

        address = Cat(index, head) if len(self._tables) > 1 else index
        word = look_up(m, words, address, shape=self.o.shape(), rom_style=self.rom_style)
        m.d.comb += self.o.eq(word)

        return m


class TableUnits(PositionUnits):
    """Units of a learned bias."""

    def bias(self) -> BiasTable:
        """Give the tables of the heads."""
        design = self.design
        tables = [entries(design, head) for head in range(design.heads)]
        return BiasTable(design.table.index, tables)
