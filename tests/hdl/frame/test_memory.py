"""Memories of a layer, in block memory and in SPRAM: against a dictionary, with random traffic."""

import random

import pytest
from amaranth.hdl import Module, Signal

from spikeloom.hdl.frame.memory import LayerMemory, SinglePortMemory, add_block, add_memory
from spikeloom.hdl.frame.memory_map import MemoryShape

from ...benches import masked, simulate
from ...cells import simulate_cells


@pytest.fixture(autouse=True)
def cells(monkeypatch):
    simulate_cells(monkeypatch)


def traffic(dut, width, depth, granularity, *, ports, cycles=1500):
    """Write and read at random; compare a word that was read wherever it has a meaning."""
    draw = random.Random(width * depth)
    # Few words, so that they are met again, at both ends and beside every change of a high bit.
    places = sorted({n for bit in range(depth.bit_length()) for n in (1 << bit, (1 << bit) - 1)})
    places = [n for n in places if n < depth]
    slices = width // granularity
    compared = 0

    async def bench(ctx):
        nonlocal compared
        words, known = dict.fromkeys(places, 0), dict.fromkeys(places, 0)
        if ports == 2:
            # Block memory begins with zeros.
            known = dict.fromkeys(places, (1 << width) - 1)
        shown = None
        for _ in range(cycles):
            writes = draw.getrandbits(slices) if draw.random() < 0.5 else 0
            reads = draw.random() < 0.7
            at, data, place = draw.choice(places), draw.getrandbits(width), draw.choice(places)
            for port, value in (
                *((dut.w_addr, at), (dut.w_data, data), (dut.w_en, writes)),
                *((dut.r_addr, place), (dut.r_en, reads)),
            ):
                ctx.set(port, value)
            await ctx.tick()
            if writes and (ports == 1 or (reads and at == place)):
                shown = None
            elif reads:
                shown = (words[place], known[place])
            words[at] = masked(words[at], data, writes, granularity)
            known[at] = masked(known[at], (1 << width) - 1, writes, granularity)
            if shown is not None:
                word, mask = shown
                assert ctx.get(dut.r_data) & mask == word & mask
                compared += mask != 0

    simulate(dut, bench)
    assert compared > cycles // 8


SIZES = [(1, 1, 1), (8, 4, 8), (24, 16, 8), (6, 256, 2), (20, 64, 5)]
SINGLE = [(16, 256, 4), (16, 64, 16), (4, 16, 4), (20, 64, 20), (40, 32, 8), (33, 8, 33)]
DEEP = [(4, 1 << 15, 4), (16, 1 << 16, 8)]


@pytest.mark.parametrize(("width", "depth", "granularity"), SIZES)
def test_block_memory(width, depth, granularity):
    dut = LayerMemory(MemoryShape("m", width, depth), granularity=granularity)
    traffic(dut, width, depth, granularity, ports=2)


@pytest.mark.parametrize(("width", "depth", "granularity"), SINGLE + DEEP)
def test_single_port_memory(width, depth, granularity):
    dut = SinglePortMemory(width, depth, granularity=granularity)
    traffic(dut, width, depth, granularity, ports=1, cycles=600)


def test_a_layer_takes_either():
    shape = MemoryShape("m", 24, 64).moved()
    dut = LayerMemory(shape, granularity=8)
    assert dut.shape is shape
    assert dut.granularity == 8
    traffic(dut, 24, 64, 8, ports=1, cycles=600)


@pytest.mark.parametrize(
    ("width", "depth", "granularity", "message"),
    [
        (8, 3, 8, "Depth must be a power of two, not 3"),
        (8, 0, 8, "Depth must be a power of two, not 0"),
        (12, 4, 6, "Granularity must be the width, 4, 8 or 16, not 6"),
        (24, 4, 12, "Granularity must be the width, 4, 8 or 16, not 12"),
        (64, 4, 32, "Granularity must be the width, 4, 8 or 16, not 32"),
    ],
)
def test_refuses(width, depth, granularity, message):
    with pytest.raises(ValueError, match=f"^{message}$"):
        SinglePortMemory(width, depth, granularity=granularity)


@pytest.mark.parametrize("single_port", [False, True])
def test_is_joined_in_a_line_each(single_port):
    m, place, number, writes = Module(), Signal(4), Signal(8), Signal()
    store = add_memory(m, MemoryShape("v", 8, 16, single_port=single_port))
    store.write(m, place, number, writes)
    word = store.read(m, place)
    assert m.submodules.v is store

    async def bench(ctx):
        for given, written in ((3, 1), (0, 0)):
            ctx.set(place, 5)
            ctx.set(number, given)
            ctx.set(writes, written)
            await ctx.tick()
        assert ctx.get(word) == 3

    simulate(m, bench)


def test_block_holds_what_it_begins_with():
    m, place = Module(), Signal(2)
    port = add_block(m, "rom", 8, 4, [9, 8, 7, 6], rom=True).read_port()
    m.d.comb += port.addr.eq(place)
    found = []

    async def bench(ctx):
        for n in range(4):
            ctx.set(place, n)
            await ctx.tick()
            found.append(ctx.get(port.data))

    simulate(m, bench)
    assert found == [9, 8, 7, 6]
    assert m.submodules.rom.attrs == {"rom_style": "block"}
