"""Keys channel by channel: words of sixteen tokens, for sequences of any length."""

import random

import pytest

from spikeloom.hdl.network.keys import KeyWords

from ...benches import simulate


@pytest.mark.parametrize("at_once", [1, 2, 4, 8])
@pytest.mark.parametrize(("tokens", "lengths"), [(40, (40, 1, 16, 17, 33)), (5, (5, 3, 1))])
def test_words_of_tokens(tokens, lengths, at_once):
    steps, dim = 3, 6
    dut, generator = KeyWords(steps, tokens, at_once, dim), random.Random(at_once)

    async def bench(ctx):
        for length in lengths:
            for channel in generator.sample(range(dim), dim):
                spikes = [[generator.randrange(2) for _ in range(length)] for _ in range(steps)]
                words = {}
                for row in range(-(-length // at_once)):
                    while generator.random() < 0.3:
                        ctx.set(dut.en, 0)
                        *_, en = await ctx.tick().sample(dut.w_en)
                        assert not en
                    value = 0
                    for t in range(steps):
                        for p in range(at_once):
                            n = row * at_once + p
                            bit = spikes[t][n] if n < length else 0
                            value |= bit << t * at_once + p
                    ctx.set(dut.en, 1)
                    ctx.set(dut.spikes, value)
                    ctx.set(dut.channel, channel)
                    ctx.set(dut.last, (row + 1) * at_once >= length)
                    *_, en, addr, data = await ctx.tick().sample(dut.w_en, dut.w_addr, dut.w_data)
                    ended = (row + 1) * at_once
                    assert en == (ended % 16 == 0 or ended >= length)
                    if en:
                        words[addr] = data
                word_bits = (-(-tokens // 16) - 1).bit_length()
                want = {}
                for number in range(-(-length // 16)):
                    data = 0
                    for t in range(steps):
                        for n, bit in enumerate(spikes[t][16 * number : 16 * number + 16]):
                            data |= bit << 16 * t + n
                    want[number | channel << word_bits] = data
                assert words == want

    simulate(dut, bench)
