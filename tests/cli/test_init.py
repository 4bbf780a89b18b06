"""A folder to start from: what is in it, what it never touches; and lint."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from spikeloom.cli import main, main_parser
from spikeloom.design import load_design
from spikeloom.errors import RequestError
from spikeloom.files import InputError
from spikeloom.project import examples, start

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def files(folder):
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_design_is_called_as_its_folder(tmp_path):
    paths = start(tmp_path / "a" / "My Chip")
    assert paths[0].name == "my-chip.toml"
    assert all(path.is_file() for path in paths)
    design = load_design(paths[0])
    assert (design.name, design.warnings) == ("my-chip", ())
    assert files(tmp_path / "a") == [
        "My Chip",
        "My Chip/.github",
        "My Chip/.github/workflows",
        "My Chip/.github/workflows/spikeloom.yml",
        "My Chip/.gitignore",
        "My Chip/README.md",
        "My Chip/design.schema.json",
        "My Chip/my-chip.toml",
    ]


@pytest.mark.parametrize("there", ["README.md", ".gitignore", "chip.toml"])
def test_what_is_there_is_not_touched(there, tmp_path):
    (tmp_path / there).write_text("mine")
    (tmp_path / "other").write_text("mine")
    with pytest.raises(InputError, match=rf"{there}: must not be there yet, and is$"):
        start(tmp_path, "vowels_fast/chip")
    assert files(tmp_path) == sorted([there, "other"])


def test_a_folder_with_other_files_is_started(tmp_path):
    (tmp_path / "LICENSE").write_text("mine")
    start(tmp_path)
    assert (tmp_path / "LICENSE").read_text() == "mine"


def test_a_folder_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file/x: must be a folder that can be written"):
        start(tmp_path / "file" / "x")


def test_every_example_can_be_started_from(tmp_path):
    found = {
        path.relative_to(EXAMPLES).with_suffix("").as_posix() for path in EXAMPLES.rglob("*.toml")
    }
    assert set(examples()) == found
    for number, name in enumerate(sorted(found)):
        paths = start(tmp_path / str(number), name)
        (design,) = (path for path in paths if path.suffix == ".toml")
        assert design.name == f"{name.rpartition('/')[2]}.toml"
        assert design.read_text().startswith("#:schema design.schema.json\n")
        assert load_design(design) == load_design(EXAMPLES / f"{name}.toml")


def test_an_example_that_there_is_not(tmp_path):
    with pytest.raises(RequestError, match=r"did you mean 'tiny-32x64-network'\?$"):
        start(tmp_path / "x", "tiny-32x64-netwrok")
    with pytest.raises(RequestError, match="digits/network or fashion_mnist/network or "):
        start(tmp_path / "x", "network")
    assert files(tmp_path) == []


@pytest.mark.parametrize("example", [None, "vowels_fast/chip"])
def test_readme_and_workflow_say_commands_that_there_are(example, tmp_path):
    start(tmp_path, example)
    workflow = (tmp_path / ".github/workflows/spikeloom.yml").read_text()
    readme = (tmp_path / "README.md").read_text()
    commands = re.findall(r"^ {4}spikeloom (.*)$", readme, re.MULTILINE)
    commands += re.findall(r"run: spikeloom ([^>\n]*)", workflow)
    assert len(commands) == 9
    for command in commands:
        options = main_parser().parse_args(shlex.split(command))
        for named in (getattr(options, "design", None), getattr(options, "input", None)):
            assert named is None or (tmp_path / named).is_file(), command
    assert ("--input network-test.npz" in readme) == (example is not None)
    assert "$GITHUB_STEP_SUMMARY" in workflow
    assert not re.search(r"\$(name|file|input|version)|\$\$", workflow + readme)


def test_workflow_is_one(tmp_path):
    pytest.importorskip("check_jsonschema", reason="needs the extra 'test' (check-jsonschema)")
    start(tmp_path)
    schema = ["--builtin-schema", "vendor.github-workflows"]
    command = [sys.executable, "-m", "check_jsonschema", *schema, "spikeloom.yml"]
    folder = tmp_path / ".github/workflows"
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_init_and_lint_as_commands(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert main(["init", "chip", "--json"]) == 0
    told = json.loads(capfd.readouterr().out)
    assert told["design"] == "chip/chip.toml"
    assert main(["init", "--list"]) == 0
    assert "vowels_fast/chip " in capfd.readouterr().out
    Path("doubtful.toml").write_text(
        'tokens = 4\ndim = 8\nheads = 2\nsteps = 2\nneuron = "none"\ntau = 2\n'
    )
    assert main(["lint", "chip/chip.toml"]) == 0
    assert capfd.readouterr() == ("", "")
    assert main(["lint", "chip/chip.toml", "doubtful.toml"]) == 1
    text = "tau: has no effect with neuron none"
    assert capfd.readouterr() == (f"doubtful.toml: {text}\n", "")
    assert main(["lint", "doubtful.toml", "--json"]) == 1
    assert json.loads(capfd.readouterr().out) == {"warnings": {"doubtful.toml": [text]}}
    Path("wrong.toml").write_text("tokens = 4\n")
    assert main(["lint", "chip/chip.toml", "wrong.toml"]) == 2
    assert capfd.readouterr().err.startswith("spikeloom: wrong.toml: ")
