import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikeloom.cli import main, main_parser
from spikeloom.design import load_design
from spikeloom.golden.attention.formula import attention

from ..tools import example

ROOT = Path(__file__).resolve().parents[2]
VOWELS = ROOT / "examples" / "japanese_vowels"
SMALL = 'name = "tiny"\ntokens = 4\ndim = 8\nheads = 2\nsteps = 2\n'
SHAPE = (2, 4, 8)


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "tiny.toml"
    path.write_text(SMALL)
    return path


def spikes(**changes):
    rng = np.random.default_rng(3)
    arrays = {name: (rng.random(SHAPE) < 0.6).astype(np.uint8) for name in "qkv"}
    return {name: array for name, array in (arrays | changes).items() if array is not None}


@pytest.fixture
def inputs(tmp_path):
    path = tmp_path / "in.npz"
    np.savez(path, **spikes())
    return path


def run(capfd, *arguments):
    """Run in this process; give exit code, standard output, lines of standard error."""
    try:
        code = main([str(argument) for argument in arguments])
    except SystemExit as error:
        code = error.code
    out, err = capfd.readouterr()
    return code, out, err.splitlines()


def spikeloom(*arguments, **options):
    command = [sys.executable, "-m", "spikeloom", *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL, **options
    )


def refused(result, *parts):
    """The request was wrong: one line, which says what."""
    code, out, lines = result
    wrong = [line for line in lines if line.startswith("spikeloom")]
    assert (code, out) == (2, "")
    assert len(wrong) == 1
    assert lines[-1] == wrong[0]
    for part in parts:
        assert str(part) in wrong[0]


def test_help_names_every_command(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    for command in ("generate", "simulate", "build", "report", "schema"):
        assert command in text
    assert main_parser().prog == "spikeloom"


def test_version(capsys):
    with pytest.raises(SystemExit):
        main(["--version"])
    assert capsys.readouterr().out == "spikeloom 0.1.0\n"


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["grow"],
        ["simulate"],
        ["generate", "x.toml"],
        ["simulate", "x.toml", "--rate", "2"],
        ["simulate", "x.toml", "--rate", "often"],
        ["simulate", "x.toml", "--stalls", "1"],
        ["simulate", "x.toml", "--seed", "-1"],
        ["simulate", "x.toml", "--target", "silicon"],
        ["build", "x.toml", "-o", "x", "--seeds", "0"],
        ["generate", "x.toml", "-o", "x", "--nonsense"],
    ],
    ids=" ".join,
)
def test_usage_errors_are_one_line(arguments, capfd):
    refused(run(capfd, *arguments))


def test_schema(capfd):
    code, out, _ = run(capfd, "schema")
    schema = json.loads(out)
    assert code == 0
    assert {"tokens", "dim", "heads", "steps"} <= set(
        schema["$defs"]["AttentionDesign"]["properties"]
    )


def test_generate(design, tmp_path, capfd):
    code, out, _ = run(capfd, "generate", design, "-o", tmp_path / "a b" / "c")
    folder = tmp_path / "a b" / "c"
    assert code == 0
    assert out.splitlines() == [str(folder / "tiny.v"), str(folder / "tiny.json")]
    assert sorted(path.name for path in folder.iterdir()) == ["tiny.json", "tiny.v"]
    verilog = (folder / "tiny.v").read_text()
    assert "module tiny(" in verilog
    assert str(tmp_path) not in verilog

    about = json.loads((folder / "tiny.json").read_text())
    ports = {port["name"]: port for port in about["ports"]}
    assert ports["s_axis_tdata"] == {"name": "s_axis_tdata", "direction": "input", "width": 8}
    for name, port in ports.items():
        width = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        assert f"  {port['direction']} {width}{name};" in verilog
    assert about["beats"]["in"]["beats"] == 2 * 2 * 3 * 4
    assert about["beats"]["out"]["beats"] == 2 * 2 * 4
    assert about["design"]["tokens"] == 4
    assert about["tools"]["amaranth"]


def test_generate_gives_the_same_bytes_in_every_process(tmp_path):
    made = []
    for seed in ("0", "1"):
        out = tmp_path / seed
        environment = {**os.environ, "PYTHONHASHSEED": seed}
        path = example("tiny-32x64-xnor-shift-gray")
        assert spikeloom("generate", path, "-o", out, env=environment).returncode == 0
        made.append({file.name: file.read_bytes() for file in out.iterdir()})
    assert made[0] == made[1]
    assert len(made[0]) == 2


def test_generate_takes_two_seconds(capfd, tmp_path):
    run(capfd, "generate", example("tiny-32x64"), "-o", tmp_path)
    start = time.process_time()
    run(capfd, "generate", example("tiny-32x64"), "-o", tmp_path)
    assert time.process_time() - start < 2


