"""The gate of a state-space layer: integrate, fire, and beats, with a receiver that stalls."""

import random

import pytest
from amaranth.hdl import Shape

from spikeloom.design.state_space.fixed import fixed, spans
from spikeloom.hdl.state_space.gate import StateSpaceGate
from spikeloom.hdl.state_space.plan import StateSpacePlan

from ...benches import receiver, signed, simulate
from .test_sequencer import make

ROW = 14


def tokens_of(design, draw, inferences):
    """Draw a sum a channel and token, no further than they can go."""
    low, high = spans(design).y
    drop = fixed(design).drop
    # Rounding down takes the bits below away.
    return [
        [
            (draw.randint(low // 8, high) << drop) + draw.randrange(1 << drop)
            for _ in range(design.dim)
        ]
        for _ in range(inferences * design.steps)
    ]


def gate(design, sums, *, stalls):
    plan = StateSpacePlan(design)
    dut, found = StateSpaceGate(plan), []
    size = -(-Shape.cast(range(spans(design).y[0], spans(design).y[1] + 1)).width // design.beat)
    beats = design.dim * size if design.output == "y" else -(-design.dim // design.beat)

    async def rows(ctx):
        for number, token in enumerate(sums):
            ctx.set(dut.fresh, number % design.steps == 0)
            ctx.set(dut.final, number % design.steps == design.steps - 1)
            for channel, total in enumerate(token):
                # Room is looked for where a row starts.
                ready = 0
                while not ready:
                    *_, ready = await ctx.tick().sample(dut.ready)
                ctx.set(dut.channel, channel)
                await ctx.tick().repeat(ROW - 2)
                ctx.set(dut.ends, 1)
                await ctx.tick()
                ctx.set(dut.ends, 0)
                ctx.set(dut.channel, design.dim - 1 - channel)
                await ctx.tick().repeat(plan.wait - 1)
                ctx.set(dut.acc, total)
                await ctx.tick()
                # Done three cycles later, before another token may begin.
                if channel == design.dim - 1:
                    await ctx.tick().repeat(3)

    simulate(dut, receiver(dut.o, found, len(sums) * beats, stalls=stalls), rows)
    return found, beats


@pytest.mark.parametrize("stalls", [0.0, 0.9])
@pytest.mark.parametrize(("dim", "beat"), [(1, 1), (5, 2), (9, 8), (3, 8), (4, 4)])
def test_spikes_of_neurons_that_lose_their_threshold(dim, beat, stalls):
    design = make(state=4, dim=dim, steps=3, threshold="1/8", target={"beat": beat})
    sums = tokens_of(design, random.Random(dim), 4)
    found, beats = gate(design, sums, stalls=stalls)
    drop, threshold = fixed(design).drop, fixed(design).threshold
    want = []
    for number, token in enumerate(sums):
        if number % design.steps == 0:
            membranes = [0] * dim
        spikes = []
        for channel, total in enumerate(token):
            membranes[channel] += total >> drop
            spikes.append(int(membranes[channel] >= threshold))
            membranes[channel] -= threshold * spikes[-1]
        for first in range(0, dim, beat):
            bits = sum(bit << n for n, bit in enumerate(spikes[first : first + beat]))
            last = first + beat >= dim and number % design.steps == design.steps - 1
            want.append((bits, int(last)))
    assert len(want) == len(sums) * beats
    assert found == want
    assert any(bits for bits, _ in want)


@pytest.mark.parametrize("stalls", [0.0, 0.9])
@pytest.mark.parametrize(("dim", "beat"), [(1, 8), (3, 4), (2, 64)])
def test_sums_in_whole_beats(dim, beat, stalls):
    design = make(state=4, dim=dim, steps=2, output="y", target={"beat": beat})
    sums = tokens_of(design, random.Random(dim), 3)
    found, beats = gate(design, sums, stalls=stalls)
    size = beats // dim
    numbers = []
    for first in range(0, len(found), size):
        word = sum(bits << beat * n for n, (bits, _) in enumerate(found[first : first + size]))
        numbers.append(signed(word, size * beat))
    assert numbers == [total >> fixed(design).drop for token in sums for total in token]
    ends = [n for n, (_, last) in enumerate(found) if last]
    assert ends == [2 * beats * (n + 1) - 1 for n in range(3)]
