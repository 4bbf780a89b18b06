import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.kinds import model
from spikeloom.golden.projection import drive
from spikeloom.hdl.projection.layer import ProjectionLayer
from spikeloom.hdl.projection.plan import ProjectionPlan
from spikeloom.hdl.top import AxiStreamTop
from spikeloom.sim.pysim import run_pysim
from spikeloom.sim.simulate import run, simulate
from spikeloom.sim.spikes import draw_spikes
from spikeloom.sim.traffic import Stimulus

from ..projections import draw

RATES = (0.5, 1.0, 0.0, 0.3)


def check(design, *, stalls=0.0, seed=0, inputs=None, send=None):
    """Compare RTL and golden model over different inferences back to back, and their cycles."""
    golden = model(design)
    if inputs is None:
        inputs = [draw_spikes(design, rate=rate, seed=n) for n, rate in enumerate(RATES)]
    frames = np.stack([golden.pack(arrays) for arrays in inputs])
    stimulus = Stimulus(frames, golden.beats_out, stalls=stalls, seed=seed, patience=5000)
    traffic = run_pysim(AxiStreamTop(design), stimulus) if send is None else send(design, stimulus)
    for n, (arrays, frame) in enumerate(zip(inputs, traffic.frames, strict=True)):
        wrong = np.argwhere(golden.unpack(frame) != golden.answer(arrays))
        assert not len(wrong), f"inference {n}, (t, token, channel) = {wrong[0]}: {len(wrong)}"
    assert traffic.busy == sum(map(ProjectionLayer(design).compute_cycles, inputs))
    return traffic


def make(**keys):
    rng = np.random.default_rng(keys.pop("seed", 0))
    base = {"kind": "projection", "tokens": 3, "inputs": 5, "dim": 6, "steps": 3, "threshold": 9}
    base |= keys
    fan_in = base["inputs"]
    if base.get("cpg", {}).get("mode") == "concat":
        fan_in += base["cpg"].get("neurons", 10)
    weights = rng.integers(-8, 8, (base["dim"], fan_in)).tolist()
    return Design.from_dict({"weights": {"values": weights, "bits": 4}, **base})


@pytest.mark.parametrize("seed", range(12))
def test_drawn_layers(seed):
    """Everything drawn at once, some stalled on both sides."""
    rng = np.random.default_rng(seed)
    for n in range(4):
        check(draw(rng), stalls=(0.0, 0.4)[n % 2], seed=seed)


@pytest.mark.parametrize("mode", ["concat", "add"])
@pytest.mark.parametrize("beat", [4, 8])
def test_positions_of_sines(mode, beat):
    cpg = {"mode": mode, "table": "sinusoid"} | ({"neurons": 7} if mode == "concat" else {})
    design = make(tokens=6, cpg=cpg, levels=2, lanes=2, target={"beat": beat})
    check(design, stalls=0.3, seed=beat)
    x = model(design).inputs[0]
    other = Design.from_dict(
        {
            **design.model_dump(exclude_unset=True),
            "cpg": {"mode": mode, **({"neurons": 7} if mode == "concat" else {})},
        }
    )
    ones = np.ones(x.shape, dtype=np.uint8)
    assert (drive(design, ones) != drive(other, ones)).any()


@pytest.mark.parametrize("target", ["rtl", "netlist"])
def test_positions_of_sines_in_verilog(target, event_simulator):
    design = make(tokens=4, cpg={"mode": "concat", "table": "sinusoid", "neurons": 9})
    arrays = draw_spikes(design, rate=0.5, seed=2)
    answer = simulate(design, arrays, target=target, simulator=event_simulator, stalls=0.2)
    assert (answer.values == simulate(design, arrays, target="golden").values).all()


def test_every_input_of_a_small_layer():
    """Each of the 3**4 inputs of two tokens with two channels, in one run."""
    design = make(tokens=2, inputs=2, dim=3, steps=1, levels=2, threshold=4, lanes=2)
    every = np.stack(np.meshgrid(*[range(3)] * 4), axis=-1).reshape(-1, 1, 2, 2)
    check(design, inputs=[{"x": x} for x in every])