@pytest.mark.parametrize("target", ["golden", "rtl"])
def test_simulate(target, design, inputs, tmp_path, capfd):
    answer = tmp_path / "out.npz"
    arguments = ["--input", inputs, "--output", answer, "--target", target]
    code, out, _ = run(capfd, "simulate", design, *arguments, "--check", "--json")
    assert code == 0
    result = json.loads(out)
    assert result["equal_to"] == ["golden"]
    expected = attention(load_design(design), **spikes())
    with np.load(answer) as file:
        assert (file["spikes"] == expected).all()
        assert file["spikes"].dtype == np.uint8
        numbers = {"cycles", "compute_cycles", "interval"} if target == "rtl" else set()
        assert set(file.files) == {"spikes"} | numbers
        for name in numbers:
            assert file[name] == result[name]
            assert file[name].shape == ()


def test_simulate_without_neuron(design, inputs, tmp_path, capfd):
    design.write_text(SMALL + 'neuron = "none"\n')
    code, _, _ = run(
        capfd, "simulate", design, "--input", inputs, "--output", tmp_path / "out.npz", "--check"
    )
    assert code == 0
    with np.load(tmp_path / "out.npz") as file:
        assert file["drive"].dtype == np.int32
        assert file["drive"].any()


def test_simulate_random_spikes(design, capfd):
    results = [
        run(
            capfd,
            "simulate",
            design,
            "--target",
            "golden",
            "--rate",
            rate,
            "--seed",
            seed,
            "--json",
        )
        for rate, seed in ((0.9, 1), (0.9, 1), (0.9, 2), (0, 1))
    ]
    counts = [json.loads(out)["nonzero"] for _, out, _ in results]
    assert counts[0] == counts[1]
    assert counts[3] == 0
    assert counts[0] > 0


def test_recorded_spikes(capfd):
    files = ["--input", VOWELS / "recorded" / "spikes-batch.npz"]
    code, out, _ = run(capfd, "simulate", VOWELS / "attention.toml", *files, "--check", "--json")
    assert code == 0
    assert json.loads(out)["equal_to"] == ["golden", "recorded"]


def test_recorded_answer_that_differs(design, tmp_path, capfd):
    path = tmp_path / "in.npz"
    expected = attention(load_design(design), **spikes())
    expected[1, 2, 3] ^= 1
    np.savez(path, **spikes(), spikes=expected)
    output = tmp_path / "out.npz"
    code, out, lines = run(
        capfd,
        "simulate",
        design,
        "--input",
        path,
        "--check",
        "--output",
        output,
        "--target",
        "golden",
    )
    assert (code, out) == (1, "")
    assert "must equal recorded, and 1 of 64 do not: the first at (1, 2, 3)" in lines[-1]
    assert not output.exists()


@pytest.mark.parametrize(
    ("changes", "parts"),
    [
        ({"k": None}, ["k: must be in the file", "it holds q, v"]),
        ({"q": np.zeros((2, 4, 7), np.uint8)}, ["q: must be of shape (T, N, D) = (2, 4, 8)"]),
        ({"q": np.zeros((0, 2, 4, 8), np.uint8)}, ["q: must be of shape"]),
        ({"q": np.zeros((3, 2, 4, 8), np.uint8)}, ["k: must be of shape (inferences, T, N, D)"]),
        ({"v": np.zeros(SHAPE)}, ["v: must be of integers (uint8), not float64"]),
        ({"v": np.full(SHAPE, 2)}, ["v: 2 at (0, 0, 0): must be 0 or 1"]),
        ({"v": np.full(SHAPE, -1)}, ["v: -1 at (0, 0, 0): must be 0 or 1"]),
        ({"q": np.array([{}])}, ["q: must be an array of numbers"]),
        ({"q": np.array("spike")}, ["q: must be of shape"]),
        ({"spikes": np.full(SHAPE, 7)}, ["spikes: 7 at (0, 0, 0): must be 0 or 1"]),
    ],
)
def test_wrong_arrays(changes, parts, design, tmp_path, capfd):
    path = tmp_path / "in.npz"
    np.savez(path, **spikes(**changes))
    output = tmp_path / "out.npz"
    result = run(capfd, "simulate", design, "--input", path, "--output", output)
    refused(result, path, *parts)
    assert not output.exists()


