"""Weights of networks: arrays that are refused, in files and from programs, and their digest."""

import json
import re
import subprocess
import sys

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, DesignError, load_design
from spikeloom.design.network.weights import Weights, digest

from ..networks.draws import DENSE, block, draw_arrays, keys, shapes

SECTIONS = """kind = "network"
name = "few"
tokens = 5
dim = 12
steps = 2
weights = "w.npz"
[encoder]
inputs = 5
bits = 4
weight_bits = 4
position = "absolute"
[[blocks]]
hidden = 20
[blocks.attention]
heads = 2
scale = "1/4"
[readout]
outputs = 3
weight_bits = 4
"""


def error(data, arrays=None, **options):
    with pytest.raises(DesignError) as caught:
        Design.from_dict({"weights": arrays or draw_arrays(keys()), **data}, **options)
    text = str(caught.value)
    assert "\n" not in text
    return text


def without(data, name):
    return {key: value for key, value in data.items() if key != name}


def changed(name, entry=None, **options):
    """Draw the arrays, with an entry of one changed."""
    arrays = draw_arrays(keys(**options))
    if entry is not None:
        arrays[name] = arrays[name].copy()
        arrays[name].flat[-1] = entry
    return arrays


ENDS = [
    ("encoder.weight", -8, 7),
    ("encoder.position", -8, 7),
    ("encoder.bias", 1 - (1 << 23), (1 << 23) - 1),
    ("encoder.threshold", 1, (1 << 23) - 1),
    *((f"blocks.0.{name}.weight", -1, 1) for name in DENSE),
    *((f"blocks.0.{name}.bias", 1 - (1 << 23), (1 << 23) - 1) for name in DENSE),
    *((f"blocks.0.{name}.threshold", 1, (1 << 23) - 1) for name in DENSE),
    ("readout.weight", -8, 7),
    ("readout.bias", 1 - (1 << 23), (1 << 23) - 1),
]


@pytest.mark.parametrize(("name", "low", "high"), ENDS)
def test_entries_end_where_the_contract_says(name, low, high):
    for entry in (low, high):
        Design.from_dict({**keys(), "weights": changed(name, entry)})
    for entry in (low - 1, high + 1):
        found = error(keys(), changed(name, entry))
        assert found == f"weights: array {name}: {entry}: must be from {low} to {high}"


@pytest.mark.parametrize(("bits", "low", "high"), [(3, -4, 3), (4, -8, 7), (8, -128, 127)])
def test_weights_end_with_their_bits(bits, low, high):
    options = {"blocks": [block(weight_bits=bits)], "readout": {"weight_bits": bits}}
    for name in ("blocks.0.expand.weight", "readout.weight"):
        for entry in (low - 1, high + 1):
            line = f"weights: array {name}: {entry}: must be from {low} to {high}"
            assert error(keys(**options), changed(name, entry, **options)) == line


@pytest.mark.parametrize("name", ["encoder.weight", "blocks.0.query.weight", "readout.weight"])
def test_binary_weights_are_never_zero(name):
    options = {
        "encoder": {"weight_bits": 1, "position": "none"},
        "blocks": [block(weight_bits=1)],
        "readout": {"weight_bits": 1},
    }
    Design.from_dict({**keys(**options), "weights": changed(name, -1, **options)})
    for entry in (0, 2):
        line = f"weights: array {name}: {entry}: must be -1 or 1 (weight_bits 1)"
        assert error(keys(**options), changed(name, entry, **options)) == line


def test_arrays_of_other_shapes():
    arrays = draw_arrays(keys())
    for name, shape, _ in shapes(keys()):
        for wrong in (arrays[name].T, arrays[name][..., :-1], arrays[name][None]):
            if wrong.shape != shape:
                found = error(keys(), {**arrays, name: wrong})
                assert found.startswith(f"weights: array {name}: must be of shape (")
                assert found.endswith(f" = {shape}, not {wrong.shape}")


def test_missing_arrays_and_arrays_too_many():
    arrays = draw_arrays(keys())
    for name, shape, _ in shapes(keys()):
        found = error(keys(), without(arrays, name))
        assert found.startswith(f"weights: array {name}: missing: (")
        assert found.endswith(f" = {shape} integers")
    found = error(keys(), {**arrays, "blocks.1.query.weight": np.zeros(2, int)})
    assert found.startswith("weights: array blocks.1.query.weight: must not be there: the arrays a")
    found = error(keys(encoder={"position": "none"}), arrays)
    assert found.startswith("weights: array encoder.position: must not be there")


