import numpy as np
import pytest

from spikeloom.design import Design
from spikeloom.golden.fold import fold
from spikeloom.golden.kinds import model
from spikeloom.golden.neuron import NeuronSpec
from spikeloom.golden.projection import coded, drive, neurons, projection, spans

from ..projections import draw, oracle

BASE = {"kind": "projection", "tokens": 2, "inputs": 3, "dim": 2, "steps": 4}
WEIGHTS = {"weights": {"values": [[1, -2, 3], [4, 5, -6]]}}


def make(**keys):
    return Design.from_dict(BASE | WEIGHTS | keys)


@pytest.mark.parametrize("seed", range(10))
def test_equals_rationals(seed):
    """A hundred layers each: tokens, steps, weights, levels, CPG-PE and neurons all drawn."""
    rng = np.random.default_rng(seed)
    fired = 0
    for _ in range(100):
        design = draw(rng)
        shape = (design.steps, design.tokens, design.inputs)
        x = rng.integers(0, design.levels, shape, endpoint=True)
        answer = projection(design, x)
        assert answer.tolist() == oracle(design, x)
        fired += int(answer.any())
    assert fired > 50


def test_a_real_layer_and_its_integers_spike_alike():
    """Linear and LIF in floats, of the numbers that the integers stand for: the same spikes."""
    rng = np.random.default_rng(0)
    weight, (bias, gamma, beta, mean) = rng.normal(size=(16, 9)), rng.normal(size=(4, 16))
    folded = fold(weight, bias, gamma=gamma, beta=beta, mean=mean, var=np.ones(16))
    design = Design.from_dict(
        {
            **{"kind": "projection", "tokens": 300, "inputs": 9, "dim": 16, "steps": 4},
            "weights": {"values": folded.weights.tolist()},
            "bias": {"values": folded.bias.tolist()},
            "thresholds": {"values": folded.thresholds.tolist()},
        }
    )
    x = rng.integers(0, 2, (4, 300, 9))
    current = (x @ folded.weights.T + folded.bias) * folded.scales
    theta = folded.thresholds * folded.scales / 2
    assert ((theta >= 1 - 1e-9) & (theta < 1 + folded.scales / 2)).all()
    v = np.zeros((300, 16))
    for t, spikes in enumerate(projection(design, x)):
        v = v + (current[t] - v) / 2
        # A drive that meets the threshold but for the last bit of a float is in doubt.
        sure = np.abs(v - theta) > 1e-9
        assert (spikes == (v >= theta))[sure].all()
        v = np.where(spikes, 0.0, v)


def test_positions_count_time_first():
    design = make(cpg={"mode": "add"}, levels=2)
    x = np.zeros((4, 2, 3), dtype=int)
    assert coded(design, x).reshape(8, 3)[:2].tolist() == [[0, 1, 0], [1, 0, 0]]
    assert coded(design, x + 2).max() == 3


def test_ranges_are_reached_and_not_left():
    rng = np.random.default_rng(1)
    for _ in range(60):
        design = draw(rng)
        shape = (design.steps, design.tokens, design.inputs)
        found = spans(design)
        for _ in range(5):
            sums = drive(design, rng.integers(0, design.levels, shape, endpoint=True))
            for d, (low, high) in enumerate(found.drive):
                assert low <= sums[..., d].min()
                assert sums[..., d].max() <= high
    design = make()
    assert spans(design).drive == ((-2, 4), (-6, 9))
    best = np.broadcast_to([1, 0, 1], (4, 2, 3))
    assert drive(design, best)[..., 0].max() == 4


def test_neurons():
    assert neurons(make()) == (NeuronSpec.from_design(make()),) * 2
    given = neurons(make(thresholds={"values": [3, 7]}))
    assert [(neuron.threshold, neuron.fraction) for neuron in given] == [(3, 0), (7, 0)]
    given = neurons(make(thresholds={"values": [3, 7]}, tau=4))
    assert [neuron.threshold >> neuron.fraction for neuron in given] == [3, 7]
    assert neurons(make(threshold=2, scale="1/4"))[0].threshold == 16


@pytest.mark.parametrize("neuron", ["lif", "none"])
@pytest.mark.parametrize("beat", [1, 4, 8, 64])
def test_model_unpacks_what_it_should(neuron, beat):
    design = make(neuron=neuron, levels=3, target={"beat": beat}, lanes=1)
    golden = model(design)
    x = np.random.default_rng(0).integers(0, 4, (4, 2, 3))
    answer = golden.answer({"x": x})
    assert golden.pack({"x": x}).shape == (golden.beats_in,)
    beats = []
    for value in answer.reshape(8, 2):
        if neuron == "lif":
            bits = "".join(map(str, value))
            parts = [bits[n : n + beat][::-1] for n in range(0, 2, beat)]
        else:
            width = golden.describe()["numbers"]["drive"]["bits"]
            whole = -(-width // beat) * beat
            words = [format(int(v) & (1 << whole) - 1, f"0{whole}b") for v in value]
            parts = [w[len(w) - n - beat :][:beat] for w in words for n in range(0, whole, beat)]
        beats += [int(part, 2) for part in parts]
    assert len(beats) == golden.beats_out
    assert (golden.unpack(beats) == answer).all()


def test_input_is_checked():
    golden = model(make())
    with pytest.raises(ValueError, match=r"^x must hold 0 or 1 only, not other values$"):
        golden.answer({"x": np.full((4, 2, 3), 2)})
    with pytest.raises(ValueError, match=r"^x must be of shape \(T, N, C\) = \(4, 2, 3\)"):
        golden.answer({"x": np.zeros((4, 2, 2), dtype=int)})


def test_positions_of_sines_stand_beside_or_add_to_the_input():
    rng = np.random.default_rng(7)
    for _ in range(1000):
        steps, tokens, inputs, neurons = (int(n) for n in rng.integers(1, 6, 4))
        mode = ("concat", "add")[int(rng.integers(2))]
        count = neurons if mode == "concat" else inputs
        cpg = {"mode": mode, "table": "sinusoid", **({"neurons": count} if count != inputs else {})}
        if mode == "concat":
            cpg["neurons"] = count
        fan_in = inputs + (count if mode == "concat" else 0)
        weights = rng.integers(-8, 8, (3, fan_in))
        design = Design.from_dict(
            {
                **{"kind": "projection", "tokens": tokens, "inputs": inputs, "dim": 3},
                **{"steps": steps, "levels": 3, "neuron": "none", "cpg": cpg},
                "weights": {"values": weights.tolist(), "bits": 4},
            }
        )
        x = rng.integers(0, 4, (steps, tokens, inputs))
        # The class, restated: rates of independent sines, and draws from a fixed seed.
        numbers = np.random.RandomState(42)
        turn = np.exp(0.5 * numbers.randn(count))
        phase = numbers.uniform(0, 2 * np.pi, count)
        places = np.arange(steps * tokens)[:, None]
        rate = (np.sin(places * turn * 0.01 + phase) + 1) / 2
        spikes = (np.random.RandomState(0).random_sample(rate.shape) < rate).astype(int)
        spikes = spikes.reshape(steps, tokens, count)
        seen = np.concatenate([x, spikes], axis=2) if mode == "concat" else x + spikes
        assert (drive(design, x) == seen @ weights.T).all()
