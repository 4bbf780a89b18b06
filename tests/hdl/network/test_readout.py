"""Sums of the read-out, with the bias once a token, in whole beats."""

import random

import pytest

from spikeloom.hdl.network.readout import Readout

from ...benches import receiver, simulate


def twos(number, beats):
    """Give the beats of a number, low one first."""
    return [number >> 16 * k & 0xFFFF for k in range(beats)]


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize("places", [1, 2, None])
@pytest.mark.parametrize(("width", "beats"), [(12, 1), (20, 2), (33, 3)])
def test_numbers(width, beats, places, stalls):
    tokens, generator = 5, random.Random(width)
    dut = Readout(width, beats=beats, part=6, bias=8, tokens=tokens, places=places)
    want, found = [], []
    jobs = []
    for n in range(12):
        places_of = [
            [generator.randrange(-20, 20) for _ in range(generator.randrange(1, 4))]
            for _ in range(1 if width == 12 else 3)
        ]
        end, bias = generator.randrange(tokens), generator.randrange(-100, 100)
        total, moves = 0, [places or generator.choice((1, 2)) for _ in places_of]
        for parts, move in zip(places_of, moves, strict=True):
            total = (total << move) + sum(parts)
        total += (end + 1) * bias
        jobs.append((list(zip(places_of, moves, strict=True)), end, bias, n % 3 == 2))
        beats_of = twos(total, beats)
        want += [(beat, int(n % 3 == 2 and k == beats - 1)) for k, beat in enumerate(beats_of)]

    async def bench(ctx):
        for places_of, end, bias, final in jobs:
            ctx.set(dut.end, end)
            for n, (parts, move) in enumerate(places_of):
                if places is None:
                    ctx.set(dut.twice, move == 2)
                for k, part in enumerate(parts):
                    while generator.random() < 0.3:
                        ctx.set(dut.en, 0)
                        await ctx.tick()
                    ctx.set(dut.en, 1)
                    ctx.set(dut.part, part)
                    ctx.set(dut.up, n > 0 and k == 0)
                    last = n == len(places_of) - 1 and k == len(parts) - 1
                    ctx.set(dut.last, last)
                    ctx.set(dut.final, last and final)
                    ctx.set(dut.bias, bias)
                    await ctx.tick()
            ctx.set(dut.en, 0)
            ctx.set(dut.up, 0)
            given = False
            while not given:
                *_, given = await ctx.tick().sample(dut.given)
        while len(found) < len(want):
            await ctx.tick()

    simulate(dut, bench, receiver(dut.o, found, len(want), stalls=stalls, seed=3))
    assert found == want
