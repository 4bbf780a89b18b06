"""Gray code of the position, appended to queries and keys as channels.

Ref: arXiv 2501.16745, equations 8, 10, 11 and appendix A.
"""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.gray import code_words
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.frame.counting import counted_to
from spikeloom.hdl.frame.rom import look_up, stacked
from spikeloom.hdl.position.part import PositionUnits

__all__ = ["GrayCode", "GrayUnits", "TokenCode"]


class GrayCode(Component):
    """Give the low bits of the Gray code of an index.

    The code is cut, not the index: with fewer bits than the index has, codes repeat as in a
    mirror. Combinational: latency 0, one XOR a bit, none for the highest bit of the index.
    Checked against :func:`spikeloom.golden.position.gray.gray_code`.

    Parameters
    ----------
    count : int
        Indices, from 0 to ``count - 1``; at least 1.
    bits : int
        Bits of code, at least 1; bits beyond those of the index are 0.

    Members
    -------
    index : In(range(count))
        Index to encode.
    o : Out(bits)
        Low bits of ``index ^ (index >> 1)``.
    """

    def __init__(self, count: int, bits: int):
        self.count: Final = natural("Count", count)
        self.bits: Final = natural("Bits", bits)
        super().__init__({"index": In(range(count)), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the XORs."""
        m = Module()
        m.d.comb += self.o.eq(self.index ^ (self.index >> 1))
        return m


class TokenCode(Component):
    """Give the code that a layer appends to the query and to the key of a token, one cycle later.

    For an engine that works through the steps of a head one by one: any token may be asked for in
    any cycle, and ``done`` ends a step. Latency 1, as a memory's, in both forms; a token in every
    cycle.

    Form ``"logic"``: one XOR and one register a bit; index ``t*L+l`` adds the start of the step to
    the token, or puts the step above the token where tokens are a power of two. A grid takes row
    and column out of the token's bits where columns are a power of two. Where they are not, row
    and column would take a division, and a ROM in look-up tables is smaller and faster: about
    half a cell a token. Form ``"rom"``: a ROM in block memory. Either has a word a token, and a
    table for each step where positions are counted over the steps. Checked against
    :func:`spikeloom.golden.position.gray.code_words`.

    Parameters
    ----------
    design : AttentionDesign
        Layer with position ``gray``.

    Members
    -------
    token : In(range(tokens))
        Token to encode.
    done : In(1)
        High for one cycle at the end of each step, ``steps`` times a head: the next cycle's token
        belongs to the next step. Looked at only where the design counts positions over the steps.
    o : Out(bits)
        Code of the token of the cycle before: with a grid the row's above the column's.
    """

    #: Cycles from a token to its code.
    latency: Final = 1

    def __init__(self, design: AttentionDesign):
        if "gray" not in design.position:
            raise ValueError(f"Position must contain gray, not {design.position!r}")
        self.design: Final = design
        bits = sum(design.gray.code_bits(design))
        super().__init__({"token": In(range(design.tokens)), "done": In(1), "o": Out(bits)})

    def elaborate(self, platform: object) -> Module:
        """Build the form that the design chooses."""
        m = Module()
        design = self.design
        counted = design.gray.index == "t*L+l" and design.steps > 1

        step = Signal(range(design.steps))
        if counted:
            counted_to(m, self.done, step, design.steps - 1)

        columns = 1 if design.gray.grid is None else design.gray.grid[1]
        if design.gray.form == "rom" or columns.bit_count() > 1:
            self._look_up(m, step, design.steps if counted else 1)
            return m

        indices: list[tuple[Value, int]] = [(self.token, design.tokens)]
        if design.gray.grid is not None:
            below = ceil_log2(columns)
            rows = design.gray.grid[0]
            indices = [(self.token[below:], rows), (self.token[:below], columns)]
        elif counted:
            indices = [(self._count(m, step), design.tokens * design.steps)]
        codes = []
        for n, ((index, count), bits) in enumerate(
            zip(indices, design.gray.code_bits(design), strict=True)
        ):
            m.submodules[f"gray{n}"] = gray = GrayCode(count, bits)
            m.d.comb += gray.index.eq(index)
            codes.append(gray.o)
        word = Signal(len(self.o), reset_less=True)
        m.d.sync += word.eq(Cat(*reversed(codes)))
        m.d.comb += self.o.eq(word)

        return m

    def _look_up(self, m: Module, step: Signal, steps: int) -> None:
        """Look codes up in a module of their own; nothing is added or divided, grids or steps."""
        design = self.design
        m.submodules.rom = rom = Module()
        words = stacked([code_words(design, t) for t in range(steps)])
        token, step_of, o = (
            Signal.like(value, name=name)
            for value, name in ((self.token, "token"), (step, "step"), (self.o, "o"))
        )
        address = Cat(token, step_of) if steps > 1 else token
        style = "block" if design.gray.form == "rom" else "logic"
        rom.d.comb += o.eq(look_up(rom, words, address, shape=len(o), rom_style=style))
        m.d.comb += [token.eq(self.token), step_of.eq(step), self.o.eq(o)]

    def _count(self, m: Module, step: Signal) -> Value:
        """Return step * tokens + token."""
        tokens = self.design.tokens
        if tokens.bit_count() == 1:
            return Cat(self.token, step)
        start = Signal(range(tokens * self.design.steps))
        with m.If(self.done):
            m.d.sync += start.eq(Mux(step == self.design.steps - 1, 0, start + tokens))
        return start + self.token


class GrayUnits(PositionUnits):
    """Units of Gray-PE."""

    def channels(self, m: Module, token: Value, done: Value) -> Value:
        """Encode the token."""
        m.submodules.code = code = TokenCode(self.design)
        m.d.comb += [code.token.eq(token), code.done.eq(done)]
        return code.o
