"""Between memories and attention: beats as golden packs them, and spikes where they belong."""

import numpy as np
import pytest

from spikeloom.golden.attention.beats import pack
from spikeloom.hdl.network.attend import Collector, Feeder
from spikeloom.hdl.network.plan import NetworkPlan

from ...benches import LIMIT, receiver, sender, simulate, tick
from ...networks.draws import block, make

SHAPES = [
    # lanes, tokens at once, tokens, dim, heads, steps
    (16, 1, 5, 12, 2, 2),
    (16, 2, 18, 36, 2, 1),
    (32, 4, 7, 24, 3, 2),
    (64, 8, 17, 40, 1, 3),
    (32, 1, 1, 16, 4, 4),
]


def plan_of(shape, order):
    lanes, at_once, tokens, dim, heads, steps = shape
    attention = {"heads": heads, "folding": {"order": order.removeprefix("padded ")}}
    if order.startswith("padded"):
        # With a position the layer goes through all tokens that there may be.
        attention |= {"position": ["gray"], "similarity": "xnor"}
    return NetworkPlan(
        make(
            **{"tokens": tokens, "dim": dim, "steps": steps},
            blocks=[block(attention=attention)],
            folding={"lanes": lanes, "tokens": at_once},
        )
    )


def place(plan, n, c):
    """Say where channel c of token n lies in a tensor of heads: row, part, slot, lane."""
    head = plan.design.dim // plan.design.blocks[0].attention.heads
    channel = c // head * -(-head // 16) * 16 + c % head
    return n // plan.at_once, n % plan.at_once, channel // plan.lanes, channel % plan.lanes


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("order", ["score", "state", "padded score", "padded state"])
@pytest.mark.parametrize("shape", SHAPES)
def test_feeder_sends_what_golden_packs(shape, order, stalls):
    plan = plan_of(shape, order)
    design, dut, rng = plan.design, Feeder(plan), np.random.default_rng(shape[3])
    size = (design.steps, design.tokens, design.dim)
    for end in {design.tokens - 1, 0, design.tokens // 2}:
        arrays = {name: rng.integers(0, 2, size).astype(np.uint8) for name in "qkv"}
        memory, keys = {}, {}
        for name, tensor in (("q", "query"), ("k", "key"), ("v", "value")):
            for t, n, c in np.argwhere(arrays[name]).tolist():
                row, part, slot, lane = place(plan, n, c)
                at = (row, plan.tensors[tensor].slot + slot)
                unit = t * plan.at_once + part
                if not (name == "k" and plan.keys_turned):
                    memory[at] = memory.get(at, 0) | 1 << unit * plan.lanes + lane
                elif n <= end:
                    # Of tokens that are not there, turned keys hold nothing in their last word.
                    bits = (-(-design.tokens // 16) - 1).bit_length()
                    word = n // 16 | c << bits
                    keys[word] = keys.get(word, 0) | 1 << 16 * t + n % 16
        layer = design.blocks[0].attention
        there = {name: array * (np.arange(design.tokens) <= end)[:, None]
                 for name, array in arrays.items()}  # fmt: skip
        assert plan.lengths == (not order.startswith("padded"))
        if plan.lengths:
            # Those of a layer of so many tokens, no more.
            layer = layer.model_copy(update={"tokens": end + 1})
            there = {name: array[:, : end + 1] for name, array in arrays.items()}
        want = pack(layer, **there).tolist()
        found = []

        async def memories(ctx, memory=memory, keys=keys, end=end):
            ctx.set(dut.end, end)
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            names = "en row slot" + " key_addr" * plan.keys_turned
            while True:
                now = await tick(ctx, dut, names)
                if now.en:
                    ctx.set(dut.rows, memory.get((now.row, now.slot), 0))
                    if plan.keys_turned:
                        ctx.set(dut.keys, keys.get(now.key_addr, 0))

        taker = receiver(dut.o, found, len(want), stalls=stalls, seed=end)
        simulate(dut, taker, memories)
        assert [beat for beat, _ in found] == want


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("shape", SHAPES)
def test_collector_puts_spikes_where_they_belong(shape, stalls):
    plan = plan_of(shape, "score")
    design, rng = plan.design, np.random.default_rng(shape[3])
    dut, heads = Collector(plan), shape[4]
    width = design.dim // heads
    # The second is shorter.
    lengths = (design.tokens, max(1, design.tokens // 2))
    answers = [
        rng.integers(0, 2, (design.steps, length, design.dim)).tolist() for length in lengths
    ]
    beats, ends = [], []
    for answer in answers:
        for head in range(heads):
            for step in answer:
                for token in step:
                    channels = token[head * width : (head + 1) * width]
                    for n in range(0, width, 16):
                        part = channels[n : n + 16]
                        beats.append(sum(bit << k for k, bit in enumerate(part)))
        ends.append(len(beats))

    async def last(ctx):
        """Mark the last beat of each answer, as the attention layer does."""
        count = 0
        while True:
            ctx.set(dut.i.payload.last, count + 1 in ends)
            *_, taken = await ctx.tick().sample(dut.i.valid & dut.i.ready)
            count += int(taken)

    async def bench(ctx):
        for answer in answers:
            found = set()
            ctx.set(dut.end, len(answer[0]) - 1)
            for _ in range(LIMIT):
                now = await tick(ctx, dut, "w_en w_row w_slot w_column w_part w_step w_data done")
                assert now.w_en or not now.done
                if now.w_en:
                    for n in range(16):
                        if now.w_data >> n & 1:
                            lane = now.w_column * 16 + n
                            found.add((now.w_step, now.w_row, now.w_part, now.w_slot, lane))
                if now.done:
                    break
            want = set()
            for t, n, c in np.argwhere(np.array(answer)).tolist():
                row, part, slot, lane = place(plan, n, c)
                want.add((t, row, part, plan.tensors["attention"].slot + slot, lane))
            assert found == want

    simulate(dut, bench, sender(dut.i, beats, stalls=stalls, seed=4), last)
