"""What the test benches of single blocks share: streams that stall, and memories of words."""

import random
from types import SimpleNamespace

from amaranth.hdl import ClockDomain, Module, Value
from amaranth.sim import Simulator

from spikeloom.sim.pysim import add_clock

LIMIT = 200_000


def simulate(dut, *benches):
    """Run test benches beside each other, until the first of them ends."""
    top = Module()
    # The domain exists even where a block turned out to need no register.
    top.domains.sync = ClockDomain()
    top.submodules.dut = dut
    sim = Simulator(top)
    add_clock(sim)
    for n, bench in enumerate(benches):
        sim.add_testbench(bench, background=n > 0)
    sim.run()


def sender(port, beats, *, stalls=0.0, seed=0):
    """Offer beats to a stream in turn, each until it is taken."""
    draw = random.Random(seed)

    async def bench(ctx):
        for beat in beats:
            while draw.random() < stalls:
                await ctx.tick()
            ctx.set(port.payload.data, int(beat))
            ctx.set(port.valid, 1)
            taken = False
            while not taken:
                *_, taken = await ctx.tick().sample(port.ready)
            ctx.set(port.valid, 0)

    return bench


def receiver(port, found, count, *, stalls=0.0, seed=0):
    """Take ``count`` beats from a stream as (data, last); one that is offered must stay."""
    draw = random.Random(seed + 1)

    async def bench(ctx):
        held = None
        for _ in range(LIMIT):
            ready = draw.random() >= stalls
            ctx.set(port.ready, ready)
            *_, valid, payload = await ctx.tick().sample(port.valid, port.payload)
            beat = (payload.data, payload.last)
            assert held is None or (valid and beat == held)
            held = beat if valid and not ready else None
            if valid and ready:
                found.append(beat)
            if len(found) == count:
                return
        raise AssertionError(f"stuck after {len(found)} beats of {count}")

    return bench


def serve(addr, data, words, *, en=None, missing=None):
    """Read a memory: the word whose address was there a cycle ago, until another is read.

    Without ``en`` a word is read in every cycle. A word that is not there is ``missing``, or fails.
    """

    async def bench(ctx):
        async for *_, place, reads in ctx.tick().sample(addr, 1 if en is None else en):
            if reads:
                if missing is None:
                    assert place in words, f"word {place} was never written"
                ctx.set(Value.cast(data), words.get(place, missing))

    return bench


def masked(old, new, enables, width):
    """Give a word of which the slices of ``width`` bits that are enabled are new."""
    mask = sum(((1 << width) - 1) << n * width for n in range(64) if enables >> n & 1)
    return old & ~mask | new & mask


def signed(value, width):
    """Read the lowest bits as a number in two's complement."""
    value &= (1 << width) - 1
    return value - (value >> width - 1 << width)


async def tick(ctx, dut, names):
    """Let a cycle go by; give the ports of these names as they were in it."""
    ports = [getattr(dut, name) for name in names.split()]
    _, _, *values = await ctx.tick().sample(*ports)
    return SimpleNamespace(**dict(zip(names.split(), values, strict=True)))
