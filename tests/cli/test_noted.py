"""What simulate compares goes into the report of a build, and of no other."""

import json

import pytest

from spikeloom.cli import main

TEXT = """
kind = "residual"
name = "sum"
tokens = 2
dim = 8
steps = 1
levels = 1
branch_levels = 1
mode = "{mode}"
"""


@pytest.fixture
def design(tmp_path):
    path = tmp_path / "sum.toml"
    path.write_text(TEXT.format(mode="xor"))
    return path


def run(capfd, *arguments):
    code = main([*map(str, arguments)])
    _, err = capfd.readouterr()
    return code, err.splitlines()[-1] if err else ""


def read(folder):
    report = json.loads((folder / "report.json").read_text())
    return report, (folder / "report.html").read_text()


@pytest.mark.synth
def test_noted_where_it_was_compared(design, tmp_path, capfd):
    out = tmp_path / "out"
    assert run(capfd, "build", design, "-o", out, "--seeds", 1)[0] == 0
    report, page = read(out)
    assert (
        report["correctness"] == "RTL equal to golden model on 1 inference; netlist not simulated"
    )
    assert "<b>RTL = golden</b>" in page
    assert report["activity"]["ends"][0] == report["measured"]["cycles"]
    # Cycles at work, of the two inferences that were sent.
    assert sum(report["activity"]["compute"]) == 2 * report["measured"]["compute_cycles"]
    assert {layer["name"]: layer["places"] for layer in report["firing"]} == {
        "x": 16, "z": 16, "spikes": 16
    }  # fmt: skip

    simulate = ("simulate", design, "--report", out, "--check")
    assert run(capfd, *simulate, "--target", "netlist")[0] == 0
    report, page = read(out)
    assert report["correctness"].endswith("; netlist equal to golden model on 1 inference")
    assert "<b>RTL = netlist = golden</b>" in page
    assert len(report["checks"]) == 2

    # Again: it takes the place of what was there.
    assert run(capfd, *simulate, "--rate", 0.9)[0] == 0
    report, _ = read(out)
    assert [check["stimulus"] for check in report["checks"] if check["target"] == "rtl"] == [
        "random spikes, firing rate 0.9, seed 0"
    ]

    # The design is another since.
    before = (out / "report.json").read_bytes()
    design.write_text(TEXT.format(mode="or"))
    code, said = run(capfd, *simulate)
    assert code == 2
    assert said == (
        f"spikeloom: --report: {out}: must be a build of sum as it is now: its RTL is another"
    )
    # The RTL is the same, the netlist would not be.
    design.write_text(TEXT.format(mode="xor"))
    changed = json.loads(before) | {"tools": {"yosys": "0.1"}}
    (out / "report.json").write_text(json.dumps(changed))
    code, said = run(capfd, *simulate, "--target", "netlist")
    assert code == 2
    assert "synthesis had other options, or another Yosys" in said


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "--report: must be given together with --check"),
        (["--check", "--target", "golden"], "--report: must go with --target rtl or netlist"),
        (["--check"], "report.json: must be a report that spikeloom build wrote"),
    ],
)
def test_refused_before_anything_is_simulated(design, tmp_path, capfd, more, said):
    code, err = run(capfd, "simulate", design, "--report", tmp_path / "none", *more)
    assert code == 2
    assert said in err
    assert "simulated in" not in err
