import numpy as np
import pytest

from spikeloom.design import Design, DesignError
from spikeloom.golden.attention.beats import counts, pack, pack_output, unpack, unpack_input
from spikeloom.golden.kinds import model
from spikeloom.hdl.attention.parallel import head_of_group
from spikeloom.hdl.kinds import component
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

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
