"""Bad input and bad places: one line that says what is allowed, and nothing half-written."""

import gc
import io
import json
import os
import resource
import subprocess
import sys
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.design.read import DesignError
from spikeloom.files import InputError, replacing
from spikeloom.generating import generate
from spikeloom.kinds import KINDS
from spikeloom.kinds import part as part_of

SMALL = "tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n"
SHAPE = (2, 4, 8)
PROJECTION = 'kind = "projection"\ntokens = 2\ninputs = 10\ndim = 4\nsteps = 1\n'

# Its rates go to SPRAM.
RATE = """kind = "rate-attention"
rate_bits = 8
rate_fraction = 5
threshold = 2
v_bits = 8
folding = { lanes = 16 }
target = { beat = 16 }
"""


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SMALL)
    return path


def spikes():
    return {name: np.zeros(SHAPE, np.uint8) for name in "qkv"}


def refused(capfd, arguments, *parts):
    """Run in this process: exit code 2 and one line, before any work is done."""
    code = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1, err
    for part in parts:
        assert str(part) in err


def process(*arguments, code, before="", **options):
    """Run in a process of its own; give standard output and the lines of standard error."""
    shell = f'{before}exec "$0" -m spikeloom "$@"'
    options.setdefault("stdout", subprocess.PIPE)
    done = subprocess.run(
        ["sh", "-c", shell, sys.executable, *map(str, arguments)],
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        check=False,
        **options,
    )
    err = done.stderr.decode().splitlines()
    assert done.returncode == code, err
    assert not any("Traceback" in line for line in err)
    return done.stdout, err


@pytest.mark.parametrize("content", [b"hello", b"", b"\x93NUMPY\x01\x00\x04\x00{}  "])
def test_a_member_that_is_no_array(design, tmp_path, capfd, content):
    path = tmp_path / "in.npz"
    np.savez(path, q=np.zeros(SHAPE, np.uint8), v=np.zeros(SHAPE, np.uint8))
    with zipfile.ZipFile(path, "a") as file:
        file.writestr("k", content)
    refused(capfd, ["simulate", design, "--input", path], f"{path}: k: must be an array of numbers")


def header(shape, kind="|u1"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        file, {"descr": kind, "fortran_order": False, "shape": shape}
    )
    return file.getvalue()


@pytest.mark.parametrize(
    ("shape", "kind", "words"),
    [
        ((1 << 30,), "|u1", "q: must be of shape (T, N, D) = (2, 4, 8), not (1073741824,)"),
        (SHAPE, "<f8", "q: must be of integers (uint8), not float64"),
    ],
)
def test_an_array_is_judged_before_it_is_read(design, tmp_path, capfd, shape, kind, words):
    path = tmp_path / "in.npz"
    np.savez(path, k=np.zeros(SHAPE, np.uint8), v=np.zeros(SHAPE, np.uint8))
    with zipfile.ZipFile(path, "a") as file:
        # No data behind it: whoever reads it, fails.
        file.writestr("q.npy", header(shape, kind))
    refused(capfd, ["simulate", design, "--input", path], path, words)


def test_matrices_are_judged_before_they_are_read(tmp_path):
    with zipfile.ZipFile(tmp_path / "m.npz", "w") as file:
        file.writestr("A.npy", header((1 << 30,), "<f8"))
    data = {"kind": "state-space", "steps": 1, "dim": 1, "state": 1, "matrices": "m.npz"}
    with pytest.raises(
        DesignError, match=r"^matrices: 'm\.npz': array A must be of at most 64 MiB"
    ):
        Design.from_dict(data, folder=tmp_path)


def test_arrays_of_steps_and_batch_as_in_pytorch(design, tmp_path, capfd):
    path = tmp_path / "in.npz"
    np.savez(path, **{name: np.zeros((2, 5, 4, 8), np.uint8) for name in "qkv"})
    hint = "it seems to be (T, B, N, D): transpose(1, 0, 2, 3) turns it"
    refused(capfd, ["simulate", design, "--input", path], "not (2, 5, 4, 8)", hint)
    np.savez(path, **{name: np.zeros((5, 2, 4, 8), np.uint8) for name in "qkv"})
    assert main(["simulate", str(design), "--input", str(path), "--target", "golden"]) == 0


@pytest.mark.parametrize("name", ["tiny.npz", "tiny.npy"])
def test_pointers_of_git_lfs_are_named(tmp_path, capfd, name):
    (tmp_path / name).write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    file = tmp_path / "tiny.toml"
    words = [name, "is a pointer of Git LFS and not the file itself: git lfs pull"]
    if name.endswith(".npz"):
        file.write_text(SMALL)
        refused(capfd, ["simulate", file, "--input", tmp_path / name], *words)
    else:
        file.write_text(f'{PROJECTION}[weights]\nfile = "{name}"\n')
        refused(capfd, ["simulate", file], "weights.file: ", *words)