def saved(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


@given(
    at=st.integers(0, 5000),
    to=st.binary(max_size=8),
    cut=st.integers(0, 8),
    whole=st.one_of(st.none(), st.binary(max_size=60)),
)
def test_damaged_files_never_end_in_a_traceback(tmp_path_factory, at, to, cut, whole):
    folder = tmp_path_factory.mktemp("damaged")
    (folder / "tiny.toml").write_text(SMALL)
    data = saved(**spikes())
    at %= len(data)
    (folder / "in.npz").write_bytes(data[:at] + to + data[at + cut :] if whole is None else whole)
    output = folder / "out.npz"
    arguments = ["--input", folder / "in.npz", "--output", output, "--target", "golden"]
    code = main(["simulate", str(folder / "tiny.toml"), *map(str, arguments)])
    assert code in (0, 2)
    assert output.exists() == (code == 0)
    assert {path.name for path in folder.iterdir()} <= {"tiny.toml", "in.npz", "out.npz"}


def test_missing_files(design, tmp_path, capfd):
    refused(run(capfd, "simulate", tmp_path / "no.toml"), "no.toml")
    refused(run(capfd, "generate", tmp_path, "-o", tmp_path), tmp_path)
    refused(run(capfd, "simulate", design, "--input", tmp_path / "no.npz"), "no.npz")
    refused(run(capfd, "simulate", design, "--input", tmp_path), tmp_path)
    refused(run(capfd, "report", tmp_path), tmp_path)


def test_outputs_that_cannot_be(design, tmp_path, capfd):
    (tmp_path / "file").write_text("")
    refused(run(capfd, "generate", design, "-o", tmp_path / "file"), "file")
    refused(run(capfd, "generate", design, "-o", tmp_path / "file" / "x"), "file")
    golden = ["simulate", design, "--target", "golden", "--output"]
    refused(run(capfd, *golden, tmp_path / "none" / "x.npz"), "none")
    (tmp_path / "folder").mkdir()
    refused(run(capfd, *golden, tmp_path / "folder"), "folder")


def test_options_that_do_not_go_together(design, inputs, capfd):
    simulate = ["simulate", design]
    refused(run(capfd, *simulate, "--input", inputs, "--rate", "0.5"), "--rate")
    refused(run(capfd, *simulate, "--trace", "x.fst"), "Trace must end in .vcd (cxxrtl)")
    refused(run(capfd, *simulate, "--trace", "x.vcd", "--target", "golden"), "Trace")
    refused(run(capfd, *simulate, "--target", "netlist", "--simulator", "pysim"), "pysim")


def test_failure_leaves_the_earlier_answer(design, tmp_path, capfd):
    output = tmp_path / "out.npz"
    golden = ["simulate", design, "--target", "golden", "--output", output]
    assert run(capfd, *golden)[0] == 0
    before = output.read_bytes()
    (tmp_path / "in.npz").write_bytes(b"PK")
    refused(run(capfd, *golden, "--input", tmp_path / "in.npz"))
    assert output.read_bytes() == before


def test_missing_compiler(design, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("CXX", "no-such-compiler")
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path / "cache"))
    refused(run(capfd, "simulate", design), "no-such-compiler", "install g++ or set CXX")


def test_broken_compiler(design, tmp_path, capfd, monkeypatch):
    script = tmp_path / "c++"
    script.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "error: no room" >&2\nexit 1\n'
    )
    script.chmod(0o755)
    monkeypatch.setenv("CXX", str(script))
    monkeypatch.setenv("SPIKELOOM_CACHE", str(tmp_path / "cache"))
    refused(run(capfd, "simulate", design), "no room")


def test_missing_simulator(design, tmp_path, capfd, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("spikeloom.sim.runner.scripts_folder", lambda: tmp_path)
    refused(run(capfd, "simulate", design, "--simulator", "icarus"), "icarus", "must be installed")


def test_interrupt_leaves_earlier_results(tmp_path):
    design = tmp_path / "tiny.toml"
    design.write_text(
        SMALL.replace("tokens = 4", "tokens = 256").replace("steps = 2", "steps = 64")
    )
    output = tmp_path / "out.npz"
    output.write_bytes(b"earlier")
    arguments = ["simulate", str(design), "--simulator", "pysim", "--output", str(output)]
    # A shell has what it starts in the background ignore Ctrl-C, and so then do these tests and
    # all that they start: this once looked like a hang.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
        "from spikeloom.cli import entry; entry()"
    )
    for stop in (signal.SIGINT, signal.SIGTERM):
        process = subprocess.Popen(
            [sys.executable, "-c", program, *arguments],
            stderr=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stderr is not None
        # From this line on it is at work.
        assert "random spikes" in process.stderr.readline()
        time.sleep(1)
        # The interpreter drops a signal that it meets while it frees an object: ask again.
        for _ in range(8):
            process.send_signal(stop)
            try:
                out, err = process.communicate(timeout=15)
                break
            except subprocess.TimeoutExpired:
                continue
        assert process.returncode == 130
        assert out == ""
        assert err == "spikeloom: interrupted; earlier results are as they were\n"
        assert output.read_bytes() == b"earlier"
        assert {path.name for path in tmp_path.iterdir()} == {"tiny.toml", "out.npz"}


def test_reader_that_has_seen_enough():
    command = f'"{sys.executable}" -m spikeloom schema | head -c 1'
    done = subprocess.run(command, shell=True, capture_output=True, text=True, check=False)
    assert done.stdout == "{"
    assert done.stderr == ""


def test_runs_without_a_terminal_in_a_folder_with_spaces(tmp_path):
    folder = tmp_path / "a folder"
    folder.mkdir()
    (folder / "my design.toml").write_text(SMALL)
    done = spikeloom("simulate", "my design.toml", "--check", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["equal_to"] == ["golden"]
