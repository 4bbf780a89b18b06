"""The bias of any one pair of tokens, whichever position adds it."""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import check_style, look_up, stacked
from spikeloom.hdl.position.part import bias_table

__all__ = ["PairBias"]


class PairBias(Component):
    """Give the bias of a query's and a key's token in a head.

    The pipeline runs freely: a pair is taken in every cycle and its bias given ``latency`` cycles
    later. No register is reset, so what comes before the first pair's bias means nothing. The bias
    counts ones; a layer whose scores have fraction bits shifts it left by these. Checked against
    :func:`spikeloom.golden.position.part.bias`.

    How it is built follows from the position's
    :class:`~spikeloom.hdl.position.part.BiasTable`. Tables are one synchronous ROM, the head above
    the index where heads have tables of their own, so nothing is multiplied.

    By difference, latency 2: one subtraction and ``2**(w + 1)`` words a head, with
    ``w = ceil(log2(tokens))``, addressed by i - j in two's complement. By difference in logic,
    latency 4: the ones' complement of a negative difference, which with the sign as one more bit
    spares the second carry chain of an absolute value; a comparison for each level of the bias; and
    the number of those that hold, whose bits are XORs of some of them. By xor, latency 1: ``2**w``
    words a head, and w XORs. Else, latency 1: a table over both tokens, the query's above the
    key's.

    Parameters
    ----------
    design : AttentionDesign
        Layer with a position that adds a bias.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables; no effect without a table.

    Members
    -------
    head : In(range(heads))
        Head of the pair; looked at only where heads have tables of their own.
    i, j : In(range(tokens))
        Tokens of the query and of the key.
    o : Out(range(low, high + 1))
        Bias of the pair taken ``latency`` cycles before, in the fewest bits that hold all entries.
    """

    def __init__(self, design: AttentionDesign, *, rom_style: str = "block"):
        self.design: Final = design
        self.rom_style: Final = check_style(rom_style)
        self._bias = bias_table(design)
        tokens = range(design.tokens)
        super().__init__(
            {
                "head": In(range(design.heads)),
                "i": In(tokens),
                "j": In(tokens),
                "o": Out(self._bias.span),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a pair to its bias."""
        if self._bias.logic:
            return 4
        return 2 if self._bias.index == "difference" else 1

    def elaborate(self, platform: object) -> Module:
        """Form the address and look up, or compare."""
        m = Module()
        tables, tokens = self._bias.distinct, self.design.tokens
        width = ceil_log2(tokens)
        head: Value = self.head
        index: Value = Cat(self.j, self.i)
        if self._bias.index == "difference":
            late_head = Signal.like(self.head, reset_less=True)
            difference = Signal(width + 1, reset_less=True)
            m.d.sync += [late_head.eq(head), difference.eq(self.i - self.j)]
            if self._bias.logic:
                self._compare(m, difference)
                return m
            head, index = late_head, difference
            # Differences from 0 up, those that no pair has, and on from 1 - tokens to -1.
            gap = [0] * ((2 << width) - len(tables[0]))
            tables = [[*table[tokens - 1 :], *gap, *table[: tokens - 1]] for table in tables]
        elif self._bias.index == "xor":
            index = self.i ^ self.j
        else:
            # Each row of keys from a power of two on, so that nothing is multiplied.
            firsts = range(0, tokens * tokens, tokens)
            tables = [stacked([table[n : n + tokens] for n in firsts]) for table in tables]
        words, address = tables[0], index
        if len(tables) > 1:
            words, address = stacked(tables), Cat(index, head)
        if any(words):
            word = look_up(m, words, address, shape=self.o.shape(), rom_style=self.rom_style)
            m.d.comb += self.o.eq(word)
        return m

    def _compare(self, m: Module, difference: Signal) -> None:
        """Count the levels that are above the bias of no smaller distance."""
        tokens, width = self.design.tokens, len(difference) - 1
        # The ones' complement of a negative difference is the distance less one. With the sign
        # below it, doubled is 2 distance or 2 distance - 1, and no half-width lies between these.
        doubled = Signal(width + 1, reset_less=True)
        sign = difference[-1]
        m.d.sync += doubled.eq(Cat(sign, difference[:-1] ^ sign.replicate(width)))

        # The half-widths fall, so the first as many comparisons hold as the bias says.
        holds: list[Value] = []
        for level, beyond in enumerate(self._bias.reaches(tokens)):
            if beyond >= tokens:
                holds.append(Const(1, 1))
                continue
            hold = Signal(name=f"hold{level}", reset_less=True)
            m.d.sync += hold.eq(~at_least(doubled, 2 * beyond - 1))
            holds.append(hold)

        # Bit b of a count n in unary: the parity of how many multiples of 2**b lie in 1 .. n.
        for bit in range(len(self.o)):
            parity = Signal(name=f"parity{bit}", reset_less=True)
            terms = holds[(1 << bit) - 1 :: 1 << bit]
            m.d.sync += parity.eq(Cat(*terms).xor())
            m.d.comb += self.o[bit].eq(parity)
