"""Programs that come over the stream: loaded and checked, or refused, and never out of step."""

import random
import zlib

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.network.store import LOAD, RUN, ProgramStore, StatusFront, load_frame

from ...benches import receiver, simulate
from .test_intake import frames_sender

WORDS, NUMBERS = 5, 3


class Stored(wiring.Component):
    """Store and front, with an engine between them that answers NUMBERS beats, all word 0."""

    def __init__(self, width):
        self.store = ProgramStore(MemoryShape("program", width, 16), WORDS)
        self.front = StatusFront(NUMBERS)
        super().__init__(
            {
                "i": In(beat_stream(16)),
                "o": Out(beat_stream(16)),
                "en": In(1),
                "rewind": In(1),
                "data": Out(width),
                "taken": Out(beat_stream(16)),
                "numbers": In(beat_stream(16)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.submodules.store, m.submodules.front = store, front = self.store, self.front
        connect(m, flipped(self.i), store.i)
        connect(m, store.o, flipped(self.taken))
        connect(m, flipped(self.numbers), front.i)
        connect(m, front.o, flipped(self.o))
        m.d.comb += [
            store.en.eq(self.en),
            store.rewind.eq(self.rewind),
            self.data.eq(store.data),
            store.computed.eq(front.computed),
            front.good.eq(store.good),
            front.answers.eq(store.answers),
            store.answered.eq(front.answered),
        ]
        return m


def load(words, width, check=None):
    """Give a frame that loads, made here once more, with another CRC where it is given."""
    whole = b"".join(word.to_bytes(width // 8, "little") for word in words)
    crc = zlib.crc32(whole) if check is None else check
    beats = [int.from_bytes(whole[n : n + 2], "little") for n in range(0, len(whole), 2)]
    return [LOAD, *beats, crc & 0xFFFF, crc >> 16]


def test_frame_is_command_words_and_crc():
    words = [0x12345678, 0xDEADBEEF, 0]
    assert load_frame(words, 32).tolist() == load(words, 32)
    assert load_frame([1, 2, 3], 16).tolist() == load([1, 2, 3], 16)
    assert load_frame(words, 64).tolist() == load(words, 64)
    assert (RUN, LOAD) == (0, 1)


def answers_of(width, frames, *, stalls=0.0, seed=0):
    """Send frames; read the program for each that is to be computed. Give answers and what came."""
    dut = Stored(width)
    answers, came, count = [], [], len(frames)
    draw = random.Random(seed)

    async def engine(ctx):
        """Take frames that are to run, read all words of the program, answer numbers."""
        beats = []
        while True:
            ctx.set(dut.taken.ready, draw.random() >= stalls)
            *_, valid, ready, payload = await ctx.tick().sample(
                dut.taken.valid, dut.taken.ready, dut.taken.payload
            )
            if not (valid and ready):
                continue
            beats.append(payload.data)
            if not payload.last:
                continue
            ctx.set(dut.taken.ready, 0)
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)
            words = []
            for _ in range(WORDS):
                ctx.set(dut.en, 1)
                await ctx.tick()
                ctx.set(dut.en, 0)
                words.append(ctx.get(dut.data))
            ctx.set(dut.rewind, 1)
            await ctx.tick()
            ctx.set(dut.rewind, 0)
            came.append((beats, words))
            for n in range(NUMBERS):
                ctx.set(dut.numbers.payload.data, sum(beats) + n & 0xFFFF)
                ctx.set(dut.numbers.payload.last, n == NUMBERS - 1)
                ctx.set(dut.numbers.valid, 1)
                taken = False
                while not taken:
                    *_, taken = await ctx.tick().sample(dut.numbers.ready)
            ctx.set(dut.numbers.valid, 0)
            beats = []

    wanted = count * (NUMBERS + 1)
    bench = receiver(dut.o, answers, wanted, stalls=stalls, seed=seed)
    simulate(dut, bench, engine, frames_sender(dut.i, frames, stalls=stalls, seed=seed))
    size = NUMBERS + 1
    for n, (_, last) in enumerate(answers):
        assert last == (n % size == NUMBERS)
    return [[data for data, _ in answers[n : n + size]] for n in range(0, wanted, size)], came


NOTHING = [0] * (NUMBERS + 1)


def number(beats):
    """Give what the engine answers."""
    return [1, *(sum(beats) + n & 0xFFFF for n in range(NUMBERS))]


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("width", [16, 32, 64])
def test_programs_are_loaded_and_run(width, stalls):
    draw = random.Random(width)
    one, other = ([draw.getrandbits(width) for _ in range(WORDS)] for _ in range(2))
    frames = [
        [RUN, 7],
        load(one, width),
        [RUN, 5, 6, 7],
        [RUN, 9, 8, 7],
        load(other, width),
        [RUN, 1, 2, 3],
    ]
    answers, came = answers_of(width, frames, stalls=stalls, seed=width)
    good = [1] + [0] * NUMBERS
    assert answers == [NOTHING, good, number([5, 6, 7]), number([9, 8, 7]), good, number([1, 2, 3])]
    assert came == [([5, 6, 7], one), ([9, 8, 7], one), ([1, 2, 3], other)]


def broken(width):
    """Give frames that load nothing good, by what is wrong with them."""
    words = [n * 0x1111 + 3 for n in range(WORDS)]
    frame = load(words, width)
    crc = frame[-2] | frame[-1] << 16
    flipped = list(frame)
    flipped[3] ^= 0x0400
    return {
        "crc": load(words, width, crc ^ 1),
        "high crc": load(words, width, crc ^ 1 << 31),
        "no crc": frame[:-2],
        "half a crc": frame[:-1],
        "flipped": flipped,
        "few": load(words[:-1], width),
        "many": load([*words, 5], width),
        "very many": load(words * 9, width),
        "swapped": [LOAD, frame[2], frame[1], *frame[3:]],
        "two": [LOAD, 0],
    }


@pytest.mark.parametrize("width", [16, 32])
@pytest.mark.parametrize("name", list(broken(16)))
def test_broken_programs_are_answered_and_never_run(name, width):
    good = [n * 7 + 1 for n in range(WORDS)]
    frames = [broken(width)[name], [RUN, 4, 5], load(good, width), [RUN, 6, 5, 4]]
    answers, came = answers_of(width, frames, stalls=0.2, seed=1)
    assert answers == [NOTHING, NOTHING, [1] + [0] * NUMBERS, number([6, 5, 4])]
    assert came == [([6, 5, 4], good)]


@pytest.mark.parametrize("name", ["crc", "few", "flipped", "very many"])
def test_broken_program_takes_the_good_one_away(name):
    good = [n * 7 + 1 for n in range(WORDS)]
    frames = [
        load(good, 16),
        [RUN, 6, 5, 4],
        broken(16)[name],
        [RUN, 7],
        load(good, 16),
        [RUN, 8, 0, 1],
    ]
    answers, came = answers_of(16, frames)
    status = [1] + [0] * NUMBERS
    assert answers == [status, number([6, 5, 4]), NOTHING, NOTHING, status, number([8, 0, 1])]
    assert [beats for beats, _ in came] == [[6, 5, 4], [8, 0, 1]]


def test_front_says_nothing_until_there_is_something():
    dut = StatusFront(2)

    async def bench(ctx):
        ctx.set(dut.o.ready, 1)
        ctx.set(dut.good, 1)
        for _ in range(5):
            *_, valid, computed, answered = await ctx.tick().sample(
                dut.o.valid, dut.computed, dut.answered
            )
            assert (valid, computed, answered) == (0, 0, 0)
        ctx.set(dut.answers, 1)
        found = []
        for _ in range(3):
            *_, payload, answered = await ctx.tick().sample(dut.o.payload, dut.answered)
            found.append((payload.data, payload.last, answered))
        assert found == [(1, 0, 0), (0, 0, 0), (0, 1, 1)]

    simulate(dut, bench)
