import itertools
import random

import numpy as np
import pytest
from amaranth.hdl import ResetInserter, Signal
from amaranth.sim import Simulator

from spikeloom.design.mask import MaskDesign
from spikeloom.golden.mask import MaskModel, is_or, mask
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.hdl.mask.channel import ChannelMask
from spikeloom.hdl.mask.lane import MaskLane
from spikeloom.hdl.mask.layer import MaskLayer
from spikeloom.hdl.mask.plan import MaskPlan
from spikeloom.hdl.mask.token import TokenMask
from spikeloom.hdl.mask.words import MaskWords
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import add_clock
from spikeloom.sim.simulate import run
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

from ..designs import cover

KINDS = ("qk-token", "qk-channel", "sdsa")
NEURONS = {
    "or": {},
    "hard": {"threshold": 1},
    "hard-3": {"threshold": "3/2"},
    "hard-off-grid": {"threshold": "10/9"},
    "soft": {"reset": "soft"},
    "soft-5": {"reset": "soft", "threshold": "5/2"},
    "soft-off-grid": {"reset": "soft", "threshold": "7/8", "decay_input": False},
    "tau4": {"tau": 4},
    "tau4-soft": {"tau": 4, "reset": "soft", "decay_input": False, "threshold": 2},
    "if": {"neuron": "if", "threshold": 3},
    "if-soft": {"neuron": "if", "threshold": 2, "reset": "soft"},
}
CHOICES = {
    "attention": KINDS,
    "neuron": tuple(NEURONS),
    "tokens": (1, 2, 3, 12, 32),
    "head_dim": (1, 4, 12, 16, 24),
    "steps": (1, 2, 4),
    "heads": (1, 2, 3),
    "beat": (8, 1, 4, 16, 64),
}
STALLS = (0.0, 0.3, 0.7)
RATES = (0.5, 0.1, 1.0, 0.25)


def layer(row):
    keys = {key: row[key] for key in ("attention", "tokens", "steps", "heads")}
    dim = row["head_dim"] * row["heads"]
    target = {"beat": row["beat"]}
    return MaskDesign.from_dict(
        {"name": "layer", "dim": dim, "target": target, **keys, **NEURONS[row["neuron"]]}
    )


def inferences(design, rates=RATES):
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    return inputs, np.stack([MaskModel(design).pack(arrays) for arrays in inputs])


def check(design, *, stalls=0.0, seed=0, rates=RATES, **how):
    """Compare with golden over inferences back to back, and cycles with the formula."""
    inputs, frames = inferences(design, rates)
    golden = MaskModel(design)
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=1000)
    traffic = run(design, stimulus, **{"simulator": "pysim", **how})
    for n, (arrays, frame) in enumerate(zip(inputs, traffic.frames, strict=True)):
        wrong = np.argwhere(golden.unpack(frame) != mask(design, arrays))
        assert not len(wrong), f"inference {n}, (t, token, channel) = {wrong[0]}: {len(wrong)}"
    assert traffic.busy == len(inputs) * MaskLayer(design).compute_cycles()
    return traffic


def label(row):
    return "/".join(str(value) for value in row.values())


@pytest.mark.parametrize("row", cover(CHOICES, 2), ids=label)
def test_rtl_equals_golden(row, request):
    seed = sum(request.node.name.encode())
    check(layer(row), stalls=STALLS[seed % 3], seed=seed)


@pytest.mark.parametrize("neuron", NEURONS)
@pytest.mark.parametrize("attention", KINDS)
def test_every_attention_and_neuron(attention, neuron):
    shape = {"tokens": 5, "head_dim": 12, "steps": 4, "heads": 2, "beat": 8}
    design = layer({"attention": attention, "neuron": neuron, **shape})
    check(design, stalls=0.3, seed=4)
    answers = np.stack([mask(design, arrays) for arrays in inferences(design)[0]])
    assert 0 < answers.mean() < 1


@pytest.mark.parametrize("neuron", ["or", "hard", "soft"])
@pytest.mark.parametrize("attention", KINDS)
def test_every_input_of_a_small_layer(attention, neuron):
    """Two tokens of two channels, two steps: all spikes there are, back to back."""
    shape = {"tokens": 2, "head_dim": 2, "steps": 2, "heads": 1, "beat": 2}
    design = layer({"attention": attention, "neuron": neuron, **shape})
    golden = MaskModel(design)
    bits = golden.beats_in * 2
    every = np.arange(1 << min(bits, 16))
    if bits > 16:
        every = np.random.default_rng(1).integers(0, 1 << bits, 1 << 13)
    frames = (every[:, None] >> 2 * np.arange(golden.beats_in) & 3).astype(np.uint64)
    stimulus = Stimulus(frames, golden.beats_out)
    traffic = run(design, stimulus, simulator="cxxrtl")
    for frame, answer in zip(frames, traffic.frames, strict=True):
        assert (golden.unpack(answer) == mask(design, unpack_input(design, frame))).all()


