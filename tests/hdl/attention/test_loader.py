import random

import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.golden.attention.beats import counts
from spikeloom.golden.position.shift import rotate, schedule
from spikeloom.hdl.attention.loader import Loader
from spikeloom.hdl.attention.plan import Plan
from spikeloom.sim.pysim import add_clock

from ...designs import cover, inferences, layer

CHOICES = {
    **{"similarity": ("and",), "position": ("none", "shift", "shift-values"), "neuron": ("hard",)},
    **{"tokens": (1, 2, 3, 12), "head_dim": (4, 12, 16, 32), "steps": (1, 2), "rows": (1,)},
    **{"lanes": (1, 4, 8, 16, 32), "beat": (1, 4, 8, 16, 64), "heads": (1, 2)},
    **{"buffers": (1, 2), "grid": (1,)},
}
ROWS = cover(CHOICES, 2)


def words(plan, bits, slices, count):
    """Cut (tokens, d) bits into words of ``slices`` beats: a number for each token and word."""
    lack = count * slices * plan.beat - bits.shape[1]
    padded = np.pad(bits, ((0, 0), (0, lack))).reshape(len(bits), count, -1)
    return [[int("".join(map(str, word[::-1])), 2) for word in token] for token in padded]


def load(design, frames, *, stalls, seed):
    """Send frames; give the banks as they are when each has been filled, and idle cycles."""
    plan, loader = Plan(design), Loader(design)
    draw = random.Random(seed)
    beats = [int(beat) for frame in frames for beat in frame]
    stored = {name: {} for name in "kqv"}
    banks = []
    waited = 0

    def write(name, address, data, enables, width):
        mask = sum((1 << width) - 1 << width * n for n in range(64) if enables >> n & 1)
        if mask:
            old = stored[name].get(address, 0)
            stored[name][address] = old & ~mask | data & mask

    async def testbench(ctx):
        nonlocal waited
        sent, filled, bank = 0, 0, 0
        offering = False
        total = design.heads * design.steps * len(frames)
        for _ in range(200_000):
            free = filled < plan.in_banks
            offering = sent < len(beats) and (offering or draw.random() >= stalls)
            ctx.set(loader.free, free)
            ctx.set(loader.bank, bank)
            ctx.set(loader.i.valid, offering)
            if offering:
                ctx.set(loader.i.payload.data, beats[sent])
            data, token = ctx.get(loader.data), ctx.get(loader.token)
            at = ctx.get(loader.written)
            write("k", (at, token), data, ctx.get(loader.k_en), plan.beat)
            write("q", (at, token), data, ctx.get(loader.q_en), plan.beat)
            wide = ctx.get(loader.beat) * sum(1 << plan.beat * n for n in range(plan.v.slices))
            place = (bank, ctx.get(loader.v_token), ctx.get(loader.word))
            write("v", place, wide, ctx.get(loader.v_en), plan.beat)
            taken = offering and ctx.get(loader.i.ready)
            waited += offering and free and not taken
            sent += taken
            offering = offering and not taken
            if ctx.get(loader.full):
                assert free
                assert at == bank
                banks.append(
                    {n: {a[1:]: w for a, w in s.items() if a[0] == bank} for n, s in stored.items()}
                )
                # What stays of one run must not pass for the next.
                for name in stored:
                    stored[name] = {a: w for a, w in stored[name].items() if a[0] != bank}
                bank = (bank + 1) % plan.in_banks
                filled += 1
            await ctx.tick()
            if filled and draw.random() >= stalls:
                filled -= 1
            if len(banks) == total and sent == len(beats):
                return
        raise AssertionError("the loader is stuck")

    simulator = Simulator(loader)
    add_clock(simulator)
    simulator.add_testbench(testbench)
    simulator.run()
    assert not any(stored.values())
    return banks, waited


@pytest.mark.parametrize("row", ROWS, ids=lambda row: "/".join(map(str, row.values())))
def test_every_spike_is_stored_in_its_place(row):
    design = layer(row)
    plan = Plan(design)
    inputs, frames = inferences(design, (0.5, 0.5))
    banks, waited = load(design, frames, stalls=0.3, seed=row["head_dim"])
    runs = len(inputs) * design.heads * design.steps
    assert len(banks) == runs
    assert len(frames) * counts(design).inputs == frames.size
    index = 0
    for arrays in inputs:
        for head in range(design.heads):
            for t in range(design.steps):
                part = slice(head * design.head_dim, (head + 1) * design.head_dim)
                q, k, v = (arrays[name][t, :, part] for name in "qkv")
                if "shift" in design.position:
                    q, k = rotate(q, schedule(design)), rotate(k, schedule(design))
                bank = banks[index]
                index += 1
                for name, bits in (("q", q), ("k", k)):
                    expected = words(plan, bits, plan.beats, 1)
                    assert bank[name] == {(n,): word for n, (word,) in enumerate(expected)}
                places = enumerate(words(plan, v, plan.v.slices, plan.v.words))
                expected = {(n, w): word for n, token in places for w, word in enumerate(token)}
                assert bank["v"] == expected
    # A rotated word costs one cycle at the end of a run, and nothing else ever waits.
    assert waited <= (runs if "shift" in design.position else 0)


def test_full_speed():
    design = layer({**{name: values[-1] for name, values in CHOICES.items()}, "position": "none"})
    _, frames = inferences(design, (0.5, 0.5))
    banks, waited = load(design, frames, stalls=0.0, seed=0)
    assert len(banks) == 2 * design.heads * design.steps
    assert waited == 0
