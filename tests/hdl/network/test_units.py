"""A memory of spikes and its counters: words that were written, and weighted sums of them."""

import random

import pytest

from spikeloom.hdl.frame.memory_map import MemoryShape
from spikeloom.hdl.network.units import Unit

from ...benches import simulate

DEPTH = 8


def write(generator, lanes):
    """Draw a write: a word of 16 in some columns, or a bit in some lanes."""
    words = generator.random() < 0.5
    if words:
        column = generator.randrange(lanes // 16)
        mask = 0xFFFF << 16 * column
    else:
        mask = 1 << generator.randrange(lanes)
    return {
        "w_addr": generator.randrange(DEPTH),
        "w_mask": mask,
        "w_bit": generator.randrange(2),
        "w_word": generator.randrange(1 << 16),
        "w_words": int(words),
    }


def apply(words, lanes, now):
    """Do a write in Python."""
    new = 0
    for n in range(lanes):
        bit = now["w_word"] >> n % 16 & 1 if now["w_words"] else now["w_bit"]
        new |= bit << n
    at = now["w_addr"]
    words[at] = words[at] & ~now["w_mask"] | new & now["w_mask"]


@pytest.mark.parametrize("planes", [1, 2])
@pytest.mark.parametrize(("lanes", "stages"), [(16, 1), (32, 2), (64, 2)])
def test_counts_what_was_written(lanes, stages, planes):
    shape = MemoryShape("spikes", lanes, DEPTH)
    dut = Unit(shape, planes=planes, stages=stages, cells="portable")
    generator = random.Random(lanes + planes)
    words = [0] * DEPTH
    history, found = [], []

    async def bench(ctx):
        for _ in range(100):
            now = write(generator, lanes)
            for name, value in now.items():
                ctx.set(getattr(dut, name), value)
            await ctx.tick()
            apply(words, lanes, now)
        # The last row is where nothing is written while rows are read.
        ctx.set(dut.w_mask, 0)
        for n in range(120):
            ctx.set(dut.addr, generator.randrange(DEPTH))
            ctx.set(dut.en, 1)
            weights = [generator.getrandbits(lanes) for _ in range(2)]
            weights = generator.choice([weights, [(1 << lanes) - 1] * 2])
            signs = generator.choice([(0, 0), (1, 0), (0, 1), (1, 1)])
            row = words[ctx.get(dut.addr)]
            history.append((row, weights, signs))
            # Weights come a cycle behind the address, signs a cycle before the sum.
            if n:
                ctx.set(dut.low, history[n - 1][1][0])
                if planes == 2:
                    ctx.set(dut.high, history[n - 1][1][1])
            if n >= dut.latency - 1:
                minus = history[n - dut.latency + 1][2]
                ctx.set(dut.minus_low, minus[0])
                if planes == 2:
                    ctx.set(dut.minus_high, minus[1])
            *_, read, part = await ctx.tick().sample(dut.row, dut.part)
            if n:
                assert read == history[n - 1][0]
            found.append(part)

    simulate(dut, bench)
    for (row, weights, signs), part in zip(history, found[dut.latency :], strict=False):
        low, high = ((row & weight).bit_count() for weight in weights)
        want = -low if signs[0] else low
        if planes == 2:
            want += -2 * high if signs[1] else 2 * high
        assert part == want


def test_row_stays_while_nothing_is_read():
    dut = Unit(MemoryShape("spikes", 16, DEPTH), planes=1, stages=1, cells="portable")

    async def bench(ctx):
        ctx.set(dut.w_addr, 3)
        ctx.set(dut.w_mask, 0xFFFF)
        ctx.set(dut.w_word, 0x1234)
        ctx.set(dut.w_words, 1)
        await ctx.tick()
        ctx.set(dut.w_mask, 0)
        ctx.set(dut.addr, 3)
        ctx.set(dut.en, 1)
        await ctx.tick()
        ctx.set(dut.en, 0)
        ctx.set(dut.addr, 4)
        for _ in range(3):
            *_, row = await ctx.tick().sample(dut.row)
            assert row == 0x1234

    simulate(dut, bench)
