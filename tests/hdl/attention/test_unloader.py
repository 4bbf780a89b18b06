import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.golden.attention.beats import counts, unpack
from spikeloom.golden.attention.formula import attention
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.frame.unloader import Unloader
from spikeloom.sim.pysim import add_clock

from ...designs import cover, inferences, layer

CHOICES = {
    **{"similarity": ("and", "hamming"), "position": ("none",), "neuron": ("hard", "none")},
    **{"tokens": (1, 2, 3, 12), "head_dim": (4, 12, 16, 32), "steps": (1, 2), "rows": (1,)},
    **{"lanes": (1, 4, 8, 16, 32), "beat": (1, 4, 8, 16, 64), "heads": (1, 2)},
    **{"buffers": (1, 2), "grid": (1,)},
}
ROWS = cover(CHOICES, 2)


def image(plan, answer, head, t):
    """What the engine leaves in the output memory: a word for each token and pass or word."""
    part = answer[t, :, head * plan.design.head_dim : (head + 1) * plan.design.head_dim]
    width = plan.o.width if plan.spec is not None else plan.o.width // plan.lanes
    stored = {}
    for token, channels in enumerate(part):
        if plan.spec is not None:
            digits = [int(bit) for bit in channels]
            step = width
        else:
            digits = [int(number) & (1 << width) - 1 for number in channels]
            step = plan.lanes
        for word in range(plan.out.words):
            chosen = digits[word * step : (word + 1) * step]
            size = 1 if plan.spec is not None else width
            stored[token, word] = sum(digit << size * n for n, digit in enumerate(chosen))
    return stored


def unload(design, answers, *, stalls, seed):
    """Fill banks as they become free; give the beats, where tlast was, and cycles in all."""
    plan = Plan(design)
    unloader = Unloader(plan.answer)
    draw = random.Random(seed)
    runs = [
        image(plan, answer, head, t)
        for answer in answers
        for head in range(design.heads)
        for t in range(design.steps)
    ]
    words = (plan.out.words - 1).bit_length()
    tokens = (plan.tokens - 1).bit_length()
    banks = [{} for _ in range(plan.out_banks)]
    beats, lasts = [], []
    cycles = 0

    async def testbench(ctx):
        nonlocal cycles
        made = waiting = bank = 0
        held = None
        while len(beats) < counts(design).outputs * len(answers):
            if made < len(runs) and waiting < plan.out_banks and draw.random() >= stalls:
                banks[made % plan.out_banks] = runs[made]
                made, waiting = made + 1, waiting + 1
            ready = draw.random() >= stalls
            ctx.set(unloader.full, waiting > 0)
            ctx.set(unloader.bank, bank)
            ctx.set(unloader.o.ready, ready)
            valid = ctx.get(unloader.o.valid)
            beat = (ctx.get(unloader.o.payload.data), ctx.get(unloader.o.payload.last))
            assert held is None or (valid and beat == held)
            held = beat if valid and not ready else None
            if valid and ready:
                beats.append(beat[0])
                if beat[1]:
                    lasts.append(len(beats))
            read = ctx.get(unloader.en)
            address = ctx.get(unloader.addr)
            assert waiting or not read
            if ctx.get(unloader.free):
                waiting, bank = waiting - 1, (bank + 1) % plan.out_banks
            await ctx.tick()
            cycles += 1
            assert cycles < 100_000
            if read:
                place = (address >> words & (1 << tokens) - 1, address & (1 << words) - 1)
                ctx.set(unloader.data, banks[address >> words + tokens][place])
        assert waiting == 0
        ctx.set(unloader.full, 0)
        ctx.set(unloader.o.ready, 1)
        for _ in range(4):
            assert not ctx.get(unloader.o.valid)
            await ctx.tick()

    simulator = Simulator(unloader)
    add_clock(simulator)
    simulator.add_testbench(testbench)
    simulator.run()
    return beats, lasts, cycles


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(map(str, row.values())))
def test_beats_unpack_to_the_answer(row):
    design = layer(row)
    inputs, _ = inferences(design, (0.7, 0.4))
    answers = [attention(design, **arrays) for arrays in inputs]
    beats, lasts, _ = unload(design, answers, stalls=0.4, seed=row["beat"])
    number = counts(design).outputs
    assert lasts == [number, 2 * number]
    for n, answer in enumerate(answers):
        got = unpack(design, np.array(beats[n * number : (n + 1) * number], dtype=np.uint64))
        assert (got == answer).all()


@pytest.mark.parametrize("neuron", ["hard", "none"])
def test_a_beat_a_cycle(neuron):
    row = {**{name: values[-1] for name, values in CHOICES.items()}, "neuron": neuron}
    design = layer({**row, "beat": 8, "buffers": 2})
    answer = attention(design, **inferences(design, (0.7,))[0][0])
    beats, _, cycles = unload(design, [answer, answer], stalls=0.0, seed=0)
    # The first word takes a cycle to read; later ones are read with the last beat of the word
    # before them.
    assert cycles == len(beats) + 1
