"""The neutral form: a network's own names, float arrays, its design file without them."""

import json

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.design.write import toml
from spikeloom.golden.network import trace

DENSE = ("query", "key", "value", "project", "expand", "contract")
KEYS = {
    "tokens": 4,
    "dim": 8,
    "steps": 3,
    "encoder": {"inputs": 5, "bits": 4},
    "blocks": [{"residual": "or", "hidden": 12, "attention": {"heads": 2, "scale": 0.25}}] * 2,
    "readout": {"outputs": 3},
}


def sizes(name):
    return {"encoder": (8, 5), "expand": (12, 8), "contract": (8, 12)}.get(name, (8, 8))


def layers():
    return ["encoder", *(f"blocks.{n}.{name}" for n in range(2) for name in DENSE)]


def draw(seed=0, *, norm=True):
    noise = np.random.default_rng(seed)
    arrays = {}
    for at in layers():
        rows, inputs = sizes(at.split(".")[-1])
        arrays[f"{at}.weight"] = noise.normal(size=(rows, inputs)).astype(np.float32)
        if norm:
            arrays[f"{at}.bn.weight"] = noise.uniform(-1.5, 1.5, rows).astype(np.float32)
            arrays[f"{at}.bn.bias"] = noise.uniform(0, 1, rows).astype(np.float32)
            arrays[f"{at}.bn.running_mean"] = noise.normal(size=rows).astype(np.float32)
            arrays[f"{at}.bn.running_var"] = noise.uniform(0.5, 2, rows).astype(np.float32)
            arrays[f"{at}.bn.num_batches_tracked"] = np.array(7)
        else:
            arrays[f"{at}.bias"] = noise.normal(size=rows).astype(np.float32)
    arrays["encoder.position"] = noise.normal(size=(4, 8)).astype(np.float32)
    arrays["readout.weight"] = noise.normal(size=(3, 8)).astype(np.float32)
    arrays["readout.bias"] = noise.normal(size=3).astype(np.float32)
    return arrays


def whole(seed=0):
    """Arrays on a grid that integers hold: nothing is rounded but the read-out."""
    noise = np.random.default_rng(seed)
    arrays = {}
    for at in layers():
        rows, inputs = sizes(at.split(".")[-1])
        step = 2.0 ** noise.integers(-4, -1, rows)
        # One of the entries is odd, and tells the step.
        weight = noise.integers(-7, 8, (rows, inputs)) | (np.arange(inputs) == 0)
        arrays[f"{at}.weight"] = weight * step[:, None]
        fine = 1 if at == "encoder" else 16
        arrays[f"{at}.bias"] = noise.integers(-40, 41, rows) * step / fine
        if at == "encoder":
            arrays["encoder.position"] = noise.integers(-9, 10, (4, rows)) * step
    arrays["readout.weight"] = noise.integers(-7, 8, (3, 8)) / 8
    return {name: array.astype(np.float32) for name, array in arrays.items()}


def write(folder, arrays, keys=KEYS):
    np.savez(folder / "arrays.npz", **arrays)
    (folder / "keys.toml").write_text(toml(keys))
    return ["import", folder / "arrays.npz", "-c", folder / "keys.toml", "-o", folder / "out"]


def run(capfd, arguments, code=0):
    found = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    assert found == code, err
    return out, err


def real(arrays, x, residual, threshold=1.0, neuron=(0.5, 0.5)):
    """The network in float64, restated: spikes by layer, and the numbers.

    ``neuron``: what its membranes keep, and what they take of a drive.
    """
    keep, take = neuron

    def fire(at, x, more=0.0):
        drive = x @ arrays[f"{at}.weight"].T.astype(float) + arrays.get(f"{at}.bias", 0.0) + more
        if f"{at}.bn.weight" in arrays:
            weight, bias, mean, var = (
                arrays[f"{at}.bn.{p}"].astype(float)
                for p in ("weight", "bias", "running_mean", "running_var")
            )
            drive = (drive - more - mean) / np.sqrt(var + 1e-5) * weight + bias + more
        v, spikes = np.zeros(drive.shape[1:]), np.zeros(drive.shape)
        for t in range(len(drive)):
            v = keep * v + take * drive[t]
            spikes[t] = v >= threshold
            v[spikes[t] > 0] = 0
        return spikes

    join = {"or": np.maximum, "add": np.add}[residual]
    out = fire("encoder", np.repeat(x[None].astype(float), 3, axis=0), arrays["encoder.position"])
    found = {"encoder": out}
    for n in range(2):
        at = f"blocks.{n}"
        q, k, v = (
            fire(f"{at}.{name}", out).reshape(3, 4, 2, 4).transpose(0, 2, 1, 3)
            for name in ("query", "key", "value")
        )
        drive = (q @ k.swapaxes(2, 3) @ v * 0.25).transpose(0, 2, 1, 3).reshape(3, 4, 8)
        u, attended = np.zeros((4, 8)), np.zeros((3, 4, 8))
        for t in range(3):
            u = u + (drive[t] - u) / 2
            attended[t] = u >= 0.5
            u[attended[t] > 0] = 0
        mixed = join(out, fire(f"{at}.project", attended))
        hidden = fire(f"{at}.expand", mixed)
        out = join(mixed, fire(f"{at}.contract", hidden))
        found |= {f"{at}.attention": attended, f"{at}.expand": hidden, f"{at}.out": out}
    return found, out.mean(axis=(0, 1)) @ arrays["readout.weight"].T


