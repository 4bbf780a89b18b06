"""Passes of a program, read ahead: what headers say, weights, parameters as they were written."""

import random
from itertools import product

import pytest
from amaranth.lib.data import StructLayout

from spikeloom.hdl.network.fetch import Fetcher, ProgramRom
from spikeloom.hdl.network.program.words import FLAGS, USED, Sections, bits_of, header

from ...benches import LIMIT, simulate, tick


def test_layouts_are_numbers():
    for name in FLAGS.members:
        assert bits_of(FLAGS, {name: 1}) == 1 << FLAGS[name].offset
    assert bits_of(FLAGS, {"first": 1, "ends": 1}) == 1 | 1 << FLAGS["ends"].offset
    assert bits_of(FLAGS, {}) == 0


MOST = {"row": 0x1FFF, "slots": 3, "digits": 2, "outputs": 4, "place": 0x3FF}
# Of a header as it stands in memory, low bit first.
FIELDS = (
    *(("attends", 1), ("ends", 1), ("sync", 1), ("begins", 1), ("closes", 1), ("moves", 2)),
    *(("top_low", 1), ("top_high", 1), ("rest", 1), ("final", 1), ("whole", 1), ("reads_out", 1)),
    *(("release", 1), ("group", 1), ("sets", 1), ("clears", 1), ("turned", 1)),
    *(("gathers", 1), ("stays", 1), ("spread", 1)),
    *(("row", 13), ("slots", 2), ("digits", 2), ("outputs", 3), ("place", 10)),
)
SLOT, PLANES = 4, 2


def sections_of(width, lanes, bits):
    """Give the words of a program whose headers have all fields."""
    return Sections(width, header(MOST, USED), lanes, bits)


def test_headers_lie_as_they_are_read():
    """Fields of drawn headers, put together bit by bit, are where the layout says."""
    layout, generator = header(MOST, USED), random.Random(3)
    assert layout.size == sum(bits for _, bits in FIELDS)
    for _ in range(50):
        values = {name: generator.getrandbits(bits) for name, bits in FIELDS}
        word, at = 0, 0
        for name, bits in FIELDS:
            word |= values[name] << at
            at += bits
        assert bits_of(layout, values) == word
    bare = header({"row": 1, "slots": 0, "digits": 0, "outputs": 7, "place": 16}, ("spread",))
    assert bare.size == 11 + 1 + 1 + 3 + 5


def draw(generator, sections, count):
    """Draw runs of outputs: the passes that they mean, and their words."""
    passes, words = [], []
    width, mask = sections.width, (1 << sections.width) - 1

    def write(value, number):
        words.extend(value >> width * k & mask for k in range(number))

    for n in range(count):
        values = {name: generator.getrandbits(bits) for name, bits in FIELDS}
        # Two moves are the most.
        values |= {"attends": 0, "ends": 0, "moves": generator.randrange(3)}
        values |= {name: min(values[name], MOST[name]) for name in MOST}
        special = "ends" if n == count - 1 else "attends" if generator.random() < 0.2 else ""
        if special:
            values = {**dict.fromkeys(values, 0), special: 1}
        word, at = 0, 0
        for name, bits in FIELDS:
            word |= values[name] << at
            at += bits
        write(word, sections.head)
        if special:
            passes.append(({special: 1}, None, None, None, values))
            continue
        for output, digit, slot in product(
            *(range(values[name] + 1) for name in ("outputs", "digits", "slots"))
        ):
            begins = digit == slot == 0
            moves = values["moves"] if begins else PLANES if slot == 0 else 0
            last = (digit, slot) == (values["digits"], values["slots"])
            final = last and values["closes"] and output == values["outputs"]
            flags = {
                "first": begins and values["begins"],
                "double": moves > 0,
                "minus_low": values["rest"] if digit else values["top_low"],
                "minus_high": values["rest"] if digit else values["top_high"],
                "last": last and values["closes"],
                "sync": output == 0 and begins and values["sync"],
                "final": final and values["final"],
                **{name: values[name] for name in ALIKE},
            }
            if moves:
                flags["twice"] = moves == 2
            row = values["row"] + (slot << SLOT) & 0x1FFF
            weights = generator.getrandbits(sections.weights * width)
            write(weights, sections.weights)
            parameters = None
            if flags["last"]:
                parameters = generator.getrandbits(sections.parameters * width)
                write(parameters, sections.parameters)
            passes.append((flags, row, weights, parameters, values))
    return passes, words


ALIKE = ("whole", "reads_out", "release", "group", "stays", "spread")
ALL_FLAGS = StructLayout({**FLAGS.members, "stays": 1, "spread": 1})
SECTIONS = [(16, 16, 20), (16, 32, 40), (32, 64, 50), (64, 64, 40), (64, 128, 31)]


@pytest.mark.parametrize("stalls", [0.0, 0.6])
@pytest.mark.parametrize("shape", SECTIONS)
def test_passes_come_in_turn(shape, stalls):
    sections = sections_of(*shape)
    generator = random.Random(sections.width)
    passes, words = draw(generator, sections, 8)
    dut = Fetcher(sections, slot=SLOT, planes=PLANES, layout=ALL_FLAGS)

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
            before = None
            for n, (flags, row, weights, parameters, values) in enumerate(passes):
                ctx.set(dut.free, 1)
                cycles = 0
                for _ in range(LIMIT):
                    ctx.set(dut.take, 0)
                    if ctx.get(dut.ready):
                        break
                    await ctx.tick()
                    cycles += 1
                if before is not None:
                    # As many cycles as words, of which the last was taken a cycle before.
                    read = sections.head * (values is not before)
                    if row is not None:
                        read += sections.weights + sections.parameters * (parameters is not None)
                    assert cycles == read, n
                before = values
                while generator.random() < stalls:
                    now = await tick(ctx, dut, "ready")
                    assert now.ready
                found = ctx.get(dut.flags)
                for name, value in flags.items():
                    assert found[name] == int(value), (n, name)
                if row is not None:
                    assert ctx.get(dut.row) == row
                    assert ctx.get(dut.weights) == weights
                    assert ctx.get(dut.head)["place"] == values["place"]
                if parameters is not None:
                    assert ctx.get(dut.parameters) == parameters
                ctx.set(dut.take, 1)
                await ctx.tick()
            ctx.set(dut.take, 0)
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)

    simulate(dut, bench, memory)


@pytest.mark.parametrize("shape", [(16, 16, 20), (32, 64, 50)])
def test_parameters_stay_until_they_are_free(shape):
    sections = sections_of(*shape)
    width = sections.width
    marks = [0x1111, 0x2222]
    value = bits_of(sections.layout, {"begins": 1, "closes": 1, "outputs": len(marks) - 1})
    words = [value >> width * k & (1 << width) - 1 for k in range(sections.head)]
    for mark in marks:
        words += [0] * sections.weights + [mark] * sections.parameters
    words += [bits_of(sections.layout, {"ends": 1}), *[0] * sections.head]
    dut = Fetcher(sections, slot=SLOT, planes=PLANES)
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
