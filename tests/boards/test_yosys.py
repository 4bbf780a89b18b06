"""Yosys in a process of its own: results, logs and words of error."""

import re

import pytest

from spikeloom.boards import tools, yosys
from spikeloom.boards.tools import MissingToolError, ToolError, run_tool
from spikeloom.boards.yosys import run_yosys, yosys_share, yosys_version


def test_script_runs_in_a_directory_with_spaces(tmp_path):
    work = tmp_path / "with a space"
    work.mkdir()
    (work / "in.v").write_text("module top(input a, output b); assign b = ~a; endmodule\n")
    log = run_yosys(
        "# comment\nread_verilog in.v\nsynth -lut 4\nwrite_json out.json\nlog end", work
    )
    assert (work / "out.json").is_file()
    # The mapper is a program of its own, which must be found too.
    assert "ABC" in log
    assert log.rstrip().endswith("end")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("read_verilog no.v", "yosys: ERROR: File `no.v' not found or is a directory"),
        (
            "no_such_command",
            "yosys: ERROR: No such command: no_such_command (type 'help' for a command overview)",
        ),
        ("log before\nread_verilog <<EOT\nmodule (\nEOT", r"yosys: .*"),
    ],
)
def test_a_failing_command_gives_its_own_words(tmp_path, script, message):
    with pytest.raises(ToolError) as error:
        run_yosys(script, tmp_path)
    assert str(error.value) == message or re.fullmatch(message, str(error.value))
    assert "\n" not in str(error.value)
    assert error.value.log


def test_a_file_in_the_directory_is_not_imported(tmp_path):
    (tmp_path / "pyosys.py").write_text("raise SystemExit(3)\n")
    assert "hello" in run_yosys("log hello", tmp_path)


def test_script_must_be_text(tmp_path):
    with pytest.raises(TypeError, match=r"^Script must be a string, not 3$"):
        run_yosys(3, tmp_path)


def test_missing_wheel_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setattr(yosys.importlib.util, "find_spec", lambda name: None)
    message = (
        "pyosys: this package must be installed, and is not; pip install 'spikeloom[toolchain]'"
    )
    with pytest.raises(MissingToolError, match=f"^{re.escape(message)}$"):
        run_yosys("log hello", tmp_path)


def test_missing_program_names_itself(tmp_path):
    message = "no-such-tool: this tool must be installed and on the search path, and is not; try x"
    with pytest.raises(MissingToolError, match=f"^{message}$"):
        run_tool(["no-such-tool"], cwd=tmp_path, hint="try x")


def test_missing_directory_is_not_a_missing_program(tmp_path):
    with pytest.raises(NotADirectoryError, match="must exist"):
        run_tool(["true"], cwd=tmp_path / "no")


def test_native_yosys_is_used_when_asked(tmp_path, monkeypatch):
    program = tmp_path / "yosys"
    program.write_text('#!/bin/sh\necho "$@"; cat /dev/stdin\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setattr(tools.sys, "executable", str(tmp_path / "nowhere" / "python"))
    assert run_yosys("log x", tmp_path, native=True) == "-s /dev/stdin\nlog x"


def test_version_and_data_files():
    assert re.fullmatch(r"\d+\.\d+\S* \(pyosys\)", yosys_version())
    assert (yosys_share() / "ice40" / "cells_sim.v").is_file()
