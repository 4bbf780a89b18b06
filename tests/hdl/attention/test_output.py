"""How results lie in the output memory: a dictionary of words, read as the unloader does."""

import random

import pytest
from amaranth.hdl import Cat, Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design import Design
from spikeloom.hdl.attention.output import spike_word
from spikeloom.hdl.attention.plan import Plan
from spikeloom.sim.rows import evaluate

from ...benches import masked, signed


class Writer(wiring.Component):
    def __init__(self, plan):
        self._plan = plan
        result = {"spikes": In(plan.lanes)}
        if plan.spec is None:
            result = {f"drive{n}": In(plan.drive_shape) for n in range(plan.lanes)}
        super().__init__(
            {"turn": In(range(plan.passes)), "token": In(range(plan.tokens)), "en": In(1)}
            | {"bank": In(range(plan.out_banks)), **result}
            | {"addr": Out(range(plan.o.depth)), "data": Out(plan.o.width), "ens": Out(16)}
        )

    def elaborate(self, platform):
        m = Module()
        plan = self._plan
        if plan.spec is None:
            data = plan.out.extended(m, [getattr(self, f"drive{n}") for n in range(plan.lanes)])
        else:
            data = spike_word(m, plan, self.turn, self.spikes)
        m.d.comb += [
            self.addr.eq(Cat(plan.out.word(self.turn), self.token, self.bank)),
            self.ens.eq(plan.out.enables(self.turn, self.en)),
            self.data.eq(data),
        ]
        return m


SIZES = [
    (8, 8, 8),
    (16, 4, 8),
    (32, 4, 16),
    (12, 4, 8),
    (12, 12, 4),
    (20, 8, 8),
    (4, 2, 1),
    (8, 8, 1),
]


def make(dim, lanes, beat, neuron):
    keys = {"neuron": "none"} if neuron == "none" else {}
    folding = {"order": "score", "lanes": lanes, "buffers": 2}
    return Plan(
        Design.from_dict(
            {"tokens": 3, "dim": dim, "heads": 1, "steps": 2, "folding": folding}
            | {"target": {"beat": beat}, "similarity": "hamming", **keys}
        )
    )


@pytest.mark.parametrize("neuron", ["lif", "none"])
@pytest.mark.parametrize(("dim", "lanes", "beat"), SIZES)
def test_every_channel_of_every_token_has_its_place(dim, lanes, beat, neuron):
    plan = make(dim, lanes, beat, neuron)
    draw = random.Random(dim)
    low, high = plan.ranges.drive
    each = 1 if neuron == "lif" else plan.out.field
    numbers = range(2) if neuron == "lif" else (low, high, *range(-9, 9))
    want = {}
    for place in ((bank, token) for bank in range(2) for token in range(3)):
        want[place] = [draw.choice(numbers) for _ in range(dim)]
    order = [(bank, token, turn) for bank, token in want for turn in range(plan.passes)]
    draw.shuffle(order)
    rows = []
    for (bank, token, turn), en in ((place, en) for place in order for en in (1, 0)):
        # Lanes beyond the last channel hold anything, and so does what is not written.
        part = want[bank, token][turn * lanes : (turn + 1) * lanes] if en else []
        part = [*part, *(draw.choice(numbers) for _ in range(lanes - len(part)))]
        row = {"bank": bank, "token": token, "turn": turn, "en": en}
        if neuron == "lif":
            rows.append({**row, "spikes": sum(bit << n for n, bit in enumerate(part))})
        else:
            rows.append({**row, **{f"drive{n}": number for n, number in enumerate(part)}})
    memory = {}
    parts = max(1, beat // lanes) if neuron == "lif" and lanes < min(beat, dim) else 1
    for answer in evaluate(Writer(plan), rows):
        old = memory.get(answer["addr"], 0)
        memory[answer["addr"]] = masked(old, answer["data"], answer["ens"], plan.o.width // parts)

    whole = plan.o.width // each
    words = -(-dim // whole)
    shift = (words - 1).bit_length()
    for (bank, token), channels in want.items():
        found = []
        for word in range(words):
            number = memory[word | token << shift | bank << shift + 2]
            found += [number >> each * n & (1 << each) - 1 for n in range(whole)]
        if neuron == "lif":
            assert found == channels + [0] * (len(found) - dim)
        else:
            assert [signed(number, each) for number in found[:dim]] == channels
