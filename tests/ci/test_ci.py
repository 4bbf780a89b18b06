"""``spikeloom ci``: what is built, compared, judged and shown."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from spikeloom.ci import builds, outputs
from spikeloom.ci.builds import Build
from spikeloom.cli import main

from ..report.test_report import make

DESIGN = 'kind = "residual"\nname = "{name}"\ntokens = 4\ndim = {dim}\nsteps = 1\nmode = "add"\n'
# Builds in no time: as many logic cells as the design has channels, 100 MHz over the seeds; and
# fails as the real one does where the design file says so.
BUILDER = """import json, os, pathlib, sys, tomllib
assert sys.argv[1:4] == ["-m", "spikeloom", "build"] and sys.argv[-1] == "--json", sys.argv
path, folder = pathlib.Path(sys.argv[4]), pathlib.Path(sys.argv[6])
text = path.read_text()
design = tomllib.loads(text)
print(path.name, file=open({log!r}, "a"))
print("synthesize", file=sys.stderr)
if "# too large" in text:
    sys.exit("spikeloom: x: needs 40 EBR and 30 are available (10 too many)") or 2
if "# breaks" in text:
    os.abort()
report = json.loads({report!r})
report["name"] = design["name"]
report["area"]["logic_cells"]["used"] = design["dim"]
folder.mkdir(parents=True, exist_ok=True)
(folder / "report.json").write_text(json.dumps(report))
print(json.dumps({{"problems": []}}))
if "# over" in text:
    print("spikeloom: x: budget.cells: 3 too many", file=sys.stderr)
    sys.exit(1)
"""


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A folder of designs in a repository, and a builder that takes no time."""
    builder = tmp_path / "builder"
    log = tmp_path / "built"
    report = json.dumps(make().model_dump(mode="json"))
    text = BUILDER.format(log=str(log), report=report)
    # Exit codes of a wrong request.
    text = text.replace('sys.exit("spikeloom: ', 'sys.exit(print("spikeloom: ').replace(
        'too many)") or 2', 'too many)", file=sys.stderr) or 2)'
    )
    script = tmp_path / "builder.py"
    script.write_text(text)
    builder.write_text(f"#!/bin/sh\nexec '{sys.executable}' '{script}' \"$@\"\n")
    builder.chmod(builder.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr(builds.sys, "executable", str(builder))
    monkeypatch.chdir(tmp_path)
    for variable in ("GITHUB_STEP_SUMMARY", "GITHUB_OUTPUT"):
        monkeypatch.delenv(variable, raising=False)
    (tmp_path / "designs").mkdir()
    return tmp_path


def write(name, dim=8, more=""):
    Path("designs", f"{name}.toml").write_text(DESIGN.format(name=name, dim=dim) + more)


def git(*arguments):
    who = ["-c", "user.name=test", "-c", "user.email=test@localhost"]
    subprocess.run(["git", *who, *arguments], check=True, capture_output=True)


def commit():
    if not Path(".git").exists():
        git("init", "--quiet")
    git("add", "designs")
    git("commit", "--quiet", "--message", "x")


def run(capfd, *arguments):
    capfd.readouterr()
    code = main(["ci", "designs/*.toml", "-o", "out", *arguments])
    return code, *capfd.readouterr()


def test_all_is_well(project, capfd, monkeypatch):
    write("one")
    write("two", dim=1234)
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(project / "summary"))
    monkeypatch.setenv("GITHUB_OUTPUT", str(project / "outputs"))
    (project / "summary").write_text("before\n")
    code, out, err = run(capfd, "--seeds", "3")
    assert code == 0
    assert out.startswith("# Spikeloom\n\n2 designs: 2 within budget.\n")
    assert "two: 1,234 logic cells, 60.0 MHz, kept" in err
    files = {path.relative_to("out/_ci").as_posix() for path in Path("out/_ci").rglob("*.*")}
    assert files == {
        *("summary.md", "comment.md", "smaller-is-better.json", "bigger-is-better.json"),
        *("badge.json", "badges/one.json", "badges/two.json"),
    }
    written = (project / "summary").read_text()
    assert written.startswith("before\n# Spikeloom\n")
    assert written.count("<details><summary>one</summary>") == 1
    told = dict(line.split("=") for line in (project / "outputs").read_text().splitlines())
    assert told.pop("passed") == "true"
    assert set(told) == {"summary", "comment", "smaller", "bigger", "badge", "badges"}
    assert all(Path(path).exists() for path in told.values())