@pytest.mark.parametrize("residual", ["or", "add"])
@pytest.mark.parametrize("seed", range(3))
def test_a_network_on_a_grid_has_the_same_spikes(tmp_path, capfd, seed, residual):
    arrays = whole(seed)
    keys = KEYS | {"blocks": [{**block, "residual": residual} for block in KEYS["blocks"]]}
    out, _ = run(capfd, write(tmp_path, arrays, keys))
    assert "family: the neutral form" in out
    assert "fidelity: same spikes, on 4 drawn samples" in out
    design = load_design(tmp_path / "out" / "network.toml")
    x = np.random.default_rng(seed).integers(-8, 8, (4, 5))
    wanted, numbers = real(arrays, x, residual)
    found = trace(design, x)
    for name, spikes in wanted.items():
        assert (found.spikes[name] == spikes).all(), name
    assert wanted["blocks.1.out"].any()
    # Weights of the read-out are eighths, and sums of 4 tokens and 3 steps stand for the mean.
    assert (found.logits == np.rint(numbers * 8 * 12)).all()


@pytest.mark.parametrize(
    ("keys", "neuron"),
    [
        ({"tau": 4}, (0.75, 0.25)),
        ({"decay": "3/4"}, (0.75, 1)),
        ({"neuron": "if"}, (1, 1)),
    ],
)
def test_other_neurons(tmp_path, capfd, keys, neuron):
    arrays = whole()
    out, _ = run(capfd, write(tmp_path, arrays, KEYS | keys))
    assert "fidelity: same spikes" in out
    design = load_design(tmp_path / "out" / "network.toml")
    x = np.random.default_rng(3).integers(-8, 8, (4, 5))
    wanted, _ = real(arrays, x, "or", neuron=neuron)
    found = trace(design, x)
    for name, spikes in wanted.items():
        assert (found.spikes[name] == spikes).all(), name
    assert wanted["blocks.1.out"].any()


def test_normalisation_is_rounded_and_reported(tmp_path, capfd):
    arrays = draw()
    out, _ = run(capfd, [*write(tmp_path, arrays), "--explain"])
    assert "guessed: eps = 1e-05: the design file does not say it" in out
    assert "guessed: threshold = 1: no layer has an array threshold" in out
    assert "blocks.0.query.bn.running_var: folded into blocks.0.query" in out
    assert "encoder.position: rounded to encoder.position" in out
    design = load_design(tmp_path / "out" / "network.toml")
    assert design.encoder.position == "absolute"
    assert design.blocks[0].weight_bits == 8
    differ = total = 0
    for seed in range(20):
        x = np.random.default_rng(seed).integers(-8, 8, (4, 5))
        wanted, _ = real(arrays, x, "or")
        found = trace(design, x).spikes
        differ += sum(int((found[name] != spikes).sum()) for name, spikes in wanted.items())
        total += sum(spikes.size for spikes in wanted.values())
    assert 0 < differ < 0.05 * total
    assert not (tmp_path / "out" / "host.npz").exists()


def test_gain_and_offset_stand_for_normalisation(tmp_path, capfd):
    arrays = draw()
    plain = {name: array for name, array in arrays.items() if ".bn." not in name}
    for at in layers():
        weight, bias, mean, var = (
            arrays[f"{at}.bn.{p}"].astype(float)
            for p in ("weight", "bias", "running_mean", "running_var")
        )
        plain[f"{at}.gain"] = weight / np.sqrt(var + 1e-5)
        plain[f"{at}.offset"] = bias - mean * plain[f"{at}.gain"]
    weights = []
    for name, given in (("a", arrays), ("b", plain)):
        (tmp_path / name).mkdir()
        out, _ = run(capfd, write(tmp_path / name, given))
        weights.append(load_design(tmp_path / name / "out" / "network.toml").weights)
    assert "note: Arrays of float64 are taken as float32." in out
    for name, array in weights[0].items():
        assert np.abs(array - weights[1][name]).max() <= 1, name


def test_thresholds_and_bits(tmp_path, capfd):
    arrays = whole()
    for at in layers():
        arrays[f"{at}.threshold"] = np.array(0.5, np.float32)
    blocks = [{**block, "weight_bits": 4} for block in KEYS["blocks"]]
    out, _ = run(capfd, [*write(tmp_path, arrays, KEYS | {"blocks": blocks}), "--bits", 2])
    assert "fidelity: same spikes" in out
    assert "guessed" not in out
    design = load_design(tmp_path / "out" / "network.toml")
    assert design.blocks[0].weight_bits == 4
    x = np.random.default_rng(5).integers(-8, 8, (4, 5))
    wanted, _ = real(arrays, x, "or", threshold=0.5)
    assert (trace(design, x).spikes["blocks.1.out"] == wanted["blocks.1.out"]).all()


