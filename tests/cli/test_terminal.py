"""What a user sees of the commands in a terminal, and without one."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spikeloom.cli import main, main_parser
from spikeloom.design import DesignError, load_design, schema

SIZES = "tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n"


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        (["--help"], ["amaranth", "numpy", "pydantic"]),
        (["report", "/none"], ["amaranth", "numpy", "spikeloom.design"]),
        (["schema"], ["amaranth", "spikeloom.hdl", "spikeloom.report"]),
    ],
    ids=str,
)
def test_a_command_imports_what_it_needs(arguments, unwanted):
    code = (
        "import contextlib, sys\n"
        "from spikeloom.cli import main\n"
        "with contextlib.suppress(SystemExit):\n"
        f"    main({arguments})\n"
        f"print([name for name in {unwanted} if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def test_slips_are_asked_about(tmp_path, capfd):
    (tmp_path / "a.toml").write_text("tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n")
    slips = {
        ("biuld", "x.toml"): "did you mean 'build'?",
        ("report", "x", "--markdwon"): "did you mean '--markdown'?",
        ("simulate", "x.toml", "--target", "netlst"): "did you mean 'netlist'?",
        ("schema", "--kind", "maks"): "did you mean 'mask'?",
    }
    for arguments, words in slips.items():
        assert main(arguments) == 2
        out, err = capfd.readouterr()
        assert (out, len(err.splitlines())) == ("", 1)
        assert words in err


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("token = 4\ndim = 8\nheads = 2\nsteps = 2\n", "did you mean 'tokens'?"),
        (f'{SIZES}similarity = "xnro"\n', "did you mean 'xnor'?"),
        (f'{SIZES}position = "gary"\n', "did you mean 'gray'?"),
        (f'{SIZES}kind = "maks"\n', "did you mean 'mask'?"),
        (f'{SIZES}neuron = "lift"\n', "did you mean 'lif'?"),
        (f'{SIZES}[target]\ndevice = "up5k-sg84"\n', "did you mean 'up5k-sg48'?"),
        (f"{SIZES}rows = 2\n", "[folding] has it"),
        (f"{SIZES}[folding]\nrwos = 2\n", "did you mean 'rows'?"),
        (f'{SIZES}[folding]\nsimilarity = "and"\n', "it stands above the first section"),
    ],
)
def test_slips_in_a_design_file_are_asked_about(text, words, tmp_path):
    (tmp_path / "a.toml").write_text(text)
    with pytest.raises(DesignError, match=rf"; {re.escape(words)}$"):
        load_design(tmp_path / "a.toml")


def test_what_is_far_from_everything_is_not_asked_about(tmp_path):
    (tmp_path / "a.toml").write_text(f"{SIZES}banana = 2\n")
    with pytest.raises(DesignError, match=r"folding$"):
        load_design(tmp_path / "a.toml")


@pytest.mark.parametrize(
    ("arguments", "code", "parts"),
    [
        (["report", "none", "--json"], 2, {}),
        (["biuld", "--json"], 2, {}),
        (["generate", "a.toml", "-o", "out", "--json"], 2,
         {"file": "a.toml", "key": "dim", "value": "9",
          "allowed": "must be a multiple of heads (2)"}),
        (["simulate", "b.toml", "--target", "golden", "--check", "--json",
          "--input", "in.npz"], 1, {}),
    ],
)  # fmt: skip
def test_errors_are_json_where_results_are(arguments, code, parts, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    Path("a.toml").write_text(SIZES.replace("8", "9"))
    Path("b.toml").write_text(SIZES)
    ones = np.ones((2, 4, 8), np.uint8)
    np.savez("in.npz", q=ones, k=ones, v=ones, spikes=0 * ones)
    assert main(arguments) == code
    out, err = capfd.readouterr()
    message = err.splitlines()[-1].removeprefix("spikeloom: ")
    assert json.loads(out) == {"error": {"message": message, "exit_code": code, **parts}}


def test_help_has_no_markup_and_no_private_names(capfd):
    commands = next(a.choices for a in main_parser()._actions if isinstance(a.choices, dict))
    for command in ["", *commands]:
        with pytest.raises(SystemExit):
            main([*command.split(), "--help"])
        text = capfd.readouterr().out
        assert "usage: spikeloom" in text
        assert not re.search(r"`|::|:\w+:|(?<!\w)_\w|\*\*", text), command
    described = json.dumps([part["description"] for part in schema()["$defs"].values()])
    assert not re.search(r"`|:\w+:|(?<!\w)_\w|\*\*", described)


def completed(script, *words):
    """What bash makes of the words that are typed, of which the last is not finished."""
    typed = " ".join(f"'{word}'" for word in words)
    code = (
        f"source {script}; COMP_WORDS=({typed}); COMP_CWORD={len(words) - 1}\n"
        'function=$(complete -p spikeloom | sed "s/.*-F \\\\([^ ]*\\\\).*/\\\\1/")\n'
        "$function 2> /dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"\n"
    )
    done = subprocess.run(
        ["bash", "-c", code], cwd=script.parent, capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_bash_completes(tmp_path, capfd):
    assert main(["completion", "bash"]) == 0
    script = tmp_path / "completion.bash"
    script.write_text(capfd.readouterr().out)
    (tmp_path / "layer.toml").write_text(SIZES)
    assert completed(script, "spikeloom", "re") == {"report"}
    assert completed(script, "spikeloom", "report", "--ma") == {"--markdown"}
    assert completed(script, "spikeloom", "simulate", "--target", "n") == {"netlist"}
    assert completed(script, "spikeloom", "schema", "--kind", "res") == {"residual"}
    assert completed(script, "spikeloom", "generate", "la") == {"layer.toml"}


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_option_is_completed(shell, capfd):
    assert main(["completion", shell]) == 0
    script = capfd.readouterr().out
    commands = next(a.choices for a in main_parser()._actions if isinstance(a.choices, dict))
    for name, command in commands.items():
        assert name in script
        for option in (o for action in command._actions for o in action.option_strings):
            assert option.lstrip("-") in script
