"""The trained networks of the examples: files, test sets and results belong together."""

import doctest
import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeloom.design import load_design
from spikeloom.golden.network.formula import network

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = ROOT / "examples"
NAMES = sorted(path.parent.name for path in EXAMPLES.glob("*/network.toml"))
REGRESSIONS = ("taylor",)
# Of whose test set the file has a part.
SAMPLES = ("fashion_mnist",)


def load(name):
    with np.load(EXAMPLES / name / "network-test.npz") as file:
        return dict(file)


def results(name):
    return json.loads((EXAMPLES / name / "network-results.json").read_text())


def tables():
    spec = importlib.util.spec_from_file_location("tables", EXAMPLES / "tables.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def run(*arguments):
    return subprocess.run(
        [sys.executable, EXAMPLES / "networks.py", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def test_examples_are_there():
    assert NAMES == ["digits", "fashion_mnist", "japanese_vowels", "taylor", "vowels_fast"]


@pytest.mark.parametrize("name", NAMES)
def test_files_belong_together(name):
    design, test = load_design(EXAMPLES / name / "network.toml"), load(name)
    assert design.digest == design.weights.digest
    assert test["x"].dtype == np.int8
    assert test["x"].shape[1:] == (design.tokens, design.encoder.inputs)
    assert test["logits"].shape == (len(test["x"]), design.readout.outputs)
    assert ((test["length"] >= 1) & (test["length"] <= design.tokens)).all()
    padding = np.arange(design.tokens) >= test["length"][:, None]
    assert not test["x"][padding].any()


@pytest.mark.parametrize("name", NAMES)
def test_golden_gives_the_logits_of_the_trained_network(name):
    design, test = load_design(EXAMPLES / name / "network.toml"), load(name)
    for sample in np.linspace(0, len(test["x"]) - 1, 12).astype(int):
        found = network(design, test["x"][sample, : test["length"][sample]])
        assert found.tolist() == test["logits"][sample].tolist()


@pytest.mark.parametrize("name", NAMES)
def test_results_are_those_of_the_files(name):
    design, test = load_design(EXAMPLES / name / "network.toml"), load(name)
    if name in REGRESSIONS:
        means = test["logits"] / (design.steps * test["length"][:, None])
        forecast = means * test["scale"] + test["offset"]
        deviation = ((test["target"] - test["target"].mean()) ** 2).sum()
        score = 1 - ((test["target"] - forecast) ** 2).sum() / deviation
    elif name in SAMPLES:
        pytest.skip("the file has a part of the test set")
    else:
        score = (test["logits"].argmax(axis=1) == test["label"]).mean()
    assert results(name)["network"]["0"] == pytest.approx(score, abs=6e-5)


def test_chip_is_the_network_in_another_folding():
    folder = EXAMPLES / "vowels_fast"
    chip, trained = (load_design(folder / f"{name}.toml") for name in ("chip", "network"))
    block = trained.blocks[0]
    own = chip.blocks[0].attention
    inner = block.attention.model_copy(update={"folding": own.folding, "target": own.target})
    other = {"name": chip.name, "folding": chip.folding, "target": chip.target}
    same = trained.model_copy(
        update={**other, "blocks": (block.model_copy(update={"attention": inner}),)}
    )
    assert chip == same
    assert (chip.folding.lanes, chip.folding.tokens) == (64, 2)


def test_page_shows_the_results():
    page = ROOT / "docs" / "network-training.rst"
    percents = {name: name not in REGRESSIONS for name in NAMES}
    text = page.read_text()
    assert tables().filled(text, EXAMPLES, percents) == text, "run examples/networks.py --tables"


def test_doctests():
    assert doctest.testmod(tables()).failed == 0


def needs(package):
    for name in ("torch", "sklearn", package):
        if importlib.util.find_spec(name) is None:
            pytest.skip(f"needs the extra 'train' and the data in {package} ({name} is missing)")


@pytest.mark.parametrize(
    ("name", "package"),
    [("digits", "sklearn"), ("japanese_vowels", "aeon"), ("taylor", "pmdarima")],
)
def test_training_is_repeatable(name, package, tmp_path):
    needs(package)
    made = []
    for folder in (tmp_path / "first", tmp_path / "second"):
        finished = run(name, "--steps", "2", "--output", str(folder))
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == ""
        names = ["network-results.json", "network-test.npz", "network-weights.npz", "network.toml"]
        assert sorted(path.name for path in (folder / name).iterdir()) == names
        with np.load(folder / name / "network-test.npz") as file:
            made.append((load_design(folder / name / "network.toml").digest, dict(file)))
    assert made[0][0] == made[1][0]
    committed = load(name)
    for key in ("x", "length", "label", "target", "offset"):
        if key in committed:
            assert np.array_equal(made[0][1][key], committed[key])
    assert np.array_equal(made[0][1]["logits"], made[1][1]["logits"])


def test_refuses_another_variant(tmp_path):
    needs("sklearn")
    finished = run("digits", "--variant", "square", "--output", str(tmp_path))
    assert finished.returncode == 2
    assert finished.stderr.startswith("variant must be one of network, ")
    assert finished.stderr.count("\n") == 1
