"""Recorded spikes of a trained network: what they hold, and golden's agreement with PyTorch."""

import doctest
import importlib.util
import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from spikeloom.design import Design, load_design
from spikeloom.golden.attention.formula import attention

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "examples" / "japanese_vowels"
VARIANTS = sorted(path.stem.removeprefix("attention") for path in FOLDER.glob("attention*.toml"))
SPIKES = ("q", "k", "v", "spikes")
RECORDED = 18


def load(name: str) -> dict[str, np.ndarray]:
    with np.load(FOLDER / "recorded" / name, allow_pickle=False) as file:
        return dict(file)


def design_of(variant: str) -> Design:
    return load_design(FOLDER / f"attention{variant}.toml")


def golden(design: Design, batch: dict[str, np.ndarray]) -> np.ndarray:
    samples = zip(batch["q"], batch["k"], batch["v"], strict=True)
    return np.stack([attention(design, q, k, v) for q, k, v in samples])


@pytest.fixture(scope="module")
def artefacts() -> ModuleType:
    """Import the module of that name, which is in no package."""
    spec = importlib.util.spec_from_file_location("artefacts", FOLDER / "artefacts.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def needs_training_tools() -> None:
    """Skip where PyTorch or the data set is not installed; aeon itself is never imported."""
    pytest.importorskip("torch", reason="needs the extra 'train' (PyTorch)")
    if importlib.util.find_spec("aeon") is None:
        pytest.skip("needs the extra 'train' (aeon, for its data files)")


def run(script: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(FOLDER / script), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_variants():
    assert VARIANTS == ["", "-and-shift", "-xnor-gray", "-xnor-log"]


@pytest.mark.parametrize("variant", VARIANTS)
def test_design_has_the_shape_of_the_first_workload(variant):
    design = design_of(variant)
    shape = (design.tokens, design.dim, design.heads, design.steps, design.tau, design.reset)
    assert shape == (32, 64, 4, 4, 2, "hard")
    assert design.name == f"vowels-32x64{variant}"


@pytest.mark.parametrize("variant", VARIANTS)
def test_single_recording_keeps_the_input_contract(variant):
    single, batch = load(f"spikes{variant}.npz"), load(f"spikes-batch{variant}.npz")
    assert sorted(single) == ["k", "q", "v"]
    for name, array in single.items():
        assert array.dtype == np.uint8
        assert array.shape == (4, 32, 64)
        assert np.array_equal(array, batch[name][0])


@pytest.mark.parametrize("variant", VARIANTS)
def test_batch(variant):
    batch = load(f"spikes-batch{variant}.npz")
    assert sorted(batch) == sorted([*SPIKES, "lengths", "samples", "speakers"])
    for name in SPIKES:
        assert batch[name].dtype == np.uint8
        assert batch[name].shape == (RECORDED, 4, 32, 64)
        assert set(np.unique(batch[name])) == {0, 1}
    assert batch["speakers"].tolist() == sorted([*range(9), *range(9)])
    assert len(set(batch["samples"].tolist())) == RECORDED
    assert batch["lengths"].min() >= 7
    assert batch["lengths"].max() <= 29


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_is_silent_and_the_rest_is_not(variant):
    batch = load(f"spikes-batch{variant}.npz")
    for name in SPIKES:
        if name != "spikes":
            samples = list(zip(batch[name], batch["lengths"], strict=True))
            assert not any(spikes[:, length:].any() for spikes, length in samples)
            active = [spikes[:, :length].any(axis=(0, 2)) for spikes, length in samples]
            assert np.concatenate(active).mean() > 0.5
        # Each head and each step has something to say, or the recording is too easy a test.
        assert batch[name].reshape(RECORDED, 4, 32, 4, 16).any(axis=(0, 2, 4)).all()
        assert 0.01 < batch[name].mean() < 0.5


@pytest.mark.parametrize("variant", VARIANTS)
def test_golden_equals_pytorch(variant):
    batch = load(f"spikes-batch{variant}.npz")
    assert np.array_equal(golden(design_of(variant), batch), batch["spikes"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_recording_tells_another_layer_apart(variant):
    design, batch = design_of(variant), load(f"spikes-batch{variant}.npz")
    others = [
        {"threshold": design.threshold * (1 + design.scale)},
        {"threshold": design.threshold * (1 - design.scale)},
        {"reset": "soft"},
        {"tau": Fraction(4)},
        {"similarity": "and" if design.similarity == "xnor" else "xnor"},
    ]
    if design.position:
        others.append({"position": ()})
    for change in others:
        other = design.model_copy(update=change)
        assert not np.array_equal(golden(other, batch), batch["spikes"]), change


@pytest.mark.parametrize("variant", VARIANTS)
def test_padding_adds_nothing(variant):
    design, batch = design_of(variant), load(f"spikes-batch{variant}.npz")
    filled = {name: batch[name].copy() for name in "qkv"}
    for sample, length in enumerate(batch["lengths"]):
        filled["k"][sample, :, length:] = 1
    assert np.array_equal(golden(design, filled), batch["spikes"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_weights_are_small_integers(variant):
    weights = load(f"weights{variant}.npz")
    scaling = {name for name in weights if name.startswith("scaling.")}
    assert scaling == {"scaling.offset", "scaling.gain"}
    assert all(weights[name].dtype == np.int16 for name in set(weights) - scaling)
    assert sum(weights[name].size for name in set(weights) - scaling) < 40_000


def test_artefacts_stay_small():
    assert sum(path.stat().st_size for path in FOLDER.iterdir() if path.is_file()) < 1 << 20


def test_tables_of_the_page_are_current(artefacts):
    page = (ROOT / "docs" / "data.rst").read_text()
    results, rates = (json.loads((FOLDER / f"{n}.json").read_text()) for n in ("results", "rates"))
    assert set(rates) == {f"vowels-32x64{variant}" for variant in VARIANTS}
    assert all(rates[name]["accuracy"] == results[name]["0"]["exported"] for name in rates)
    assert artefacts.filled(page, results, rates) == page


def test_failed_write_leaves_the_old_file(artefacts, tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError):
        artefacts.write(path, lambda file: file.write(b"new") / 0)
    assert path.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_doctests(artefacts):
    assert doctest.testmod(artefacts).failed == 0


def test_recording_again_gives_the_same_spikes(tmp_path):
    needs_training_tools()
    finished = run("record.py", "--output", str(tmp_path))
    assert finished.returncode == 0, finished.stderr
    names = sorted(path.name for path in (FOLDER / "recorded").glob("spikes*.npz"))
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for name in names:
        with np.load(tmp_path / name) as again:
            committed = load(name)
            assert sorted(again) == sorted(committed)
            assert all(np.array_equal(again[key], committed[key]) for key in committed), name


def test_measuring_again_gives_the_same_numbers(tmp_path):
    needs_training_tools()
    page = tmp_path / "data.rst"
    page.write_text((ROOT / "docs" / "data.rst").read_text())
    (tmp_path / "results.json").write_text((FOLDER / "results.json").read_text())
    finished = run("record.py", "--stats", "--output", str(tmp_path), "--document", str(page))
    assert finished.returncode == 0, finished.stderr
    for name in ("rates.json", "results.json"):
        assert json.loads((tmp_path / name).read_text()) == json.loads((FOLDER / name).read_text())
    assert page.read_text() == (ROOT / "docs" / "data.rst").read_text()


def test_training_is_repeatable(tmp_path):
    needs_training_tools()
    weights = []
    for name in ("first", "second"):
        folder = tmp_path / name
        folder.mkdir()
        finished = run("train.py", "--steps", "3", "--output", str(folder))
        assert finished.returncode == 0, finished.stderr
        assert finished.stdout == ""
        with np.load(folder / "weights.npz") as file:
            weights.append(dict(file))
    first, second = weights
    assert sorted(first) == sorted(load("weights.npz"))
    assert all(np.array_equal(first[key], second[key]) for key in first)


def test_training_refuses_what_it_cannot_compute(tmp_path):
    needs_training_tools()
    design = tmp_path / "attention-if.toml"
    text = (FOLDER / "attention.toml").read_text()
    design.write_text(text.replace('neuron = "lif"\ntau = 2', 'neuron = "if"'))
    finished = run("train.py", "--design", str(design), "--output", str(tmp_path))
    assert finished.returncode == 2
    assert finished.stderr.startswith("neuron must be 'lif' to be trained here, not 'if'")
    assert finished.stderr.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["attention-if.toml"]
