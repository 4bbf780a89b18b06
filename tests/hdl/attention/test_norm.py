import numpy as np
import pytest
from amaranth.sim import Simulator

from spikeloom.design import Design
from spikeloom.golden.norm import channel_neurons
from spikeloom.golden.ranges import ranges
from spikeloom.hdl.attention.channels import channel_tables
from spikeloom.hdl.attention.parallel import head_of_group
from spikeloom.hdl.attention.plan import Plan
from spikeloom.hdl.attention.score.norm import ChannelFire, ChannelPreset, ChannelRom
from spikeloom.hdl.neuron.stream import Neuron
from spikeloom.sim.pysim import add_clock

from ...designs import check

SIGNED = {"similarity": "hamming"}
NEURONS = [
    {},
    {"reset": "soft"},
    {"neuron": "if"},
    {"neuron": "if", "reset": "soft"},
    {"tau": 4},
    {"tau": "3/2"},
    {"decay": "2/3", "fires": "above"},
]


def norm(dim, seed=0, *, signs=(-1, 1), bits=2):
    rng = np.random.default_rng(seed)
    gain = rng.integers(2, 17, dim) * rng.choice(signs, dim)
    return {
        "gain": [f"{n}/8" for n in gain],
        "offset": [f"{n}/16" for n in rng.integers(-8, 12, dim)],
        "bits": bits,
    }


def make(**keys):
    layer = {"tokens": 7, "dim": 12, "heads": 2, "steps": 3, "scale": "1/4", "target": {"beat": 4}}
    return Design.from_dict({"norm": norm(keys.get("dim", 12)), **layer, **keys})


@pytest.mark.parametrize("keys", NEURONS, ids=str)
@pytest.mark.parametrize(
    "more",
    [
        SIGNED,
        SIGNED | {"folding": {"rows": 2, "lanes": 4}},
        {"folding": {"lanes": 1}, "target": {"beat": 8}},
    ],
    ids=str,
)
def test_layer_equals_golden(keys, more):
    golden = check(make(**keys, **more), stalls=0.2, seed=1, rates=(0.8, 0.6))
    assert all(0 < answer.mean() < 1 for answer in golden)


@pytest.mark.parametrize(
    "more",
    [
        {"tokens": 1, "folding": {"lanes": 2}},
        {"steps": 1},
        {"norm": {}, "scale": ["1/4", "-1/4"]},
        {"norm": {}, "scale": "-1/4", "folding": {"lanes": 2}},
        {"norm": {"offset": "1/8"}, "folding": {"rows": 4}},
        {"norm": norm(12, signs=(1,)), "folding": {"heads": 2}},
        {"norm": norm(12), "scale": ["1/4", "-1/2"], "folding": {"heads": 2, "lanes": 4}},
        {"similarity": "xnor", "position": ["gray", "log"], "threshold": 3},
        {"similarity": "alpha-xnor", "alpha": ["1/4", "1/2"], "threshold": 2},
        {"similarity": "and", "gate": 1, "threshold": 1},
        {"similarity": "and", "norm": {"offset": 3}},
        {"norm": {"gain": [1e-5] + [1] * 11}, "threshold": "1/4"},
        {"causal": True},
        {"dim": 36, "heads": 3, "folding": {"lanes": 2}},
        {"dim": 20, "heads": 2, "folding": {"lanes": 1}, "target": {"cells": "portable"}},
    ],
    ids=str,
)
def test_layers_of_all_shapes(more):
    golden = check(make(**{**SIGNED, **more}), stalls=0.2, seed=2, rates=(0.8, 0.6))
    assert any(answer.any() for answer in golden)


def simulate(dut, bench, *, clocked=False):
    sim = Simulator(dut)
    if clocked:
        add_clock(sim)
    sim.add_testbench(bench)
    sim.run()


