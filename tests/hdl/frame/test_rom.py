"""Tables in memory: the word of every address, a cycle after it."""

import random

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.hdl.frame.rom import check_style, look_up, packed, stacked
from spikeloom.sim.rows import run


class Table(wiring.Component):
    def __init__(self, words, shape, style="block"):
        self._made = words, shape, style
        super().__init__({"address": In(range(len(words))), "o": Out(shape)})

    def elaborate(self, platform):
        m = Module()
        words, shape, style = self._made
        m.d.comb += self.o.eq(look_up(m, words, self.address, shape=shape, rom_style=style))
        return m


@pytest.mark.parametrize("count", [1, 2, 5, 64])
def test_gives_the_word_of_a_cycle_ago(count):
    draw = random.Random(count)
    words = [draw.randrange(-32, 32) for _ in range(count)]
    addresses = [*range(count), *(draw.randrange(count) for _ in range(100))]
    answers = run(Table(words, signed(6)), [{"address": n} for n in addresses], latency=1)
    assert answers == [words[n] for n in addresses]


@pytest.mark.parametrize("style", ["block", "logic"])
def test_synthesis_is_told_the_style(style):
    assert f'attribute \\rom_style "{style}"' in rtlil.convert(Table([1, 2, 3, 4], 3, style))


@pytest.mark.parametrize("bits", [1, 3])
def test_packed_numbers_are_cut_out_again(bits):
    draw = random.Random(bits)
    numbers = [draw.randrange(1 << bits) for _ in range(9)]
    word = packed(numbers, bits)
    assert [word >> bits * n & (1 << bits) - 1 for n in range(9)] == numbers
    assert word < 1 << bits * 9


@pytest.mark.parametrize(("count", "size"), [(1, 1), (2, 2), (3, 4), (5, 8)])
def test_stacked_tables_begin_at_powers_of_two(count, size):
    tables = [[10 * n + place for place in range(count)] for n in (1, 2, 3)]
    words = stacked(tables)
    assert len(words) == 3 * size
    assert [words[n * size : n * size + count] for n in range(3)] == tables
    assert not any(words[n * size + place] for n in range(3) for place in range(count, size))


def test_styles_are_checked():
    assert [check_style(style) for style in ("block", "logic")] == ["block", "logic"]
    for wrong in ("lut", "", None):
        with pytest.raises(
            ValueError, match=rf'^ROM style must be "block" or "logic", not {wrong!r}$'
        ):
            check_style(wrong)
    with pytest.raises(ValueError, match="^ROM style must be"):
        rtlil.convert(Table([0], 1, "lut"))
