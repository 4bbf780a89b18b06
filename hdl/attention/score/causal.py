"""Which rows see the key of a slot: causal and windowed attention in score order."""

from typing import Final

from amaranth.hdl import Module, Signal, Value, signed
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import odometer

__all__ = ["KeySight"]


class KeySight(Component):
    """Say of each of ``rows`` queries whether it sees the key that comes next.

    Keys come in the order of the tokens, ``passes`` times for each block of queries, and blocks in
    their order, over and over. One counter holds how far the key is from the first query of its
    block, and each row compares that with constants: a sign for ``causal``, two bounds for a
    window. Latency: 1 cycle; a key in every cycle. About ``2 * log2(tokens)`` logic cells and a
    comparison a row. Checked against :func:`spikeloom.golden.causal.visible`.

    Parameters
    ----------
    design : AttentionDesign
        The layer, causal or with a window.
    blocks, passes : int
        Blocks of queries, and how often each sees all keys.

    Members
    -------
    key : In(1)
        There is a key.
    seen : Out(rows)
        Whether each query sees it, one cycle later; all ones where none does not.
    """

    def __init__(self, design: AttentionDesign, *, blocks: int, passes: int):
        if not design.masked:
            raise ValueError("Design must be causal or have a window, and two tokens or more")
        self.design: Final = design
        self._blocks = blocks
        self._passes = passes
        super().__init__({"key": In(1), "seen": Out(design.rows)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, rows = self.design, self.design.rows
        # How far a key is from the first query of its block, and so the first key.
        width = ceil_log2(max(design.tokens, self._blocks * rows)) + 1
        away = Signal(signed(width))
        first = Signal(signed(width))
        turn, block = Signal(range(self._passes)), Signal(range(self._blocks))
        token = Signal(range(design.tokens))
        over = odometer(m, self.key, (token, design.tokens))
        done = odometer(m, over, (turn, self._passes))
        with m.If(self.key):
            m.d.sync += away.eq(away + 1)
        with m.If(over):
            m.d.sync += away.eq(first)
        with m.If(done):
            m.d.sync += [first.eq(first - rows), away.eq(first - rows)]
        with m.If(odometer(m, done, (block, self._blocks))):
            m.d.sync += [first.eq(0), away.eq(0)]
        for row in range(rows):
            m.d.sync += self.seen[row].eq(self._sees(away, row))
        return m

    def _sees(self, away: Signal, row: int) -> Value:
        """Compare the distance from the first query of a block with what a row sees."""
        window = self.design.window or self.design.tokens
        seen = away <= row + (0 if self.design.causal else window - 1)
        return seen if self.design.window is None else seen & (away > row - window)