@pytest.mark.parametrize(
    ("array", "words"),
    [
        (np.zeros((4, 10, 1), np.int8), None),
        (np.zeros((4, 10, 1, 1), np.int8), None),
        (np.zeros((4, 10, 3), np.int8), "not shape (4, 10, 3)"),
        (np.zeros((0, 10), np.int8), "not shape (0, 10)"),
        (np.zeros((4, 9), np.int8), "4 x 9 integers: must hold dim x inputs (4 x 10)"),
        (np.full((4, 10), 1 << 31), "must hold 32-bit integers, not 2147483648 at (0, 0)"),
        (np.full((4, 10), -(1 << 31)), "must hold 32-bit integers, not -2147483648 at (0, 0)"),
        (np.full((4, 10), 128), "128: must be an integer from -128 to 127"),
        (np.full((4, 10), -129), "-129: must be an integer from -128 to 127"),
    ],
)
def test_weights_from_a_file(tmp_path, array, words):
    np.save(tmp_path / "w.npy", array)
    (tmp_path / "p.toml").write_text(f'{PROJECTION}[weights]\nfile = "w.npy"\n')
    if words is None:
        rows = load_design(tmp_path / "p.toml").weights.values
        assert rows == ((0,) * 10,) * 4
        return
    with pytest.raises(DesignError) as caught:
        load_design(tmp_path / "p.toml")
    assert str(caught.value).startswith(f"{tmp_path / 'p.toml'}: weights.file: ")
    assert words in str(caught.value)


def test_weights_without_end(tmp_path):
    big = np.lib.format.open_memmap(tmp_path / "w.npy", "w+", np.int8, ((1 << 25) + 1,))
    del big
    (tmp_path / "p.toml").write_text(f'{PROJECTION}[weights]\nfile = "w.npy"\n')
    with pytest.raises(DesignError, match="must hold at most 33554432 integers, not 33554433"):
        load_design(tmp_path / "p.toml")


def test_a_design_file_without_end(capfd):
    refused(capfd, ["generate", "/dev/zero", "-o", "x"], "/dev/zero: must be of at most 64 MiB")


def test_a_byte_order_mark_is_no_fault(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_bytes(b"\xef\xbb\xbf" + SMALL.encode())
    assert load_design(path).tokens == 4


@pytest.mark.parametrize("base", [64, 64.0, 10000.0, 1.5, "3/2", 0.5, 1 << 20])
def test_any_base_of_the_published_code(base):
    keys = {"tokens": 9, "dim": 8, "heads": 2, "steps": 2, "position": "shift"}
    made = Design.from_dict(keys | {"shift": {"base": base}})
    assert float(made.shift.base) == (1.5 if base == "3/2" else base)
    written = made.model_dump(mode="json", exclude_unset=True)["shift"]
    assert Design.from_dict(keys | {"shift": written}) == made


@pytest.mark.parametrize("base", [0, -1, "x", True, 1e9, float("nan")])
def test_no_other_base(base):
    keys = {"tokens": 9, "dim": 8, "heads": 2, "steps": 2, "position": "shift"}
    with pytest.raises(
        DesignError, match=r"^shift\.base: .*: must be a number from 2\^-20 to 2\^20"
    ):
        Design.from_dict(keys | {"shift": {"base": base}})


def test_links_are_named():
    allowed = r"^target\.link: 3: must be one of 1, 2, 4, 8, 16, 32$"
    with pytest.raises(DesignError, match=allowed):
        Design.from_dict({"tokens": 4, "dim": 8, "heads": 2, "steps": 2, "target": {"link": 3}})


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_says_what_it_takes(kind):
    """No message sends its reader to a description instead of saying what is allowed."""
    model = part_of(kind, "design")
    for key, field in model.model_fields.items():
        fields = getattr(field.annotation, "model_fields", None)
        names = [(key, name) for name in fields] if fields else [(key, None)]
        for outer, inner in names:
            for value in (3.5, "\0", [[]], {}, -7, True):
                data = {"kind": kind, outer: value if inner is None else {inner: value}}
                try:
                    Design.from_dict(data)
                except DesignError as error:
                    assert "as described" not in str(error), error  # noqa: PT017


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["simulate", "x", "--rate", "x"], "--rate: must be a number from 0.0 to 1.0, not 'x'"),
        (["simulate", "x", "--rate", "nan"], "--rate: must be a number from 0.0 to 1.0"),
        (
            ["simulate", "x", "--stalls", "1"],
            "--stalls: must be a number from 0.0 to 0.99, not '1'",
        ),
        (["simulate", "x", "--seed", "1.5"], "--seed: must be an integer from 0 to 2147483647"),
        (["build", "x", "-o", "x", "--seeds", "65"], "--seeds: must be an integer from 1 to 64"),
    ],
)
def test_arguments_say_what_they_take(capfd, arguments, words):
    assert main(arguments) == 2
    assert words in capfd.readouterr().err


