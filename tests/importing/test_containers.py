"""Checkpoints that programs write: their tensors, types, and what stands beside them."""

import numpy as np
import pytest

from spikeloom.importing.checkpoint import read_checkpoint

from .files import FIXTURES, Pickle, safetensors, torch_zip
from .numbers_of_fixtures import FC_OUT, LAST, LAYER, TYPES, tensor


def state(offset):
    return {name: tensor(shape, offset) for name, (shape, _) in LAYER.items()}


def check(found, wanted):
    assert list(found.tensors) == list(wanted)
    for name, array in wanted.items():
        assert found.tensors[name].shape == array.shape
        assert (found.tensors[name] == array).all(), name


@pytest.mark.parametrize(
    ("file", "container"),
    [
        ("types.pth", "PyTorch (ZIP)"),
        ("legacy.pth", "PyTorch (before 1.6)"),
        ("types.safetensors", "safetensors"),
    ],
)
def test_every_type_is_read(file, container):
    found = read_checkpoint(FIXTURES / file)
    assert found.container == container
    kinds = {"float64": "float64", "float32": "float32", "float16": "float32"}
    kinds |= {"bfloat16": "float32", "bool": "bool"}
    for name in TYPES:
        array = tensor((2, 3), -2)
        assert found.types[name] == name
        assert found.tensors[name].dtype == kinds.get(name, "int64")
        assert (found.tensors[name] == (array != 0 if name == "bool" else array)).all()
    base = np.arange(12.0)
    assert (found.tensors["turned"] == base.reshape(3, 4).T).all()
    assert (found.tensors["slice"] == base[4:10:2]).all()
    assert found.tensors["number"].shape == ()
    assert found.tensors["number"] == 7
    assert (found.tensors["parameter"] == base[:2]).all()
    assert found.tensors["flag"].tolist() == [True, False]
    assert found.notes == ()


def test_npz(tmp_path):
    arrays = {name: tensor((2, 3), -2).astype(name) for name in TYPES if name != "bfloat16"}
    arrays["big"] = tensor((2,), 1).astype(">f4")
    for write in (np.savez, np.savez_compressed):
        write(tmp_path / "a.npz", **arrays)
        found = read_checkpoint(tmp_path / "a.npz")
        assert found.container == "NPZ"
        check(found, arrays)
        assert found.types["float16"] == "float16"
        assert found.tensors["float16"].dtype == found.tensors["big"].dtype == np.float32


def test_averaged_weights_are_taken_and_said():
    found = read_checkpoint(FIXTURES / "model_best.pth.tar")
    check(found, state(0))
    assert found.notes == (
        "The tensors are those of 'state_dict_ema' (averaged weights), and not 'state_dict'.",
    )
    last = read_checkpoint(FIXTURES / "model_best.pth.tar", ema=False)
    check(last, state(LAST))
    assert last.notes == (
        "The tensors are those of 'state_dict', and not 'state_dict_ema'.",
        "The prefix module. of every name is left out.",
    )
    assert read_checkpoint(FIXTURES / "model_last.pth.tar").notes == (
        "The tensors are those of 'state_dict'.",
        "The prefix module. of every name is left out.",
    )


def test_plain_data_stands_beside():
    extra = read_checkpoint(FIXTURES / "model_best.pth.tar").extra
    assert (extra["epoch"], extra["arch"], extra["metric"]) == (299, "spikformer", 94.5)
    assert extra["args"] == {
        "T": 4, "model": "spikformer", "lr": 1e-3, "output": "out", "betas": [0.9, 0.999],
    }  # fmt: skip
    assert extra["kinds"] == ["torch.float16", "cuda", [1, 2], None, None, None]
    assert extra["seen"] == {"x": [1]}
    assert "state_dict" not in extra


def test_seqsnn():
    head = {"fc_out.weight": tensor((1, 2), FC_OUT)}
    best = read_checkpoint(FIXTURES / "model_best.pkl")
    check(best, state(0) | head)
    assert best.notes == ("The prefix network. of names is left out.",)
    resume = read_checkpoint(FIXTURES / "resume.pth")
    check(resume, state(0) | head)
    assert "those of 'best_params', and not 'model', 'best_network_params'" in resume.notes[0]
    assert resume.extra["best_res"] == {"valid": {"r2": 0.9}}


def test_big_end_first(tmp_path):
    pickled = Pickle().state(w={})
    values = np.arange(4, dtype=">f4")
    path = torch_zip(tmp_path / "big.pth", pickled, {"0": values}, byteorder=b"big")
    check(read_checkpoint(path), {"w": np.arange(4)})


def test_tensors_share_a_storage(tmp_path):
    places = {"row": {"shape": (2,)}, "turned": {"shape": (2, 2), "strides": (1, 2)}}
    path = torch_zip(tmp_path / "a.pth", Pickle().state(**places), {"0": np.arange(4, dtype="f4")})
    check(read_checkpoint(path), {"row": np.array([0, 1]), "turned": np.array([[0, 2], [1, 3]])})


def test_safetensors_says_something_beside(tmp_path):
    about = {"__metadata__": {"format": "pt", "arch": "x"}}
    path = safetensors(tmp_path / "a", {"w": ("BF16", [2], [0, 4])}, b"\x80\x3f\x00\xc0", **about)
    found = read_checkpoint(path)
    check(found, {"w": np.array([1, -2])})
    assert found.extra == {"format": "pt", "arch": "x"}