@pytest.mark.parametrize(
    ("keys", "places", "depth"),
    [
        ({"dim": 12, "folding": {"lanes": 4}}, 4, 4),
        ({"dim": 20, "heads": 2, "folding": {"lanes": 1}, "target": {"beat": 8}}, 1, 32),
        ({"dim": 20, "heads": 2, "folding": {"lanes": 4}}, 4, 8),
        ({"norm": {}, "scale": ["1/4", "-1/4"], "folding": {"lanes": 2}}, 1, 8),
        ({"norm": {}, "scale": "-1/4"}, 1, 2),
    ],
)
def test_rom_gives_each_lane_the_numbers_of_its_channel(keys, places, depth):
    design = make(**keys)
    fmt, found = Plan(design).neuron, ranges(design).channels
    starts, thresholds = channel_tables(design, fmt)
    assert (starts.places, len(starts.words)) == (places, depth)
    assert starts.constant == (design.normed.factors == design.normed.factors[:1] * design.dim)
    lanes, width = design.lanes, design.head_dim
    fraction = fmt.spec.fraction

    for table, number in (
        (starts, lambda c: (c.offset << fraction) - c.threshold),
        (thresholds, lambda c: c.threshold),
    ):
        rom = ChannelRom(table)

        async def bench(ctx, table=table, rom=rom, number=number):
            for head, turn in np.ndindex(design.heads, -(-width // lanes)):
                ctx.set(rom.head, head)
                ctx.set(rom.turn, turn)
                if not table.constant:
                    await ctx.tick()
                for lane in range(min(lanes, width - turn * lanes)):
                    channel = found[head * width + turn * lanes + lane]
                    assert ctx.get(rom.numbers[lane]) == number(channel)
                    assert ctx.get(rom.negative) >> lane & 1 == (channel.sign < 0)

        simulate(rom, bench, clocked=not table.constant)


@pytest.mark.parametrize("keys", NEURONS, ids=str)
def test_pieces_step_like_golden(keys):
    """Any membrane in range and any sum, of every channel; the sum goes in as it is."""
    design = make(tokens=2, **SIGNED, **keys)
    fmt, found = Plan(design).neuron, ranges(design)
    starts, thresholds = channel_tables(design, fmt)
    preset, fire = ChannelPreset(fmt, starts), ChannelFire(fmt, thresholds)
    rng = np.random.default_rng(1)
    spikes = []

    cases = [
        (channel, start, int(rng.integers(min(low, 0), max(high, 0) + 1)), int(rng.random() < 0.2))
        for channel, start in zip(found.channels, fmt.offsets, strict=True)
        for low, high in [channel.membrane]
        for _ in range(20)
    ]
    sums = [int(x) for x in rng.integers(found.drive[0], found.drive[1] + 1, len(cases))]
    accs = []

    async def begin(ctx):
        for channel, start, membrane, first in cases:
            ctx.set(preset.membrane, membrane)
            ctx.set(preset.first, first)
            ctx.set(preset.start, start)
            ctx.set(preset.negative, channel.sign < 0)
            accs.append(ctx.get(preset.acc))

    async def end(ctx):
        for (channel, _, membrane, first), acc, x in zip(cases, accs, sums, strict=True):
            ctx.set(fire.acc, acc + (x << fmt.fraction))
            ctx.set(fire.threshold, channel.threshold)
            ctx.set(fire.negative, channel.sign < 0)
            drive = (channel.sign * x << found.shift) + channel.offset
            fired, after = fmt.spec.step(0 if first else membrane, drive, channel.threshold)
            assert ctx.get(fire.spike) == fired
            assert ctx.get(fire.membrane) == after
            spikes.append(fired)

    simulate(preset, begin)
    simulate(fire, end)
    assert 0 < np.mean(spikes) < 1


def test_places_of_a_group_have_the_numbers_of_their_heads():
    design = make(dim=12, heads=4, folding={"heads": 2})
    whole = channel_neurons(design).channels
    for place in range(2):
        own = channel_neurons(head_of_group(design, place)).channels
        heads = [whole[3 * head : 3 * head + 3] for head in (place, place + 2)]
        assert [c.sign for c in own] == [c.sign for head in heads for c in head]
        unit = [(c.spec.threshold / 2**c.spec.fraction, c.offset) for c in own]
        scale = whole[0].spec.fraction
        assert unit == [(c.spec.threshold / 2**scale, c.offset) for head in heads for c in head]


def test_a_deep_table_is_a_memory_of_the_plan():
    few = make(dim=32, heads=2, folding={"lanes": 2})
    many = make(dim=64, heads=2, folding={"lanes": 1})
    assert not {"starts", "thresholds"} & {shape.name for shape in Plan(few).memories}
    found = {shape.name: shape for shape in Plan(many).memories}
    for table in channel_tables(many, Plan(many).neuron):
        assert found[table.name].depth == 64
        assert found[table.name].rom


def test_a_neuron_alone_takes_no_norm():
    with pytest.raises(ValueError, match="^Design must have no norm and no scale below zero$"):
        Neuron(make())
