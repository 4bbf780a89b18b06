"""Reorderings through their streams, against golden; and what they are built of."""

import numpy as np
import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import connect

from spikeloom.boards.devices import DoesNotFitError
from spikeloom.design import Design, DesignError
from spikeloom.flow import build
from spikeloom.golden.kinds import model
from spikeloom.hdl.frame.regroup import TakeTurns
from spikeloom.hdl.kinds import asked, component
from spikeloom.hdl.reorder import ReorderLayer, ReorderPlan, Walk
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import run
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

from ..benches import receiver, sender, simulate

SHAPE = {"kind": "reorder", "tokens": 5, "dim": 12, "heads": 2, "steps": 3}
TOKENS = "step token (q k v: channels)"
TURNS = "step token (q: channels) (k: channels) (v: channels)"
SCORE = "head step (k: token channels) (v: token channels) (q: token channels)"
STATE = "head step (k: channel tokens) (v: token channels) (q: token channels)"
ONE = "step token (x: channels)"
HEADS = "head step token (x: channels)"
EVEN = {"tokens": 16, "dim": 32, "heads": 2, "steps": 2}


def make(there, here, **keys):
    return Design.from_dict({**SHAPE, "input": there, "output": here, **keys})


CASES = {
    "score": make(TOKENS, SCORE),
    "state": make(TOKENS, STATE),
    "turns": make(TURNS, STATE),
    "even state": make(TOKENS, STATE, **EVEN),
    "even score": make(TOKENS, SCORE, **EVEN),
    "back": make(HEADS, ONE),
    "even back": make(HEADS, ONE, **EVEN),
    "four bits": make(TOKENS, STATE, target={"beat": 4}),
    "one bit": make(TOKENS, STATE, target={"beat": 1}),
    "sixteen": make(TOKENS, STATE, target={"beat": 16}),
    "one bank": make(TOKENS, STATE, buffers=1),
    "a step": make(TOKENS, "step head (k: channel tokens) (v: token channels) (q: token channels)"),
    "transposed": make("step token (x: channels)", "step channel (x: tokens)"),
    "back across": make("step channel (x: tokens)", "step token (x: channels)"),
    "planes": make("head step token (x: channels bit)", "step token (x: bit channels)",
                   levels=5, tokens=5, dim=32),
    "planes cut": make("head step token (x: channels bit)", "step token (x: bit channels)",
                       levels=5),
    "wider": make(ONE, HEADS, input_beat=4, target={"beat": 8}),
    "narrower": make(ONE, HEADS, output_beat=2, target={"beat": 8}),
    "wider state": make(TOKENS, STATE, **EVEN, input_beat=8, target={"beat": 16}),
    "places": make(TOKENS, "group step place (k: channel tokens) (v: token channels) "
                   "(q: token channels)", heads=4, places=2),
    "chunk": make("chunk step token (q k v: channels)", "head chunk (k: step token channels) "
                  "(v: step token channels) (q: step token channels)", chunk=3, steps=6),
    "pairs": make("step token (q k: channels)", "head step token (q: channels) (k: channels)"),
    "same": make(TURNS, TURNS),
    "same across": make("step channel (x: tokens)", "step channel (x: tokens)"),
    "same planes": make("step token (x: channels bit)", "step token (x: channels bit)", levels=3),
    "single": make(ONE, HEADS, tokens=1, steps=1, dim=2, heads=2),
}  # fmt: skip


def check(design, *, stalls=0.0, seed=0, send=None, rates=(0.5, 0.3, 1.0)):
    golden = model(design)
    inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(rates)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=5000)
    traffic = run_pysim(AxiStreamTop(design), stimulus) if send is None else send(design, stimulus)
    for arrays, frame in zip(inputs, traffic.frames, strict=True):
        assert (frame == golden.pack_answer(arrays["x"])).all()
    assert traffic.busy == len(inputs) * ReorderLayer(design).compute_cycles()
    return traffic


@pytest.mark.parametrize("stalls", [0.0, 0.4])
@pytest.mark.parametrize("name", CASES)
def test_equals_golden(name, stalls):
    check(CASES[name], stalls=stalls, seed=1)


