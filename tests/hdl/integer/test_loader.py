"""The input side on small integers: against the kept beats and the values, restated."""

import random

import numpy as np
import pytest

from spikeloom.design.integer import IntegerDesign
from spikeloom.hdl.integer.loader import IntegerLoader
from spikeloom.hdl.integer.plan import IntegerPlan

from ...benches import LIMIT, masked, sender, simulate, tick
from ...integers import entries, value_words

NAMES = "free full addr entry en v_addr beat v_en"
LAYERS = {
    "plain": {},
    "one bank": {"folding": {"buffers": 1}},
    "wide values": {"v_bits": 8, "dim": 8, "folding": {"lanes": 4, "buffers": 2}},
    "many values": {"value_dim": 24, "folding": {"lanes": 8, "buffers": 2}, "target": {"beat": 16}},
    "spikes": {"q_max": 1, "k_max": 1, "v_max": 1, "tokens": 13, "dim": 12},
    "one": {"tokens": 1, "dim": 1},
    "odd": {"tokens": 5, "dim": 7, "q_max": 15, "k_max": 15, "v_bits": 3, "target": {"beat": 16}},
    "accumulate": {"neuron": "none", "steps": 3},
}


def make(name):
    keys = {"tokens": 3, "dim": 6, "heads": 1, "steps": 2, "folding": {"buffers": 2}}
    return IntegerPlan(IntegerDesign.from_dict(keys | LAYERS[name]), name == "accumulate")


def load(plan, beats, runs, *, stalls, seed):
    dut, draw, banks = IntegerLoader(plan), random.Random(seed), []

    async def bench(ctx):
        kept, words = [{} for _ in range(plan.in_banks)], {}
        space = plan.memory("entries").depth // plan.in_banks
        bank = filled = 0
        late = None
        ctx.set(dut.free, 1)
        for _ in range(LIMIT):
            now = await tick(ctx, dut, NAMES)
            if now.en:
                at, place = divmod(now.addr, space)
                assert place == len(kept[at])
                kept[at][place] = {name: now.entry[name] for name, _ in plan.entry}
            if late is not None:
                # The last entry comes a cycle after its bank is full.
                banks.append((late[0], [*kept[late[0]].values()], late[1]))
                kept[late[0]] = {}
                late = None
            if now.v_en:
                wide = now.beat * sum(1 << plan.v.filled * n for n in range(plan.v.slices))
                old = words.get(now.v_addr, 0)
                words[now.v_addr] = masked(old, wide, now.v_en, plan.v.filled)
            if now.full:
                assert now.free
                late, words = (bank, words), {}
                bank, filled = (bank + 1) % plan.in_banks, filled + 1
            if len(banks) == runs:
                return
            if filled and draw.random() >= 2 * stalls - 0.1:
                filled -= 1
            ctx.set(dut.bank, bank)
            ctx.set(dut.free, filled < plan.in_banks)
            assert filled < plan.in_banks or not ctx.get(dut.i.ready)
        raise AssertionError("the loader is stuck")

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=seed))
    return banks


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("name", LAYERS)
def test_keeps_what_is_not_zero(name, stalls):
    plan = make(name)
    design = plan.design
    rng = np.random.default_rng(len(name))
    low, high = design.v_range
    runs, beats = [], []
    for number, rate in enumerate((0.5, 0.0, 1.0, 0.2, 0.1, 0.8)):
        k = rng.integers(0, design.k_max + 1, (plan.rows, plan.tokens))
        q = rng.integers(0, design.q_max + 1, (plan.tokens, plan.rows))
        k, q = (x * (rng.random(x.shape) < rate) for x in (k, q))
        v = rng.integers(low, high + 1, (plan.tokens, plan.values))
        words, sent = value_words(v, design.value_bits, plan.v.per, plan.v.slices)
        if plan.accumulate and number % design.steps:
            words, sent = {}, []
        k_beats, q_beats = (value_words(x, plan.planes, plan.per, 1)[1] for x in (k, q))
        # What lies beyond a row's last value is not looked at.
        for part, length in ((k_beats, plan.tokens), (q_beats, plan.rows)):
            each = -(-length // plan.per)
            beyond = ((1 << design.beat) - 1) << (length - (each - 1) * plan.per) * plan.planes
            part[each - 1 :: each] = [
                beat | beyond & (1 << design.beat) - 1 for beat in part[each - 1 :: each]
            ]
        beats += [*k_beats, *sent, *q_beats]
        runs.append((k, q, words))
    found = load(plan, beats, len(runs), stalls=stalls, seed=3)
    across, along = (plan.v.words - 1).bit_length(), (plan.tokens - 1).bit_length()
    for number, ((bank, listed, stored), (k, q, words)) in enumerate(zip(found, runs, strict=True)):
        assert bank == number % plan.in_banks
        assert listed == [*entries(k, plan.per, plan.planes), *entries(q, plan.per, plan.planes)]
        places = {
            place | token << across | bank << across + along: word
            for (token, place), word in words.items()
        }
        assert stored == places