def test_figures_and_badges(project, capfd):
    write("one", dim=1234)
    assert run(capfd)[0] == 0
    folder = Path("out/_ci")
    figures = json.loads((folder / "smaller-is-better.json").read_text())
    assert figures[0] == {"name": "one: logic cells", "unit": "LC", "value": 1234}
    assert {figure["name"] for figure in figures[1:]} == {"one: EBR", "one: cycles a step"}
    clock = {"name": "one: clock of the worst seed", "unit": "MHz", "value": 60.0}
    assert json.loads((folder / "bigger-is-better.json").read_text()) == [clock]
    badge = {
        "schemaVersion": 1, "label": "one", "message": "1,234 LC, 60.0 MHz", "color": "brightgreen"
    }  # fmt: skip
    assert json.loads((folder / "badges" / "one.json").read_text()) == badge
    assert json.loads((folder / "badge.json").read_text()) == {**badge, "label": "Spikeloom"}


@pytest.mark.parametrize(
    ("more", "options", "code", "state"),
    [
        ("# over\n", [], 1, "missed"),
        ("# breaks\n", [], 2, "failed"),
        ("# too large\n", [], 2, "too large"),
        ("# too large\n", ["--too-large-is-fine"], 0, "too large"),
    ],
)
def test_one_of_two_is_not_well(more, options, code, state, project, capfd):
    write("bad", more=more)
    write("good")
    found, out, err = run(capfd, "--json", *options)
    assert found == code
    answer = json.loads(out)
    assert answer["passed"] == (code == 0)
    states = {design["name"]: design["state"] for design in answer["designs"]}
    assert states == {"bad": state, "good": "kept"}
    (problem,) = answer["designs"][0]["problems"]
    assert f"\n{state}: {problem}\n" in err
    assert problem in Path("out/_ci/summary.md").read_text()
    color = json.loads(Path("out/_ci/badge.json").read_text())["color"]
    assert color == ("brightgreen" if state == "too large" else "red")


def test_against_a_folder(project, capfd):
    write("one", dim=8)
    assert run(capfd)[0] == 0
    Path("out").rename("before")
    write("one", dim=11)
    code, out, _ = run(capfd, "--against", "before")
    assert code == 0
    assert "| logic cells | 11 of 5,280 | +3 (+37.5 %) |" in out


def test_against_a_revision(project, capfd):
    """Only what differs is built twice; the working tree stays as it is."""
    write("changed", dim=8)
    write("same", dim=8)
    write("gone", dim=8)
    commit()
    Path("designs/gone.toml").unlink()
    write("changed", dim=9)
    write("fresh", dim=5)
    # Another budget is the same hardware.
    write("same", dim=8, more="[budget]\ncells = 100\n")
    before = subprocess.run(
        ["git", "status", "--porcelain", "-uno"], capture_output=True, check=True
    )
    code, out, err = run(capfd, "--against", "HEAD")
    assert code == 0
    rows = {row.split()[1]: row for row in out.splitlines() if row.startswith("| ")}
    assert "| 9 (+1) |" in rows["changed"]
    assert "| 8 |" in rows["same"]
    assert rows["fresh"].startswith("| fresh (new)")
    assert "HEAD: 1 of 2 designs differ" in err
    built = sorted(Path("built").read_text().split())
    assert built == ["changed.toml", "changed.toml", "fresh.toml", "same.toml"]
    after = subprocess.run(
        ["git", "status", "--porcelain", "-uno"], capture_output=True, check=True
    )
    assert after.stdout == before.stdout


def test_links_of_the_repository_are_no_fault(project, capfd):
    write("one")
    Path("designs/elsewhere").symlink_to("/nowhere")
    Path("designs/two.toml").symlink_to("one.toml")
    commit()
    code, _, err = run(capfd, "--against", "HEAD")
    assert code == 0
    assert "HEAD: 0 of 1 designs differ" in err


