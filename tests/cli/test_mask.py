import numpy as np
import pytest

from spikeloom.cli import main

TEXT = """
kind = "mask"
name = "layer"
attention = "{attention}"
tokens = 3
dim = 12
heads = 2
steps = 2
threshold = {threshold}
[target]
beat = 4
"""


@pytest.fixture
def file(tmp_path):
    def write(attention="qk-token", threshold=0.5, **arrays):
        design = tmp_path / "layer.toml"
        design.write_text(TEXT.format(attention=attention, threshold=threshold))
        spikes = tmp_path / "spikes.npz"
        np.savez(spikes, **arrays)
        return str(design), "--input", str(spikes)

    return write


def draw(names, seed=1):
    rng = np.random.default_rng(seed)
    return {name: (rng.random((2, 3, 12)) < 0.5).astype(np.uint8) for name in names}


@pytest.mark.synth
@pytest.mark.parametrize("target", ["golden", "rtl", "netlist"])
@pytest.mark.parametrize(
    ("attention", "threshold"), [("qk-token", 0.5), ("qk-channel", 1), ("sdsa", 0.5)]
)
def test_every_target(attention, threshold, target, file, tmp_path, capfd):
    arguments = file(attention, threshold, **draw("qkv" if attention == "sdsa" else "qk"))
    answer = tmp_path / "answer.npz"
    command = ["simulate", *arguments, "--target", target, "--check", "--output", str(answer)]
    assert main(command) == 0
    assert "equal to golden" in capfd.readouterr().out
    with np.load(answer) as found:
        assert found["spikes"].shape == (2, 3, 12)
        assert ("compute_cycles" in found) == (target != "golden")


def test_what_is_not_needed_is_not_looked_at(file, capfd):
    arrays = draw("qk")
    arguments = file(**arrays, v=np.full((7,), 9))
    assert main(["simulate", *arguments, "--target", "golden"]) == 0
    capfd.readouterr()


@pytest.mark.parametrize(
    ("attention", "change", "said"),
    [
        ("qk-token", {"k": None}, "k: must be in the file, and is not; it holds q"),
        ("sdsa", {}, "v: must be in the file, and is not; it holds q, k"),
        (
            "qk-channel",
            {"q": np.zeros((2, 3, 11), int)},
            "q: must be of shape (T, N, D) = (2, 3, 12), not (2, 3, 11)",
        ),
        ("qk-channel", {"k": np.full((2, 3, 12), 2)}, "k: 2 at (0, 0, 0): must be 0 or 1"),
        ("qk-token", {"q": np.zeros((2, 3, 12))}, "q: must be of integers (uint8), not float64"),
    ],
)
def test_a_wrong_array_is_one_line(attention, change, said, file, capfd):
    arrays = {name: a for name, a in (draw("qk") | change).items() if a is not None}
    arguments = file(attention, **arrays)
    assert main(["simulate", *arguments, "--target", "golden"]) == 2
    out, err = capfd.readouterr()
    assert out == ""
    assert err == f"spikeloom: {arguments[2]}: {said}\n"


@pytest.mark.synth
def test_build_and_report(file, tmp_path, capfd):
    design, *_ = file("sdsa")
    folder = str(tmp_path / "out")
    assert main(["build", design, "-o", folder, "--seeds", "1"]) == 0
    capfd.readouterr()
    assert main(["report", folder, "--full"]) == 0
    out, _ = capfd.readouterr()
    assert "3 tokens x 12 dims, 2 heads, 2 time steps" in out
    assert "mask sdsa, neuron lif, hard reset" in out
    # 2 heads, 2 steps, 3 tokens, 2 beats, 3 inputs.
    assert [line.split()[-3:] for line in out.splitlines() if "an engine works" in line] == [
        ["72", "72", "yes"]
    ]
