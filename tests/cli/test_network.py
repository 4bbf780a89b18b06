"""Networks on the command line: generated with what loads them, and simulated."""

import hashlib
import json
import re
import zlib
from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main
from spikeloom.design import load_design
from spikeloom.files import InputError
from spikeloom.generating import generate
from spikeloom.golden.network import trace
from spikeloom.hdl.kinds import asked

from ..networks.draws import block, draw_arrays, draw_input, keys

SMALL = {"dim": 8, "blocks": [block(hidden=6)]}
TEXT = """kind = "network"
name = "few"
tokens = 5
dim = 8
steps = 2
weights = "few.npz"
[encoder]
inputs = 5
bits = 4
weight_bits = 4
position = "absolute"
[[blocks]]
hidden = 6
[blocks.attention]
heads = 2
scale = "1/4"
[readout]
outputs = 3
weight_bits = 4
"""


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "few.toml"
    path.write_text(TEXT)
    np.savez(tmp_path / "few.npz", **draw_arrays(keys(**SMALL)))
    return path


def run(capfd, *arguments):
    code = main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return code, out, err.splitlines()


@pytest.mark.parametrize("command", ["generate", "build", "simulate"])
def test_what_is_not_built_is_refused_in_a_line(command, design, tmp_path, capfd):
    design.write_text(TEXT.replace("steps = 2", "steps = 2\ntau = 3"))
    out = tmp_path / "out"
    code, said, lines = run(capfd, command, design, *(["-o", out] if command != "simulate" else []))
    assert (code, said) == (2, "")
    assert "tau: '3': must let a membrane keep" in lines[-1]
    assert lines[-1].endswith(" to be built; target golden computes it")
    assert not out.exists()


def test_golden_answers_what_is_not_built(design, tmp_path, capfd):
    design.write_text(TEXT.replace("steps = 2", 'steps = 2\nreset = "soft"'))
    answer = tmp_path / "answer.npz"
    code, _, _ = run(capfd, "simulate", design, "--target", "golden", "--output", answer)
    assert code == 0
    assert np.load(answer)["logits"].shape == (3,)