def test_a_design_that_was_wrong_before_is_not_compared(project, capfd):
    write("one")
    Path("designs/one.toml").write_text("nonsense = 1\n")
    commit()
    write("one")
    code, _, err = run(capfd, "--against", "HEAD")
    assert code == 0
    assert "one: not compared: HEAD: " in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--against", "nowhere"], "--against: nowhere: must be a folder of builds or a revision"),
        (["nothing.toml"], "nothing.toml: "),
        (["other.toml"], "designs/one.toml: name: 'one': must be another: it is the name of other"),
    ],
)
def test_a_wrong_request_builds_nothing(arguments, words, project, capfd):
    write("one")
    Path("other.toml").write_text(Path("designs/one.toml").read_text())
    extra = [] if arguments[0].startswith("--") else arguments
    options = arguments if not extra else []
    capfd.readouterr()
    code = main(["ci", *extra, "designs/one.toml", "-o", "out", *options])
    out, err = capfd.readouterr()
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert not Path("out").exists()
    assert not Path("built").exists()


def test_a_folder_that_cannot_be_made_is_found_before_anything_is_built(project, capfd):
    write("one")
    Path("out").write_text("mine")
    code, out, err = run(capfd)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "out/_ci/badges: must be a folder that can be made" in err
    assert not Path("built").exists()


def test_summary_and_comment_stay_below_what_github_takes():
    many = [Build(f"n{n}", "x", "kept", report=make(name=f"n{n}")) for n in range(700)]
    summary = outputs.summary("T", many, [])
    assert 800_000 < len(summary.encode()) < 1 << 20
    assert summary.endswith("see the files of the builds.\n")
    comment = outputs.comment("a --> b", many, [])
    assert len(comment) < 65_536
    assert comment.endswith("see the summary of the run.\n")
    assert comment.splitlines()[0] == outputs.marker("a --> b")
    assert outputs.marker("a --> b").count("--") == 2


@pytest.mark.synth
def test_real_build_in_the_script_of_the_action(tmp_path, monkeypatch):
    """As on GitHub: a pull request, twice, whose comment is made and then kept up to date."""
    monkeypatch.chdir(tmp_path)
    Path("designs").mkdir()
    write("res-add", more="[budget]\ncells = 10\n")
    commit()
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    # Keeps comments in a file, and knows what gh is asked: a list, a new one, another text.
    gh.write_text(
        "#!/usr/bin/env bash\n"
        'echo "$*" >> calls\n'
        'case "$*" in\n'
        "  *--paginate*) [ ! -f url ] || cat url ;;\n"
        "  *POST*) echo https://comments/7 > url ;;\n"
        "esac\n"
    )
    gh.chmod(0o755)
    settings = {
        "PATH": f"{gh.parent}:{os.environ['PATH']}",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "outputs"),
        "GITHUB_REPOSITORY": "me/chip",
        "PYTHON": sys.executable,
        "DESIGNS": "\n  designs/*.toml  \n\n",
        "OUTPUT": "out",
        "AGAINST": "base",
        "BASE": "HEAD",
        "PULL_REQUEST": "5",
        **{"SEEDS": "1", "JOBS": "1", "TITLE": "Chip", "TOO_LARGE_IS_FINE": "false"},
        "COMMENT": "true",
    }
    action = Path(__file__).resolve().parents[2] / ".ci" / "action"

    def act(**more):
        environment = {**os.environ, **settings, **more}
        return subprocess.run([action], env=environment, capture_output=True, text=True)

    done = act()
    assert done.returncode == 1, done.stderr
    assert "HEAD: 0 of 1 designs differ" in done.stderr
    assert "budget.cells" in (tmp_path / "summary").read_text()
    assert "passed=false\n" in (tmp_path / "outputs").read_text()
    calls = Path("calls").read_text().splitlines()
    assert len(calls) == 2
    where = "repos/me/chip/issues/5/comments"
    assert calls[1] == f"api --silent --method POST {where} --field body=@out/_ci/comment.md"
    # The second time nothing is built, since the first design file is no more.
    done = act(DESIGNS="designs/none.toml", AGAINST="")
    assert done.returncode == 2
    calls = Path("calls").read_text().splitlines()
    assert calls[-1].startswith("api --silent --method PATCH https://comments/7 --field body=@")
    gh.write_text("#!/usr/bin/env bash\nexit 1\n")
    done = act(DESIGNS="designs/none.toml", AGAINST="base", BASE="0" * 40)
    assert done.returncode == 2
    assert "::warning::Spikeloom: no comment" in done.stdout
    assert "::notice::Spikeloom: no base to compare with" in done.stdout