def test_data_and_labels(tmp_path, capfd):
    x = np.random.default_rng(0).integers(-8, 8, (6, 4, 5)).astype(np.int8)
    arguments = write(tmp_path, whole())
    run(capfd, arguments)
    design = load_design(tmp_path / "out" / "network.toml")
    label = np.array([int(trace(design, one).logits.argmax()) for one in x])
    np.savez(tmp_path / "data.npz", x=x, label=label)
    out, _ = run(capfd, [*arguments, "--calibrate", tmp_path / "data.npz", "--json"])
    report = json.loads(out)["report"]
    assert report["samples"] == "6 given samples"
    assert report["metric"] == {"name": "accuracy", "float": 1.0, "integers": 1.0}
    with np.load(tmp_path / "out" / "input.npz") as found:
        assert (found["x"] == x).all()
        assert (found["label"] == label).all()


def test_scales_suit_the_data(tmp_path, capfd):
    """Of few bits, weights of channels that are silent in the data count for nothing."""
    arrays = draw(1)
    x = np.random.default_rng(2).integers(-8, 8, (40, 4, 5))
    np.savez(tmp_path / "data.npz", x=x)
    shares = []
    for more in ((), ("--calibrate", tmp_path / "data.npz")):
        run(capfd, [*write(tmp_path, arrays), "--bits", 2, *more])
        design = load_design(tmp_path / "out" / "network.toml")
        differ = 0
        for one in x:
            wanted, _ = real(arrays, one, "or")
            found = trace(design, one).spikes
            differ += sum(int((found[name] != spikes).sum()) for name, spikes in wanted.items())
        shares.append(differ)
    assert shares[1] < shares[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"blocks.0.qwery.weight": np.ones((8, 8))}, "did you mean blocks.0.query.weight?"),
        ({"blocks.0.query.weight": np.ones((8, 7))}, "array blocks.0.query.weight"),
        ({"blocks.0.query.weight": np.ones(8)}, "must be (outputs, inputs)"),
        ({"blocks.0.query.bias": np.ones(7)}, "blocks.0.query.bias: (7,): must be of shape (8)"),
        ({"blocks.0.key.weight": None}, "blocks.0.key.weight: is missing"),
        ({"blocks.1.key.weight": None, "blocks.1.key.bias": None}, "array blocks.1.key.weight"),
        ({"blocks.0.key.gain": np.ones(8), "blocks.0.key.bn.weight": np.ones(8)}, "is missing"),
        ({"blocks.2.key.weight": np.ones((8, 8))}, "array blocks.2.key.weight: must not be"),
        ({"blocks.0.key.threshold": np.array(-1.0)}, "threshold: -1: must be positive"),
        ({"encoder.position": np.ones((4, 8)) * 1e6}, "encoder.position: must be at most"),
        ({"encoder.position": np.ones((4, 7))}, "must be of shape (any, 8)"),
        ({"readout.weight": None}, "readout.weight: is missing"),
        ({"readout.gain": np.ones(3)}, "tensor readout.gain: is no array"),
    ],
)
def test_arrays_that_are_wrong(tmp_path, capfd, change, words):
    arrays = {k: v for k, v in (draw(norm=False) | change).items() if v is not None}
    _, err = run(capfd, write(tmp_path, arrays), code=2)
    assert words in err.splitlines()[-1]
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"heads": 2}, "keys.toml: heads"),
        ({"steps": "4"}, "keys.toml: steps: '4'"),
        ({"eps": -1}, "keys.toml: eps: -1: must be a number from 0 to 1"),
        ({"encoder": {"inputs": 5, "weight_bits": 5}}, "keys.toml: encoder.weight_bits: 5"),
        ({"blocks": []}, "keys.toml: blocks"),
        ({"blocks": [{"residual": "membrane"}]}, "blocks.0.residual: 'membrane': must be or"),
        ({"readout": {"steps": "last"}}, "keys.toml: readout.steps: 'last': must be all in the"),
        ({"blocks": [{"grid": 3}]}, "keys.toml: blocks.0.grid: 3: must be left out"),
        ({"blocks": [{"mlp_position": "absolute"}]}, "blocks.0.mlp_position: 'absolute': must be"),
        ({"kind": "mask"}, "keys.toml: kind: 'mask'"),
    ],
)
def test_keys_that_are_wrong(tmp_path, capfd, change, words):
    _, err = run(capfd, write(tmp_path, draw(), KEYS | change), code=2)
    assert words in err.splitlines()[-1]


def test_keys_are_needed(tmp_path, capfd):
    arguments = write(tmp_path, draw())
    del arguments[2:4]
    assert "needs -c: a network's design file without weights" in run(capfd, arguments, code=2)[1]
