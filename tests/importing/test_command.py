"""``spikeloom import`` from files to files: what it writes, prints and refuses."""

import json
import shutil

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.design.read import DesignError
from spikeloom.importing import command
from spikeloom.importing.checkpoint import read_checkpoint
from spikeloom.importing.host import Program

from .files import FIXTURES

SEQSNN = FIXTURES / "families" / "seqsnn.pkl"
PICTURES = FIXTURES / "families" / "qkformer-cifar.pth.tar"
YAML = "network: {type: Spikformer, heads: 2, num_steps: 4, dim: 16, depths: 2}\n"


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "config.yml"
    path.write_text(YAML + "data: {window: 12}\n")
    return path


def run(capfd, *arguments, code=0):
    found = main(["import", *map(str, arguments)])
    out, err = capfd.readouterr()
    assert found == code, err
    return out, err


def refused(capfd, *arguments, words, folder):
    before = sorted(folder.iterdir()) if folder.exists() else None
    out, err = run(capfd, *arguments, "-o", folder, code=2)
    assert out == ""
    assert words in err.splitlines()[-1]
    assert err.splitlines()[-1].startswith("spikeloom: ")
    assert (sorted(folder.iterdir()) if folder.exists() else None) == before


def test_files_of_a_network(config, tmp_path, capfd):
    folder = tmp_path / "deep" / "out"
    out, err = run(capfd, SEQSNN, "-c", config, "-o", folder, "--bits", 4)
    assert "SeqSNN Spikformer" in err
    assert "fidelity: " in out
    files = ["network.toml", "weights.npz", "host.npz", "import.json"]
    assert out.splitlines()[-4:] == [str(folder / file) for file in files]
    design = load_design(folder / "network.toml")
    assert (design.kind, design.tokens, design.dim, design.depth) == ("network", 12, 16, 2)
    assert design.blocks[0].weight_bits == 4
    assert np.abs(design.weights["blocks.0.query.weight"]).max() <= 7
    with np.load(folder / "host.npz") as arrays:
        x = Program.load(arrays).run(np.zeros((12, 3)))
    assert x.shape == (4, 12, 3)
    about = json.loads((folder / "import.json").read_text())
    assert (about["made_by"].split()[0], about["source"]) == ("spikeloom", "seqsnn.pkl")
    assert about["report"]["family"] == "SeqSNN Spikformer"
    # The same again takes the place of these files, and is the same.
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    run(capfd, SEQSNN, "-c", config, "-o", folder, "--bits", 4)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_fate_of_every_tensor(config, tmp_path, capfd):
    out, _ = run(capfd, SEQSNN, "-c", config, "-o", tmp_path / "a", "--explain")
    found = run(capfd, SEQSNN, "-c", config, "-o", tmp_path / "a", "--json")[0]
    tensors = [entry["tensor"] for entry in json.loads(found)["tensors"]]
    assert tensors == list(read_checkpoint(SEQSNN).tensors)
    for name in tensors:
        assert f"\n{name}: " in out


def test_stages_have_files_of_their_own(tmp_path, capfd):
    config = tmp_path / "cifar10.yml"
    config.write_text("layer: 3\ndim: 32\nnum_heads: 8\ntime_step: 2\nimg_size: 16\n")
    out, _ = run(capfd, PICTURES, "-c", config, "-o", tmp_path / "out")
    for stage in (1, 2, 3):
        assert f"stage{stage}: weights take" in out
        design = load_design(tmp_path / "out" / f"stage{stage}.toml")
        assert design.weights.file == f"stage{stage}-weights.npz"
        assert (tmp_path / "out" / f"stage{stage}-host.npz").is_file()