def unpack_input(design, beats):
    """The order of the beats, restated for one head and beats that hold a whole token."""
    rows = np.unpackbits(beats.astype(np.uint8)[:, None], axis=1, bitorder="little")
    rows = rows[:, : design.dim].reshape(design.steps, -1, design.dim)
    tokens = design.tokens
    if design.attention == "qk-token":
        return {"q": rows[:, 0::2], "k": rows[:, 1::2]}
    if design.attention == "qk-channel":
        return {"q": rows[:, :tokens], "k": rows[:, tokens:]}
    pairs = rows[:, : 2 * tokens]
    return {"k": pairs[:, 0::2], "v": pairs[:, 1::2], "q": rows[:, 2 * tokens :]}


LARGE = {
    "or": {"attention": "qk-token", "tokens": 256, "dim": 48, "heads": 2},
    "token-memory": {"attention": "qk-token", "tokens": 300, "dim": 24, "threshold": 3},
    "token-soft": {"attention": "qk-token", "tokens": 40, "dim": 48, "reset": "soft", "steps": 16},
    "channel-or": {"attention": "qk-channel", "tokens": 7, "dim": 384, "heads": 2},
    "channel-memory": {"attention": "qk-channel", "tokens": 60, "dim": 48, "threshold": 9},
    "channel-soft": {"attention": "sdsa", "tokens": 60, "dim": 24, "reset": "soft", "steps": 16},
    "channel-even": {"attention": "sdsa", "tokens": 33, "dim": 48, "threshold": 2, "steps": 3},
}


@pytest.mark.parametrize("name", LARGE)
def test_large_layers(name):
    design = MaskDesign.from_dict({"name": "layer", "heads": 1, "steps": 2, **LARGE[name]})
    assert bool(MaskLayer(design).memories) == (name != "or")
    check(design, stalls=0.2, seed=5, rates=(0.3, 1.0, 0.05), simulator="cxxrtl")


@pytest.mark.parametrize("attention", KINDS)
def test_one_beat_a_cycle(attention):
    """Nobody rests: every cycle takes a beat, and the first answer follows its beat by one."""
    shape = {"tokens": 4, "head_dim": 12, "steps": 2, "heads": 2, "beat": 4}
    design = layer({"attention": attention, "neuron": "soft-5", **shape})
    traffic = check(design)
    beats = MaskModel(design).beats_in
    assert traffic.interval == beats
    assert traffic.cycles == beats + 1