@pytest.mark.synth
def test_generate_writes_what_loads_it(design, tmp_path, capfd):
    out = tmp_path / "out"
    code, said, _ = run(capfd, "generate", design, "-o", out)
    assert code == 0
    names = ["few.v", "few.json", "few.load"]
    assert said.splitlines() == [str(out / name) for name in names]
    assert sorted(path.name for path in out.iterdir()) == sorted(names)
    described = json.loads((out / "few.json").read_text())
    load = (out / "few.load").read_bytes()
    assert described["load"]["file"] == "few.load"
    assert described["load"]["bytes"] == len(load)
    assert described["load"]["crc32"] == f"{zlib.crc32(load):08x}"
    # Command 1, the program, and its CRC: beats of 16 bits, low byte first.
    (beats,) = asked(load_design(design)).preamble
    assert np.frombuffer(load, "<u2").tolist() == beats.tolist()
    assert described["load"]["frames"] == [len(beats)]
    assert load[:2] == b"\1\0"
    assert load[-4:] == zlib.crc32(load[2:-4]).to_bytes(4, "little")
    again = tmp_path / "again"
    run(capfd, "generate", design, "-o", again, "--json")
    for name in names:
        assert (again / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.synth
def test_nothing_is_loaded_into_block_ram(design, tmp_path, capfd):
    design.write_text(TEXT + '[folding]\nweights = "ebr"\n')
    code, said, _ = run(capfd, "generate", design, "-o", tmp_path / "out", "--json")
    assert code == 0
    assert [Path(file).name for file in json.loads(said)["files"]] == ["few.v", "few.json"]
    assert "load" not in json.loads((tmp_path / "out" / "few.json").read_text())
    assert not (tmp_path / "out" / "few.load").exists()


@pytest.mark.synth
def test_what_loads_a_former_design_is_removed(design, tmp_path, capfd):
    out = tmp_path / "out"
    design.write_text(TEXT + '[folding]\nweights = "spram"\n')
    assert run(capfd, "generate", design, "-o", out, "--kit")[0] == 0
    kit = {path.name for path in out.iterdir()}
    (out / "few.inst.v").write_text("changed by hand")
    (out / "mine.load").write_bytes(b"mine")
    design.write_text(TEXT + '[folding]\nweights = "auto"\n')
    code, said, lines = run(capfd, "generate", design, "-o", out)
    assert code == 0
    assert said == f"{out / 'few.v'}\n{out / 'few.json'}\n"
    # Of the kit stays what was changed since, and what nobody generated was never looked at.
    assert {path.name for path in out.iterdir()} == {"few.v", "few.json", "few.inst.v", "mine.load"}
    ending = "removed; it is of what was generated here before"
    told = {line for line in lines if line.endswith(ending)}
    gone = kit - {"few.v", "few.json", "few.inst.v"}
    assert told == {f"{out / name}: {ending}" for name in gone}


@pytest.mark.synth
def test_what_loads_a_former_design_stays_where_it_was_changed(design, tmp_path, capfd):
    out = tmp_path / "out"
    design.write_text(TEXT + '[folding]\nweights = "spram"\n')
    assert run(capfd, "generate", design, "-o", out)[0] == 0
    (out / "few.load").write_bytes(b"mine now")
    # A description may name anything: only plain names in its folder are looked at.
    other = tmp_path / "other.txt"
    other.write_bytes(b"other")
    known = json.loads((out / "few.json").read_text())
    known["files"]["../other.txt"] = hashlib.sha256(b"other").hexdigest()
    (out / "few.json").write_text(json.dumps(known))
    design.write_text(TEXT + '[folding]\nweights = "ebr"\n')
    assert run(capfd, "generate", design, "-o", out)[0] == 0
    assert (out / "few.load").read_bytes() == b"mine now"
    assert other.read_bytes() == b"other"


@pytest.mark.synth
def test_a_memory_that_was_chosen_is_said(design, tmp_path, capfd):
    out = tmp_path / "out"
    design.write_text(TEXT + '[folding]\nweights = "auto"\n')
    code, _, lines = run(capfd, "generate", design, "-o", out)
    words = f"{design}: folding.weights: auto, so weights ebr; spikeloom plan {design} lists others"
    assert (code, lines[0]) == (0, words)
    known = json.loads((out / "few.json").read_text())
    assert known["chosen"] == {"weights": "ebr"}
    assert known["design"]["folding"]["weights"] == "ebr"


@pytest.mark.synth
def test_a_folding_for_a_rate_is_said_and_used(design, tmp_path, capfd):
    out = tmp_path / "out"
    design.write_text(TEXT + "[folding]\nrate = 9000\n")
    code, _, lines = run(capfd, "generate", design, "-o", out)
    made = load_design(design)
    inner = made.chosen["attention"]
    told = ", ".join(
        f"{key} {made.chosen[key]}" for key in ("lanes", "tokens", "planes", "weights")
    )
    words = f"attention {inner['order']} with rows {inner['rows']}, lanes {inner['lanes']}"
    start = f"{design}: folding.rate: 9000, so {told}, {words}; "
    assert (code, lines[0]) == (0, f"{start}spikeloom plan {design} lists others")
    known = json.loads((out / "few.json").read_text())
    assert known["chosen"] == made.chosen
    assert 48e6 / known["latency"]["worst_case"]["compute_cycles"] >= 9000


def test_a_rate_that_nothing_reaches_is_refused_in_a_line(design, tmp_path, capfd):
    design.write_text(TEXT + "[folding]\nlanes = 16\ntokens = 1\nrate = 1e6\n")
    code, said, lines = run(capfd, "generate", design, "-o", tmp_path / "out")
    (line,) = lines
    assert (code, said) == (2, "")
    assert not (tmp_path / "out").exists()
    pattern = (
        rf"spikeloom: {re.escape(str(design))}: folding\.rate: 1e\+06: must be at most \d+, \d+% "
        r"less, at 48 MHz: the fastest that fits up5k-sg48 has planes 2, weights ebr, attention "
        r"score with rows \d, lanes \d"
    )
    assert re.fullmatch(pattern, line), line


@pytest.mark.synth
def test_nothing_is_half_written(design, tmp_path, capfd):
    out = tmp_path / "out"
    (out / "few.load").mkdir(parents=True)
    with pytest.raises(InputError, match=r"few\.load: "):
        generate(load_design(design), out)
    assert [path.name for path in out.iterdir()] == ["few.load"]
    code, said, lines = run(capfd, "generate", design, "-o", out)
    # Before the fault it says that the file sets no folding.
    assert (code, said, len(lines)) == (2, "", 2)
    assert [path.name for path in out.iterdir()] == ["few.load"]


@pytest.mark.synth
def test_files_of_others_are_not_written_over(design, tmp_path, capfd):
    out = tmp_path / "out"
    out.mkdir()
    (out / "few.load").write_bytes(b"mine")
    code, _, lines = run(capfd, "generate", design, "-o", out)
    assert code == 2
    assert "few.load: was not written by spikeloom: must be removed" in lines[-1]
    assert [path.name for path in out.iterdir()] == ["few.load"]
    assert (out / "few.load").read_bytes() == b"mine"


def test_simulate_a_batch_of_sequences(design, tmp_path, capfd):
    network = load_design(design)
    x = np.stack([draw_input(network, n) for n in range(3)])
    length = np.array([5, 1, 3])
    np.savez(tmp_path / "in.npz", x=x, length=length)
    answer = tmp_path / "out.npz"
    code, said, _ = run(
        capfd, "simulate", design, "--input", tmp_path / "in.npz", "--check", "--output", answer
    )
    assert code == 0
    assert "equal to golden" in said
    with np.load(answer) as file:
        found = file["logits"]
    want = [trace(network, one[:n]).logits for one, n in zip(x, length, strict=True)]
    assert found.tolist() == [one.tolist() for one in want]


def test_simulate_one_sequence_of_whole_length(design, tmp_path, capfd):
    network = load_design(design)
    x = draw_input(network, 4)
    np.savez(tmp_path / "in.npz", x=x)
    answer = tmp_path / "out.npz"
    code, _, _ = run(
        capfd, "simulate", design, "--input", tmp_path / "in.npz", "--output", answer, "--check"
    )
    assert code == 0
    with np.load(answer) as file:
        assert file["logits"].tolist() == trace(network, x).logits.tolist()


@pytest.mark.parametrize(
    ("arrays", "line"),
    [
        ({"x": np.full((5, 5), 8)}, "x: 8 at (0, 0): must be"),
        ({"x": np.full((5, 5), 1), "length": np.array(0)}, "length: 0"),
        ({"x": np.full((5, 5), 1), "length": np.array(6)}, "length: 6"),
        ({"x": np.full((4, 5), 1)}, "x: "),
        ({"length": np.array(5)}, "x: "),
    ],
)
def test_wrong_inputs_are_refused_in_one_line(design, tmp_path, capfd, arrays, line):
    np.savez(tmp_path / "in.npz", **arrays)
    code, said, lines = run(capfd, "simulate", design, "--input", tmp_path / "in.npz")
    assert (code, said) == (2, "")
    assert f"in.npz: {line}" in lines[-1]


def test_labels_are_counted(design, tmp_path, capfd):
    network = load_design(design)
    x = np.stack([draw_input(network, n) for n in range(4)])
    label = np.array([int(trace(network, one).logits.argmax()) for one in x])
    label[2] = (label[2] + 1) % 3
    np.savez(tmp_path / "in.npz", x=x, label=label)
    golden = ("simulate", design, "--target", "golden", "--input", tmp_path / "in.npz")
    code, said, _ = run(capfd, *golden)
    assert code == 0
    assert "label: the greatest number in 3 of 4 (75.00%)" in said
    _, said, _ = run(capfd, *golden, "--json")
    assert json.loads(said)["right"] == 3


@pytest.mark.parametrize(
    "label", [np.arange(2), np.full(4, 0.5), np.full(4, -1), np.zeros((4, 1), int)]
)
def test_wrong_labels_are_refused_in_one_line(design, tmp_path, capfd, label):
    x = np.zeros((4, 5, 5), np.int8)
    np.savez(tmp_path / "in.npz", x=x, label=label)
    golden = ("simulate", design, "--target", "golden", "--input", tmp_path / "in.npz")
    code, said, lines = run(capfd, *golden)
    assert (code, said) == (2, "")
    assert "in.npz: label: " in lines[-1]
