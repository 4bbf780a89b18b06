import random

import pytest
from amaranth.sim import Simulator

from spikeloom.hdl.frame.unloader import OutputWords, Unloader
from spikeloom.sim.pysim import add_clock


@pytest.mark.parametrize("stalls", [0.0, 0.5])
@pytest.mark.parametrize(
    ("slices", "words", "runs", "banks"), [(1, 1, 3, 2), (2, 3, 4, 2), (3, 2, 2, 1)]
)
def test_a_token_a_bank(slices, words, runs, banks, stalls):
    """A queue of banks: words in their order, the low beat of each first, last behind a run's."""
    form = OutputWords(4, 4, slices, slices, words, 1, runs, banks, banks << 4)
    dut = Unloader(form)
    draw = random.Random(words)
    tokens = 2 * runs
    content = [[draw.getrandbits(4 * slices) for _ in range(words)] for _ in range(tokens)]
    expected = [
        (word >> 4 * beat & 15, token % runs == runs - 1 and (n, beat) == (words - 1, slices - 1))
        for token, row in enumerate(content)
        for n, word in enumerate(row)
        for beat in range(slices)
    ]
    found = []

    async def bench(ctx):
        token, pending = 0, None
        for _ in range(2000):
            ctx.set(dut.full, token < tokens)
            ctx.set(dut.bank, token % banks)
            ctx.set(dut.o.ready, draw.random() >= stalls)
            if ctx.get(dut.o.valid) and ctx.get(dut.o.ready):
                found.append((ctx.get(dut.o.payload.data), bool(ctx.get(dut.o.payload.last))))
            if ctx.get(dut.en):
                low = (words - 1).bit_length()
                address = ctx.get(dut.addr)
                assert address >> low == token % banks
                pending = content[token][address & (1 << low) - 1]
            await ctx.tick()
            if pending is not None:
                ctx.set(dut.data, pending)
                pending = None
            # The bank is given back a cycle after its last word was read.
            token += ctx.get(dut.free)
            if len(found) == len(expected):
                return

    sim = Simulator(dut)
    add_clock(sim)
    sim.add_testbench(bench)
    sim.run()
    assert found == expected
