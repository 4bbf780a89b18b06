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
from spikeloom.hdl.frame.rom import check_style, look_up
from spikeloom.hdl.position.part import PositionUnits

__all__ = ["GrayCode", "GrayRom", "GrayUnits", "TokenCode"]


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


class GrayRom(Component):
    """Look up the Gray code of a token at a step.

    One synchronous ROM, a word a token, and a table for each step where the design counts
    positions over the steps: latency 1, a token in every cycle. The address is the step above the
    token, so nothing is added or divided, for grids and for ``t*L+l`` alike. The contents are
    those of :func:`spikeloom.golden.position.gray.code_words`; they mean nothing before the first
    look-up.

    Parameters
    ----------
    design : AttentionDesign
        Layer with position ``gray``.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.

    Members
    -------
    token : In(range(tokens))
        Token to encode.
    step : In(range(steps))
        Step of the token; looked at only where the design counts positions over the steps.
    o : Out(bits)
        Code of the token of the cycle before: with a grid the row's above the column's.
    """

    #: Cycles from a token to its code.
    latency: Final = 1

    def __init__(self, design: AttentionDesign, *, rom_style: str = "block"):
        _check(design)
        self.design: Final = design
        self.rom_style: Final = check_style(rom_style)
        super().__init__(
            {
                "token": In(range(design.tokens)),
                "step": In(range(design.steps)),
                "o": Out(_bits(design)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Wrap the table in a memory."""
        m = Module()

        design = self.design
        steps = design.steps if design.gray.index == "t*L+l" else 1
        gap = [0] * ((1 << ceil_log2(design.tokens)) - design.tokens)
        words = [word for step in range(steps) for word in code_words(design, step) + gap]
        address = Cat(self.token, self.step) if steps > 1 else self.token
        word = look_up(m, words, address, shape=_bits(design), rom_style=self.rom_style)
        m.d.comb += self.o.eq(word)

        return m


class TokenCode(Component):
    """Give the code that a layer appends to the query and to the key of a token, one cycle later.

    For an engine that works through the steps of a head one by one: any token may be asked for in
    any cycle, and ``done`` ends a step. Latency 1, as a memory's, in both forms; a token in every
    cycle.

    Form ``"logic"``: one XOR and one register a bit; index ``t*L+l`` adds the start of the step to
    the token, or puts the step above the token where tokens are a power of two. A grid takes row
    and column out of the token's bits where columns are a power of two. Where they are not, row
    and column would take a division, and a :class:`GrayRom` in look-up tables is smaller and
    faster: about half a cell a token. Form ``"rom"``: a :class:`GrayRom` in block memory. Checked
    against :func:`spikeloom.golden.position.gray.code_words`.

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
        _check(design)
        self.design: Final = design
        super().__init__(
            {"token": In(range(design.tokens)), "done": In(1), "o": Out(_bits(design))}
        )

    def elaborate(self, platform: object) -> Module:
        """Build the form that the design chooses."""
        m = Module()
        design = self.design
        counted = design.gray.index == "t*L+l" and design.steps > 1

        step = Signal(range(design.steps))
        if counted:
            with m.If(self.done):
                m.d.sync += step.eq(Mux(step == design.steps - 1, 0, step + 1))

        columns = 1 if design.gray.grid is None else design.gray.grid[1]
        if design.gray.form == "rom" or columns.bit_count() > 1:
            style = "block" if design.gray.form == "rom" else "logic"
            m.submodules.rom = rom = GrayRom(design, rom_style=style)
            m.d.comb += [rom.token.eq(self.token), rom.step.eq(step), self.o.eq(rom.o)]
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
        word = Signal(_bits(design), reset_less=True)
        m.d.sync += word.eq(Cat(*reversed(codes)))
        m.d.comb += self.o.eq(word)

        return m

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


def _bits(design: AttentionDesign) -> int:
    """Count the bits of a code."""
    return sum(design.gray.code_bits(design))


def _check(design: AttentionDesign) -> None:
    """Refuse a layer without Gray codes."""
    if "gray" not in design.position:
        raise ValueError(f"Position must contain gray, not {design.position!r}")
