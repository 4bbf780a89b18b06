"""Files that are no checkpoints: one line each, nothing run, nothing large made."""

import contextlib
import io
import os
import pickle
import resource
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikeloom.design.read import DesignError
from spikeloom.importing.checkpoint import Checkpoint, read_checkpoint

from .files import FIXTURES, Pickle, safetensors, torch_zip

FOUR = np.arange(4, dtype="f4")


def refused(path, *parts):
    with pytest.raises(DesignError) as caught:
        read_checkpoint(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    for part in parts:
        assert part in text


# What is no checkpoint at all


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "must be a checkpoint: torch.save (.pth, .pt, .pkl, .pth.tar), .safetensors or .npz"),
        (b"\x89HDF\r\n\x1a\n" + bytes(100), "must be a checkpoint"),
        (b"PK\x03\x04 but no more", "must be a whole ZIP archive"),
        (b"PK\x05\x06" + bytes(18), "must hold a dictionary of tensors by name; it holds no names"),
        (pickle.dumps({"w": [1.0]}), "is a pickle that torch.save did not write"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
)
def test_foreign_files(tmp_path, content, words):
    path = tmp_path / "model.pth"
    path.write_bytes(content)
    refused(path, words)


def test_places_that_are_no_files(tmp_path):
    refused(tmp_path, "must be a file")
    refused(tmp_path / "missing.pth", "must be a file that can be read (No such file")


def test_ten_gigabytes(tmp_path):
    path = tmp_path / "large.pth"
    with path.open("wb") as file:
        file.truncate(10 << 30)
    refused(path, "must be of at most 4 GiB, not 10.0 GiB")


@pytest.mark.parametrize("file", ["types.pth", "legacy.pth", "types.safetensors"])
def test_cut_short(tmp_path, file):
    whole = (FIXTURES / file).read_bytes()
    path = tmp_path / file
    for part in (0.1, 0.5, 0.9, 0.99):
        path.write_bytes(whole[: int(part * len(whole))])
        refused(path)


# Code


def test_code_is_named_and_not_run(tmp_path):
    class Evil:
        def __reduce__(self):
            return os.system, (f"touch {tmp_path / 'run'}",)

    path = torch_zip(tmp_path / "evil.pth", pickle.dumps({"w": Evil()}, protocol=2))
    refused(path, "names posix.system, which is no data")
    for module, name in (
        ("builtins", "eval"),
        ("builtins", "getattr"),
        ("torch.storage", "_load_from_bytes"),
        ("torch", "load"),
        ("numpy", "load"),
        ("importlib", "import_module"),
    ):
        pickled = Pickle().name(module, name).raw(b"(").text("x").raw(b"tR.").data
        refused(torch_zip(tmp_path / "a.pth", pickled), f"names {module}.{name}, which is no data")
    assert not (tmp_path / "run").exists()


def test_whole_modules_are_refused_by_name():
    refused(FIXTURES / "whole-module.pth", "torch.nn.modules.linear.Linear", "model.state_dict()")


# A list of ten times a list of ten times a list, and so on, twelve times.
SHARED = b"]" + b"".join(b"q%c0](" % n + b"h%c" % n * 10 + b"e" for n in range(12))


