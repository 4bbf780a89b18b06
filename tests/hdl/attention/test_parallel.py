import random

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention.beats import counts, pack, pack_output, unpack, unpack_input
from spikeloom.golden.kinds import model
from spikeloom.hdl.attention.parallel import ParallelHeads, head_of_group
from spikeloom.hdl.frame.beats import beat_stream
from spikeloom.hdl.kinds import component
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

from ... import benches

BASE = {"tokens": 5, "dim": 24, "heads": 6, "steps": 3, "scale": 1, "threshold": 2}
OWN = [[head - n % 5 for n in range(9)] for head in range(6)]
LAYERS = {
    "state": {"folding": {"order": "state", "heads": 2}},
    "state-all": {"folding": {"order": "state", "heads": 6}, "target": {"beat": 4}},
    "state-xnor-log": {
        "similarity": "xnor",
        "position": ["log", "gray"],
        "threshold": 10,
        "folding": {"order": "state", "heads": 3, "buffers": 2},
    },
    "score": {"folding": {"order": "score", "heads": 3, "rows": 2}},
    "score-table": {
        "position": "table",
        "threshold": 4,
        "table": {"values": OWN, "bits": 4},
        "folding": {"order": "score", "heads": 2, "buffers": 1},
    },
    "own": {
        "similarity": "alpha-xnor",
        "alpha": [0.25, 0.5, 0.75, 0.125, 0.375, 0.5],
        "scale": [1, 0.5, 0.25, 1, 0.5, 0.125],
        "folding": {"order": "score", "heads": 3},
    },
    "drive": {"neuron": "none", "folding": {"order": "state", "heads": 2, "lanes": 1}},
}


def make(name):
    keys = {**BASE, **LAYERS[name]}
    if keys.get("neuron") == "none":
        keys = {key: value for key, value in keys.items() if key not in ("scale", "threshold")}
    return Design.from_dict(keys)


@pytest.mark.parametrize("name", LAYERS)
@pytest.mark.parametrize("stalls", [0.0, 0.4])
def test_rtl_equals_golden(name, stalls):
    design = make(name)
    golden = model(design)
    rates = (0.7, 0.3, 0.5)
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=4, patience=20_000)
    traffic = run_pysim(AxiStreamTop(design), stimulus)
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        want = golden.answer(arrays)
        assert want.any()
        assert not want.all()
        assert (golden.unpack(frame) == want).all()
    layer = component(design)
    assert traffic.busy == sum(map(layer.compute_cycles, inputs))


@pytest.mark.parametrize("name", LAYERS)
def test_beats_go_round_the_group(name):
    design = make(name)
    spikes = draw_spikes(design, rate=0.5, seed=1)
    beats = pack(design, spikes["q"], spikes["k"], spikes["v"])
    for key, array in zip("qkv", unpack_input(design, beats), strict=True):
        assert (array == spikes[key]).all()
    side, step = design.folding.heads, counts(design).step
    for place in range(side):
        alone = head_of_group(design, place)
        heads = range(place, design.heads, side)
        part = {
            key: array.reshape(3, 5, 6, 4)[:, :, heads].reshape(3, 5, -1)
            for key, array in spikes.items()
        }
        expected = pack(alone, part["q"], part["k"], part["v"]).reshape(-1, step)
        assert (beats.reshape(-1, side, step)[:, place] == expected).all()


def test_the_longest_head_counts():
    design = make("state")
    q = np.zeros((3, 5, 24), dtype=np.uint8)
    silent = component(design).compute_cycles({"q": q, "k": q})
    busy = q.copy()
    busy[0, :, :4] = 1
    alone = component(design).compute_cycles({"q": busy, "k": q})
    busy[0, :, 4:8] = 1
    assert component(design).compute_cycles({"q": busy, "k": q}) == alone > silent
    busy[0, :, 8:12] = 1
    assert component(design).compute_cycles({"q": busy, "k": q}) == 2 * alone - silent


def test_all_heads_at_once_take_the_time_of_one():
    one = Design.from_dict({**BASE, "folding": {"order": "score"}})
    six = Design.from_dict({**BASE, "folding": {"order": "score", "heads": 6}})
    assert component(one).compute_cycles() == 6 * component(six).compute_cycles()