@pytest.mark.parametrize(
    ("array", "line"),
    [
        (np.full(12, np.nan), "must hold integers, not NaN"),
        (np.zeros(12), "must hold integers, not float64"),
        (np.zeros(12, np.float32), "must hold integers, not float32"),
        (np.zeros(12, bool), "must hold integers, not bool"),
        (np.zeros(12, complex), "must hold integers, not complex128"),
        (np.full(12, "1"), "must hold integers, not <U1"),
        ([[1], [2, 3]], "must be an array of integers"),
        ([1 << 70], "must hold integers, not object"),
        (np.full(12, 1 << 31), "must hold 32-bit integers"),
        (np.full(12, (1 << 63) - 1), "must hold 32-bit integers"),
        (np.full(12, 1 << 63, np.uint64), "must hold 32-bit integers"),
        (None, "must hold integers, not object"),
    ],
)
def test_arrays_that_hold_no_integers(array, line):
    arrays = draw_arrays(keys())
    assert (
        error(keys(), {**arrays, "encoder.bias": array}) == f"weights: array encoder.bias: {line}"
    )


@pytest.mark.parametrize("value", [3, None, "w.npy", "w", "", "a\0.npz", ["w.npz"], b"w.npz"])
def test_names_of_no_file(value):
    found = error({**keys(), "weights": value}, file="d.toml")
    assert found.startswith("d.toml: weights: ")
    assert found.endswith(": must be the name of a .npz file")


def test_digest_of_other_weights():
    arrays = draw_arrays(keys())
    own = digest(arrays)
    design = Design.from_dict({**keys(digest=own), "weights": arrays})
    assert (design.digest, design.weights.digest) == (own, own)
    other = changed("readout.bias", 5)
    assert digest(other) != own
    found = error(keys(digest=own), other)
    assert found == f"weights: arrays of digest {digest(other)}: must be of digest {own}"


def test_digest_tells_names_shapes_and_entries_apart_and_not_types():
    one = {"a": np.array([[1, 2]], np.int8), "b": np.array([3])}
    same = {"b": [3], "a": [[1, 2]]}
    assert digest(one) == digest(same)
    others = [
        *({"a": [[1, 2]]}, {"a": [[1, 2]], "c": [3]}, {"a": [1, 2], "b": [3]}),
        *({"a": [[1, 3]], "b": [3]}, {"a": [[2, 1]], "b": [3]}),
    ]
    assert len({digest(arrays) for arrays in [one, *others]}) == 6


def test_weights_are_a_mapping_that_knows_its_digest():
    weights = Weights("w.npz", {"a": np.array([1, 2])})
    assert (list(weights), len(weights), weights["a"].tolist()) == (["a"], 1, [1, 2])
    same, other = Weights("", {"a": np.array([1, 2])}), Weights("w.npz", {"a": np.array([1, 3])})
    assert weights == same
    assert hash(weights) == hash(same)
    assert weights != other
    assert weights != {"a": [1, 2]}
    assert "w.npz" in repr(weights)
    with pytest.raises(ValueError, match="read-only"):
        weights["a"][0] = 7


def write(folder, text=SECTIONS, arrays=None):
    path = folder / "d.toml"
    path.write_text(text)
    np.savez(folder / "w.npz", **(arrays or draw_arrays(keys())))
    return path


def test_dump_of_a_file_names_the_weights(tmp_path):
    design = load_design(write(tmp_path))
    dump = json.loads(json.dumps(design.model_dump(mode="json", exclude_none=True)))
    assert dump["weights"] == "w.npz"
    assert Design.from_dict(dump, folder=tmp_path) == design


def test_integer_types_of_a_file_do_not_matter(tmp_path):
    arrays = draw_arrays(keys())
    kinds = (np.int8, np.int16, np.int32, np.int64)
    small = {
        name: array.astype(next(k for k in kinds if np.abs(array).max() <= np.iinfo(k).max))
        for name, array in arrays.items()
    }
    assert {array.dtype for array in small.values()} > {np.dtype(np.int8)}
    design = load_design(write(tmp_path, arrays=small))
    assert design.weights == Weights("", arrays)
    assert {design.weights[name].dtype for name in arrays} == {np.dtype(np.int64)}