@pytest.mark.parametrize(
    "opcodes",
    [
        # A memory of more places than there are bytes: Python's reader would make them all.
        b"}r\xff\xff\xff\x7f.",
        b"}p4294967295\n.",
        b"\x8e\xff\xff\xff\xff\xff\xff\xff\x7f.",
        b"\x8b\xff\xff\xff\x7f.",
        b"\x82\x01.",
        b"}}s.",
        b"tR.",
        b"0.",
        b"2.",
        b"Q.",
        b"(ibuiltins\neval\n.",
        b"]" * 100_000 + b".",
        b"](" * 1000 + b"e" * 1000 + b".",
        b"cargparse\nNamespace\n)\x81K\x01b.",
        b"cnumpy\ndtype\n(X\x02\x00\x00\x00O8tR.",
        b"ccollections\nOrderedDict\nK\x01\x85R.",
        # Lists of lists of the same lists, as text; as a name of a storage; as a key.
        b"ctorch\ndevice\n" + SHARED + b"\x85R.",
        b"(X\x07\x00\x00\x00storage" + SHARED + b"X\x01\x00\x00\x000X\x01\x00\x00\x000K\x01tQ.",
        b"}" + SHARED + b"Nsu.",
    ],
)
def test_pickles_that_no_program_writes(tmp_path, opcodes):
    refused(torch_zip(tmp_path / "a.pth", b"\x80\x02" + opcodes))


@pytest.mark.parametrize("state", [b"}", b"N}\x86", b"]"])
def test_tensors_stay_as_they_are_made(tmp_path, state):
    pickled = Pickle().raw(b"}(").text("w").tensor().raw(state + b"bu.").data
    path = torch_zip(tmp_path / "a.pth", pickled, {"0": FOUR})
    refused(path, "changes a tensor that it has made: must be a state dict")


def test_numpy_objects_are_refused(tmp_path):
    pickled = pickle.dumps({"a": np.array([None, print])}, protocol=2)
    refused(torch_zip(tmp_path / "a.pth", pickled), "which is no data")
    pickled = pickle.dumps({"a": np.array([None])}, protocol=2)
    refused(torch_zip(tmp_path / "a.pth", pickled), "NumPy type 'O8': must be of numbers")


def test_places_beyond_the_pickle_are_refused(tmp_path):
    path = torch_zip(tmp_path / "a.pth", b"\x80\x02}r\xff\xff\xff\x7f.")
    refused(path, "must be a pickle: it is damaged")


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_check_sums_are_compared(tmp_path, method):
    with zipfile.ZipFile(tmp_path / "a.pth", "w", method) as file:
        file.writestr("a/data.pkl", Pickle().state(w={"count": 64, "shape": (64,)}))
        file.writestr("a/data/0", np.arange(64, dtype="f4").tobytes())
    whole = (tmp_path / "a.pth").read_bytes()
    # The check sum of the directory, which is read for all: that of the second file.
    at = whole.rindex(b"PK\x01\x02") + 16
    (tmp_path / "a.pth").write_bytes(whole[:at] + bytes(4) + whole[at + 4 :])
    refused(tmp_path / "a.pth", "w: must be a whole tensor: Bad CRC-32")


def test_a_pickle_is_bounded(tmp_path):
    pickled = pickle.dumps({"a": "x" * (5 << 20)}, protocol=2)
    refused(torch_zip(tmp_path / "a.pth", pickled), "data.pkl: must be of at most 4 MiB")


# Storages that are not what they say


@pytest.mark.parametrize(
    ("tensor", "words"),
    [
        ({"offset": 1}, "reaches value 5 of 4"),
        ({"offset": -1}, "has a negative offset, size or stride"),
        ({"strides": (-1,)}, "has a negative offset, size or stride"),
        ({"shape": (-4,)}, "has a negative offset, size or stride"),
        ({"shape": (2, 2), "strides": (2,)}, "has 2 dimensions and 1 strides"),
        ({"strides": (1 << 60,)}, "must lie within its storage"),
        ({"count": 1 << 40, "shape": (4,)}, "tensors must be of at most 512 MiB together"),
        ({"count": 5, "shape": (5,)}, "storage 0: must be of 20 bytes, not 16"),
        ({"count": -1}, "a storage must have a name and a length"),
        ({"key": "7"}, "storage 7 is missing in the archive"),
        ({"kind": "ComplexFloatStorage"}, "names torch.ComplexFloatStorage: tensors must be dense"),
        ({"shape": (0,)}, "w: shape (0,): must not be empty"),
        # Every value of a million rows is the same one: small in the file only.
        ({"shape": (1 << 30,), "strides": (0,)}, "tensors must be of at most 512 MiB together"),
    ],
)
def test_tensors_beyond_their_storage(tmp_path, tensor, words):
    path = torch_zip(tmp_path / "a.pth", Pickle().state(w=tensor), {"0": FOUR})
    refused(path, words)