@pytest.mark.parametrize("there", [TOKENS, TURNS])
@pytest.mark.parametrize(
    ("order", "keys"), [("state", "channel tokens"), ("score", "token channels")]
)
def test_both_sides_are_what_layers_have(order, keys, there):
    """Beats out are those that an attention layer takes; beats in those of its neighbours."""
    shape = {"tokens": 10, "dim": 44, "heads": 4, "steps": 3}
    design = make(there, f"head step (k: {keys}) (v: token channels) "
                  "(q: token channels)", **shape)  # fmt: skip
    x = draw_spikes(design, rate=0.4, seed=3)["x"]
    q, k, v = (x[..., n * 44 : n * 44 + 44] for n in range(3))
    attention = model(Design.from_dict({**shape, "folding": {"order": order}}))
    assert (model(design).pack_answer(x) == attention.pack({"q": q, "k": k, "v": v})).all()
    beats = model(design).pack({"x": x})
    rows = [x] if there == TOKENS else [q, k, v]
    bits = [
        row[t, n, at : at + 8]
        for t in range(3)
        for n in range(10)
        for row in rows
        for at in range(0, row.shape[-1], 8)
    ]
    assert beats.tolist() == [sum(int(b) << n for n, b in enumerate(beat)) for beat in bits]


def test_cycles():
    """The formulas of the class: I + O + 1 and one run more; a beat a cycle with two banks."""
    two = check(make(TOKENS, STATE, **EVEN))
    assert (two.cycles, two.interval) == (768 + 1, 384)
    one = check(make(TOKENS, STATE, **EVEN, buffers=1))
    assert (one.cycles, one.interval) == (768 + 1, 768)
    steps = STATE.replace("head step", "step head")
    run_by_run = check(make(TOKENS, steps, **EVEN))
    assert (run_by_run.cycles, run_by_run.interval) == (2 * 192 + 1 + 192, 384)
    same = check(make(TURNS, TURNS, **EVEN))
    assert (same.cycles, same.interval) == (384 + 1, 384)


def test_same_order_is_said_and_stores_nothing():
    design = make(TURNS, TURNS)
    assert design.warnings == (
        "input and output: are the same order: the layers fit without a reordering",
    )
    for same in (design, CASES["same across"]):
        manifest = asked(same).manifest()
        assert (manifest["memories"], manifest["banks"], manifest["runs"]) == ([], 1, 0)
    assert make(TOKENS, STATE).warnings == ()
    assert make(TOKENS, TURNS, dim=16).same
    assert not make(TOKENS, TURNS).same


def test_bits_beyond_the_row_go_out_as_zero():
    for name in ("state", "score", "back", "same", "transposed"):
        design = CASES[name]
        golden = model(design)
        x = draw_spikes(design, rate=0.5, seed=3)["x"]
        ones = golden.pack({"x": np.ones_like(x)}) ^ np.uint64(255)
        stimulus = Stimulus((golden.pack({"x": x}) | ones)[None], golden.beats_out)
        (frame,) = run_pysim(AxiStreamTop(design), stimulus).frames
        assert (frame == golden.pack_answer(x)).all()


def test_walk_goes_over_every_place_once():
    """Where words are written is where they are read; no two share a place."""
    for name in ("state", "even score", "chunk", "places", "planes", "transposed"):
        plan = ReorderPlan(CASES[name])
        found = []
        for order in (plan.design.order_in, plan.design.order_out):
            walk, places = Walk(plan, order), []

            async def bench(ctx, walk=walk, places=places, order=order, plan=plan):
                ctx.set(walk.en, 1)
                for _ in range(plan.count(order)):
                    low = [ctx.get(walk.token), ctx.get(walk.channel)]
                    across, turned = ctx.get(walk.across), ctx.get(walk.turned)
                    place = ctx.get(walk.lane if turned else walk.word)
                    skew = low[1] if across else low[0]
                    for lane in range(plan.design.word if turned else 1):
                        own = (lane ^ skew) if across else skew
                        places.append((turned, place, lane, own if turned else 0))
                    ends = ctx.get(walk.ends)
                    await ctx.tick()
                assert ends

            simulate(walk, bench)
            found.append(places)
        straight = [[p for p in places if not p[0]] for places in found]
        assert sorted(straight[0]) == sorted(straight[1])
        assert len(set(straight[0])) == len(straight[0]) // plan_runs(plan)
        assert all(len(set(p)) == len(p) // plan_runs(plan) for p in found)


def plan_runs(plan):
    return int(np.prod([digit.count for digit in plan.runs]))


def test_memories():
    assert [shape.ebr for shape in ReorderPlan(make(TOKENS, STATE, tokens=32, dim=64, heads=4,
            steps=4)).memories] == [4, 4, *[1] * 8]  # fmt: skip
    large = ReorderPlan(make(TOKENS, SCORE, tokens=1024, dim=64, heads=4, steps=1))
    assert [(shape.name, shape.spram) for shape in large.memories] == [("words0", 2), ("words1", 2)]


def test_single_port_memory():
    """Words lie in SPRAM, which reads or writes in a cycle."""
    design = make(TOKENS, SCORE, tokens=400, dim=48, heads=4, steps=2)
    assert any(shape.single_port for shape in ReorderPlan(design).memories)
    check(design, stalls=0.3, send=run, rates=(0.5, 0.3))


def test_what_does_not_fit_is_refused_with_what_is_missing(tmp_path):
    design = make(TOKENS, STATE, tokens=1024, dim=64, heads=4, steps=16)
    needed = sum(shape.ebr for shape in ReorderPlan(design).memories)
    with pytest.raises(DoesNotFitError, match=rf"{needed} EBR .* \({needed - 30} too many\)$"):
        build(design, tmp_path / "out")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"input": "step token"}, "input: 'step token': must be axes and parts in parentheses"),
        ({"input": "step (x: channels)"}, "must go over token for x"),
        ({"input": "step token (x: token channels)"}, "must go over every axis once"),
        ({"input": "stop token (x: channels)"}, "must not have 'stop': .*did you mean 'step'"),
        ({"output": "step token (y: channels)"}, r"must have the arrays of input \(x\)"),
        ({"input": "step token (x: channels) (x: channels)"}, "must name every array once"),
        ({"chunk": 2}, "chunk: 2: must divide steps .3."),
        ({"places": 4}, "places: 4: must divide heads .2."),
        ({"input_beat": 16}, "input_beat: 16: must be at most target.beat .8."),
        ({"levels": 3, "input": "head step token (x: channels bit)",
          "output": "step token (x: channels bit)"}, "must have rows that are a whole number"),
    ],
)  # fmt: skip
def test_refuses(keys, line):
    with pytest.raises(DesignError, match=line):
        Design.from_dict({**SHAPE, "input": ONE, "output": HEADS, **keys})