def test_half_a_result_is_none(design, tmp_path, capfd):
    for name in ("tiny.json", "tiny.v"):
        out = tmp_path / name / "out"
        (out / name).mkdir(parents=True)
        words = f"{out / name}: must be a file that can be written, and is a folder"
        with pytest.raises(InputError) as caught:
            generate(load_design(design), out)
        assert words in str(caught.value) or "was not written by spikeloom" in str(caught.value)
        refused(capfd, ["generate", design, "-o", out])
        assert [path.name for path in out.iterdir()] == [name]
    out = tmp_path / "built"
    (out / "tiny.bin").mkdir(parents=True)
    refused(capfd, ["build", design, "-o", out, "--no-simulation"], out / "tiny.bin", "a directory")


@pytest.mark.parametrize("place", ["folder", "none/x.npz", "/dev/null"])
def test_an_answer_that_cannot_be_written_is_found_out_at_once(design, tmp_path, capfd, place):
    (tmp_path / "folder").mkdir()
    output = tmp_path / place
    # One line: nothing was said of a simulation.
    refused(capfd, ["simulate", design, "--target", "golden", "--output", output], output)
    assert Path("/dev/null").is_char_device()
    assert {path.name for path in tmp_path.iterdir()} == {"folder", "tiny.toml"}


def test_no_room(design, tmp_path, monkeypatch):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(InputError) as caught, replacing(tmp_path / "x") as fresh:
            fresh.write_bytes(bytes(1000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(caught.value) == (
        f"{tmp_path / 'x'}: must be a file that can be written: File too large: ulimit -f allows "
        "100 bytes"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.toml"]


def test_too_many_open_files(design):
    out, [line] = process("generate", design, "-o", design.parent / "o", code=2,
                          before="ulimit -n 8; ")  # fmt: skip
    assert out == b""
    assert line.endswith("Too many open files: ulimit -n allows 8")


def test_a_folder_that_is_gone(design):
    _, [line] = process("generate", design, "-o", "o", code=2, cwd=design.parent,
                        before='mkdir gone; cd gone; rmdir ../gone; ')  # fmt: skip
    assert line.startswith("spikeloom: the folder to work in must exist, and does not: ")


def test_standard_output_closed_or_full():
    for target, words in ((">&-; ", "Bad file descriptor"), (">/dev/full; ", "No space left on")):
        out, [line] = process("schema", code=2, before=f"exec {target}")
        assert out == b""
        assert line.startswith("spikeloom: standard output: must be open and have room: " + words)


def test_standard_error_closed(design):
    out, err = process("generate", design, "-o", design.parent / "o", "--json", code=0,
                       before="exec 2>&-; ")  # fmt: skip
    assert json.loads(out)["name"] == "tiny"
    assert err == []


@pytest.mark.parametrize("arguments", [["--help"], ["schema"]])
def test_without_docstrings(arguments):
    out, err = process(*arguments, code=0, env={**os.environ, "PYTHONOPTIMIZE": "2"})
    assert out
    assert err == []


def test_a_path_that_is_no_text(design):
    place = os.fsdecode(os.fsencode(design.parent) + b"/o\xff")
    environment = {**os.environ, "PYTHONIOENCODING": "utf-8:strict"}
    out, _ = process("generate", design, "-o", place, code=0, env=environment)
    assert os.fsencode(place) + b"/tiny.v\n" in out


def test_a_compiler_that_is_no_command(design, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("CXX", 'g++ "')
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path / "cache"))
    assert main(["simulate", str(design)]) == 2
    assert "CXX: 'g++ \"': must be a C++ compiler and its arguments" in capfd.readouterr().err


@pytest.mark.parametrize(
    ("keys", "cell"),
    [
        ('[target]\ncells = "ice40"\n', "SB_LUT4"),
        (RATE, "SB_SPRAM256KA"),
    ],
)
def test_amaranth_simulates_no_cells_of_a_device(tmp_path, capfd, keys, cell):
    """It took what they give for zeros, and answered."""
    shape = "tokens = 2\ndim = 16\nsteps = 3\n" + ("" if "kind" in keys else "heads = 2\n")
    (tmp_path / "a.toml").write_text(shape + keys)
    assert main(["simulate", str(tmp_path / "a.toml"), "--simulator", "pysim"]) == 2
    line = capfd.readouterr().err.splitlines()[-1]
    assert "a: simulator: pysim: must be cxxrtl, icarus or verilator" in line
    assert cell in line


def test_generate_in_python_warns_of_nothing(design, tmp_path):
    with warnings.catch_warnings(record=True) as said:
        # As a user's session has it; pytest turns warnings into errors, which a destructor drops.
        warnings.simplefilter("always")
        generate(load_design(design), tmp_path / "out")
        gc.collect()
    assert said == []


@pytest.mark.parametrize("place", ["folder", "/dev/null"])
def test_a_result_replaces_files_only(tmp_path, place):
    (tmp_path / "folder").mkdir()
    words = "must be a file that can be written, and is a (folder|device)"
    with pytest.raises(InputError, match=words), replacing(tmp_path / place):
        pytest.fail("no name to write to may be given")