def damaged(folder, how):
    """Write a design whose file of weights is damaged; give its path."""
    path, file = write(folder), folder / "w.npz"
    whole = file.read_bytes()
    if how == "truncated":
        file.write_bytes(whole[: len(whole) // 2])
    elif how == "empty":
        file.write_bytes(b"")
    elif how == "text":
        file.write_text("weights\n")
    elif how == "flipped":
        at = whole.index(b"blocks.0.query.weight.npy") + 160
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
    elif how == "npy":
        with file.open("wb") as stream:
            np.save(stream, np.arange(3))
    elif how == "pickled":
        arrays = {**draw_arrays(keys()), "encoder.bias": np.array([None] * 12, dtype=object)}
        np.savez(file, **arrays)
    elif how == "missing":
        file.unlink()
    elif how == "folder":
        file.unlink()
        file.mkdir()
    elif how == "pointer":
        file.write_text("version https://git-lfs.github.com/spec/v1\n")
    return path


DAMAGES = {
    "truncated": "must be an NPZ file of numbers: File is not a zip file",
    "empty": "must be an NPZ file of numbers: ",
    "text": "must be an NPZ file of numbers: File is not a zip file",
    "flipped": "must be an array of numbers: Bad CRC-32",
    "npy": "must be an NPZ file (numpy.savez), not a single array",
    "pickled": "it holds object and no numbers",
    "missing": "must be a file that can be read (No such file or directory)",
    "folder": "must be a file that can be read (Is a directory)",
    "pointer": "is a pointer of Git LFS and not the file itself: git lfs pull fetches it",
}


@pytest.mark.parametrize("how", DAMAGES)
def test_damaged_files(how, tmp_path, capfd):
    path = damaged(tmp_path, how)
    with pytest.raises(DesignError) as caught:
        load_design(path)
    line = str(caught.value)
    assert line.startswith(f"{path}: weights: 'w.npz': ")
    assert DAMAGES[how] in line
    assert "\n" not in line
    assert command(capfd, path, tmp_path / "out") == line


def command(capfd, path, out):
    """Generate from a file that is refused; give the line, after exit code 2 and no file."""
    code = main(["generate", str(path), "-o", str(out)])
    printed, lines = capfd.readouterr()
    assert (code, printed) == (2, "")
    assert not out.exists()
    (line,) = lines.splitlines()
    return line.removeprefix("spikeloom: ")


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("[[blocks]]\n", "[blocks]\n", "must be a list of 1 to 16 sections, [[blocks]]"),
        (
            "heads = 2\n",
            "heads = 2\nhaeds = 2\n",
            "haeds: 2: unknown key: the keys here are name,",
        ),
        ("heads = 2\n", 'heads = 2\nneuron = "none"\n', "blocks.0.attention.neuron: 'none': m"),
        ("outputs = 3\n", "outputs = 4\n", "weights: w.npz: array readout.weight: must be of sh"),
        ("weight_bits = 4\nposition", "weight_bits = 3\nposition", "must be from -4 to 3"),
        ("steps = 2\n", 'steps = 2\ndigest = "sha256:' + "0" * 64 + '"\n', "must be of digest sha"),
        ('"absolute"', '"none"', "weights: w.npz: array encoder.position: must not be there"),
    ],
)
def test_files_are_refused_in_one_line(old, new, line, tmp_path, capfd):
    assert old in SECTIONS
    path = write(tmp_path, SECTIONS.replace(old, new))
    found = command(capfd, path, tmp_path / "out")
    assert found.startswith(f"{path}: ")
    assert line in found


def test_refused_without_a_trace_of_python(tmp_path):
    arrays = {**draw_arrays(keys()), "encoder.bias": np.full(12, np.nan)}
    path = write(tmp_path, arrays=arrays)
    ran = subprocess.run(
        [sys.executable, "-m", "spikeloom", "simulate", path, "--output", tmp_path / "o.npz"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, ran.stdout) == (2, "")
    assert re.fullmatch(
        r"spikeloom: .*d\.toml: weights: array encoder\.bias: must hold integers, not NaN\n",
        ran.stderr,
    )
    assert not (tmp_path / "o.npz").exists()


def test_too_many_integers_are_refused_before_they_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr("spikeloom.design.network.weights._MOST", 1000)
    path = write(tmp_path)
    monkeypatch.setattr("spikeloom.arrays.Archive.array", None)
    with pytest.raises(DesignError, match=r"weights: 'w\.npz': must hold at most 1000 integers$"):
        load_design(path)
