"""Log-PE: a bias that falls with the distance of two tokens.

Ref: arXiv 2501.16745, equation 12 and appendix E; ``create_symmetric_matrix`` of its code.
"""

from typing import Final

from amaranth.hdl import Cat, Const, Module, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.log import bias_matrix, paper_row, windows
from spikeloom.hdl.frame.compare import at_least
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.rom import check_style, look_up
from spikeloom.hdl.position.part import BiasTable, PositionUnits

__all__ = ["LogBias", "LogUnits"]


class LogBias(Component):
    """Give the Log-PE bias of a query's and a key's token.

    The pipeline runs freely: a pair is taken in every cycle and its bias given ``latency`` cycles
    later. No register is reset, so what comes before the first pair's bias means nothing. The
    bias counts ones; a layer whose scores have fraction bits shifts it left by these. Checked
    against :func:`spikeloom.golden.position.log.bias_matrix`.

    Paper, form ``"logic"``, latency 4: the difference of the tokens; its ones' complement where it
    is negative, which with the sign as one more bit spares the second carry chain of an absolute
    value; a comparison with each of at most ``ceil(log2(tokens))`` half-widths; and the number of
    comparisons that hold, whose bits are XORs of some of them.

    Paper, form ``"rom"``, latency 2: a table of ``2**(ceil(log2(tokens)) + 1)`` words, addressed by
    the difference in two's complement. On the iCE40 one EBR up to 512 tokens.

    Published code, latency 1: a table over both tokens, the query's above the key's, since the
    matrix is not a function of the difference.

    Parameters
    ----------
    design : AttentionDesign
        Layer with position ``log``; ``design.log.built`` chooses the form.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables; no effect without a table.

    Members
    -------
    i, j : In(range(tokens))
        Tokens of the query and of the key.
    o : Out(range(highest + 1))
        Bias of the pair taken ``latency`` cycles before; never negative.
    """

    def __init__(self, design: AttentionDesign, *, rom_style: str = "block"):
        if "log" not in design.position:
            raise ValueError(f"Position must contain log, not {design.position!r}")
        self.design: Final = design
        self.rom_style: Final = check_style(rom_style)
        if design.log.definition == "paper":
            self.highest = max(paper_row(design.tokens, design.log.length_of(design)))
        else:
            self.highest = int(bias_matrix(design).max())
        super().__init__(
            {
                "i": In(range(design.tokens)),
                "j": In(range(design.tokens)),
                "o": Out(range(self.highest + 1)),
            }
        )

    @property
    def latency(self) -> int:
        """Cycles from a pair to its bias."""
        if self.design.log.built == "logic":
            return 4
        return 2 if self.design.log.definition == "paper" else 1

    def elaborate(self, platform: object) -> Module:
        """Build the form that the design chooses."""
        m = Module()

        design = self.design
        width = ceil_log2(design.tokens)
        if design.log.definition == "code":
            matrix = bias_matrix(design)
            words = [
                int(matrix[i, j]) if j < design.tokens else 0
                for i in range(design.tokens)
                for j in range(1 << width)
            ]
            self._look_up(m, words, Cat(self.j, self.i))
            return m

        difference = Signal(width + 1, reset_less=True)
        m.d.sync += difference.eq(self.i - self.j)
        if design.log.built == "logic":
            self._compare(m, difference)
            return m
        row = paper_row(1 << width, design.log.length_of(design))
        # Distances from 0 up, then -2**width (never asked for) and on to -1.
        self._look_up(m, [*row, 0, *row[:0:-1]], difference)
        return m

    def _look_up(self, m: Module, words: list[int], address: Value) -> None:
        """Read the bias from a table."""
        if self.highest == 0:
            return
        shape = range(self.highest + 1)
        m.d.comb += self.o.eq(look_up(m, words, address, shape=shape, rom_style=self.rom_style))

    def _compare(self, m: Module, difference: Signal) -> None:
        """Count the half-widths that reach over the distance."""
        width = len(difference) - 1
        # The ones' complement of a negative difference is the distance less one. With the sign
        # below it, doubled is 2 distance or 2 distance - 1, and no half-width lies between these.
        doubled = Signal(width + 1, reset_less=True)
        sign = difference[-1]
        m.d.sync += doubled.eq(Cat(sign, difference[:-1] ^ sign.replicate(width)))

        # The half-widths fall, so the first as many comparisons hold as the bias says.
        holds: list[Value] = []
        for level, reach in enumerate(windows(self.design.log.length_of(self.design))):
            if reach >= self.design.tokens - 1:
                holds.append(Const(1, 1))
                continue
            hold = Signal(name=f"hold{level}", reset_less=True)
            m.d.sync += hold.eq(~at_least(doubled, 2 * reach + 1))
            holds.append(hold)

        # Bit b of a count n in unary: the parity of how many multiples of 2**b lie in 1 .. n.
        for bit in range(len(self.o)):
            parity = Signal(name=f"parity{bit}", reset_less=True)
            terms = holds[(1 << bit) - 1 :: 1 << bit]
            m.d.sync += parity.eq(Cat(*terms).xor())
            m.d.comb += self.o[bit].eq(parity)


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
