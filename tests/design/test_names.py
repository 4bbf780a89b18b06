"""Names of layers, and whose files may be written over."""

import json
from pathlib import Path

import pytest

from spikeloom.cli import main
from spikeloom.design import Design, load_design
from spikeloom.design.names import LONGEST, default_name
from spikeloom.design.read import DesignError
from spikeloom.kinds import KINDS
from spikeloom.kinds import part as part_of

SHAPE = {"tokens": 4, "dim": 8, "heads": 2, "steps": 2}
TEXT = "tokens = 4\ndim = 8\nheads = 2\nsteps = 2\n"


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        *((port, "a port of every layer") for port in ("clk", "rst", "busy", "s-axis-tdata")),
        *((port, "a port of every layer") for port in ("s-axis-tready", "m-axis-tlast")),
        ("report", "build writes report.json"),
        *((word, "a word of Verilog") for word in ("interface", "logic", "always-comb", "wire")),
        *((word, "a word of VHDL") for word in ("entity", "signal", "architecture", "abs")),
        *((word, "a library of VHDL") for word in ("std", "work", "ieee")),
        *((word, "Windows keeps it") for word in ("con", "nul", "com1", "lpt9")),
        *((word, "a primitive of the iCE40") for word in ("sb-lut4", "sb-spram256ka")),
    ],
)
def test_names_that_something_uses(name, reason):
    with pytest.raises(DesignError, match=f"^name: '{name}': must be another: .*{reason}"):
        Design.from_dict(SHAPE | {"name": name})


@pytest.mark.parametrize("name", ["a--b", "x-", "-x", "4x", "X", "a_b", "", "a" * (LONGEST + 1)])
def test_names_that_no_language_takes(name):
    with pytest.raises(DesignError, match=r"^name: .*: must be lower-case letters and digits"):
        Design.from_dict(SHAPE | {"name": name})


@pytest.mark.parametrize("name", ["layer", "a-b-c", "in-put", "top", "dut", "long", "x" * LONGEST])
def test_other_names_are_taken(name):
    assert Design.from_dict(SHAPE | {"name": name}).name == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("tiny-32x64.toml", "tiny-32x64"),
        ("My Layer_2.v1.toml", "my-layer-2-v1"),
        ("32x64.toml", "layer-32x64"),
        ("design.toml", "design-layer"),
        ("report.toml", "report-layer"),
        ("clk.toml", "clk-layer"),
        ("s_axis_tdata.toml", "s-axis-tdata-layer"),
        ("_.toml", "layer"),
        ("x" * 200 + ".toml", "x" * LONGEST),
        ("x" * (LONGEST - 1) + "-y.toml", "x" * (LONGEST - 1)),
    ],
)
def test_a_layer_is_named_after_its_file(file, name):
    assert default_name(f"some folder/{file}") == name
    assert Design.from_dict(SHAPE, file=f"some folder/{file}").name == name
    assert Design.from_dict(SHAPE | {"name": "mine"}, file=file).name == "mine"


def test_a_layer_without_a_file_is_named_after_its_kind():
    assert Design.from_dict(SHAPE).name == "attention"
    for kind in KINDS:
        assert part_of(kind, "design").model_fields["kind"].default == kind


@pytest.fixture
def folder(tmp_path, capfd):
    def run(*arguments):
        code = main([str(argument) for argument in arguments])
        out, err = capfd.readouterr()
        return code, out, err

    for name in ("a", "b"):
        (tmp_path / f"{name}.toml").write_text(TEXT)
    return tmp_path, run


def test_two_designs_share_a_folder(folder):
    path, run = folder
    for name in ("a", "b"):
        assert run("generate", path / f"{name}.toml", "-o", path / "out")[0] == 0
    modules = [
        line.split()[1].split("(")[0].strip("\\")
        for name in ("a", "b")
        for line in (path / "out" / f"{name}.v").read_text().splitlines()
        if line.startswith("module ")
    ]
    assert len(modules) == len(set(modules))
    assert {"a", "b"} <= set(modules)
    assert json.loads((path / "out" / "a.json").read_text())["source"] == "a.toml"


def snapshot(path: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in path.iterdir() if file.is_file()}


def refused(result, *parts):
    code, out, err = result
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1
    for part in parts:
        assert part in err


def test_files_of_another_design_are_not_written_over(folder):
    path, run = folder
    out = path / "out"
    (path / "a.toml").write_text(f'name = "same"\n{TEXT}')
    (path / "b.toml").write_text(f'name = "same"\n{TEXT}')
    assert run("generate", path / "a.toml", "-o", out)[0] == 0
    before = snapshot(out)
    words = ["out/same.json: was made of a.toml, and not of b.toml", "must be removed, or"]
    refused(run("generate", path / "b.toml", "-o", out), *words)
    refused(run("build", path / "b.toml", "-o", out, "--no-simulation"), *words)
    assert snapshot(out) == before


def test_files_of_somebody_else_are_not_written_over(folder):
    path, run = folder
    out = path / "out"
    out.mkdir()
    for name, text in (("a.json", '{"name": "a"}'), ("a.v", "module a(); endmodule"),
                       ("a.json", "[" * 9999)):  # fmt: skip
        (out / name).write_text(text)
        refused(run("generate", path / "a.toml", "-o", out), f"out/{name}: was not written by")
        assert snapshot(out) == {name: text.encode()}
        (out / name).unlink()


def test_a_build_of_another_design_is_not_written_over(folder):
    path, run = folder
    out = path / "out"
    out.mkdir()
    report = out / "report.json"
    build = ["build", path / "a.toml", "-o", out, "--no-simulation"]
    for text, words in (
        (
            '{"name": "c", "made_by": "spikeloom 0.1.0"}',
            "belongs to the design 'c', and not to 'a'",
        ),
        ('{"name": "a", "made_by": "spikeloom 0.1.0", "source": "c.toml"}', "was made of c.toml"),
        ('{"name": "a", "made_by": "lint"}', "was not written by spikeloom"),
        ("", "was not written by spikeloom"),
    ):
        report.write_text(text)
        refused(run(*build), "out/report.json: ", words)
        assert snapshot(out) == {"report.json": text.encode()}
    # A description has nothing to do with another design's build.
    report.write_text('{"name": "c", "made_by": "spikeloom 0.1.0"}')
    assert run("generate", path / "a.toml", "-o", out)[0] == 0


def test_what_is_replaced_is_said(folder):
    path, run = folder
    out = path / "out"
    generate = ["generate", path / "a.toml", "-o", out]
    for _ in range(2):
        code, _, err = run(*generate)
        assert code == 0
        assert "replaced" not in err
    (path / "a.toml").write_text(TEXT + 'similarity = "xnor"\n[target]\nbeat = 4\n')
    code, _, err = run(*generate)
    assert code == 0
    line = f"{out / 'a.v'}: replaced; the design differs in target, similarity"
    assert line in err.splitlines()
    assert load_design(path / "a.toml").name == "a"