def test_data_are_prepared_for_the_chip(config, tmp_path, capfd):
    data = np.random.default_rng(0).normal(size=(3, 12, 3))
    np.savez(tmp_path / "data.npz", data=data, target=data[:, 0])
    folder = tmp_path / "out"
    out, _ = run(capfd, SEQSNN, "-c", config, "-o", folder, "--calibrate", tmp_path / "data.npz")
    assert "on 3 given samples" in out
    assert "R2: " in out
    with np.load(folder / "input.npz") as arrays:
        assert arrays["x"].shape == (3, 4, 12, 3)
        assert arrays["x"].max() == 1
    answer = ["simulate", str(folder / "network.toml"), "--target", "golden"]
    assert (
        main([*answer, "--input", str(folder / "input.npz"), "--output", str(folder / "a.npz")])
        == 0
    )
    with np.load(folder / "a.npz") as arrays:
        assert arrays["logits"].shape == (3, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"y": np.zeros(3)}, "must hold an array data or x"),
        ({"data": np.zeros((2, 12, 4))}, "must be numbers of shape (samples, 12, 3)"),
        ({"data": np.zeros((0, 12, 3))}, "data: must hold numbers of at least one sample"),
        ({"data": np.full((1, 12, 3), np.nan)}, "data: must hold finite numbers only"),
        ({"data": np.array(["x"])}, "data: must hold numbers"),
        ({"data": np.zeros((2, 12, 3)), "label": np.zeros(3)}, "must be one for each of the 2"),
    ],
)
def test_data_that_are_wrong(config, tmp_path, capfd, arrays, words):
    np.savez(tmp_path / "data.npz", **arrays)
    more = ("--calibrate", tmp_path / "data.npz")
    refused(capfd, SEQSNN, "-c", config, *more, words=words, folder=tmp_path / "out")


def test_what_is_refused(config, tmp_path, capfd):
    folder = tmp_path / "out"
    refused(capfd, tmp_path / "no.pth", words="No such file", folder=folder)
    refused(capfd, config, words="must be a checkpoint", folder=folder)
    refused(capfd, SEQSNN, "-c", tmp_path / "no.yml", words="No such file", folder=folder)
    refused(capfd, FIXTURES / "types.pth", words="is of no known family", folder=folder)
    config.write_text(YAML.replace("depths: 2", "depths: 4"))
    refused(capfd, SEQSNN, "-c", config, words="network.depths: 4: must be 2", folder=folder)
    assert not folder.exists()


def test_shapes_that_do_not_go_together(tmp_path, capfd):
    tensors = dict(read_checkpoint(PICTURES).tensors)
    tensors["patch_embed1.proj1_conv.weight"] = np.ones((16, 9, 3, 3), np.float32)
    np.savez(tmp_path / "a.npz", **tensors)
    (tmp_path / "c.yml").write_text("layer: 3\ndim: 32\nnum_heads: 8\ntime_step: 2\nimg_size: 16\n")
    words = "a.npz: tensors: must fit together, and do not: "
    more = ("-c", tmp_path / "c.yml")
    refused(capfd, tmp_path / "a.npz", *more, words=words, folder=tmp_path / "out")


def test_numbers_that_leave_their_range(tmp_path, capfd):
    tensors = dict(read_checkpoint(FIXTURES / "families" / "max-former.pth.tar").tensors)
    tensors["stage3.0.mlp.fc2_conv.bias"] = np.full(16, 3e38, np.float32)
    np.savez(tmp_path / "a.npz", **tensors)
    (tmp_path / "c.yml").write_text("layer: 3\ntime_step: 2\nimg_size: 16\nnum_heads: 2\n")
    words = "a.npz: tensors: must be smaller: folded with the others they leave the range"
    more = ("-c", tmp_path / "c.yml")
    refused(capfd, tmp_path / "a.npz", *more, words=words, folder=tmp_path / "out")


@pytest.mark.parametrize("more", [(), ("--no-ema",)])
def test_averaged_weights_can_be_left(tmp_path, capfd, monkeypatch, more):
    seen = []

    def recognise(checkpoint):
        seen.append(checkpoint.notes[0])
        raise DesignError("", "", "seen")

    monkeypatch.setattr(command, "recognise", recognise)
    file = FIXTURES / "model_best.pth.tar"
    refused(capfd, file, *more, words="seen", folder=tmp_path / "out")
    assert ("averaged" in seen[0]) == (not more)


def test_files_of_others_stay(config, tmp_path, capfd):
    folder = tmp_path / "out"
    folder.mkdir()
    (folder / "network.toml").write_text("mine")
    refused(capfd, SEQSNN, "-c", config, words="was not written by spikeloom", folder=folder)
    assert (folder / "network.toml").read_text() == "mine"
    (folder / "network.toml").unlink()
    run(capfd, SEQSNN, "-c", config, "-o", folder)
    other = tmp_path / "other.pkl"
    shutil.copy(SEQSNN, other)
    refused(capfd, other, "-c", config, words="was made of seqsnn.pkl", folder=folder)


def test_a_place_that_cannot_be_written(config, tmp_path, capfd):
    place = tmp_path / "file"
    place.write_text("")
    _, err = run(capfd, SEQSNN, "-c", config, "-o", place, code=2)
    assert err.splitlines()[-1].startswith(f"spikeloom: {place}")