@pytest.mark.parametrize("attention", KINDS)
def test_a_reset_drops_what_was_begun(attention):
    """Half an inference, a reset, and a whole one, into membranes that are not at rest."""
    shape = {"tokens": 3, "head_dim": 12, "steps": 3, "heads": 2, "beat": 8}
    design = layer({"attention": attention, "neuron": "soft", **shape})
    (_, arrays), (noise, frame) = inferences(design, (1.0, 0.3))
    golden = MaskModel(design)
    top = AxiStreamTop(design)
    answer = []

    async def testbench(ctx):
        async def send(beats):
            for beat in beats.tolist():
                ctx.set(top.s_axis_tdata, beat)
                ctx.set(top.s_axis_tvalid, 1)
                while not ctx.get(top.s_axis_tready):
                    await tick(ctx)
                await tick(ctx)
            ctx.set(top.s_axis_tvalid, 0)

        async def tick(ctx):
            if ctx.get(top.m_axis_tvalid):
                answer.append(ctx.get(top.m_axis_tdata))
            await ctx.tick()

        ctx.set(top.m_axis_tready, 1)
        # In the middle of a step, with accumulators that are no start of one.
        await send(noise[: golden.beats_in // 2 - 5])
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        answer.clear()
        await send(frame)
        await tick(ctx)

    reset = Signal()
    sim = Simulator(ResetInserter(reset)(top))
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()
    assert (golden.unpack(answer) == mask(design, arrays)).all()


@pytest.mark.parametrize("neuron", ["or", "soft"])
@pytest.mark.parametrize("attention", KINDS)
def test_padding_is_not_looked_at(attention, neuron):
    """Channels beyond the last one may hold anything; they come out as zeros."""
    shape = {"tokens": 3, "head_dim": 5, "steps": 3, "heads": 2, "beat": 4}
    design = layer({"attention": attention, "neuron": neuron, **shape})
    inputs, frames = inferences(design, (0.1, 0.3, 0.2))
    golden = MaskModel(design)
    # A token's second beat holds one channel; beats of k and v come in pairs.
    order = np.arange(golden.beats_in)
    second = order % 2 == 1
    if attention == "sdsa":
        within = order % (3 * 2 * 3)
        second = np.where(within < 12, within // 2 % 2 == 1, second)
    stimulus = Stimulus(frames | np.where(second, 0b1110, 0).astype(np.uint64), golden.beats_out)
    traffic = run(design, stimulus, simulator="pysim")
    wanted = [pack_output(design, mask(design, arrays)) for arrays in inputs]
    assert (traffic.frames == np.stack(wanted)).all()


def pack_output(design, spikes):
    model = MaskModel(design)
    return model.stream_out.pack({model.output.name: spikes})


CHECKED = [
    {"attention": "qk-token", "neuron": "or"},
    {"attention": "qk-token", "neuron": "soft-5"},
    {"attention": "qk-channel", "neuron": "hard-3"},
    {"attention": "sdsa", "neuron": "or"},
    {"attention": "sdsa", "neuron": "soft"},
]


def checked(row):
    return layer({"tokens": 5, "head_dim": 12, "steps": 2, "heads": 2, "beat": 4, **row})


@pytest.mark.synth
@pytest.mark.parametrize("row", CHECKED, ids=label)
def test_netlist_equals_golden(row):
    check(checked(row), stalls=0.3, seed=6, target="netlist", simulator="cxxrtl")


@pytest.mark.cocotb
@pytest.mark.parametrize("row", CHECKED[1:4], ids=label)
def test_exported_verilog_equals_golden(row, event_simulator):
    check(checked(row), stalls=0.3, seed=7, simulator=event_simulator)


@pytest.mark.synth
@pytest.mark.cocotb
def test_netlist_in_an_event_simulator(event_simulator):
    check(checked(CHECKED[3]), stalls=0.3, target="netlist", simulator=event_simulator)


def turn(words, values, *, rests, seed):
    """Turn a ring by other words than were there; give what was at hand, and where it ended."""
    seen, draw = [], random.Random(seed)

    async def testbench(ctx):
        for value in values:
            while draw.random() < rests:
                ctx.set(words.en, 0)
                ctx.set(words.next, draw.getrandbits(words.width))
                await ctx.tick()
            ctx.set(words.en, 1)
            ctx.set(words.next, value)
            seen.append((ctx.get(words.data), ctx.get(words.last)))
            await ctx.tick()

    sim = Simulator(words)
    add_clock(sim)
    sim.add_testbench(testbench)
    sim.run()
    return seen


@pytest.mark.parametrize("rests", [0.0, 0.6])
@pytest.mark.parametrize("depth", [1, 2, 3, 8, 13])
@pytest.mark.parametrize("width", [1, 3, 40])
def test_words_come_back_after_a_turn(width, depth, rests):
    words = MaskWords("words", width, depth)
    assert bool(words.memories) == (width * (depth - 1) > 32)
    draw = random.Random(depth)
    values = [draw.getrandbits(width) for _ in range(5 * depth)]
    seen = turn(words, values, rests=rests, seed=width)
    assert [data for data, _ in seen[depth:]] == values[:-depth]
    assert [last for _, last in seen] == [n % depth == depth - 1 for n in range(5 * depth)]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda: TokenMask(checked(CHECKED[3])),
            ValueError,
            "Attention must be 'qk-token', not 'sdsa'",
        ),
        (
            lambda: ChannelMask(checked(CHECKED[0])),
            ValueError,
            "Attention must be 'qk-channel' or 'sdsa', not 'qk-token'",
        ),
        (lambda: MaskWords("w", 0, 1), TypeError, "Width must be a positive integer, not 0"),
        (lambda: MaskWords("w", 1, 1.5), TypeError, r"Depth must be a positive integer, not 1\.5"),
    ],
)
def test_refuses(make, error, message):
    with pytest.raises(error, match=f"^{message}$"):
        make()


def test_manifest():
    design = checked(CHECKED[1])
    manifest = MaskLayer(design).manifest()
    assert manifest == {"memories": [], "stateless": False, "compute_cycles": 2 * 2 * 5 * 3 * 2}
    large = MaskDesign.from_dict({"heads": 1, "steps": 2, **LARGE["token-memory"]})
    (memory,) = MaskLayer(large).manifest()["memories"]
    assert memory["name"] == "membranes"
    assert memory["depth"] == 300
    assert is_or(NeuronSpec.from_design(checked(CHECKED[0])), 12, 2)


@pytest.mark.parametrize("neuron", [name for name in NEURONS if name != "or"])
def test_lane_is_a_neuron(neuron):
    """Steps of none to all spikes in a row, settled each time, until a head ends."""
    shape = {"tokens": 5, "head_dim": 1, "steps": 4, "heads": 1, "beat": 1}
    design = layer({"attention": "qk-channel", "neuron": neuron, **shape})
    plan = MaskPlan(design)
    lane, spec = MaskLane(plan), NeuronSpec.from_design(design)

    async def testbench(ctx):
        async def step(spike, *, settle=0, begin=0):
            for port, value in ((lane.spike, spike), (lane.settle, settle), (lane.begin, begin)):
                ctx.set(port, value)
            fires, after = ctx.get(lane.fires), ctx.get(lane.next)
            ctx.set(lane.acc, after)
            return fires

        await step(0, settle=1, begin=1)
        for sums in itertools.product(range(6), repeat=3):
            w = 0
            for t, count in enumerate((*sums, 0)):
                for n in range(5):
                    await step(int(n < count))
                wanted, w = spec.step(w, count)
                assert await step(0, settle=1, begin=int(t == 3)) == wanted, sums

    sim = Simulator(lane)
    sim.add_testbench(testbench)
    sim.run()