# Layers that are joined


def rows(rng, dim, inputs):
    return rng.integers(-3, 4, (dim, inputs)).tolist()


@pytest.mark.parametrize("stalls", [0.0, 0.3])
@pytest.mark.parametrize("order", ["state", "score"])
@pytest.mark.parametrize("sources", [1, 3])
def test_projection_to_attention(sources, order, stalls):
    """Spikes of all that are joined equal those of the golden models one behind the other."""
    rng = np.random.default_rng(7)
    shape = {"tokens": 6, "steps": 3}
    dim, keys = 12, "channel tokens" if order == "state" else "token channels"
    projections = [
        Design.from_dict({"kind": "projection", **shape, "inputs": 5, "dim": 3 * dim // sources,
                          "weights": {"values": rows(rng, 3 * dim // sources, 5), "bits": 4},
                          "threshold": 2})
        for _ in range(sources)
    ]  # fmt: skip
    there = "(q k v: channels)" if sources == 1 else "(q: channels) (k: channels) (v: channels)"
    reorder = make(f"step token {there}", f"head step (k: {keys}) (v: token channels) "
                   "(q: token channels)", **shape, dim=dim)  # fmt: skip
    attention = Design.from_dict({**shape, "dim": dim, "heads": 2, "threshold": 1, "scale": 1,
                                  "folding": {"order": order}})  # fmt: skip
    m = Module()
    m.submodules.reorder = middle = component(reorder)
    m.submodules.attention = last = component(attention)
    first = [component(design) for design in projections]
    m.submodules += first
    connect(m, middle.o, last.i)
    if sources == 1:
        connect(m, first[0].o, middle.i)
    else:
        m.submodules.turns = turns = TakeTurns(8, [2, 2, 2])
        for n, layer in enumerate(first):
            connect(m, layer.o, getattr(turns, f"i{n}"))
        connect(m, turns.o, middle.i)
    inputs = [draw_spikes(projections[0], rate=0.6, seed=n) for n in range(2)]
    want = []
    for arrays in inputs:
        x = np.concatenate([model(design).answer(arrays) for design in projections], axis=-1)
        q, k, v = (x[..., n * dim : n * dim + dim] for n in range(3))
        want.append(model(attention).answer({"q": q, "k": k, "v": v}))
    assert all(spikes.any() and not spikes.all() for spikes in want)
    beats = np.concatenate([model(projections[0]).pack(arrays) for arrays in inputs])
    found = []
    count = len(inputs) * model(attention).beats_out
    simulate(
        m,
        receiver(last.o, found, count, stalls=stalls, seed=2),
        *(sender(layer.i, beats, stalls=stalls, seed=n) for n, layer in enumerate(first)),
    )
    frames = np.array([data for data, _ in found], dtype=np.uint64).reshape(len(inputs), -1)
    for frame, spikes in zip(frames, want, strict=True):
        assert (model(attention).unpack(frame) == spikes).all()


@pytest.mark.synth
@pytest.mark.parametrize("name", ["state", "even score"])
def test_netlist(name):
    check(CASES[name], stalls=0.3, send=lambda *what: run(*what, target="netlist"))


@pytest.mark.cocotb
def test_event_simulator(event_simulator):
    check(CASES["state"], stalls=0.3, send=lambda *what: run(*what, simulator=event_simulator))
