"""Passes of a program, read ahead: flags, rows, weights and parameters as they were written."""

import random

import pytest

from spikeloom.hdl.network.fetch import Fetcher, ProgramRom
from spikeloom.hdl.network.program.words import FLAGS, Sections, bits_of

from ...benches import LIMIT, simulate, tick


def test_layouts_are_numbers():
    for name in FLAGS.members:
        assert bits_of(FLAGS, {name: 1}) == 1 << FLAGS[name].offset
    assert bits_of(FLAGS, {"first": 1, "ends": 1}) == 1 | 1 << FLAGS["ends"].offset
    assert bits_of(FLAGS, {}) == 0


def draw(generator, sections, count):
    """Draw passes: flags, row, weights, parameters, and their words."""
    passes, words = [], []
    width, mask = sections.width, (1 << sections.width) - 1
    for n in range(count):
        if n == count - 1 or generator.random() < 0.2:
            names = ["ends"] if n == count - 1 else ["attends"]
            flags = bits_of(FLAGS, dict.fromkeys(names, 1))
            passes.append((flags, None, None, None))
            words.append(flags)
            continue
        last = generator.randrange(2)
        names = {name: generator.randrange(2) for name in ("first", "double", "sync", "whole")}
        flags = bits_of(FLAGS, {**names, "last": last})
        row = generator.getrandbits(16)
        weights = generator.getrandbits(sections.weights * width)
        parameters = generator.getrandbits(sections.parameters * width) if last else None
        passes.append((flags, row, weights, parameters))
        head = flags | row << 16
        for value, number in (
            (head, sections.head),
            (weights, sections.weights),
            (parameters or 0, sections.parameters * last),
        ):
            words += [value >> width * k & mask for k in range(number)]
    return passes, words


@pytest.mark.parametrize("stalls", [0.0, 0.6])
@pytest.mark.parametrize(
    "sections",
    [Sections(16, 16, 20), Sections(16, 32, 40), Sections(32, 64, 50), Sections(64, 64, 40)],
)
def test_passes_come_in_turn(sections, stalls):
    generator = random.Random(sections.width)
    passes, words = draw(generator, sections, 30)
    dut = Fetcher(sections)
    rom = ProgramRom(tuple(words), sections.width)

    async def memory(ctx):
        """Read words in turn, as ProgramRom does."""
        at, data = 0, 0
        while True:
            ctx.set(dut.data, data)
            *_, en, rewind = await ctx.tick().sample(dut.en, dut.rewind)
            if en:
                assert at < len(words) + 1
                data = words[at] if at < len(words) else 0
                at += 1
            if rewind:
                at = 0

    async def bench(ctx):
        for _ in range(2):
            for flags, row, weights, parameters in passes:
                ctx.set(dut.free, 1)
                for _ in range(LIMIT):
                    ctx.set(dut.take, 0)
                    if ctx.get(dut.ready):
                        break
                    await ctx.tick()
                while generator.random() < stalls:
                    now = await tick(ctx, dut, "ready")
                    assert now.ready
                assert ctx.get(dut.flags.as_value()) == flags
                if row is not None:
                    assert ctx.get(dut.row) == row
                    assert ctx.get(dut.weights) == weights
                if parameters is not None:
                    assert ctx.get(dut.parameters) == parameters
                ctx.set(dut.take, 1)
                await ctx.tick()
            ctx.set(dut.take, 0)
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)

    simulate(dut, bench, memory)
    assert rom.words == tuple(words)


@pytest.mark.parametrize("sections", [Sections(16, 16, 20), Sections(32, 64, 50)])
def test_parameters_stay_until_they_are_free(sections):
    words = []
    width = sections.width
    marks = [0x1111, 0x2222]
    for mark in marks:
        flags = bits_of(FLAGS, {"last": 1})
        words += [flags] + [0] * (sections.head - 1 + sections.weights)
        words += [mark] * sections.parameters
    words.append(bits_of(FLAGS, {"ends": 1}))
    dut = Fetcher(sections)
    whole = [sum(mark << width * k for k in range(sections.parameters)) for mark in marks]

    async def memory(ctx):
        at, data = 0, 0
        while True:
            ctx.set(dut.data, data)
            *_, en = await ctx.tick().sample(dut.en)
            if en:
                data = words[at] if at < len(words) else 0
                at += 1

    async def bench(ctx):
        ctx.set(dut.free, 1)
        while not ctx.get(dut.ready):
            await ctx.tick()
        ctx.set(dut.take, 1)
        await ctx.tick()
        ctx.set(dut.take, 0)
        ctx.set(dut.free, 0)
        for _ in range(40):
            now = await tick(ctx, dut, "parameters ready")
            assert now.parameters == whole[0]
            assert not now.ready
        ctx.set(dut.free, 1)
        while not ctx.get(dut.ready):
            await ctx.tick()
        assert ctx.get(dut.parameters) == whole[1]

    simulate(dut, bench, memory)


@pytest.mark.parametrize("width", [16, 32, 64])
def test_rom_gives_its_words_in_turn(width):
    generator = random.Random(width)
    words = tuple(generator.getrandbits(width) for _ in range(11))
    dut = ProgramRom(words, width)

    async def bench(ctx):
        for count in (11, 4, 11):
            for word in words[:count]:
                while generator.random() < 0.4:
                    ctx.set(dut.en, 0)
                    await ctx.tick()
                ctx.set(dut.en, 1)
                await ctx.tick()
                ctx.set(dut.en, 0)
                assert ctx.get(dut.data) == word
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)

    simulate(dut, bench)