def test_many_that_are_large_together(tmp_path):
    tensors = {f"w{n}": {"shape": (1 << 25,), "strides": (0,)} for n in range(5)}
    path = torch_zip(tmp_path / "a.pth", Pickle().state(**tensors), {"0": FOUR})
    refused(path, "w4: tensors must be of at most 512 MiB together")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("kind", ["zip", "npz", "safetensors"])
def test_numbers_that_are_not_finite(tmp_path, value, kind):
    array = np.array([1, 2, value, 4], "f4")
    path = tmp_path / "a"
    if kind == "zip":
        torch_zip(path, Pickle().state(**{"fc.weight": {}}), {"0": array})
    elif kind == "npz":
        with path.open("wb") as file:
            np.savez(file, **{"fc.weight": array})
    else:
        safetensors(path, {"fc.weight": ("F32", [4], [0, 16])}, array.tobytes())
    refused(path, f"fc.weight: {value} at (2,): must be a finite number")


@pytest.mark.parametrize(
    ("entries", "data", "words"),
    [
        ({"w": ("F32", [4], [0, 16])}, bytes(15), "w: bytes 0 to 16: must lie within the 15"),
        ({"w": ("F32", [4], [0, 12])}, bytes(16), "w: must take 16 bytes, not 12"),
        ({"w": ("F32", [4], [8, 4])}, bytes(16), "must lie within the 16 of the file"),
        ({"w": ("F32", [-4], [0, 16])}, bytes(16), "w: shape: must be of at most 8 integers"),
        ({"w": ("F32", [True], [0, 4])}, bytes(16), "w: shape: must be of at most 8 integers"),
        ({"w": ("F32", [0], [0, 0])}, bytes(16), "w: shape (0,): must not be empty"),
        ({"w": ("F8_E4M3", [4], [0, 4])}, bytes(16), "w: F8_E4M3: must be of type F64"),
        ({"w": ("F32", [1 << 40, 1 << 40], [0, 16])}, bytes(16), "w: must take"),
        ({"w": ("F32", "4", [0, 16])}, bytes(16), "w: must have dtype, shape and data_offsets"),
        ({"w\nv": ("F32", [4], [0, 16])}, bytes(16), "names must be of at most 200 letters"),
        ({"w" * 300: ("F32", [4], [0, 16])}, bytes(16), "names must be of at most 200 letters"),
        ({}, b"", "it holds no names"),
    ],
)
def test_safetensors_that_lie(tmp_path, entries, data, words):
    refused(safetensors(tmp_path / "a", entries, data), words)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        (b'{"w":', "header: must be JSON"),
        (b'{"w":' + b"[" * 100_000, "header: must be JSON"),
        (b'{"w":{}, "w":{}}', "header: must name each key once"),
        (b'{"w": 1}', "w: must have dtype, shape and data_offsets"),
    ],
)
def test_headers_of_safetensors(tmp_path, header, words):
    path = tmp_path / "a"
    path.write_bytes(len(header).to_bytes(8, "little") + header)
    refused(path, words)
    path.write_bytes((1 << 60).to_bytes(8, "little") + header)
    refused(path, "header: must be of at most")


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.array(["x"]), "w: str32: must be an array of float64"),
        (np.zeros(2, complex), "w: complex128: must be an array of float64"),
        (np.zeros((0, 3)), "w: shape (0, 3): must not be empty"),
        (np.array([None]), "w: must be an array of numbers: it holds object"),
    ],
)
def test_arrays_that_are_no_tensors(tmp_path, array, words):
    np.savez(tmp_path / "a.npz", w=array)
    refused(tmp_path / "a.npz", words)


