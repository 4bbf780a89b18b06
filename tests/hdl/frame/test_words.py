"""Words of a token against a walk through its numbers, one at a time."""

import itertools

import pytest
from amaranth.hdl import Const, Module, Signal
from amaranth.sim import Simulator

from spikeloom.hdl.frame.words import TokenWords

SHAPES = [
    pytest.param(*shape, id="/".join(map(str, shape)))
    for shape in [
        *itertools.product((1, 6, 8, 21), (1, 3, 5, 8), (1, 2, 4, 16), (8, 16), (False,)),
        *itertools.product((1, 6), (3, 8, 11, 17), (1, 2, 6), (8,), (True,)),
    ]
]


def walk(numbers, bits, beat, whole):
    """Give the first beat of every number, and its bit there; the last beat."""
    at, place, places = 0, 0, []
    per = 1
    while 2 * per * bits <= beat:
        per *= 2
    for _ in range(numbers):
        if place == (1 if whole else per):
            at, place = at + (-(-bits // beat) if whole else 1), 0
        places.append((at, place * bits))
        place += 1
    return places, at + (-(-bits // beat) if whole else 1) - 1


@pytest.mark.parametrize(("numbers", "bits", "lanes", "beat", "whole"), SHAPES)
def test_every_number_has_its_place(numbers, bits, lanes, beat, whole):
    form = TokenWords(numbers, bits, lanes, beat, whole)
    places, last = walk(numbers, bits, beat, whole)
    assert form.beats == last + 1
    assert (form.words - 1) * form.slices + form.tail == form.beats
    assert 1 <= form.tail <= form.slices
    assert form.width == form.slices * form.filled
    # The only pass of a token is written whole.
    assert lanes < numbers or (form.shared, form.part) == (1, form.width)
    # A word holds a pass, so that the numbers of a pass are in one word, side by side.
    for first in range(0, numbers, lanes):
        group = places[first : first + lanes]
        words = {at // form.slices for at, _ in group}
        starts = [at % form.slices * form.filled + bit for at, bit in group]
        assert len(words) == 1
        assert starts == list(range(starts[0], starts[0] + form.field * len(group), form.field))
        turn = first // lanes
        shared = form.shared.bit_length() - 1
        assert words == {turn >> shared}
        assert starts[0] == (turn & form.shared - 1) * form.part
    answer = form.answer(5, 7, 2, 64)
    assert (answer.beat, answer.filled, answer.slices) == (beat, form.filled, form.slices)
    assert (answer.tail, answer.words) == (form.tail, form.words)
    assert (answer.tokens, answer.runs, answer.banks, answer.depth) == (5, 7, 2, 64)


def evaluated(values, inputs):
    """Give what expressions come to, for every value of a signal."""
    m, found = Module(), []
    outs = [Signal(len(value), name=f"o{n}") for n, value in enumerate(values)]
    m.d.comb += [out.eq(value) for out, value in zip(outs, values, strict=True)]

    async def bench(ctx):
        for signal, count in inputs:
            for number in range(count):
                ctx.set(signal, number)
                await ctx.delay(1e-6)
                found.append(tuple(ctx.get(out) for out in outs))

    sim = Simulator(m)
    sim.add_testbench(bench)
    sim.run()
    return found


@pytest.mark.parametrize(("lanes", "shared"), [(1, 8), (2, 4), (4, 2), (8, 1), (16, 1)])
def test_passes_of_a_word(lanes, shared):
    form = TokenWords(32, 1, lanes, 8)
    passes = 32 // lanes
    content = 0b1011_0010_0100_1101
    word = Const(content, form.width)
    turn = Signal(range(passes))
    values = [form.word(turn), form.enables(turn, Const(1)), form.enables(turn, Const(0))]
    found = evaluated([*values, form.select(turn, word)], [(turn, passes)])
    assert form.shared == shared
    for n, (at, enabled, none, selected) in enumerate(found):
        assert (at, enabled, none) == (n // shared, 1 << n % shared, 0)
        assert selected == content >> n % shared * lanes & (1 << lanes) - 1


def test_beats_that_arrive():
    form = TokenWords(21, 3, 8, 8)
    place = Signal(range(form.beats))
    word, slices = form.arrival(place, Const(1))
    _, none = form.arrival(place, Const(0))
    assert (form.per, form.beats, form.slices, form.words, form.tail) == (2, 11, 4, 3, 3)
    found = evaluated([word, slices, none], [(place, form.beats)])
    assert found == [(n // 4, 1 << n % 4, 0) for n in range(11)]
