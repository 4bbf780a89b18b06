"""Additive position codes in score order: one bias a row and key, from one generator."""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.component import Component
from spikeloom.hdl.frame.counting import following
from spikeloom.hdl.frame.rom import look_up
from spikeloom.hdl.position.part import bias_table

__all__ = ["BiasStream"]


class BiasStream(Component):
    """Give every row of the score engine its bias for the key of the slot.

    A bias by difference depends on i - j alone, so what row r needs now row r - 1 needed one key
    ago: one generator runs through the differences, one a slot, and a chain of ``rows`` registers
    hands its values on. A table by xor is read a block of rows at a time and its entries change
    places by the low bits of the key. Any other function of i and j takes a table over both. Which
    of these it is, the position says (:class:`~spikeloom.hdl.position.part.BiasTable`).

    Latency: 2 cycles from a slot to the biases of its rows, 3 with thresholds (``logic``).
    Throughput: one slot a cycle.

    Parameters
    ----------
    design : AttentionDesign
        The layer, with a position that adds a bias.

    Members
    -------
    shift, key : In(1)
        The slot shifts a row in, or reads a key.
    head : In(range(heads))
        Head that is computed; looked at only where heads have tables of their own.
    o : Out(range(low, high + 1)).array(rows)
        Bias of each row.
    """

    def __init__(self, design: AttentionDesign):
        self.design: Final = design
        self._plan = plan = Plan(design)
        self._bias = bias_table(design)
        self._tables, self._shape = self._bias.distinct, self._bias.span
        super().__init__(
            {
                "shift": In(1),
                "key": In(1),
                "head": In(range(max(2, self.heads))),
                "o": Out(self._shape).array(plan.rows),
            }
        )

    @property
    def heads(self) -> int:
        """Tables: one, or one a head."""
        return len(self._tables)

    @property
    def latency(self) -> int:
        """Cycles from a slot to its biases."""
        return 3 if self._bias.logic else 2

    def elaborate(self, platform: object) -> Module:
        m = Module()
        block = self._walk(m)
        if self._bias.index == "difference":
            self._difference(m, block)
        else:
            self._lookup(m, block)
        return m

    def _walk(self, m: Module) -> Signal:
        """Follow the blocks of the engine by its slots alone; give the block of the slot."""
        plan = self._plan
        block = Signal(range(plan.blocks))
        turn = Signal(range(plan.passes))
        count = Signal(range(plan.tokens))
        last = count == plan.tokens - 1
        self._count = count
        with m.If(self.key):
            m.d.sync += count.eq(Mux(last, 0, count + 1))
            with m.If(last):
                m.d.sync += turn.eq(following(turn, plan.passes))
                with m.If(turn == plan.passes - 1):
                    m.d.sync += block.eq(following(block, plan.blocks))
        return block

    def _difference(self, m: Module, block: Signal) -> None:
        """Run through i - j, from the last row's first key downwards, and delay a row at a time."""
        plan = self._plan
        entries = len(self._tables[0])
        index = Signal(range(entries))
        started = Signal()
        # The first shift slot of a block stands one difference above its last row's first key;
        # differences outside the table belong to rows beyond the last token.
        first = (block * plan.rows + plan.rows + plan.tokens - 1)[: len(index)]
        m.d.sync += started.eq(self.shift)
        current = Signal.like(index)
        m.d.comb += current.eq(Mux(self.shift & ~started, first, index - 1))
        m.d.sync += index.eq(current)

        value = Signal(self._shape)
        if self._bias.logic:
            self._thresholds(m, index, value)
        else:
            m.d.comb += value.eq(self._rom(m, self._tables, 1, current)[0])
        chain: Value = value
        for row in range(plan.rows):
            m.d.sync += self.o[row].eq(chain)
            chain = self.o[row]

    def _thresholds(self, m: Module, index: Signal, value: Signal) -> None:
        """Count the half-widths that the distance does not exceed."""
        plan = self._plan
        distance = Signal(range(plan.tokens))
        centre = plan.tokens - 1
        m.d.sync += distance.eq(Mux(index >= centre, index - centre, centre - index))
        reaches = self._bias.reaches(plan.tokens)
        m.d.comb += value.eq(sum((distance < width for width in reaches), 0))

    def _lookup(self, m: Module, block: Signal) -> None:
        """Read the biases of all rows of a block for one key."""
        plan = self._plan
        rows = plan.rows
        low = ceil_log2(rows)
        key = Signal(range(plan.tokens))
        m.d.comb += key.eq(self._count)
        if self._bias.index == "xor":
            width = ceil_log2(plan.tokens)
            where: Value = (key >> low) ^ block
            words = [
                [table[(word << low | row) % len(table)] for row in range(rows)]
                for table in self._tables
                for word in range(1 << max(0, width - low))
            ]
            address: Value = where[: max(0, width - low)]
        else:
            depth = 1 << ceil_log2(plan.tokens)
            # Heads stand above blocks in the address.
            blocks = range(1 << ceil_log2(plan.blocks) if self.heads > 1 else plan.blocks)
            address = Cat(key, block)
            words = [
                [
                    matrix[
                        min(row + b * rows, plan.tokens - 1) * plan.tokens + min(j, plan.tokens - 1)
                    ]
                    for row in range(rows)
                ]
                for matrix in self._tables
                for b in blocks
                for j in range(depth)
            ]
        if self.heads > 1:
            address = Cat(address, self.head)
        values = self._rom_words(m, words, address)
        if self._bias.index == "xor":
            swap = Signal(low, reset_less=True)
            m.d.sync += swap.eq(key[:low])
            for level in range(low):
                values = [
                    Mux(swap[level], values[row ^ 1 << level], values[row]) for row in range(rows)
                ]
        for row in range(rows):
            m.d.sync += self.o[row].eq(values[row])

    def _rom(self, m: Module, tables: list[list[int]], rows: int, index: Value) -> list[Value]:
        """Read one entry of the head's table."""
        depth = 1 << ceil_log2(len(tables[0]))
        words = [[entry] for table in tables for entry in table + [0] * (depth - len(table))]
        address = Cat(index, self.head) if self.heads > 1 else index
        return self._rom_words(m, words, address)

    def _rom_words(self, m: Module, words: list[list[int]], address: Value) -> list[Value]:
        """Read a word of several entries from a ROM; give the entries one cycle later."""
        width = len(Signal(self._shape))
        init = [
            sum((e & (1 << width) - 1) << width * n for n, e in enumerate(word)) for word in words
        ]
        shape = width * len(words[0])
        word = look_up(m, init, address, shape=shape, rom_style="block")
        signed = min(self._shape) < 0
        values = [word.word_select(n, width) for n in range(len(words[0]))]
        return [value.as_signed() if signed else value for value in values]