def test_arrays_are_judged_before_they_are_read(tmp_path):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (1073741824,), }\n"
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("w.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    refused(tmp_path / "a.npz", "w: tensors must be of at most 512 MiB together")


def test_a_large_directory_is_not_read(tmp_path):
    """An archive of a million names that are nowhere: its directory is larger than its files."""
    entry = b"PK\x01\x02" + bytes(24) + (60_000).to_bytes(2, "little") + bytes(16) + b"x" * 60_000
    count = 300
    directory = entry * count
    end = b"PK\x05\x06" + bytes(4) + count.to_bytes(2, "little") * 2
    end += len(directory).to_bytes(4, "little") + (4).to_bytes(4, "little") + bytes(2)
    (tmp_path / "a.pth").write_bytes(b"PK\x03\x04" + directory + end)
    refused(tmp_path / "a.pth", "a directory of more than 16 MiB")


def test_which_dictionary(tmp_path):
    pickled = Pickle().raw(b"}(")
    for name in ("generator", "encoder"):
        pickled.text(name).raw(b"}(").text("w").tensor().raw(b"u")
    path = torch_zip(tmp_path / "a.pth", pickled.raw(b"u.").data, {"0": FOUR})
    refused(path, "must hold one state dict, or one of a usual name, not 'generator', 'encoder'")
    path = torch_zip(tmp_path / "b.pth", pickle.dumps({"a": {"b": 1}}, protocol=2))
    refused(path, "must hold a dictionary of tensors by name; it holds 'a'")
    path = torch_zip(tmp_path / "c.pth", pickle.dumps([1], protocol=2))
    refused(path, "must hold a dictionary of tensors, not a list")


# Anything


def sound(name):
    """Bytes of a fixture, or of an archive of arrays."""
    if name != "arrays.npz":
        return (FIXTURES / name).read_bytes()
    file = io.BytesIO()
    np.savez(file, w=FOUR, b=np.arange(6).reshape(2, 3))
    return file.getvalue()


def corrupted(name):
    """The same with some bytes replaced."""
    whole = sound(name)
    place = st.integers(0, len(whole) - 1)
    changes = st.lists(st.tuples(place, st.integers(0, 255)), min_size=1, max_size=4)

    def change(edits):
        data = bytearray(whole)
        for at, value in edits:
            data[at] = value
        return bytes(data)

    return changes.map(change)


@pytest.mark.parametrize(
    "name", ["types.pth", "legacy.pth", "types.safetensors", "resume.pth", "arrays.npz"]
)
def test_damage_is_found_or_does_no_harm(tmp_path, name):
    @settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
    @given(corrupted(name))
    def check(data):
        path = tmp_path / name
        path.write_bytes(data)
        with contextlib.suppress(DesignError):
            assert isinstance(read_checkpoint(path), Checkpoint)

    check()


def test_memory_is_bounded(tmp_path):
    """A process of little memory refuses what would take much, in one line."""
    values = np.zeros(1 << 20, "f4")
    tensors = {f"w{n}": {"count": 1 << 20, "shape": (1 << 24,), "strides": (0,)} for n in range(9)}
    paths = [torch_zip(tmp_path / "a.pth", Pickle().state(**tensors), {"0": values})]
    paths.append(torch_zip(tmp_path / "b.pth", b"\x80\x02}r\xff\xff\xff\x7f."))
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from spikeloom.design.read import DesignError\n"
        "from spikeloom.importing.checkpoint import read_checkpoint\n"
        "for name in sys.argv[1:]:\n"
        "    try:\n        read_checkpoint(Path(name))\n"
        "    except DesignError:\n        print('refused')\n"
    )
    limit = 1 << 30
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, paths)],
        capture_output=True, text=True, check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )  # fmt: skip
    assert done.stdout == "refused\n" * 2, done.stderr
