"""The input of a network: every bit of a sequence lies where the encoder reads it."""

import random

import pytest

from spikeloom.hdl.network.intake import Intake
from spikeloom.hdl.network.plan import NetworkPlan

from ...benches import LIMIT, simulate, tick
from ...networks.draws import draw_input, make
from ...networks.rtl import frame


def frames_sender(port, frames, *, stalls=0.0, seed=0):
    """Offer frames: beats with ``last`` on the last of each."""
    draw = random.Random(seed)

    async def bench(ctx):
        for beats in frames:
            for n, beat in enumerate(beats):
                while draw.random() < stalls:
                    ctx.set(port.valid, 0)
                    await ctx.tick()
                ctx.set(port.payload.data, int(beat))
                ctx.set(port.payload.last, n == len(beats) - 1)
                ctx.set(port.valid, 1)
                taken = False
                while not taken:
                    *_, taken = await ctx.tick().sample(port.ready)
                ctx.set(port.valid, 0)

    return bench


def bits_of(plan, x):
    """Say which bits are set: (step, row, slot, column, part, bit)."""
    encoder, tensor, at = plan.design.encoder, plan.tensors["input"], plan.encoding
    found = set()

    def put(t, n, word, bit):
        slot = tensor.slot + word // plan.columns
        row, part = divmod(n, plan.at_once)
        if plan.spread:
            if row % plan.design.steps != t:
                return
            row //= plan.design.steps
        found.add((t, row, slot, word % plan.columns, part, bit))

    steps = plan.design.steps
    for t, tokens in enumerate(x if encoder.coding == "steps" else [x] * steps):
        for n, token in enumerate(tokens):
            for c, value in enumerate(token):
                for plane in range(encoder.bits):
                    if int(value) >> plane & 1:
                        put(t, n, at.offset + plane * at.stride + c // 16, c % 16)
            if at.places:
                last = at.offset + 2 * at.stride + at.words
                put(t, n, last + n // 16, n % 16)
    return found


def written(plan, beats_and_lengths, *, stalls, seed):
    """Send frames; give for each the set bits that were written, and its last token."""
    dut, generator = Intake(plan), random.Random(seed)
    answers = []

    async def bench(ctx):
        words = {}
        for _ in range(LIMIT):
            ctx.set(dut.write, generator.random() >= stalls)
            names = "w_en w_row w_slot w_column w_part w_data full end write"
            now = await tick(ctx, dut, names + " w_steps" * dut.chooses)
            assert now.write or not now.w_en
            if now.w_en:
                assert not now.full
                for t in range(plan.design.steps):
                    if not dut.chooses or now.w_steps >> t & 1:
                        words[t, now.w_row, now.w_slot, now.w_column, now.w_part] = now.w_data
            if now.full:
                set_bits = {
                    (*at, n) for at, word in words.items() for n in range(16) if word >> n & 1
                }
                answers.append((set_bits, now.end, set(words)))
                words = {}
                for _ in range(generator.randrange(3)):
                    ctx.set(dut.write, 1)
                    now = await tick(ctx, dut, "w_en full")
                    assert now.full
                    assert not now.w_en
                ctx.set(dut.free, 1)
                await ctx.tick()
                ctx.set(dut.free, 0)
            if len(answers) == len(beats_and_lengths):
                return
        raise AssertionError("the intake is stuck")

    simulate(dut, bench, frames_sender(dut.i, beats_and_lengths, stalls=stalls, seed=seed))
    return answers


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("position", ["absolute", "none"])
@pytest.mark.parametrize("coding", ["direct", "steps"])
@pytest.mark.parametrize(
    ("lanes", "at_once", "inputs", "tokens"),
    [(16, 1, 5, 5), (16, 2, 17, 18), (32, 4, 40, 20), (64, 8, 16, 9), (16, 1, 3, 1)],
)
def test_every_bit_has_its_place(lanes, at_once, inputs, tokens, coding, position, stalls):
    encoder = {"inputs": inputs, "bits": 3, "position": position, "position_shift": 1}
    design = make(
        tokens=tokens,
        encoder={**encoder, "coding": coding},
        folding={"lanes": lanes, "tokens": at_once},
    )
    plan = NetworkPlan(design)
    lengths = [tokens, 1, max(1, tokens // 2), tokens]
    inputs_ = [draw_input(design, n, length) for n, length in enumerate(lengths)]
    answers = written(plan, [frame(design, x) for x in inputs_], stalls=stalls, seed=lanes)
    for x, (found, end, words) in zip(inputs_, answers, strict=True):
        assert end == x.shape[-2] - 1
        assert found == bits_of(plan, x)
        # Every word of a token is written, also those that are zero, so that nothing is left of it.
        each = 3 * plan.encoding.words + plan.encoding.places
        assert len(words) == (1 if plan.spread else design.steps) * x.shape[-2] * each


@pytest.mark.parametrize("position", ["absolute", "none"])
def test_frames_that_are_too_long_or_end_early_change_no_other(position):
    design = make(encoder={"inputs": 17, "bits": 3, "position": position})
    plan = NetworkPlan(design)
    x = [draw_input(design, n) for n in range(3)]
    whole = [frame(design, one) for one in x]
    each = len(whole[0]) // 5
    long = [*whole[1], *[0xFFFF] * 7]
    early = whole[1][: 2 * each + 1]
    frames = [whole[0], long, whole[2], early, whole[0], whole[1][:1], whole[2]]
    answers = written(plan, frames, stalls=0.2, seed=1)
    for n, want in ((0, x[0]), (1, x[1]), (2, x[2]), (4, x[0]), (6, x[2])):
        assert answers[n][:2] == (bits_of(plan, want), 4), n
    assert [answers[n][1] for n in (3, 5)] == [2, 0]
