"""What an import says of its fidelity, of the task, and of the device."""

import json

import numpy as np
import pytest

from spikeloom.design.network.design import NetworkDesign
from spikeloom.golden.network import trace
from spikeloom.importing.compare import Comparison, numbers_of, real_pass, whole_pass
from spikeloom.importing.families import recognise
from spikeloom.importing.families.source import Source
from spikeloom.importing.fit import Fit
from spikeloom.importing.imported import Options

from .cases import CASES, draw
from .opened import convert, read


def samples(name, count):
    return np.stack([draw(CASES[name], seed) for seed in range(count)])


def test_differences_are_counted():
    whole, rough = (convert("spikformer-cifar", bits=bits).report for bits in (8, 2))
    layers = {one.layer: one for one in rough.differences}
    assert layers["blocks.0.expand"].places == 2 * 2 * 16 * 32
    assert layers["encoder"].differ == 0
    assert 0 < whole.share < rough.share < 1
    assert rough.verdict == f"rounded: {rough.share:.2%} of spikes differ, on 2 drawn samples"
    found = rough.text().splitlines()
    assert "  blocks.0.query" in "\n".join(line.rpartition("  ")[0].rstrip() for line in found)


def test_same_spikes_are_same_spikes():
    report = convert("seqsnn", "grid", data=samples("seqsnn", 3)).report
    assert report.verdict == "same spikes, on 3 given samples"
    assert report.share == 0


def test_calibration_helps_on_its_data():
    data = samples("qkformer-cifar", 4)
    drawn, fitted = (convert("qkformer-cifar", bits=2, data=given) for given in (None, data))
    shares = []
    for imported in (drawn, fitted):
        share = convert_on(imported, data)
        shares.append(share)
    assert shares[1] < shares[0]


def convert_on(imported, data):
    """Return the share of spikes of all stages that differ from float on data."""
    checkpoint = read("qkformer-cifar")
    found = recognise(checkpoint)
    source = Source(checkpoint, CASES["qkformer-cifar"].settings, Options(), found.names)
    model = found.family.read(source)
    designs = [NetworkDesign.from_dict({**p.design, "weights": p.weights}) for p in imported.parts]
    compared = Comparison(imported.parts)
    for sample in data:
        compared.add(real_pass(model, sample), whole_pass(imported.parts, designs, sample))
    layers = compared.differences
    return sum(one.differ for one in layers) / sum(one.places for one in layers)


def test_classes():
    data = samples("spikformer-cifar", 4)
    labels = np.array([0, 1, 2, 3])
    metric = convert("spikformer-cifar", data=data, labels=labels).report.metric
    assert metric.name == "accuracy"
    assert metric.real in (0, 0.25, 0.5, 0.75, 1)
    assert abs(metric.real - metric.whole) <= 0.25


def test_numbers():
    data = samples("seqsnn", 4)
    checkpoint = read("seqsnn", "grid")
    found = recognise(checkpoint)
    source = Source(checkpoint, CASES["seqsnn"].settings, Options(), found.names)
    model = found.family.read(source)
    target = np.stack([real_pass(model, sample).passed[-1].numbers for sample in data])
    imported = convert("seqsnn", "grid", data=data, labels=target)
    assert imported.report.metric.name == "R2"
    assert imported.report.metric.real == pytest.approx(1)
    assert imported.report.metric.whole == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize("name", ["spike-driven-v1", "spikingformer-cifar", "spikformer-cifar"])
def test_numbers_have_the_units_of_the_model(name):
    checkpoint, sample = read(name, "grid"), draw(CASES[name])
    found = recognise(checkpoint)
    source = Source(checkpoint, CASES[name].settings, Options(), found.names)
    want = real_pass(found.family.read(source), sample).passed[-1].numbers
    (part,) = convert(name, "grid").parts
    design = NetworkDesign.from_dict({**part.design, "weights": part.weights})
    numbers = numbers_of(part, trace(design, part.host.run(sample).astype(np.int64)))
    assert numbers == pytest.approx(want, abs=float(0.02 * np.abs(want).max()))


def test_written_for_programs():
    found = json.loads(json.dumps(convert("seqsnn-xnor").report.json()))
    assert found["family"] == "SeqSNN Spikformer with XNOR"
    assert found["left"]
    assert found["layers"][0] == {"layer": "encoder", "differ": 0, "places": 2 * 4 * 12 * 16}
    assert found["fits"][0]["fits"] is True


def test_largest_part_that_fits():
    (part,) = convert("spikformer-cifar").parts
    keys = {**part.design, "blocks": part.design["blocks"] * 3, "dim": 256, "tokens": 4}
    keys["blocks"] = [{**block, "hidden": 256} for block in keys["blocks"]]
    keys["encoder"] = {**keys["encoder"], "inputs": 256}
    weights = {"readout.weight": np.ones((1, 5, 256), int), "readout.bias": np.zeros(5, int)}
    for n in range(3):
        for name in ("query", "key", "value", "project", "expand", "contract"):
            at = f"blocks.{n}.{name}"
            weights[f"{at}.weight"] = np.ones((256, 256), int)
            weights |= {f"{at}.bias": np.zeros(256, int), f"{at}.threshold": np.ones(256, int)}
    keys |= {"weights": weights, "digest": None}
    fit = Fit("big", NetworkDesign.from_dict(keys))
    assert dict(fit.largest) == {1: 2, 2: 1, 3: 0, 4: 0, 8: 0}
    assert not fit.fits
    assert fit.text.endswith("too many; 2 of 3 blocks with weights of 1 bit would fit")


def test_memories_of_the_hardware():
    found = convert("seqsnn").report.json()["fits"][0]
    assert (found["fits"], found["spram"]) == (True, 1)
    assert found["ebr"] <= 30
    first, *_ = convert("qkformer-cifar").report.fits
    assert first.text.endswith("of 30 EBR: too many")
    assert not first.fits


def test_no_hardware():
    (part,) = convert("seqsnn").parts
    keys = {**part.design, "weights": part.weights, "tau": 3, "steps": 2}
    fit = Fit("slow", NetworkDesign.from_dict(keys))
    assert ": there is no hardware for tau: '3': must " in fit.text
    assert fit.json()["unbuilt"] == fit.memories
    assert not fit.fits