@pytest.mark.parametrize(("name", "target"), [("state", "netlist"), ("score-table", "rtl")])
def test_verilog_and_netlist(name, target, event_simulator):
    design = make(name)
    spikes = draw_spikes(design, rate=0.5, seed=3)
    simulator = event_simulator if target == "rtl" else "cxxrtl"
    answer = simulate(design, spikes, target=target, simulator=simulator, stalls=0.2)
    assert (answer.values == simulate(design, spikes, target="golden").values).all()


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"folding": {"heads": 4}}, r"^folding\.heads: 4: must divide the heads \(6\)$"),
        (
            {"scale": [8, 10] * 3, "reset": "soft", "folding": {"heads": 2}},
            r"^folding\.heads: 2: must be 1: a threshold of a soft reset is rounded",
        ),
        (
            {**LAYERS["score-table"], "neuron": "none"},
            r"^folding\.heads: 2: must be 1: drives of heads with a table or alpha of their own",
        ),
    ],
)
def test_refused(keys, line):
    with pytest.raises(DesignError, match=line):
        Design.from_dict({**BASE, **keys})


def test_unpack_takes_the_order_of_the_stream():
    design = make("drive")
    golden = model(design)
    spikes = draw_spikes(design, rate=0.5, seed=3)
    answer = golden.answer(spikes)
    assert (unpack(design, pack_output(design, answer)) == answer).all()


class Place(wiring.Component):
    """Takes the beats of a run, waits for all others, and answers with numbers of its own."""

    def __init__(self, design, *, joined=False):
        self.taken, self.answers, self.memories = [], [], ()
        beats = beat_stream(design.beat)
        super().__init__(
            {"i": In(beats), "o": Out(beats), "busy": Out(1), "go": In(1), "waits": Out(1)}
        )

    def elaborate(self, platform):
        return Module()


def test_beats_are_dealt_to_places_that_start_together():
    design = make("state-all")
    step, out = counts(design).step, counts(design).out
    places = []

    def place(design, **keys):
        places.append(Place(design, **keys))
        return places[-1]

    dut = ParallelHeads(design, place)
    assert len(places) == 6
    rounds, last_run = 3, design.steps
    starts = []

    def answering(index, unit):
        generator = random.Random(index)

        async def bench(ctx):
            for run in range(rounds):
                while generator.random() < 0.5:
                    await ctx.tick()
                ctx.set(unit.i.ready, 1)
                mine = []
                while len(mine) < step:
                    *_, valid, beat = await ctx.tick().sample(unit.i.valid, unit.i.payload.data)
                    if valid:
                        mine.append(beat)
                ctx.set(unit.i.ready, 0)
                unit.taken.append(mine)
                ctx.set(unit.waits, 1)
                go, cycle = 0, 0
                while not go:
                    *_, go = await ctx.tick().sample(unit.go)
                ctx.set(unit.waits, 0)
                starts.append((run, index))
                ctx.set(unit.busy, 1)
                await ctx.tick().repeat(1 + index % 3)
                ctx.set(unit.busy, 0)
                for cycle in range(out):
                    ctx.set(unit.o.payload.data, (3 * index + cycle + run) % 16)
                    ctx.set(unit.o.payload.last, run == last_run - 1 and cycle == out - 1)
                    ctx.set(unit.o.valid, 1)
                    ready = 0
                    while not ready:
                        *_, ready = await ctx.tick().sample(unit.o.ready)
                ctx.set(unit.o.valid, 0)

        return bench

    async def busy(ctx):
        signals = [dut.busy, *(unit.busy for unit in places)]
        async for *_, whole, a, b, c, d, e, f in ctx.tick().sample(*signals):
            assert whole == any((a, b, c, d, e, f))

    beats = [random.Random(n).randrange(16) for n in range(rounds * 6 * step)]
    found = []
    benches.simulate(
        dut,
        benches.receiver(dut.o, found, rounds * 6 * out, stalls=0.3),
        benches.sender(dut.i, beats, stalls=0.2, seed=3),
        busy,
        *(answering(index, unit) for index, unit in enumerate(places)),
    )
    for index, unit in enumerate(places):
        parts = [beats[n : n + step] for n in range(index * step, len(beats), 6 * step)]
        assert unit.taken == parts
    want = [
        (3 * index + cycle + run) % 16
        for run in range(rounds)
        for index in range(6)
        for cycle in range(out)
    ]
    assert [data for data, _ in found] == want
    assert [n for n, (_, last) in enumerate(found) if last] == [len(want) - 1]
    # All are in step: none begins a run before every other has begun the one before.
    assert [run for run, _ in starts] == [run for run in range(rounds) for _ in range(6)]
