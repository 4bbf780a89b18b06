from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main

VOWELS = Path(__file__).resolve().parents[2] / "examples" / "japanese_vowels"
REAL = {
    "attention": "",
    "attention-xnor-gray": "-xnor-gray",
    "attention-xnor-log": "-xnor-log",
    "attention-and-shift": "-and-shift",
}
COMMON = """
name = "layer"
tokens = 5
dim = 8
heads = 2
steps = 2
"""
# The least that makes each mechanism matter: synthesis of each takes seconds.
DESIGNS = {
    "and": "threshold = 2\nscale = 1",
    "xnor-gray-rom": """
        similarity = "xnor"
        position = "gray"
        threshold = 6
        scale = 1
        [gray]
        form = "rom"
        [folding]
        rows = 2
    """,
    "xnor-log": """
        similarity = "xnor"
        position = "log"
        neuron = "if"
        threshold = 20
        scale = 1
        [log]
        length = 40
    """,
    "alpha": """
        similarity = "alpha-xnor"
        alpha = 0.375
        threshold = 5
        scale = 1
        [target]
        beat = 4
    """,
    "hamming-if-soft": """
        similarity = "hamming"
        neuron = "if"
        reset = "soft"
        threshold = 1
        scale = 1
        [folding]
        lanes = 2
    """,
    "table-xor": """
        similarity = "and"
        position = "table"
        threshold = 3
        scale = 1
        [table]
        index = "xor"
        values = [[3, -2, 1, 0, 7, -8, 2, 1], [0, 1, 2, 3, -4, 5, -6, 7]]
        [folding]
        rows = 4
    """,
    "shift-soft": """
        position = "shift"
        reset = "soft"
        threshold = "7/3"
        scale = 1
        [shift]
        groups = 2
    """,
    "gate": """
        gate = 2
        threshold = 2
        scale = 1
        [folding]
        rows = 2
    """,
    "gate-log": """
        similarity = "xnor"
        position = "log"
        gate = 4
        threshold = 2
        scale = 1
        [log]
        length = 9
    """,
    "heads": """
        scale = [0.3, 1]
        threshold = 2
    """,
    "heads-alpha-soft": """
        similarity = "alpha-xnor"
        alpha = [0.125, 0.625]
        scale = ["1/2", "1/4"]
        threshold = 2
        reset = "soft"
        [folding]
        rows = 2
        lanes = 2
    """,
    "shift-grid": """
        position = "shift"
        threshold = 1
        scale = 1
        [shift]
        groups = 2
        grid = [1, 5]
    """,
    "none": 'similarity = "xnor"\nneuron = "none"',
}


def run(*arguments):
    return main(["simulate", *(str(argument) for argument in arguments)])


def write(path, body):
    path.write_text(COMMON + "\n".join(line.strip() for line in body.splitlines()) + "\n")
    return path


def answers(path):
    with np.load(path) as file:
        return {name: file[name] for name in file.files}


def compare(design, source, folder, targets):
    """Run each target on the same spikes; the answer files must hold the same answer."""
    results = {}
    for target in targets:
        out = folder / f"{target}.npz"
        check = () if target == "golden" else ("--check", "--stalls", "0.3", "--seed", "9")
        assert run(design, "--input", source, "--output", out, "--target", target, *check) == 0
        results[target] = answers(out)
    golden = results.pop("golden")
    (name,) = golden
    for result in results.values():
        assert result[name].dtype == golden[name].dtype
        assert (result[name] == golden[name]).all()
        assert result["compute_cycles"] == next(iter(results.values()))["compute_cycles"]
    assert golden[name].any()
    assert not (golden[name] == golden[name].flat[0]).all()
    return golden[name]


@pytest.mark.parametrize("kind", ["spikes", "spikes-batch"])
@pytest.mark.parametrize("name", REAL)
def test_real_spikes(name, kind, tmp_path):
    source = VOWELS / "recorded" / f"{kind}{REAL[name]}.npz"
    answer = compare(VOWELS / f"{name}.toml", source, tmp_path, ("golden", "rtl"))
    # Real spikes are sparse: neither silence nor noise.
    assert 0.01 < answer.mean() < 0.5


@pytest.mark.synth
@pytest.mark.parametrize("name", DESIGNS)
def test_rtl_and_netlist_equal_golden(name, tmp_path):
    design = write(tmp_path / "layer.toml", DESIGNS[name])
    rng = np.random.default_rng(2)
    shape = (3, 2, 5, 8)
    source = tmp_path / "in.npz"
    np.savez(source, **{n: (rng.random(shape) < 0.6).astype(np.uint8) for n in "qkv"})
    compare(design, source, tmp_path, ("golden", "rtl", "netlist"))


def test_wrong_rtl_is_not_taken_for_right(tmp_path, monkeypatch, capsys):
    design = write(tmp_path / "layer.toml", DESIGNS["and"])
    from spikeloom.golden.attention import formula as golden

    right = golden.scores
    monkeypatch.setattr(golden, "scores", lambda *pair: right(*pair) + 1)
    assert run(design, "--check", "--simulator", "pysim", "--rate", "0.5") == 1
    error = capsys.readouterr().err.splitlines()[-1]
    assert "layer: spikes must equal golden, and" in error