@pytest.mark.parametrize("tokens", [1, 2, 3])
def test_one_word_of_membranes(tokens):
    """A word is written before it is read again, however soon that is."""
    for neuron in ("lif", "if"):
        one = {"weights": {"values": [[3]]}, "threshold": 9 if neuron == "if" else "5/2"}
        check(make(tokens=tokens, dim=1, inputs=1, steps=6, neuron=neuron, **one))
        check(make(tokens=tokens, dim=9, inputs=1, steps=4, lanes=8, neuron=neuron))


@pytest.mark.parametrize("mode", ["concat", "add"])
@pytest.mark.parametrize("beat", [1, 8, 16])
def test_code_at_once_after_reset(mode, beat):
    """One input, so that the first code is due in the second cycle of all."""
    cpg = {"mode": mode} | ({"neurons": 9} if mode == "concat" else {})
    check(make(inputs=1, cpg=cpg, levels=3, target={"beat": beat}))


@pytest.mark.parametrize("neuron", ["lif", "none"])
def test_input_beyond_the_last_channel_is_not_looked_at(neuron):
    design = make(neuron=neuron, cpg={"mode": "concat", "neurons": 3})
    golden = model(design)
    x = draw_spikes(design, rate=0.5, seed=3)
    frames = golden.pack(x)[None] | np.uint64(0xE0)
    traffic = run_pysim(AxiStreamTop(design), Stimulus(frames, golden.beats_out))
    assert (golden.unpack(traffic.frames[0]) == golden.answer(x)).all()
    assert traffic.busy == ProjectionLayer(design).compute_cycles(x)


def test_stalls_change_no_work():
    design = make(levels=3, lanes=2)
    free, slow = check(design), check(design, stalls=0.6, seed=4)
    assert free.busy == slow.busy
    assert free.total < slow.total


def test_formula():
    """The cycles of a token, written out: two passes of 5 events, in 3 steps."""
    design = make(dim=9, lanes=8, tokens=1, inputs=5)
    ones = np.ones((3, 1, 5), dtype=np.uint8)
    first, middle, last = 2 * (5 + 1 + 1) + 1, 2 * (5 + 1 + 2) + 1, 2 * (5 + 1 + 1) + 1
    layer = ProjectionLayer(design)
    assert layer.compute_cycles({"x": ones}) == first + middle + last == layer.compute_cycles()


def test_memories():
    design = make(tokens=32, dim=64, steps=4, inputs=12, cpg={"mode": "concat"})
    shapes = {shape.name: shape for shape in ProjectionLayer(design).memories}
    assert {name for name, shape in shapes.items() if shape.rom} == {"weights", "cpg"}
    assert (shapes["weights"].width, shapes["weights"].depth) == (8 * 4, (16 + 16) * 8)
    plan = ProjectionPlan(design)
    assert shapes["state"].depth == 512
    assert plan.places + (2 << plan.turn_bits) <= 512
    alone = ProjectionLayer(make(steps=1)).memories
    assert all(shape.rom for shape in alone if shape.name == "state")


@pytest.mark.synth
@pytest.mark.parametrize(
    "keys",
    [
        {"cpg": {"mode": "concat"}, "levels": 3},
        {"cpg": {"mode": "add"}, "reset": "soft", "lanes": 4, "tau": 4},
        {"neuron": "none", "levels": 2, "lanes": 2},
    ],
    ids=str,
)
def test_netlist(keys):
    check(
        make(**keys),
        stalls=0.3,
        send=lambda design, stimulus: run(design, stimulus, target="netlist"),
    )


@pytest.mark.cocotb
def test_event_simulator(event_simulator):
    check(
        make(cpg={"mode": "concat"}, levels=2),
        stalls=0.3,
        send=lambda design, stimulus: run(design, stimulus, simulator=event_simulator),
    )
