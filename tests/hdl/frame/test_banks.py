"""A ring of banks: against a queue of the banks that are full."""

import random
from collections import deque

import pytest
from amaranth.hdl import Module, Signal

from spikeloom.hdl.frame.banks import BankRing, add_ring

from ...benches import simulate


@pytest.mark.parametrize("eager", [(0.9, 0.2), (0.2, 0.9), (0.6, 0.6), (1.0, 1.0)], ids=str)
@pytest.mark.parametrize("banks", [1, 2, 4, 8])
def test_banks_are_filled_and_drained_in_turn(banks, eager):
    ring = BankRing(banks)
    draw = random.Random(banks)
    seen = set()

    async def bench(ctx):
        queue, fills = deque(), 0
        for _ in range(400):
            assert ctx.get(ring.free) == (len(queue) < banks)
            assert ctx.get(ring.full) == (len(queue) > 0)
            assert ctx.get(ring.filling) == fills % banks
            if queue:
                assert ctx.get(ring.draining) == queue[0]
            seen.add(len(queue))
            fill = len(queue) < banks and draw.random() < eager[0]
            drain = len(queue) > 0 and draw.random() < eager[1]
            ctx.set(ring.fill, fill)
            ctx.set(ring.drain, drain)
            await ctx.tick()
            if drain:
                queue.popleft()
            if fill:
                queue.append(fills % banks)
                fills += 1

    simulate(ring, bench)
    if eager == (0.6, 0.6):
        assert seen == set(range(banks + 1))


@pytest.mark.parametrize("banks", [0, -1, 3, 6, 2.0, "2"])
def test_refuses_what_is_no_power_of_two(banks):
    with pytest.raises(TypeError, match=rf"^Banks must be a power of two, not {banks!r}$"):
        BankRing(banks)


def test_keeps_its_parameter():
    assert BankRing(4).banks == 4


def test_is_told_by_whoever_adds_it():
    m, filled, drained = Module(), Signal(), Signal()
    ring = add_ring(m, "inputs", 2, filled, drained)
    assert m.submodules.inputs is ring

    async def bench(ctx):
        for fill, drain, full, free in ((1, 0, 1, 1), (1, 0, 1, 0), (0, 1, 1, 1), (0, 1, 0, 1)):
            ctx.set(filled, fill)
            ctx.set(drained, drain)
            await ctx.tick()
            assert (ctx.get(ring.full), ctx.get(ring.free)) == (full, free)

    simulate(m, bench)
