"""Cyclic shift of channel groups by an amount a token: the rotary encoding of binary spikes.

Ref: Bit_Shift_RoPE, spikformer_bitshiftRoPE.py.
"""

from typing import Final

from amaranth.hdl import Cat, Module, Mux, Signal, Value
from amaranth.lib import data
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from spikeloom.design.attention.design import AttentionDesign
from spikeloom.golden.position.shift import schedule
from spikeloom.hdl.frame.component import Component, natural
from spikeloom.hdl.frame.rom import check_style, look_up, packed

__all__ = ["CyclicShifter", "GroupShifter", "ShiftSchedule"]


class CyclicShifter(Component):
    """Rotate a word by a run-time amount, with one row of muxes per bit of the amount.

    Rotations add up modulo the width, so a row that rotates by ``2**level`` for each bit of the
    amount is right for every width, powers of two or not. Combinational: latency 0,
    ``ceil(log2(width))`` mux levels, ``width`` 2:1 muxes each. Checked against
    :func:`spikeloom.golden.position.shift.rotate`.

    Parameters
    ----------
    width : int
        Bits in the word, at least 1.

    Members
    -------
    i : In(width)
        Word to rotate.
    amount : In(range(width))
        Positions to rotate by, towards the most significant bit. An amount that fits the port and
        is not below ``width`` counts modulo ``width``.
    o : Out(width)
        ``i`` rotated left by ``amount``: bit b of ``i`` is bit ``(b + amount) % width`` of ``o``.
    """

    def __init__(self, width: int):
        self.width: Final = natural("Width", width)
        super().__init__({"i": In(width), "amount": In(range(width)), "o": Out(width)})

    def elaborate(self, platform: object) -> Module:
        """Rotate by one power of two after the other."""
        m = Module()

        word: Value = self.i
        for level in range(ceil_log2(self.width)):
            by = 1 << level
            rotated = Cat(word[self.width - by :], word[: self.width - by])
            stage = Signal(self.width, name=f"stage{level}")
            m.d.comb += stage.eq(Mux(self.amount[level], rotated, word))
            word = stage
        m.d.comb += self.o.eq(word)

        return m


class GroupShifter(Component):
    """Rotate each group of channels of a token by its own amount.

    ``groups`` :class:`CyclicShifter` side by side; group g holds the channels from
    ``g * group_width`` up. Combinational: latency 0,
    ``groups * group_width * ceil(log2(group_width))`` 2:1 muxes. Checked against
    :func:`spikeloom.golden.position.shift.rotate`.

    Parameters
    ----------
    groups : int
        Groups of channels, at least 1.
    group_width : int
        Channels in a group, at least 1; a group of one channel passes unchanged.

    Members
    -------
    i : In(groups * group_width)
        Token, channel c at bit c.
    amounts : In(ArrayLayout(range(group_width), groups))
        Amount of each group, as :class:`CyclicShifter` takes it.
    o : Out(groups * group_width)
        Token with every group rotated.
    """

    def __init__(self, groups: int, group_width: int):
        self.groups: Final = natural("Groups", groups)
        self.group_width: Final = natural("Group width", group_width)
        super().__init__(
            {
                "i": In(groups * group_width),
                "amounts": In(data.ArrayLayout(range(group_width), groups)),
                "o": Out(groups * group_width),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Place one shifter a group."""
        m = Module()

        for group in range(self.groups):
            m.submodules[f"group{group}"] = shifter = CyclicShifter(self.group_width)
            m.d.comb += [
                shifter.i.eq(self.i.word_select(group, self.group_width)),
                shifter.amount.eq(self.amounts[group]),
                self.o.word_select(group, self.group_width).eq(shifter.o),
            ]

        return m


class ShiftSchedule(Component):
    """Look up the rotation amounts of a token.

    One synchronous ROM of ``tokens`` words of ``groups`` amounts: latency 1, a token taken in every
    cycle. With ``rom_style="block"`` it takes one iCE40 EBR for each 16 bits of word and 256
    tokens. The contents are those of :func:`spikeloom.golden.position.shift.schedule`. The
    amounts mean nothing before the first token has been looked up.

    Parameters
    ----------
    design : AttentionDesign
        Layer with position ``shift``.
    rom_style : str
        ``"block"`` for block memory, ``"logic"`` for look-up tables.

    Members
    -------
    token : In(range(tokens))
        Token whose amounts are wanted.
    amounts : Out(ArrayLayout(range(group_width), groups))
        Amounts of the token of the cycle before, for :class:`GroupShifter`.
    """

    #: Cycles from a token to its amounts.
    latency: Final = 1

    def __init__(self, design: AttentionDesign, *, rom_style: str = "block"):
        if "shift" not in design.position:
            raise ValueError(f"Position must contain shift, not {design.position!r}")
        self.design: Final = design
        self.rom_style: Final = check_style(rom_style)
        self.groups: Final = design.shift.groups
        self.group_width: Final = design.shift.group_dim(design)
        super().__init__(
            {
                "token": In(range(design.tokens)),
                "amounts": Out(data.ArrayLayout(range(self.group_width), self.groups)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        """Wrap the table in a memory; a table without bits needs none."""
        m = Module()

        bits = ceil_log2(self.group_width)
        if bits == 0:
            return m
        words = [packed(amounts, bits) for amounts in schedule(self.design).T.tolist()]
        shape = bits * self.groups
        word = look_up(m, words, self.token, shape=shape, rom_style=self.rom_style)
        m.d.comb += self.amounts.as_value().eq(word)

        return m
